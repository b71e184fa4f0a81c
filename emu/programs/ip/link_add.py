"""ip link add and del: veth, bridge, dummy, macvlan and tunnel devices come and go."""

from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

from emu.netdev.bridge import Bridge
from emu.netdev.device import NetDevice
from emu.netdev.dummy import Dummy
from emu.netdev.macvlan import MODES, Macvlan
from emu.netdev.veth import Veth
from emu.netns.namespace import Netns
from emu.packet.address import Mac
from emu.process import UsageError
from emu.programs.ip.words import Context, Words, answers, extended, garbage, integer, invalid, not_modelled, parse_mac
from emu.programs.libc.namespaces import by_name, by_pid

OTHER_KINDS = frozenset({"vlan", "macvtap", "ipvlan", "sit", "bond", "wireguard", "vrf", "geneve", "erspan", "vti", "ip6gre", "ip6tnl"})
TUNNELS = frozenset({"vxlan", "gre", "gretap", "ipip"})
MACVLAN_USAGE = """Usage: ... macvlan mode MODE

MODE: private | vepa | bridge | passthru"""


def random_mac(netns: Netns, name: str) -> Mac:
    """eth_hw_addr_random: unicast, locally administered."""
    wire = bytearray(netns.engine.stream(f"mac {netns.name}/{name}").randbytes(6))
    wire[0] = wire[0] & 0xFE | 0x02
    return Mac(bytes(wire))


@dataclass
class New:
    """What `ip link add` says of one device."""

    netns: Netns
    name: str = ""
    link: NetDevice | None = None
    mac: Mac | None = None
    mtu: int | None = None
    queue: int | None = None
    up: bool = False

    def address(self) -> Mac:
        return self.mac or random_mac(self.netns, self.name)


def device_name(text: str) -> str:
    """dev_valid_name: up to 15 characters, neither white space nor slash."""
    if not 0 < len(text) < 16 or text in {".", ".."} or any(letter in "/:" or letter.isspace() for letter in text):
        raise invalid(text, '"name" not a valid ifname')
    return text


def find_netns(context: Context, text: str) -> Netns:
    """A named namespace, or that of a process's number. Raises UsageError."""
    place = context.process.place
    netns = by_name(place, text) or by_pid(place, text)
    if netns is None:
        raise answers("No such process") if text.isdigit() else invalid(text, 'Invalid "netns" value')
    return netns


def parse_mtu(text: str) -> int:
    return integer(text, 'Invalid "mtu" value')


def _read_new(context: Context, words: Words, *, peer: bool = False) -> tuple[New, str]:
    """A device's own words, up to `type KIND` (the kind) or, of a peer, to the end."""
    new = New(context.netns)
    while words:
        if words.take("type"):
            return new, words.next()
        if words.take("address"):
            new.mac = parse_mac(words.next())
        elif words.take("mtu"):
            new.mtu = parse_mtu(words.next())
        elif words.take("txqueuelen", "qlen", "txqlen"):
            new.queue = integer(words.next(), 'Invalid "txqueuelen" value\n')
        elif words.take("netns"):
            new.netns = find_netns(context, words.next())
        elif words.take("up") and peer:
            new.up = True
        elif words.peek() == "link" and not peer:
            words.next()
            new.link = context.device(words.next())
        elif words.peek() in {"link", "broadcast", "index", "numtxqueues", "numrxqueues", "group", "alias", "up"}:
            raise not_modelled(f"link add … {words.peek()}")
        else:
            words.take("name", "dev")
            if new.name:
                raise UsageError(f'Error: either "name" is duplicate, or "{words.peek()}" is a garbage.', 255)
            new.name = device_name(words.next())
    return new, ""


# --- add


def add(context: Context, words: Words) -> int:
    new, kind = _read_new(context, words)
    if not kind:
        raise UsageError('Not enough information: "type" argument is required', 1)
    if kind in OTHER_KINDS:
        raise not_modelled(f"type {kind}")
    if kind == "tun":
        raise extended("tun/tap creation via rtnetlink is not supported.")
    if kind not in KINDS and kind not in TUNNELS:
        raise extended("Unknown device type.")
    if new.link is not None and kind != "macvlan":
        raise not_modelled(f"link add link … type {kind}")
    if kind != "veth":
        new.name = new.name or _free_name(new.netns, kind)
    if kind in TUNNELS:
        import_module("emu.programs.ip.link_tunnel").add(context, new, kind, words)
    else:
        KINDS[kind](context, new, words)
    return 0


def _add_veth(context: Context, new: New, words: Words) -> None:
    if words and not words.take("peer"):
        raise not_modelled(f"type veth {words.peek()}")
    other, _ = _read_new(context, words, peer=True)
    new.name = new.name or _free_name(new.netns, "veth", other.name)
    other.name = other.name or _free_name(other.netns, "veth", new.name)
    ends = [Veth(context.netns.engine, each.name, each.address()) for each in (new, other)]
    ends[0].connect(ends[1])
    register(other, ends[1])
    try:
        register(new, ends[0])
    except UsageError:
        other.netns.remove_device(ends[1])
        raise


def _add_bridge(context: Context, new: New, words: Words) -> None:
    bridge = Bridge(context.netns.engine, new.name, new.address())
    bridge.mac_is_set = new.mac is not None
    bridge_options(bridge, words)
    register(new, bridge)


def _add_dummy(context: Context, new: New, words: Words) -> None:
    if words:
        raise garbage(words.peek())
    register(new, Dummy(context.netns.engine, new.name, new.address()))


def _add_macvlan(context: Context, new: New, words: Words) -> None:
    mode = macvlan_mode(words) or "vepa"
    if new.name in new.netns.devices:
        raise answers("File exists")
    if new.link is None:
        raise answers("Invalid argument")
    try:
        macvlan = Macvlan(context.netns.engine, new.name, new.address(), new.link, mode, new.mtu)
    except OSError as error:
        raise answers(error.strerror or "Invalid argument") from None
    new.mtu = None
    register(new, macvlan)


KINDS: dict[str, Callable[[Context, New, Words], None]] = {
    "veth": _add_veth,
    "bridge": _add_bridge,
    "dummy": _add_dummy,
    "macvlan": _add_macvlan,
}


def register(new: New, dev: NetDevice) -> None:
    """Put a new device into its namespace. Raises UsageError."""
    if new.queue is not None:
        dev.txqueuelen = new.queue
    try:
        new.netns.add_device(dev)
    except FileExistsError:
        raise answers("File exists") from None
    if new.mtu is not None:
        try:
            new.netns.set_mtu(dev, new.mtu)
        except OSError as error:
            new.netns.delete_device(dev)
            raise answers(error.strerror or errno.errorcode[errno.EINVAL]) from None
    if new.up:
        new.netns.set_up(dev)


def _free_name(netns: Netns, stem: str, taken: str = "") -> str:
    return next(name for name in (f"{stem}{number}" for number in range(10_000)) if name not in netns.devices and name != taken)


# --- what kinds have to say after `type KIND`, when added or changed


def macvlan_mode(words: Words) -> str:
    """`mode MODE`, or nothing."""
    mode = ""
    while words:
        word = words.next()
        if word in {"flag", "bcqueuelen", "macaddr"}:
            raise not_modelled(f"type macvlan {word}")
        if word == "help":
            raise UsageError(MACVLAN_USAGE, 1)
        if word != "mode":
            raise UsageError(f'macvlan: unknown option "{word}"?\n{MACVLAN_USAGE}', 1)
        mode = words.next()
        if mode == "source":
            raise not_modelled("type macvlan mode source")
        if mode not in MODES:
            modes = '"private", "vepa", "bridge", "passthru" or "source"'
            raise UsageError(f'Error: argument of "mode" must be {modes}, not "{mode}"', 1)
    return mode


def bridge_options(bridge: Bridge, words: Words) -> None:
    """`type bridge …`: ageing_time, forward_delay and fdb_flush; what is off anyway may be switched off."""
    while words:
        word = words.next()
        if word == "fdb_flush":
            bridge.fdb.flush()
        elif word == "ageing_time":
            bridge.fdb.ageing_ns = integer(words.next(), "invalid ageing_time") * 10_000_000
        elif word == "forward_delay":
            bridge.forward_delay = integer(words.next(), "invalid forward_delay")
        elif word in {"stp_state", "vlan_filtering", "mcast_snooping"}:
            if words.next() != "0":
                raise not_modelled(f"type bridge {word}")
        else:
            raise not_modelled(f"type bridge {word}")


# --- delete


def delete(context: Context, words: Words) -> int:
    words.take("dev")
    if not words:
        raise UsageError('Not enough information: "dev" argument is required.', 255)
    dev = context.device(words.next())
    if words and not (words.take("type") and words.next() == dev.kind):
        raise garbage(words.peek())
    if dev.kind in {"loopback", "nic"}:
        raise answers("Operation not supported")
    context.netns.delete_device(dev)
    return 0
