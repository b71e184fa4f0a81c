"""How ip names and describes a device, from its state: flags, operational state, the other end of a veth, the parent of a macvlan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emu.netdev.device import NetDevice
from emu.netdev.ip_tunnel import IpTunnel
from emu.netdev.veth import Veth
from emu.netns.sysfs import linked, operstate
from emu.packet.address import mac_text
from emu.programs.ip import link_tunnel
from emu.programs.ip.words import Context
from emu.programs.libc import namespaces

if TYPE_CHECKING:
    from emu.netns.namespace import Netns


def flags(context: Context, dev: NetDevice) -> list[str]:
    found = ["NO-CARRIER"] if dev.up and not dev.carrier else []
    found += _link_flags(dev)
    found += [] if dev.arp and dev.kind != "dummy" else ["NOARP"]
    found += ["PROMISC"] if dev.promiscuous else []
    if dev.up:
        found += ["UP", "LOWER_UP"] if dev.carrier else ["UP"]
    lower = _lower(context, dev)
    if lower is not None and (isinstance(lower, int) or not lower.up):
        found += ["M-DOWN"] if context.busybox or not isinstance(lower, int) else []
    return found


def _link_flags(dev: NetDevice) -> list[str]:
    if isinstance(dev, IpTunnel) and not dev.hard_header_len:
        return ["POINTOPOINT"] if any(dev.config.remote) else []
    kinds = {"loopback": ["LOOPBACK"], "dummy": ["BROADCAST"], "tun": ["POINTOPOINT", "MULTICAST"]}
    return kinds.get(dev.kind, ["BROADCAST", "MULTICAST"])


def state(dev: NetDevice) -> str:
    return operstate(dev).upper()


def full_name(context: Context, dev: NetDevice) -> str:
    """`eth0@if5`: with the other end, by name if it is in this namespace."""
    lower = _lower(context, dev)
    if lower is None:
        return f"{dev.name}@NONE" if isinstance(dev, (IpTunnel, Veth)) else dev.name
    return f"{dev.name}@if{lower}" if isinstance(lower, int) else f"{dev.name}@{lower.name}"


def _lower(context: Context, dev: NetDevice) -> NetDevice | int | None:
    """What it hangs on: the device, or its number where it is in another namespace (busybox takes that for one of its own)."""
    lower = linked(dev)
    if lower is None or lower.netns is None or lower.netns is dev.netns:  # None: it is being made or taken apart
        return lower if lower is not None and lower.netns is not None else None
    if context.busybox:
        same = (other for other in context.netns.devices.values() if other.ifindex == lower.ifindex)
        return next(same, lower.ifindex)
    return lower.ifindex


def link_netns(context: Context, dev: NetDevice) -> str:
    """` link-netns NAME` or ` link-netnsid N` for a device that hangs on one elsewhere; busybox says nothing of it."""
    lower = linked(dev)
    if context.busybox or lower is None or lower.netns is None or lower.netns is dev.netns:
        return ""
    name = namespaces.name_of(context.process.place, lower.netns)
    return f" link-netns {name}" if name is not None else f" link-netnsid {foreign_namespaces(context.netns).index(lower.netns)}"


def foreign_namespaces(netns: Netns) -> list[Netns]:
    """The kernel numbers foreign namespaces as they are met; here: in the order of the devices."""
    met = [lower.netns for lower in map(linked, netns.devices.values()) if lower is not None and lower.netns is not netns]
    return list(dict.fromkeys(met))


def qdisc(dev: NetDevice) -> str:
    if dev.qdisc is not None or not dev.activated:
        return dev.qdisc.kind if dev.qdisc is not None else "noop"
    return "pfifo_fast" if dev.kind in {"tun", "tap"} else "noqueue"


def first_line(context: Context, dev: NetDevice, *, mode: bool) -> str:
    line = f"{dev.ifindex}: {full_name(context, dev)}: <{','.join(flags(context, dev))}> mtu {dev.mtu} qdisc {qdisc(dev)} "
    line += f"master {dev.master.name} " if dev.master is not None else ""
    if not context.busybox:
        line += f"state {state(dev)} {'mode DEFAULT ' if mode else ''}group default "
    return line + (f"qlen {dev.txqueuelen}" if dev.txqueuelen else "")


def hardware_line(context: Context, dev: NetDevice) -> str:
    if address := link_tunnel.address(dev):
        return f"    link/{address}{link_netns(context, dev)}"
    loopback = dev.kind == "loopback"
    broadcast = "00:00:00:00:00:00" if loopback else "ff:ff:ff:ff:ff:ff"
    return f"    link/{'loopback' if loopback else 'ether'} {mac_text(dev.mac)} brd {broadcast}{link_netns(context, dev)}"


def as_json(context: Context, dev: NetDevice, *, mode: bool) -> dict[str, Any]:
    value: dict[str, Any] = {"ifindex": dev.ifindex}
    lower = _lower(context, dev)
    if lower is not None:
        value |= {"link_index": lower} if isinstance(lower, int) else {"link": lower.name}
    value |= {"ifname": dev.name, "flags": flags(context, dev), "mtu": dev.mtu, "qdisc": qdisc(dev)}
    value |= {"master": dev.master.name} if dev.master is not None else {}
    value |= {"operstate": state(dev)} | ({"linkmode": "DEFAULT"} if mode else {}) | {"group": "default"}
    value |= {"txqlen": dev.txqueuelen} if dev.txqueuelen else {}
    value |= _hardware_as_json(dev)
    elsewhere = linked(dev)
    if elsewhere is not None and isinstance(lower, int):
        value |= {"link_netnsid": foreign_namespaces(context.netns).index(elsewhere.netns)}
    return value


def _hardware_as_json(dev: NetDevice) -> dict[str, Any]:
    words = [word for word in link_tunnel.address(dev).split() if word not in {"peer", "brd"}]
    kind, *addresses = words or ["ether", mac_text(dev.mac), "ff:ff:ff:ff:ff:ff"]
    if dev.kind == "loopback":
        kind, addresses = "loopback", ["00:00:00:00:00:00"] * 2
    return {"link_type": kind} | dict(zip(("address", "broadcast"), addresses, strict=False))
