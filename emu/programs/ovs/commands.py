"""ovs-vsctl's commands: each changes a transaction's copy of the database, or prints what is in it (utilities/ovs-vsctl.c)."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import NamedTuple

from emu.netns.ovs import BridgeRecord, Interface, OvsSwitch
from emu.process import Process, UsageError
from emu.programs.ovs import tables
from emu.programs.ovs.atoms import atom, shown


class Line(NamedTuple):
    """One command with its options and words."""

    options: set[str]
    name: str
    words: list[str]


class Vsctl:
    """A transaction: commands change `records`, a copy of the database."""

    def __init__(self, process: Process, switch: OvsSwitch) -> None:
        self.process = process
        self.switch = switch
        self.records = deepcopy(switch.records)

    @property
    def reader(self) -> tables.Reader:
        return tables.Reader(self.switch, self.records)

    def bridge(self, name: str) -> BridgeRecord:
        if name not in self.records:
            raise failure(f"no bridge named {name}")
        return self.records[name]

    def bridge_of(self, port: str) -> BridgeRecord | None:
        return next((bridge for bridge in self.records.values() if port in bridge.interfaces), None)

    def check_free(self, name: str, what: str) -> None:
        """Raises UsageError: bridges and ports share their names."""
        if name in self.records:
            raise failure(f"cannot create a {what} named {name} because a bridge named {name} already exists")
        owner = self.bridge_of(name)
        if owner is not None:
            raise failure(f"cannot create a {what} named {name} because a port named {name} already exists on bridge {owner.name}")


def failure(text: str) -> UsageError:
    return UsageError(f"ovs-vsctl: {text}", 1)


# --- bridges


def _init(_: Vsctl, __: Line) -> None:
    """The database is there."""


def _add_br(done: Vsctl, line: Line) -> None:
    name = line.words[0]
    if len(line.words) == 2:
        raise failure("'add-br' command takes exactly 1 or 3 arguments")
    if len(line.words) == 3:
        raise failure("'add-br' of a fake bridge (VLAN) is not modelled")
    if name in done.records and "--may-exist" in line.options:
        return
    done.check_free(name, "bridge")
    done.records[name] = BridgeRecord(name, interfaces={name: Interface(name, "internal")})


def _del_br(done: Vsctl, line: Line) -> None:
    if line.words[0] not in done.records and "--if-exists" in line.options:
        return
    del done.records[done.bridge(line.words[0]).name]


def _list_br(done: Vsctl, _: Line) -> None:
    for name in sorted(done.records):
        done.process.print(name)


def _br_exists(done: Vsctl, line: Line) -> int:
    return 0 if line.words[0] in done.records else 2


# --- ports


def _add_port(done: Vsctl, line: Line) -> None:
    bridge_name, name, *columns = line.words
    bridge = done.bridge(bridge_name)
    if columns:
        raise failure(f"'add-port' with column {columns[0]} is not modelled")
    owner = done.bridge_of(name)
    if "--may-exist" in line.options and owner is not None and name not in done.records:
        if owner is bridge:
            return
        raise failure(f'"--may-exist add-port {bridge_name} {name}" but {name} is actually attached to bridge {owner.name}')
    done.check_free(name, "port")
    bridge.interfaces[name] = Interface(name)


def _del_port(done: Vsctl, line: Line) -> None:
    name = line.words[-1]
    bridge = done.bridge(line.words[0]) if len(line.words) == 2 else None
    owner = done.bridge_of(name)
    if owner is None:
        if "--if-exists" in line.options:
            return
        raise failure(f"no port named {name}")
    if name in done.records:
        why = "deleting this port requires deleting the entire bridge"
        raise failure(f"cannot delete port {name} because it is the local port for bridge {name} ({why})")
    if bridge is not None and bridge is not owner:
        raise failure(f"bridge {bridge.name} does not have a port {name}")
    del owner.interfaces[name]


def _list_ports(done: Vsctl, line: Line) -> None:
    bridge = done.bridge(line.words[0])
    for name in sorted(name for name in bridge.interfaces if name != bridge.name):
        done.process.print(name)


def _port_to_br(done: Vsctl, line: Line) -> None:
    name = line.words[0]
    owner = done.bridge_of(name)
    if owner is None or name in done.records:
        raise failure(f"no {'port' if line.name == 'port-to-br' else 'interface'} named {name}")
    done.process.print(owner.name)


def _show(done: Vsctl, _: Line) -> None:
    """cmd_show: bridges and ports as the tables have them; emu's order is that of their making."""
    process = done.process
    process.print(done.switch.uuid)
    for bridge in done.records.values():
        process.print(f"    Bridge {atom(bridge.name)}")
        process.print(f"        datapath_type: {atom(bridge.datapath_type)}")
        for interface in bridge.interfaces.values():
            process.print(f"        Port {atom(interface.name)}\n            Interface {atom(interface.name)}")
            if interface.type:
                process.print(f"                type: {atom(interface.type)}")
            if interface.options:
                process.print(f"                options: {shown(interface.options)}")
            if interface.error:
                process.print(f"                error: {atom(interface.error)}")


# --- records


def _record(done: Vsctl, line: Line) -> tuple[str, tables.Record | None]:
    """The record that is named; None if it need not be there. Raises UsageError."""
    table, name = tables.find_table(line.words[0]), line.words[1]
    record = done.reader.find(table, name)
    if record is None and "--if-exists" not in line.options:
        raise failure(f'no row "{name}" in table {table}')
    return table, record


def _get(done: Vsctl, line: Line) -> None:
    table, record = _record(done, line)
    for word in line.words[2:] if record is not None else ():
        assert record is not None
        name, colon, key = word.partition(":")
        column = tables.find_column(table, name)
        value = done.reader.value(record, column)
        if not colon:
            done.process.print(shown(value))
        elif not isinstance(value, dict):
            raise failure(f"cannot specify key to get for non-map column {column}")
        elif key in value:
            done.process.print(atom(value[key]))
        elif "--if-exists" in line.options:
            done.process.print()
        else:
            raise failure(f'no key "{key}" in {table} record "{line.words[1]}" column {column}')


def _set(done: Vsctl, line: Line) -> None:
    table, record = _record(done, line)
    for word in line.words[2:] if record is not None else ():
        assert record is not None
        tables.assign(table, record, word)


def _remove(done: Vsctl, line: Line) -> None:
    table, record = _record(done, line)
    if record is not None:
        tables.remove(table, record, line.words[2], line.words[3:])


def _clear(done: Vsctl, line: Line) -> None:
    table, record = _record(done, line)
    for name in line.words[2:] if record is not None else ():
        assert record is not None
        value = done.reader.value(record, tables.find_column(table, name))
        tables.remove(table, record, name, list(value) if isinstance(value, dict) else [])


class Command(NamedTuple):
    """`least` and `most` words."""

    run: Callable[[Vsctl, Line], int | None]
    least: int
    most: int | None
    options: tuple[str, ...] = ()


COMMANDS = {
    "init": Command(_init, 0, 0),
    "show": Command(_show, 0, 0),
    "add-br": Command(_add_br, 1, 3, ("--may-exist",)),
    "del-br": Command(_del_br, 1, 1, ("--if-exists",)),
    "list-br": Command(_list_br, 0, 0),
    "br-exists": Command(_br_exists, 1, 1),
    "add-port": Command(_add_port, 2, None, ("--may-exist",)),
    "del-port": Command(_del_port, 1, 2, ("--if-exists", "--with-iface")),
    "list-ports": Command(_list_ports, 1, 1),
    "list-ifaces": Command(_list_ports, 1, 1),
    "port-to-br": Command(_port_to_br, 1, 1),
    "iface-to-br": Command(_port_to_br, 1, 1),
    "get": Command(_get, 2, None, ("--if-exists",)),
    "set": Command(_set, 3, None, ("--if-exists",)),
    "remove": Command(_remove, 4, None, ("--if-exists",)),
    "clear": Command(_clear, 3, None, ("--if-exists",)),
}
