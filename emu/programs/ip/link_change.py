"""ip link add, set and del: devices come, change and go."""

from __future__ import annotations

from dataclasses import dataclass

from emu.netdev.bridge import Bridge
from emu.netdev.device import NetDevice
from emu.netdev.dummy import Dummy
from emu.netdev.veth import Veth
from emu.netns.namespace import Netns
from emu.packet.address import Mac
from emu.process import UsageError
from emu.programs.ip.words import Context, Words, answers, extended, garbage, integer, invalid, not_modelled, parse_mac

OTHER_KINDS = frozenset(
    {"vlan", "macvlan", "macvtap", "ipvlan", "vxlan", "gre", "gretap", "ipip", "sit", "bond", "tun", "wireguard", "vrf"}
)
SMALLEST_MTU, LARGEST_MTU = 68, 65535

# --- add and delete


def random_mac(netns: Netns, name: str) -> Mac:
    """eth_hw_addr_random: unicast, locally administered."""
    wire = bytearray(netns.engine.stream(f"mac {netns.name}/{name}").randbytes(6))
    wire[0] = wire[0] & 0xFE | 0x02
    return Mac(bytes(wire))


@dataclass
class _New:
    """What `ip link add` says of one device."""

    netns: Netns
    name: str = ""
    mac: Mac | None = None
    mtu: int | None = None
    queue: int | None = None
    up: bool = False


def _device_name(text: str) -> str:
    """dev_valid_name: up to 15 characters, neither white space nor slash."""
    if not 0 < len(text) < 16 or text in {".", ".."} or any(letter in "/:" or letter.isspace() for letter in text):
        raise invalid(text, '"name" not a valid ifname')
    return text


def _read_new(context: Context, words: Words, *, peer: bool = False) -> tuple[_New, str]:
    """A device's own words, up to `type KIND` (the kind) or, of a peer, to the end."""
    new = _New(context.netns)
    while words:
        if words.take("type"):
            return new, words.next()
        if words.take("address"):
            new.mac = parse_mac(words.next())
        elif words.take("mtu"):
            new.mtu = _mtu(words.next())
        elif words.take("txqueuelen", "qlen", "txqlen"):
            new.queue = integer(words.next(), 'Invalid "txqueuelen" value\n')
        elif words.take("netns"):
            new.netns = find_netns(context, words.next())
        elif words.take("up") and peer:
            new.up = True
        elif words.peek() in {"link", "broadcast", "index", "numtxqueues", "numrxqueues", "group", "alias", "up"}:
            raise not_modelled(f"link add … {words.peek()}")
        else:
            words.take("name", "dev")
            if new.name:
                raise UsageError(f'Error: either "name" is duplicate, or "{words.peek()}" is a garbage.', 255)
            new.name = _device_name(words.next())
    return new, ""


def add(context: Context, words: Words) -> int:
    new, kind = _read_new(context, words)
    if not kind:
        raise UsageError('Not enough information: "type" argument is required', 255)
    engine = context.netns.engine
    if kind == "veth":
        if words and not words.take("peer"):
            raise not_modelled(f"type veth {words.peek()}")
        other, _ = _read_new(context, words, peer=True)
        new.name = new.name or _free_name(new.netns, "veth", other.name)
        other.name = other.name or _free_name(other.netns, "veth", new.name)
        ends = [Veth(engine, each.name, each.mac or random_mac(each.netns, each.name)) for each in (new, other)]
        ends[0].connect(ends[1])
        _register(other, ends[1])
        try:
            _register(new, ends[0])
        except UsageError:
            other.netns.remove_device(ends[1])
            raise
        return 0
    if kind == "bridge":
        bridge = Bridge(engine, new.name or _free_name(new.netns, "bridge"), new.mac or random_mac(new.netns, new.name or "bridge"))
        bridge.mac_is_set = new.mac is not None
        _bridge_options(bridge, words)
        _register(new, bridge)
        return 0
    if kind == "dummy":
        name = new.name or _free_name(new.netns, "dummy")
        _register(new, Dummy(engine, name, new.mac or random_mac(new.netns, name)))
        return 0
    raise not_modelled(f"type {kind}") if kind in OTHER_KINDS else extended("Unknown device type.")


def _register(new: _New, dev: NetDevice) -> None:
    if new.queue is not None:
        dev.txqueuelen = new.queue
    try:
        new.netns.add_device(dev)
    except FileExistsError:
        raise answers("File exists") from None
    if new.mtu is not None:
        new.netns.set_mtu(dev, new.mtu)
    if new.up:
        new.netns.set_up(dev)


def _free_name(netns: Netns, stem: str, taken: str = "") -> str:
    return next(name for name in (f"{stem}{number}" for number in range(10_000)) if name not in netns.devices and name != taken)


def delete(context: Context, words: Words) -> int:
    words.take("dev")
    dev = context.device(words.next())
    if words and not (words.take("type") and words.next() == dev.kind):
        raise garbage(words.peek())
    if dev.kind in {"loopback", "nic"}:
        raise answers("Operation not supported")
    context.netns.delete_device(dev)
    return 0


# --- set


def find_netns(context: Context, name: str) -> Netns:
    """A named namespace of the host, or that of a process's number: a container's first one. Raises UsageError."""
    host = context.process.host
    if host is not None and name in host.namespaces:
        return host.namespaces[name]  # type: ignore[no-any-return]
    if host is not None and name == "1":
        return host.netns  # type: ignore[no-any-return]
    if host is not None and host.docker is not None and name.isdigit() and int(name) in host.docker.pids:
        return host.docker.pids[int(name)]  # type: ignore[no-any-return]
    raise invalid(name, 'Invalid "netns" value')


def _mtu(text: str) -> int:
    return integer(text, 'Invalid "mtu" value')


def change(context: Context, words: Words) -> int:
    words.take("dev")
    if not words:
        raise UsageError('Not enough information: "dev" argument is required.', 255)
    name = words.next()
    wanted: dict[str, str] = {}
    bridge_options = False
    while words and not bridge_options:
        word = words.next()
        if word in {"up", "down", "nomaster"}:
            wanted["state" if word != "nomaster" else "master"] = word if word != "nomaster" else ""
        elif word in {"mtu", "address", "master", "name", "netns", "promisc", "arp", "txqueuelen"}:
            wanted[word] = _device_name(words.next()) if word == "name" else words.next()
        elif word == "qlen":
            wanted["txqueuelen"] = words.next()
        elif word == "type":
            bridge_options = True
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
        _mtu(wanted["mtu"])
    dev = context.device(name)
    if bridge_options:
        kind = words.next()
        if kind != "bridge" or not isinstance(dev, Bridge):
            raise not_modelled(f"link set … type {kind}") if kind != "bridge" else answers("Operation not supported")
        _bridge_options(dev, words)
    _apply(context, dev, wanted, other)
    return 0


def _apply(context: Context, dev: NetDevice, wanted: dict[str, str], other: Netns | None) -> None:
    """In the kernel's order: namespace and name, address, MTU, master, flags (do_setlink)."""
    netns = _move(context.netns, dev, other, wanted.get("name"))
    if "address" in wanted:
        netns.set_mac(dev, parse_mac(wanted["address"]))
    if "mtu" in wanted:
        mtu = int(wanted["mtu"])
        if not SMALLEST_MTU <= mtu <= LARGEST_MTU:
            raise extended("mtu less than device minimum." if mtu < SMALLEST_MTU else "mtu greater than device maximum.")
        netns.set_mtu(dev, mtu)
    if "master" in wanted:
        _enslave(dev, netns.devices.get(wanted["master"]))
    if "txqueuelen" in wanted:
        dev.txqueuelen = integer(wanted["txqueuelen"], 'Invalid "txqueuelen" value\n')
    for flag, attribute in (("promisc", "promiscuous"), ("arp", "arp")):
        if flag in wanted:
            setattr(dev, attribute, _on(flag, wanted[flag]))
    if "state" in wanted:
        (netns.set_up if wanted["state"] == "up" else netns.set_down)(dev)


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
    if dev.master is not None:
        dev.master.release(dev)
    master.enslave(dev)


def _bridge_options(bridge: Bridge, words: Words) -> None:
    """`type bridge …`: ageing_time and fdb_flush; what is off anyway may be switched off."""
    while words:
        word = words.next()
        if word == "fdb_flush":
            bridge.fdb.flush()
        elif word == "ageing_time":
            bridge.fdb.ageing_ns = integer(words.next(), "invalid ageing_time") * 10_000_000
        elif word in {"stp_state", "vlan_filtering", "mcast_snooping", "forward_delay"}:
            if words.next() != "0":
                raise not_modelled(f"type bridge {word}")
        else:
            raise not_modelled(f"type bridge {word}")
