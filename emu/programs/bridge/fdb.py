"""bridge fdb: the forwarding databases of bridges (`master`), those of VXLAN devices, and devices' own address lists (`self`).

Not modelled: `get` and `flush`, filters by state, VLANs, `router`, `use`, `extern_learn`, `sticky`, next hop groups, source VNIs.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from emu.netdev.bridge import Bridge, BridgePort
from emu.netdev.device import NetDevice
from emu.netdev.fdb import FdbEntry
from emu.netdev.vxlan import Vxlan
from emu.netdev.vxlan_fdb import Remote, VxlanEntry
from emu.packet.address import Ip, group_mac, ip_text, mac, mac_text
from emu.process import UsageError
from emu.programs.bridge.common import STATUS, check_rights, device, in_order
from emu.programs.bridge.fdb_change import change
from emu.programs.ip.words import Context, Words

ALL_NODES, ALL_HOSTS = mac("33:33:00:00:00:01"), mac("01:00:5e:00:00:01")
SNOOPERS = (mac("01:00:5e:00:00:6a"), mac("33:33:00:00:00:6a"))  # RFC 4286, of a bridge with multicast snooping


def run(context: Context, words: Words) -> int:
    command = words.next() if words else "show"
    if command in {"show", "lst", "list"}:
        return _show(context, words)
    if command in {"add", "append", "replace", "del", "delete"}:
        check_rights(context)
        return change(context, words, command)
    if command in {"get", "flush"}:
        raise UsageError(f"bridge: 'fdb {command}' is not modelled", STATUS)
    raise UsageError(f'Command "{command}" is unknown, try "bridge fdb help".', STATUS)


@dataclass
class Row:
    """An entry of a bridge, a remote of a VXLAN device's entry, or an address of the device's own list."""

    mac: bytes
    dev: NetDevice
    bridge: Bridge | None = None
    entry: FdbEntry[BridgePort | None] | VxlanEntry | None = None
    remote: Remote | None = None

    @property
    def state(self) -> str:
        entry = self.entry
        if entry is None or (entry.permanent if isinstance(entry, VxlanEntry) else entry.is_local):
            return "permanent"
        return "static" if (entry.static if isinstance(entry, VxlanEntry) else entry.is_static) else ""


def _show(context: Context, words: Words) -> int:
    only: NetDevice | None = None
    bridge: NetDevice | None = None
    while words:
        if words.take("br"):
            bridge = device(context, words.next())
        elif words.take("dev", "brport"):
            only = device(context, words.next())
        else:
            raise UsageError(f"bridge: 'fdb show {words.peek()}' is not modelled", STATUS)
    rows = [row for row in _rows(context) if only in {None, row.dev} and bridge in {None, row.dev, row.dev.master}]
    if context.json:
        context.process.print(json.dumps([_as_json(row, hide_dev=only is not None) for row in rows], separators=(",", ":")))
        return 0
    for row in rows:
        context.process.print(row_line(context, row, hide_dev=only is not None))
    return 0


def row_line(context: Context, row: Row, *, hide_dev: bool = False) -> str:
    words = [mac_text(row.mac)] + ([] if hide_dev else [f"dev {row.dev.name}"])
    words += [f"{name} {value}" for name, value in _destination(row).items()]
    if "statistics" in context.options and row.entry is not None:
        age = (context.netns.engine.now - row.entry.updated_ns) // 10**9
        words.append(f"used {age}/{age}")
    words.append(f"master {row.bridge.name}" if row.bridge is not None else "self")
    return " ".join([*words, row.state])


def _destination(row: Row) -> dict[str, str | int]:
    """What of a remote is not the device's own."""
    remote = row.remote
    if remote is None:
        return {}
    said: dict[str, str | int] = {"dst": ip_text(remote.ip)}
    said |= {"port": remote.port} if remote.port is not None else {}
    said |= {"vni": remote.vni} if remote.vni is not None else {}
    return said | ({"via": remote.via.name} if remote.via is not None else {})


def _as_json(row: Row, *, hide_dev: bool) -> dict[str, Any]:
    value: dict[str, Any] = {"mac": mac_text(row.mac)} | ({} if hide_dev else {"ifname": row.dev.name})
    value |= {{"via": "viaIf"}.get(name, name): said for name, said in _destination(row).items()}
    if row.bridge is None:
        return value | {"flags": ["self"], "state": row.state}
    return value | {"flags": [], "master": row.bridge.name, "state": row.state}


def _rows(context: Context) -> list[Row]:
    """Device by device (rtnl_fdb_dump); of a bridge its own list comes first. What is too old goes first, as the bridge's timer has it."""
    rows: list[Row] = []
    for dev in in_order(context):
        if isinstance(dev, Bridge):
            dev.fdb.age(context.netns.engine.now)
            rows += [*_self_rows(dev), *_entries(dev, dev, None)]
        elif isinstance(dev.master, Bridge):
            rows += [*_entries(dev, dev.master, dev.master.ports[dev]), *_self_rows(dev)]
        else:
            rows += _self_rows(dev)
    return rows


def _entries(dev: NetDevice, bridge: Bridge, port: BridgePort | None) -> list[Row]:
    entries = [entry for entry in bridge.fdb.entries.values() if entry.port is port]
    return [Row(entry.mac, dev, bridge, entry) for entry in sorted(entries, key=lambda entry: (entry.is_local, entry.mac))]


def _self_rows(dev: NetDevice) -> list[Row]:
    """Of a VXLAN device its database, the newest first. Of others their macvlans' addresses, and the groups that Linux joins by
    itself: all nodes of IPv6 with the device, the others when it is up.
    """
    if isinstance(dev, Vxlan):
        dev.fdb.age(dev.engine.now)
        return [Row(entry.mac, dev, None, entry, remote) for entry in reversed(dev.fdb.entries.values()) for remote in entry.remotes]
    if dev.kind == "loopback" or not dev.hard_header_len:  # FDBs are of Ethernet devices
        return []
    children = dev.macvlans.children if dev.macvlans is not None else []
    listed = [child.mac for child in children if child.up and child.mode != "passthru"]
    listed.append(ALL_NODES)
    if dev.up:
        listed += [*(SNOOPERS if isinstance(dev, Bridge) else ()), ALL_HOSTS, *map(group_mac, _groups(dev))]
    return [Row(address, dev) for address in listed]


def _groups(dev: NetDevice) -> list[Ip]:
    return [group for where, group in dev.netns.igmp.groups if where is dev]
