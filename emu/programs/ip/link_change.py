"""ip link set: devices change, get other names and move to other namespaces."""

from __future__ import annotations

from emu.netdev.bridge import Bridge
from emu.netdev.device import NetDevice
from emu.netdev.macvlan import Macvlan
from emu.netdev.vxlan import Vxlan
from emu.netns.namespace import Netns
from emu.process import UsageError
from emu.programs.ip import link_vxlan
from emu.programs.ip.link_add import bridge_options, device_name, find_netns, macvlan_mode, parse_mtu
from emu.programs.ip.words import Context, Words, answers, extended, garbage, integer, invalid, not_modelled, parse_mac

SMALLEST_MTU, LARGEST_MTU = 68, 65535


def change(context: Context, words: Words) -> int:
    words.take("dev")
    if not words:
        raise UsageError('Not enough information: "dev" argument is required.', 255)
    name = words.next()
    wanted: dict[str, str] = {}
    of_kind = False
    while words and not of_kind:
        word = words.next()
        if word in {"up", "down", "nomaster"}:
            wanted["state" if word != "nomaster" else "master"] = word if word != "nomaster" else ""
        elif word in {"mtu", "address", "master", "name", "netns", "promisc", "arp", "txqueuelen"}:
            wanted[word] = device_name(words.next()) if word == "name" else words.next()
        elif word == "qlen":
            wanted["txqueuelen"] = words.next()
        elif word == "type":
            of_kind = True
        elif word in {
            "multicast",
            "allmulticast",
            "dynamic",
            "alias",
            "group",
            "vf",
            "xdp",
            "addrgenmode",
            "link-netnsid",
            "broadcast",
            "vrf",
        }:
            raise not_modelled(f"link set … {word}")
        else:
            raise garbage(word)
    master = wanted.get("master", "")
    if master and master not in context.netns.devices:
        raise invalid(master, "Device does not exist")
    other = find_netns(context, wanted["netns"]) if "netns" in wanted else None
    if "mtu" in wanted:
        parse_mtu(wanted["mtu"])
    dev = context.device(name)
    if of_kind:
        _change_kind(context, dev, words.next(), words)
    _apply(context, dev, wanted, other)
    return 0


def _change_kind(context: Context, dev: NetDevice, kind: str, words: Words) -> None:
    """`type KIND …`: what only such devices have."""
    if kind not in {"bridge", "macvlan", "vxlan"}:
        raise not_modelled(f"link set … type {kind}")
    if kind != dev.kind:
        raise answers("Operation not supported")
    if isinstance(dev, Bridge):
        bridge_options(dev, words)
    elif isinstance(dev, Vxlan):
        link_vxlan.change(context, dev, words)
    elif isinstance(dev, Macvlan):
        try:
            dev.set_mode(macvlan_mode(words) or dev.mode)
        except OSError as error:
            raise answers(error.strerror or "") from None


def _apply(context: Context, dev: NetDevice, wanted: dict[str, str], other: Netns | None) -> None:
    """In the kernel's order: namespace and name, address, MTU, master, flags (do_setlink)."""
    netns = _move(context.netns, dev, other, wanted.get("name"))
    try:
        if "address" in wanted:
            _set_address(netns, dev, wanted["address"])
        if "mtu" in wanted:
            _set_mtu(netns, dev, int(wanted["mtu"]))
        if "master" in wanted:
            _enslave(dev, netns.devices.get(wanted["master"]))
        if "txqueuelen" in wanted:
            dev.txqueuelen = integer(wanted["txqueuelen"], 'Invalid "txqueuelen" value\n')
        for flag, attribute in (("promisc", "promiscuous"), ("arp", "arp")):
            if flag in wanted:
                setattr(dev, attribute, _on(flag, wanted[flag]))
                dev.changed()
        if "state" in wanted:
            (netns.set_up if wanted["state"] == "up" else netns.set_down)(dev)
    except OSError as error:
        raise answers(error.strerror or "") from None


def _set_address(netns: Netns, dev: NetDevice, text: str) -> None:
    mac = parse_mac(text)
    if mac[0] & 1 or not any(mac):
        raise answers("Cannot assign requested address")
    netns.set_mac(dev, mac)


def _set_mtu(netns: Netns, dev: NetDevice, mtu: int) -> None:
    if not SMALLEST_MTU <= mtu <= LARGEST_MTU:
        raise extended("mtu less than device minimum." if mtu < SMALLEST_MTU else "mtu greater than device maximum.")
    netns.set_mtu(dev, mtu)


def _move(netns: Netns, dev: NetDevice, other: Netns | None, name: str | None) -> Netns:
    """To another namespace, to another name, or both; the namespace where the device is then."""
    try:
        if other is not None:
            if dev.kind in {"loopback", "bridge"}:
                raise extended("The interface netns is immutable.")
            netns.move_device(dev, other, name)
        elif name and name != dev.name:
            netns.rename_device(dev, name)
    except FileExistsError:
        raise answers("File exists") from None
    return other or netns


def _on(flag: str, value: str) -> bool:
    if value not in {"on", "off"}:
        raise UsageError(f'Error: argument of "{flag}" must be "on" or "off", not "{value}"', 255)
    return value == "on"


def _enslave(dev: NetDevice, master: NetDevice | None) -> None:
    if dev.master is master:
        return
    if master is None:
        dev.master.release(dev)
        return
    if not isinstance(master, Bridge):
        raise answers("Operation not supported")
    if isinstance(dev, Bridge):
        raise extended("Can not enslave a bridge to a bridge.")
    if dev.kind == "loopback":
        raise answers("Invalid argument")
    if dev.macvlans is not None:
        raise answers("Device or resource busy")
    if dev.master is not None:
        dev.master.release(dev)
    master.enslave(dev)
