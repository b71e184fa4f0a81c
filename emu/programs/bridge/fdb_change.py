"""bridge fdb add, append, replace, del: as bridge(8) reads the words, and as the bridge or the VXLAN device answers."""

from __future__ import annotations

from dataclasses import dataclass

from emu.encap.vxlan import MAX_VNI
from emu.netdev.bridge import Bridge
from emu.netdev.device import NetDevice
from emu.netdev.vxlan import Vxlan
from emu.netdev.vxlan_fdb import Remote
from emu.packet.address import ANY, Ip, Mac, ip, mac
from emu.process import UsageError
from emu.programs.bridge.common import STATUS, device
from emu.programs.ip.words import Context, Words, invalid

STATES = {"static": "static", "temp": "static", "permanent": "permanent", "local": "permanent", "dynamic": "dynamic"}
NOT_MODELLED = frozenset({"vlan", "router", "use", "extern_learn", "sticky", "nhid", "src_vni", "activity_notify", "inactive", "norefresh"})
DELETE = frozenset({"del", "delete"})


@dataclass
class Asked:
    """`MAC dev DEV [self] [master] [STATE] [dst IP] [port PORT] [vni VNI] [via DEV]`, in any order."""

    dev: NetDevice | None = None
    address: Mac | None = None
    state: str = "permanent"
    own: bool = False
    master: bool = False
    dst: Ip | None = None
    port: int | None = None
    vni: int | None = None
    via: NetDevice | None = None


def change(context: Context, words: Words, command: str) -> int:
    asked = _read(context, words)
    dev, address = asked.dev, asked.address
    if dev is None or address is None:
        raise UsageError("Device and address are required arguments.", STATUS)
    if asked.master or isinstance(dev, Bridge):
        _change_bridge(context, dev, address, asked.state, command)
    if isinstance(dev, Vxlan) and (asked.own or not asked.master):
        _change_vxlan(context, dev, address, asked, command)
    elif asked.own or not (asked.master or isinstance(dev, Bridge)):
        if dev.kind == "loopback" or not dev.hard_header_len:
            raise UsageError("Error: FDB add only supported for Ethernet devices.", STATUS)
        raise UsageError("bridge: 'fdb … self' of a device that is no VXLAN device is not modelled (say: master)", STATUS)
    return 0


def _read(context: Context, words: Words) -> Asked:
    asked = Asked()
    said: set[str] = set()
    while words:
        word = words.next()
        if word in {"dst", "port", "vni"} and word in said:
            raise UsageError(f'Error: either "{word}" is duplicate, or "{words.next()}" is a garbage.', STATUS)
        said.add(word)
        if word in {"dev", "via"}:
            setattr(asked, word, device(context, words.next()))
        elif word == "dst":
            asked.dst = _destination(words.next())
        elif word == "port":
            asked.port = _number(words.next(), "invalid port", 0xFFFF)
        elif word == "vni":
            asked.vni = _number(words.next(), "invalid VNI", MAX_VNI)
        elif word in {"self", "master"}:
            setattr(asked, "own" if word == "self" else word, True)
        elif word in STATES:
            asked.state = STATES[word]
        elif word in NOT_MODELLED:
            raise UsageError(f"bridge: 'fdb … {word}' is not modelled", STATUS)
        elif asked.address is not None:
            raise UsageError(f'Error: either "to" is duplicate, or "{word}" is a garbage.', STATUS)
        else:
            asked.address = _address(word)
    return asked


def _address(text: str) -> Mac:
    try:
        return mac(text)
    except ValueError:
        raise UsageError(f"Invalid mac address {text}", STATUS) from None


def _destination(text: str) -> Ip:
    if ":" in text:
        raise UsageError("bridge: IPv6 is not modelled", STATUS)
    try:
        return ANY if text in {"any", "default", "all"} else ip(text)
    except ValueError:
        raise UsageError(f'Error: any valid address is expected rather than "{text}".', 1) from None


def _number(text: str, why: str, top: int) -> int:
    try:
        number = int(text, 0)
    except ValueError:
        raise invalid(text, why) from None
    if not 0 <= number <= top:
        raise invalid(text, why)
    return number


def _refused(text: str) -> UsageError:
    return UsageError(f"RTNETLINK answers: {text}", STATUS)


def _change_bridge(context: Context, dev: NetDevice, address: Mac, state: str, command: str) -> None:
    bridge = dev if isinstance(dev, Bridge) else dev.master
    if not isinstance(bridge, Bridge):
        raise _refused("Operation not supported")
    port = bridge.ports.get(dev)
    old = bridge.fdb.entries.get(address)
    if command in DELETE:
        if old is None or old.port is not port:
            raise _refused("No such file or directory")
        bridge.fdb.remove(address)
        return
    if command == "append":
        raise UsageError("bridge: 'fdb append … master' is not modelled", STATUS)
    if state == "dynamic":
        raise _refused("Operation not permitted")
    if old is not None and command == "add":
        raise _refused("File exists")
    bridge.fdb.add(address, port, context.netns.engine.now, is_local=state == "permanent")


def _change_vxlan(context: Context, dev: Vxlan, address: Mac, asked: Asked, command: str) -> None:
    """vxlan_fdb_add, vxlan_fdb_delete: what is the device's own is not part of a remote."""
    remote = None
    if asked.dst is not None and asked.dst != ANY:
        port = asked.port if asked.port not in {0, dev.config.port} else None
        vni = asked.vni if asked.vni != dev.config.vni else None
        remote = Remote(asked.dst, port, vni, asked.via)
    elif asked.dst is not None:
        raise UsageError("Error: Unsupported address family.", STATUS)
    try:
        if command in DELETE:
            return dev.fdb.remove(address, remote)
        if remote is None:
            raise _refused("Invalid argument")
        now, permanent, static = context.netns.engine.now, asked.state == "permanent", asked.state == "static"
        if command == "replace":
            dev.fdb.replace(address, remote, now, permanent=permanent, static=static)
        else:
            dev.fdb.add(address, remote, now, append=command == "append", permanent=permanent, static=static)
    except ValueError as error:
        raise UsageError(f"Error: {error}", STATUS) if str(error) else _refused("Operation not supported") from None
    except (FileExistsError, LookupError) as error:
        raise _refused(str(error.args[-1])) from None
