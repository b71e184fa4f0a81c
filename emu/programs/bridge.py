"""bridge(8) of iproute2 6.1: link (show, set) and fdb (show, add, replace, del).

Not modelled: VLANs, multicast databases, VXLAN's destinations, changes of a device's own address list (`self`), `monitor`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from emu.netdev.bridge import Bridge, BridgePort
from emu.netdev.device import NetDevice
from emu.netdev.fdb import FdbEntry
from emu.packet.address import Mac, mac, mac_text
from emu.process import Process, UsageError
from emu.programs.ip.details import on_off, port_state
from emu.programs.ip.devices import as_json, flags, full_name
from emu.programs.ip.words import Context, Words
from emu.programs.libc.userland import has_busybox

STATUS = 255
PORT_FLAGS = ("hairpin", "isolated", "learning", "flood")
STATES = {"static": "static", "temp": "static", "permanent": "permanent", "local": "permanent", "dynamic": "dynamic"}
NOT_MODELLED = frozenset({"self", "dst", "vni", "port", "via", "vlan", "router", "use", "extern_learn", "sticky", "nhid", "src_vni"})
ALL_NODES, ALL_HOSTS = mac("33:33:00:00:00:01"), mac("01:00:5e:00:00:01")
SNOOPERS = (mac("01:00:5e:00:00:6a"), mac("33:33:00:00:00:6a"))  # RFC 4286, of a bridge with multicast snooping
OPTIONS = {"d": "details", "s": "statistics", "j": "json"}


async def main(process: Process, argv: list[str]) -> int:
    words = Words(argv[1:])
    context = Context(process, process.netns, busybox=has_busybox(process.place))
    while words.peek().startswith("-"):
        option = words.next().lstrip("-")
        known = next((name for letter, name in OPTIONS.items() if option == letter or (len(option) > 1 and name.startswith(option))), "")
        if not known:
            raise UsageError(f"bridge: '-{option}' is not modelled", STATUS)
        context.options.add(known)
    thing = words.next() if words else "help"
    if thing and "link".startswith(thing):
        return _link(context, words)
    if thing and "fdb".startswith(thing):
        return _fdb(context, words)
    if thing in {"vlan", "mdb", "vni", "monitor"}:
        raise UsageError(f"bridge: '{thing}' is not modelled", STATUS)
    raise UsageError(f'Object "{thing}" is unknown, try "bridge help".', STATUS)


def _device(context: Context, name: str) -> NetDevice:
    if name not in context.netns.devices:
        raise UsageError(f'Cannot find device "{name}"', STATUS)
    return context.netns.devices[name]


def _check_rights(context: Context) -> None:
    if not context.process.place.net_admin:
        raise UsageError("RTNETLINK answers: Operation not permitted", STATUS)


def _sorted(context: Context) -> list[NetDevice]:
    return sorted(context.netns.devices.values(), key=lambda dev: dev.ifindex)


# --- link


def _link(context: Context, words: Words) -> int:
    command = words.next() if words else "show"
    if command == "set":
        return _link_set(context, words)
    if command not in {"show", "lst", "list"}:
        raise UsageError(f'Command "{command}" is unknown, try "bridge link help".', STATUS)
    only: NetDevice | None = None
    master: NetDevice | None = None
    while words:
        if words.take("master"):
            master = _device(context, words.next())
        else:
            words.take("dev")
            only = _device(context, words.next())
    context.refuse_options("statistics")
    ports = [dev.master.ports[dev] for dev in _sorted(context) if isinstance(dev.master, Bridge)]
    ports = [port for port in ports if only in {None, port.dev} and master in {None, port.bridge}]
    if context.json:
        context.refuse_options("details")
        context.print_json([_port_as_json(context, port) for port in ports])
        return 0
    for port in ports:
        _show_port(context, port)
    return 0


def _port_as_json(context: Context, port: BridgePort) -> dict[str, Any]:
    described = as_json(context, port.dev, mode=False)
    value = {key: described[key] for key in ("ifindex", "link_index", "link", "ifname", "flags", "mtu", "master") if key in described}
    return value | {"state": port_state(port.dev), "priority": port.priority, "cost": port.cost}


def _show_port(context: Context, port: BridgePort) -> None:
    dev = port.dev
    context.process.print(
        f"{dev.ifindex}: {full_name(context, dev)}: <{','.join(flags(context, dev))}> mtu {dev.mtu} master {port.bridge.name} "
        f"state {port_state(dev)} priority {port.priority} cost {port.cost} "
    )
    if "details" in context.options:
        context.process.print(
            f"    hairpin {on_off(port.hairpin)} guard off root_block off fastleave off "
            f"learning {on_off(port.learning)} flood {on_off(port.flood)} mcast_flood on bcast_flood on "
            "mcast_router 1 mcast_to_unicast off neigh_suppress off vlan_tunnel off "
            f"isolated {on_off(port.isolated)} locked off "
        )


def _link_set(context: Context, words: Words) -> int:
    _check_rights(context)
    words.take("dev")
    dev = _device(context, words.next())
    if not isinstance(dev.master, Bridge):
        raise UsageError("RTNETLINK answers: Operation not supported", STATUS)
    port = dev.master.ports[dev]
    while words:
        word = words.next()
        if word in PORT_FLAGS:
            value = words.next()
            if value not in {"on", "off"}:
                raise UsageError(f'Error: argument of "{word}" must be "on" or "off", not "{value}"', STATUS)
            setattr(port, word, value == "on")
        elif word in {"cost", "priority"}:
            text = words.next()
            if not text.isdigit():
                raise UsageError(f'Error: argument "{text}" is wrong: {word}', STATUS)
            setattr(port, word, int(text))
        else:
            raise UsageError(f"bridge: 'link set … {word}' is not modelled", STATUS)
    return 0


# --- fdb


def _fdb(context: Context, words: Words) -> int:
    command = words.next() if words else "show"
    if command in {"show", "lst", "list"}:
        return _fdb_show(context, words)
    if command in {"add", "replace", "del", "delete"}:
        return _fdb_change(context, words, command)
    if command in {"append", "get", "flush"}:
        raise UsageError(f"bridge: 'fdb {command}' is not modelled", STATUS)
    raise UsageError(f'Command "{command}" is unknown, try "bridge fdb help".', STATUS)


@dataclass
class Row:
    """An entry of a bridge, or without one an address of the device's own list (`self`)."""

    mac: bytes
    dev: NetDevice
    bridge: Bridge | None = None
    entry: FdbEntry[BridgePort | None] | None = None

    @property
    def state(self) -> str:
        if self.entry is None or self.entry.is_local:
            return "permanent"
        return "static" if self.entry.is_static else ""


def _fdb_show(context: Context, words: Words) -> int:
    only: NetDevice | None = None
    bridge: NetDevice | None = None
    while words:
        if words.take("br"):
            bridge = _device(context, words.next())
        elif words.take("dev", "brport"):
            only = _device(context, words.next())
        else:
            raise UsageError(f"bridge: 'fdb show {words.peek()}' is not modelled", STATUS)
    _show_rows(context, [row for row in _rows(context) if only in {None, row.dev} and bridge in {None, row.dev, row.dev.master}], only)
    return 0


def _show_rows(context: Context, rows: list[Row], only: NetDevice | None) -> None:
    if context.json:
        context.process.print(json.dumps([_as_json(row, hide_dev=only is not None) for row in rows], separators=(",", ":")))
        return
    for row in rows:
        where = "" if only is not None else f"dev {row.dev.name} "
        if row.entry is None or row.bridge is None:
            context.process.print(f"{mac_text(row.mac)} {where}self permanent")
            continue
        age = (context.netns.engine.now - row.entry.updated_ns) // 10**9
        used = f"used {age}/{age} " if "statistics" in context.options else ""
        context.process.print(f"{mac_text(row.mac)} {where}{used}master {row.bridge.name} {row.state}")


def _rows(context: Context) -> list[Row]:
    """Device by device (rtnl_fdb_dump); of a bridge its own list comes first. What is too old goes first, as the bridge's timer has it."""
    rows: list[Row] = []
    for dev in _sorted(context):
        if isinstance(dev, Bridge):
            dev.fdb.age(context.netns.engine.now)
            rows += [*_self_rows(dev), *_entries(dev, dev, None)]
        elif isinstance(dev.master, Bridge):
            rows += [*_entries(dev, dev.master, dev.master.ports[dev]), *_self_rows(dev)]
        elif dev.kind != "loopback":
            rows += _self_rows(dev)
    return rows


def _entries(dev: NetDevice, bridge: Bridge, port: BridgePort | None) -> list[Row]:
    entries = [entry for entry in bridge.fdb.entries.values() if entry.port is port]
    return [Row(entry.mac, dev, bridge, entry) for entry in sorted(entries, key=lambda entry: (entry.is_local, entry.mac))]


def _self_rows(dev: NetDevice) -> list[Row]:
    """Its macvlans' addresses, and the groups that Linux joins by itself: all nodes of IPv6 with the device, the others when it is up."""
    children = dev.macvlans.children if dev.macvlans is not None else []
    listed = [child.mac for child in children if child.up and child.mode != "passthru"]
    listed.append(ALL_NODES)
    if dev.up:
        listed += [*(SNOOPERS if isinstance(dev, Bridge) else ()), ALL_HOSTS]
    return [Row(address, dev) for address in listed]


def _as_json(row: Row, *, hide_dev: bool) -> dict[str, Any]:
    value: dict[str, Any] = {"mac": mac_text(row.mac)} | ({} if hide_dev else {"ifname": row.dev.name})
    if row.bridge is None:
        return value | {"flags": ["self"], "state": "permanent"}
    return value | {"flags": [], "master": row.bridge.name, "state": row.state}


class _Asked:
    """`MAC dev DEV master [static|permanent]`, in any order."""

    def __init__(self, context: Context, words: Words) -> None:
        address: Mac | None = None
        dev: NetDevice | None = None
        self.state = "permanent"
        master = False
        while words:
            if words.take("dev"):
                dev = _device(context, words.next())
            elif words.take("master"):
                master = True
            elif words.peek() in STATES:
                self.state = STATES[words.next()]
            else:
                address = self._address(words.next())
        if dev is None or address is None:
            raise UsageError("Device and address are required arguments.", STATUS)
        if not master:
            raise UsageError("bridge: 'fdb … self' is not modelled (say: master)", STATUS)
        self.dev, self.address = dev, address

    @staticmethod
    def _address(text: str) -> Mac:
        if text in NOT_MODELLED:
            raise UsageError(f"bridge: 'fdb … {text}' is not modelled", STATUS)
        try:
            return mac(text)
        except ValueError:
            raise UsageError(f"Invalid mac address {text}", STATUS) from None


def _fdb_change(context: Context, words: Words, command: str) -> int:
    _check_rights(context)
    asked = _Asked(context, words)
    bridge = asked.dev if isinstance(asked.dev, Bridge) else asked.dev.master
    if not isinstance(bridge, Bridge):
        raise UsageError("RTNETLINK answers: Operation not supported", STATUS)
    port = bridge.ports.get(asked.dev)
    old = bridge.fdb.entries.get(asked.address)
    if command in {"del", "delete"}:
        if old is None or old.port is not port:
            raise UsageError("RTNETLINK answers: No such file or directory", STATUS)
        bridge.fdb.remove(asked.address)
        return 0
    if asked.state == "dynamic":
        raise UsageError("RTNETLINK answers: Operation not permitted", STATUS)
    if old is not None and command == "add":
        raise UsageError("RTNETLINK answers: File exists", STATUS)
    bridge.fdb.add(asked.address, port, context.netns.engine.now, is_local=asked.state == "permanent")
    return 0
