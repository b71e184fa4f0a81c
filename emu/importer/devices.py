"""A host's devices, addresses, routes and neighbours: network cards on LANs, bridges and dummies made by hand; the other kinds are told of.

`ip addr` does not say of what kind a device is. Without `ip -d link` a name, a flag or who its master is must do.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Interface, IPv4Network

from emu.importer.model import Address, Device, Facts, Route
from emu.importer.plan import Plan
from emu.importer.wires import plan_wire
from emu.topology.source import NOWHERE, Source

BY_NAME = (
    (r"(docker\d*|br-|br\d|virbr\d+$|lxcbr|lxdbr|cni\d|cbr\d)", "bridge"), (r"dummy", "dummy"), (r"(veth|cali|lxc|vnet)", "veth"),
    (r"(flannel\.|vxlan|cilium_vxlan)", "vxlan"), (r"(tun|tap)\d", "tun"), (r"wg\d", "wireguard"), (r"ppp\d", "ppp"), (r"tunl\d", "ipip"),
    (r"sit\d", "sit"), (r"gre\d", "gre"), (r"gretap\d", "gretap"), (r"erspan\d", "erspan"), (r"ip6tnl\d", "ip6tnl"), (r"ip_vti\d", "vti"),
    (r"ifb\d", "ifb"), (r"bond\d", "bond"), (r"team\d", "team"), (r"kube-ipvs", "dummy"),
)  # fmt: skip
MADE = {"bridge", "dummy"}
HIDDEN = {"tunl0", "sit0", "gre0", "gretap0", "erspan0", "ip6tnl0", "ip_vti0"}  # their modules make them; down, they do nothing
ASSUMED = "192.0.2.10/24"  # of a host that no file gives an address; TEST-NET-1
KEPT_ROUTE = {"via", "dev", "src", "metric", "mtu", "proto", "scope", "onlink"}


def kind_of(device: Device, facts: Facts) -> str:
    """nic, lo, bridge, dummy, veth, vlan …"""
    if device.name == "lo" or device.link == "loopback":
        return "lo"
    said = device.kind or (facts.kinds[device.name].kind if device.name in facts.kinds else "")
    if said and said != "veth":
        return said
    if any(other.master == device.name for other in (facts.devices or {}).values()):
        return "bridge"
    named = next((kind for pattern, kind in BY_NAME if re.match(pattern, device.name)), "")
    if device.link != "ether":
        return named if named and named != "bridge" else f"link/{device.link}"
    if said == "veth" or (device.peer and re.fullmatch(r"if\d+", device.peer)):
        return "nic" if device.addresses and not device.master and named != "veth" else "veth"  # a host may be a container itself
    if device.peer and not named:
        return "vlan"
    return named or ("dummy" if "NOARP" in device.flags else "nic")


def plan_devices(plan: Plan, facts: Facts) -> None:
    """Devices with their addresses, then what stands on them."""
    if facts.devices is None:
        _assume(plan, facts)
        return
    for device in facts.devices.values():
        _device(plan, facts, device)
        _ipv6(facts, device)
    for device in facts.devices.values():
        there = device.name in plan.interfaces or any(command.line.startswith(f"ip link add {device.name} ") for command in plan.setup)
        if there and device.master and device.master not in plan.bridges:
            plan.type(device.source, "ip link set", device.name, "master", device.master)
    if not plan.interfaces:
        facts.remark(Source("ip addr", 0), "there is no network card on a LAN; an eth0 is made up for the client to be outside of")
        plan.interfaces["eth0"] = {"lan": "lan", "address": ASSUMED}


def _device(plan: Plan, facts: Facts, device: Device) -> None:
    kind = kind_of(device, facts)
    if kind == "lo" or device.name in plan.bridges:  # it comes by itself, with its first address
        for each in device.addresses[1:]:
            plan.type(each.source, "ip addr add", each.text, "dev", device.name)
    elif kind == "nic":
        _nic(plan, facts, device)
    elif kind in MADE:
        _made(plan, device, kind)
    elif kind == "veth":
        if device.master not in plan.bridges and not plan_wire(plan, facts, device):  # those in Docker's bridges come with its containers
            _left_out(facts, device, kind)
    else:
        _left_out(facts, device, kind)


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


def _nic(plan: Plan, facts: Facts, device: Device) -> None:
    described: dict[str, object] = {"lan": ""}
    plain = [each for each in device.addresses if each.plain]
    for each in device.addresses:
        if not each.plain:
            facts.remark(each.source, f"{device.name}: an address of point-to-point links is not modelled: {each.text}")
    first = [each for each in plain if not each.text.endswith("/32")]
    for each in plain:
        if each not in first:
            plan.type(each.source, "ip addr add", each.text, "dev", device.name)
    if first:
        described["address"] = first[0].text if len(first) == 1 else [each.text for each in first]
    if re.fullmatch(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}", device.mac):
        described["mac"] = device.mac
    if device.mtu != 1500:
        described["mtu"] = device.mtu
    plan.interfaces[device.name] = described
    if "UP" not in device.flags:
        plan.type(device.source, "ip link set", device.name, "down")


def _made(plan: Plan, device: Device, kind: str) -> None:
    mac = ["address", device.mac] if device.mac else []
    plan.type(device.source, "ip link add", device.name, *mac, "type", kind)
    for each in device.addresses:
        plan.type(each.source, "ip addr add", each.text, "dev", device.name)
    if device.mtu != 1500:
        plan.type(device.source, "ip link set", device.name, "mtu", str(device.mtu))
    if "UP" in device.flags:
        plan.type(device.source, "ip link set", device.name, "up")


def _left_out(facts: Facts, device: Device, kind: str) -> None:
    if device.name in HIDDEN and "UP" not in device.flags:
        return
    addresses = f" with {', '.join(each.text for each in device.addresses)}" if device.addresses else ""
    what = f"a {kind} device" if kind != "veth" else "one end of a veth pair whose other end no file tells of"
    facts.remark(device.source, f"{device.name}{addresses} is left out: it is {what}")


def _ipv6(facts: Facts, device: Device) -> None:
    """Link-local ones come by themselves with every device that is up."""
    for each in device.ipv6:
        if not each.text.startswith(("fe80:", "::1/")):
            facts.remark(each.source, f"{device.name}: {each.text}: IPv6 is not modelled")


# --- LANs and the client


def outside(plan: Plan, facts: Facts) -> tuple[str, Address | None]:
    """The network card that leads out, and the address of the subnet that is outside: its own, or that of the bridge it is in."""
    default = [route for route in facts.routes or () if route.words[0] == "default" and route.table == "main" and route.dev]
    ways = [route.dev for route in sorted(default, key=_metric)]
    devices = facts.devices or {}
    for dev in [*ways, *plan.interfaces]:
        inside = [name for name in plan.interfaces if name in devices and devices[name].master == dev]
        if dev in plan.interfaces or inside:
            address = devices[dev].addresses[0] if dev in devices and devices[dev].addresses else None
            assumed = plan.interfaces.get(dev, {}).get("address")
            if address is not None or assumed:
                return (dev if dev in plan.interfaces else inside[0]), address or Address(str(assumed), NOWHERE)
    return next(iter(plan.interfaces)), None


def _metric(route: Route) -> int:
    text = route.after("metric")
    return int(text) if re.fullmatch(r"[0-9]{1,10}", text) else 0


def plan_lans(plan: Plan, facts: Facts) -> None:
    """A LAN for each network card, one for those of the same subnet; and the client on the one that leads out."""
    card, address = outside(plan, facts)
    names = {card: "lan"}
    for name in plan.interfaces:
        same = next((other for other in names if _subnets(plan, name) & _subnets(plan, other)), None)
        names.setdefault(name, names[same] if same is not None else f"lan-{name}".replace(".", "-"))
    for name, described in plan.interfaces.items():
        described["lan"] = names[name]
        lan = plan.lans.setdefault(names[name], {})
        subnets = _subnets(plan, name)
        if len(subnets) == 1:
            lan.setdefault("subnet", str(next(iter(subnets))))
        if int(described.get("mtu", 1500)) > 1500:
            lan["mtu"] = max(int(described["mtu"]), lan.get("mtu", 1500))
    if address is None:
        address = Address("192.0.2.1/24", NOWHERE)
        facts.remark(Source(card, 0), "has no address: the client has one that is made up, and reaches nothing without a route")
    plan.lans["lan"]["subnet"] = str(IPv4Interface(address.text).network)
    if any(not subnet.subnet_of(IPv4Interface(address.text).network) for subnet in _subnets(plan, card)):
        del plan.lans["lan"]["subnet"]
    plan.client = {"interfaces": {"eth0": {"lan": "lan", "address": _free(address, plan, facts)}}}


def _subnets(plan: Plan, name: str) -> set[IPv4Network]:
    addresses = plan.interfaces[name].get("address", [])
    return {IPv4Interface(each).network for each in ([addresses] if isinstance(addresses, str) else addresses)}


def _free(address: Address, plan: Plan, facts: Facts) -> str:
    """The highest of the subnet that nobody is known to have."""
    network = IPv4Network(IPv4Interface(address.text).network)
    taken = {each.text.partition("/")[0] for device in (facts.devices or {}).values() for each in device.addresses}
    taken |= {each.address for each in facts.neighbours} | {address.text.partition("/")[0]}
    taken |= {route.after("via") for route in facts.routes or ()}
    taken |= {str(place["ipv4_address"]) for service in plan.services.values() for place in service.get("networks", {}).values() if place}
    for number in range(int(network.broadcast_address) - (network.prefixlen < 31), int(network.network_address), -1):
        text = str(IPv4Network(number).network_address)
        if text not in taken:
            return f"{text}/{network.prefixlen}"
    facts.remark(address.source, f"no address of {network} is free for the client; it has one of another subnet")
    return "198.51.100.1/24"


# --- routes, neighbours, forwarding databases


def plan_routes(plan: Plan, facts: Facts) -> None:
    """Those that do not come with an address. Simple ones are `routes:`, the others typed, and what is refused then is told."""
    for route in facts.routes or ():
        if route.made_by_kernel or route.words[0] in ("local", "broadcast", "multicast", "anycast") or route.table == "local":
            continue
        if route.table not in ("main", "254"):
            facts.remark(route.source, f"table {route.table}: policy routing is not modelled: {' '.join(route.words)}")
        elif (
            route.dev in plan.interfaces and not set(route.words[1::2]) - KEPT_ROUTE and route.words[0] not in ("unreachable", "blackhole")
        ):
            plan.routes.append(" ".join(route.words))
        else:
            plan.type(route.source, "ip route add", *route.words)


def plan_neighbours(plan: Plan, facts: Facts) -> None:
    """What an administrator has entered; the rest is found out anew."""
    for each in facts.neighbours:
        if "PERMANENT" in each.states and each.mac:
            plan.type(each.source, "ip neigh replace", each.address, "lladdr", each.mac, "dev", each.dev, "nud permanent")
    for entry in facts.fdb:
        if "static" in entry.words or "dst" in entry.words:
            plan.type(entry.source, "bridge fdb append", entry.mac, "dev", entry.dev, *entry.words)
