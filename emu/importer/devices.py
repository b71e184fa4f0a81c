"""A host's devices, addresses, routes and neighbours: network cards, bridges and dummies made by hand; tunnels.py makes tunnels, wires.py
veths; the other kinds are told of.

`ip addr` does not say of what kind a device is. Without `ip -d link` a name, a flag or who its master is must do.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import IPv4Interface

from emu.importer import tunnels
from emu.importer.model import Device, Facts, Route, within
from emu.importer.plan import Plan
from emu.importer.wires import other_end, plan_wire
from emu.topology.source import Source

BY_NAME = (
    (r"(docker\d*|br-|br\d|virbr\d+$|lxcbr|lxdbr|cni\d|cbr\d)", "bridge"), (r"dummy", "dummy"), (r"(veth|cali|lxc|vnet)", "veth"),
    (r"(flannel\.|vxlan|cilium_vxlan)", "vxlan"), (r"(tun|tap)\d", "tun"), (r"wg\d", "wireguard"), (r"ppp\d", "ppp"), (r"tunl\d", "ipip"),
    (r"sit\d", "sit"), (r"gre\d", "gre"), (r"gretap\d", "gretap"), (r"erspan\d", "erspan"), (r"ip6tnl\d", "ip6tnl"), (r"ip_vti\d", "vti"),
    (r"ifb\d", "ifb"), (r"bond\d", "bond"), (r"team\d", "team"), (r"kube-ipvs", "dummy"),
)  # fmt: skip
CARD = re.compile(r"(eth|em|en[opsx])\w*\d")  # what udev calls network cards
MADE = {"bridge", "dummy"}
AS_CARDS = {  # on Ethernet they are what a network card is; what they do besides is not modelled
    "bond": "one network card here", "team": "one network card here", "vlan": "a network card on a LAN of its own here, without tags",
}  # fmt: skip
HIDDEN = {"tunl0", "sit0", "gre0", "gretap0", "erspan0", "ip6tnl0", "ip_vti0"}  # their modules make them; down, they do nothing
MADE_UP = "made-up0"
ASSUMED = "192.0.2.10/24"  # of a host that no file gives an address; TEST-NET-1
LOCAL = {"local", "broadcast", "multicast", "anycast"}
REFUSING = {"unreachable", "blackhole", "prohibit", "throw"}
KEPT_ROUTE = {"via", "dev", "src", "metric", "mtu", "proto", "scope", "onlink"}


def kind_of(device: Device, facts: Facts) -> str:
    """nic, lo, bridge, dummy, veth, vlan …"""
    if device.name == "lo" or device.link == "loopback":
        return "lo"
    named = next((kind for pattern, kind in BY_NAME if re.match(pattern, device.name)), "")
    named = "vlan" if device.peer and re.fullmatch(rf"{re.escape(device.peer)}\.\d+", device.name) else named
    said = device.kind or (facts.kinds[device.name].kind if device.name in facts.kinds else "")
    if not said and "MASTER" in device.flags:
        said = "vrf" if "NOARP" in device.flags else "bond"
    if said and said != "veth":
        return said
    if named not in AS_CARDS and any(other.master == device.name for other in (facts.devices or {}).values()):
        return "bridge"
    if device.link != "ether":
        return named if named and named != "bridge" else f"link/{device.link}"
    if said == "veth" or re.fullmatch(r"if\d+", device.peer):
        return "nic" if _is_card(device, named, facts) else "veth"
    if device.peer and not named:
        return "veth" if other_end(device, facts.devices) else "vlan"
    return named or ("dummy" if "NOARP" in device.flags else "nic")


def _is_card(device: Device, named: str, facts: Facts) -> bool:
    """Whether a veth is what the host has for a network card: it may be a container itself."""
    if named == "veth" or other_end(device, facts.devices) is not None:
        return False
    return CARD.match(device.name) is not None if device.master else bool(device.addresses)


def plan_devices(plan: Plan, facts: Facts) -> None:
    """Devices with their addresses, then what stands on them."""
    if facts.devices is None:
        _assume(plan, facts)
        return
    for device in facts.devices.values():
        _device(plan, facts, device)
        _ipv6(facts, device)
    for device in facts.devices.values():
        if (device.name in plan.interfaces or device.name in plan.made) and device.master and device.master not in plan.bridges:
            plan.type(device.source, "ip link set", device.name, "master", device.master)
    if not plan.interfaces:
        facts.remark(Source("ip addr", 0), f"there is no network card on a LAN; {MADE_UP} is made up for the client to be outside of")
        plan.interfaces[MADE_UP] = {"lan": "lan", "address": ASSUMED}


def _device(plan: Plan, facts: Facts, device: Device) -> None:
    kind = kind_of(device, facts)
    master = (facts.devices or {}).get(device.master)
    if kind == "lo" or device.name in plan.bridges:  # it comes by itself, with its first address
        for each in device.addresses[1:]:
            plan.type(each.source, "ip addr add", each.text, "dev", device.name)
    elif master is not None and kind_of(master, facts) in ("bond", "team"):
        facts.remark(device.source, f"{device.name} is left out: it is a port of {master.name}")
    elif kind == "nic" or kind in AS_CARDS:
        _nic(plan, device)
        if kind in AS_CARDS:
            facts.remark(device.source, f"{device.name}, a {kind} device, is {AS_CARDS[kind]}")
    elif kind in MADE:
        plan.make(device, "type", kind)
    elif kind in tunnels.MADE and device.name not in HIDDEN and tunnels.plan_tunnel(plan, facts, device, kind):
        pass
    elif kind != "veth":
        unsaid = ", and no `ip -d` says how it was made" if kind in tunnels.MADE else ""
        _left_out(facts, device, f"a {kind} device{unsaid}")
    elif device.master not in plan.bridges and device.name not in plan.made and not plan_wire(plan, facts, device):
        _left_out(facts, device, "one end of a veth pair whose other end no file tells of")  # those in Docker's come with its containers


def _assume(plan: Plan, facts: Facts) -> None:
    """No `ip addr`: what routes say of addresses, or one that is made up."""
    for route in facts.routes or ():
        source, dev = route.after("src"), route.dev
        docker = dev in plan.bridges or re.match(r"docker|br-|veth|virbr|cni|flannel", dev)
        if route.made_by_kernel and route.table == "main" and source and "/" in route.words[0] and not docker:
            plan.interfaces.setdefault(dev, {"lan": "lan", "address": f"{source}/{route.words[0].partition('/')[2]}"})
            facts.remark(route.source, f"there is no `ip addr`: {dev} has the address that this route says, and a MAC address of emu's")
    if not plan.interfaces:
        dev = next((route.dev for route in facts.routes or () if route.words[0] == "default" and route.dev), "eth0")
        plan.interfaces[dev] = {"lan": "lan", "address": ASSUMED}
        facts.remark(Source("ip addr", 0), f"is not there: the host's network card is assumed to be {dev}, with {ASSUMED}")


def _nic(plan: Plan, device: Device) -> None:
    described: dict[str, object] = {"lan": ""}
    plain = [each for each in device.addresses if each.plain]
    first = [each for each in plain if not each.text.endswith("/32")]
    for each in device.addresses:
        if each not in first:  # that of a peer is reached by a route that the kernel has made
            plan.type(each.source, "ip addr add", each.text if "/" in each.text else f"{each.text}/32", "dev", device.name)
    if first:
        texts = list(dict.fromkeys(each.text for each in first))
        described["address"] = texts[0] if len(texts) == 1 else texts
    if re.fullmatch(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}", device.mac):
        described["mac"] = device.mac
    if device.mtu != 1500:
        described["mtu"] = device.mtu
    plan.interfaces[device.name] = described
    if "UP" not in device.flags:
        plan.type(device.source, "ip link set", device.name, "down")


def _left_out(facts: Facts, device: Device, what: str) -> None:
    if device.name in HIDDEN and "UP" not in device.flags:
        return
    addresses = f" with {', '.join(each.text for each in device.addresses)}" if device.addresses else ""
    facts.remark(device.source, f"{device.name}{addresses} is left out: it is {what}")


def _ipv6(facts: Facts, device: Device) -> None:
    """Link-local ones come by themselves with every device that is up."""
    for each in device.ipv6:
        if not each.text.startswith(("fe80:", "::1/")):
            facts.remark(each.source, f"{device.name}: {each.text}: IPv6 is not modelled")


# --- routes, neighbours, forwarding databases


def plan_routes(plan: Plan, facts: Facts) -> None:
    """Those that do not come with an address. Simple ones are `routes:`, the others typed, and what is refused then is told."""
    own = [IPv4Interface(text) for described in plan.interfaces.values() for text in _listed(described.get("address", []))]
    typed = []
    for route in facts.routes or ():
        if comes_with_address(route, facts.devices) or route.words[0] in LOCAL or route.table == "local":
            continue
        via, src = route.after("via"), route.after("src")
        simple = route.dev in plan.interfaces and not set(route.words[1::2]) - KEPT_ROUTE and route.words[0] not in REFUSING
        if route.table not in ("main", "254"):
            facts.remark(route.source, f"table {route.table}: policy routing is not modelled: {' '.join(route.words)}")
        elif simple and _stands_by_then(via if "onlink" not in route.words else "", src, own):
            plan.routes = list(dict.fromkeys([*plan.routes, " ".join(route.words)]))
        else:
            typed.append(route)
    for route in sorted(typed, key=lambda route: bool(route.after("via"))):  # the way to a router before the ways through it
        plan.type(route.source, "ip route add", *route.words)


def _stands_by_then(via: str, src: str, own: list[IPv4Interface]) -> bool:
    """Whether a route can be had with the interfaces' own addresses: others are typed after that."""
    return (not via or any(within(via, each.network) for each in own)) and (not src or any(src == str(each.ip) for each in own))


def _listed(addresses: str | list[str]) -> list[str]:
    return [addresses] if isinstance(addresses, str) else addresses


def comes_with_address(route: Route, devices: Mapping[str, Device] | None) -> bool:
    """Made by the kernel, whether that is said (`proto kernel`) or not, as by busybox; those to a peer come with no address here."""
    own = (devices or {}).get(route.dev)
    if own is None or route.after("via"):
        return route.made_by_kernel
    if route.made_by_kernel:
        return not any(each.text == route.after("src") for each in own.addresses if not each.plain)
    said = [IPv4Interface(each.text) for each in own.addresses if each.plain]
    return any(str(each.ip) == route.after("src") and str(each.network) == route.words[0] for each in said)


def plan_neighbours(plan: Plan, facts: Facts) -> None:
    """What an administrator has entered; the rest is found out anew."""
    for each in facts.neighbours:
        if "PERMANENT" in each.states and each.mac:
            plan.type(each.source, "ip neigh replace", each.address, "lladdr", each.mac, "dev", each.dev, "nud permanent")
    for entry in facts.fdb:
        if ("static" in entry.words or "dst" in entry.words) and not tunnels.is_its_own(entry, facts):
            plan.type(entry.source, "bridge fdb append", entry.mac, "dev", entry.dev, *entry.words)
