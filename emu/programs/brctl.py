"""brctl(8) of bridge-utils 1.7. Not modelled: spanning tree with its times (but `setfd`, which is shown) and costs, `showstp`."""

from __future__ import annotations

from collections.abc import Callable

from emu.netdev.bridge import Bridge, BridgePort
from emu.netdev.device import NetDevice
from emu.netdev.fdb import FdbEntry
from emu.packet.address import mac_text
from emu.process import Process, UsageError
from emu.programs.ip.link_add import random_mac

HEAD = "bridge name\tbridge id\t\tSTP enabled\tinterfaces"
USAGE = {
    "addbr": "<bridge>\t\tadd bridge",
    "delbr": "<bridge>\t\tdelete bridge",
    "addif": "<bridge> <device>\tadd interface to bridge",
    "delif": "<bridge> <device>\tdelete interface from bridge",
    "hairpin": "<bridge> <port> {on|off}\tturn hairpin on/off",
    "setageing": "<bridge> <time>\t\tset ageing time",
    "setbridgeprio": "<bridge> <prio>\t\tset bridge priority",
    "setfd": "<bridge> <time>\t\tset bridge forward delay",
    "sethello": "<bridge> <time>\t\tset hello time",
    "setmaxage": "<bridge> <time>\t\tset max message age",
    "setpathcost": "<bridge> <port> <cost>\tset path cost",
    "setportprio": "<bridge> <port> <prio>\tset port priority",
    "show": "[ <bridge> ]\t\tshow a list of bridges",
    "showmacs": "<bridge>\t\tshow a list of mac addrs",
    "showstp": "<bridge>\t\tshow bridge stp info",
    "stp": "<bridge> {on|off}\tturn stp on/off",
}
WITHOUT_RIGHTS = frozenset({"show", "showmacs", "showstp"})
LONGEST_NAME = 15


async def main(process: Process, argv: list[str]) -> int:
    if len(argv) < 2:
        raise UsageError(_usage(), 1)
    command, words = argv[1], argv[2:]
    if command in {"-V", "--version"}:
        process.print("bridge-utils, 1.7")
        return 0
    if command not in USAGE:
        raise UsageError(f"never heard of command [{command}]\n{_usage()}", 1)
    wanted = USAGE[command].partition("\t")[0].split()
    if command != "show" and len(words) < len(wanted):
        raise UsageError(f"Incorrect number of arguments for command\nUsage: brctl {command} {USAGE[command]}", 1)
    if command not in COMMANDS:
        raise UsageError(f"brctl: '{command}' is not modelled", 1)
    if command not in WITHOUT_RIGHTS and not process.place.net_admin:
        raise UsageError(_denied(command, words), 1)
    COMMANDS[command](process, words)
    return 0


def _usage() -> str:
    lines = (f"\t{name:<10}\t{text}" for name, text in USAGE.items())
    return "Usage: brctl [commands]\ncommands:\n" + "\n".join(lines)


def _denied(command: str, words: list[str]) -> str:
    denied = "Operation not permitted"
    name = words[0]
    doing = {"addbr": f"add bridge failed: {denied}", "delbr": f"can't delete bridge {name}: {denied}"}
    if command in {"addif", "delif"}:
        return (
            f"can't {'add' if command == 'addif' else 'delete'} {words[1]} {'to' if command == 'addif' else 'from'} bridge {name}: {denied}"
        )
    return doing.get(command, f"set {command.removeprefix('set')} failed: {denied}")


def _bridge(process: Process, name: str, otherwise: str = "") -> Bridge:
    found = process.netns.devices.get(name)
    if not isinstance(found, Bridge):
        raise UsageError(otherwise or f"bridge {name} does not exist!", 1)
    return found


# --- bridges and ports come and go


def _addbr(process: Process, words: list[str]) -> None:
    """A name that is too long is cut by the old interface, as strncpy does."""
    name = words[0][:LONGEST_NAME]
    if name in process.netns.devices:
        raise UsageError(f"device {name} already exists; can't create bridge with the same name", 1)
    bridge = Bridge(process.engine, name, random_mac(process.netns, name))
    bridge.mac_is_set = False
    process.netns.add_device(bridge)


def _delbr(process: Process, words: list[str]) -> None:
    name = words[0]
    if name not in process.netns.devices:
        raise UsageError(f"bridge {name} doesn't exist; can't delete it", 1)
    bridge = _bridge(process, name, f"can't delete bridge {name}: Operation not permitted")
    if bridge.up:
        raise UsageError(f"bridge {name} is still up; can't delete it", 1)
    process.netns.delete_device(bridge)


def _addif(process: Process, words: list[str]) -> None:
    bridge = _bridge(process, words[0])
    for name in words[1:]:
        dev = _device(process, name)
        if dev.master is not None:
            raise UsageError(f"device {name} is already a member of a bridge; can't add it to bridge {bridge.name}.", 1)
        reason = _why_no_port(dev)
        if reason:
            raise UsageError(f"can't add {name} to bridge {bridge.name}: {reason}", 1)
        bridge.enslave(dev)


def _device(process: Process, name: str) -> NetDevice:
    dev = process.netns.devices.get(name)
    if dev is None:
        raise UsageError(f"interface {name} does not exist!", 1)
    return dev


def _why_no_port(dev: NetDevice) -> str:
    if dev.kind == "loopback":
        return "Invalid argument"
    if isinstance(dev, Bridge):
        return "Too many levels of symbolic links"
    return "Device or resource busy" if dev.macvlans is not None else ""


def _delif(process: Process, words: list[str]) -> None:
    bridge = _bridge(process, words[0])
    for name in words[1:]:
        dev = _device(process, name)
        if dev.master is not bridge:
            raise UsageError(f"device {name} is not a port of {bridge.name}", 1)
        bridge.release(dev)


# --- settings


def _on(text: str) -> bool:
    if text not in {"on", "off", "yes", "no", "1", "0"}:
        raise UsageError("expect on/off for argument", 1)
    return text in {"on", "yes", "1"}


def _stp(process: Process, words: list[str]) -> None:
    wanted = _on(words[1])
    _bridge(process, words[0], "set stp status failed: No such device")
    if wanted:
        raise UsageError("brctl: 'stp on' is not modelled", 1)


def _hairpin(process: Process, words: list[str]) -> None:
    wanted = _on(words[2])
    bridge = _bridge(process, words[0], f"bridge {words[0]} does not exist!")
    port = next((port for dev, port in bridge.ports.items() if dev.name == words[1]), None)
    if port is None:
        raise UsageError(f"can't set {words[1]} to hairpin on bridge {words[0]}: Invalid argument", 1)
    port.hairpin = wanted


def _setageing(process: Process, words: list[str]) -> None:
    try:
        seconds = float(words[1])
    except ValueError:
        raise UsageError("bad ageing time value", 1) from None
    bridge = _bridge(process, words[0], "set ageing time failed: No such device")
    bridge.fdb.ageing_ns = round(seconds * 10**9)


def _setfd(process: Process, words: list[str]) -> None:
    try:
        seconds = float(words[1])
    except ValueError:
        raise UsageError("bad forward delay value", 1) from None
    bridge = _bridge(process, words[0], "set forward delay failed: No such device")
    bridge.forward_delay = round(seconds * 100)


# --- show


def _show(process: Process, words: list[str]) -> None:
    bridges = [_bridge(process, name) for name in words]
    if not words:
        bridges = [dev for _, dev in sorted(process.netns.devices.items()) if isinstance(dev, Bridge)]
    if bridges or not words:
        process.print(HEAD)
    for bridge in bridges:
        address = bridge.mac.hex() if bridge.mac_is_set or bridge.ports else "0" * 12
        names = sorted(dev.name for dev in bridge.ports)
        process.print(f"{bridge.name}\t\t8000.{address}\tno\t\t{names[0] if names else ''}")
        for name in names[1:]:
            process.print("\t" * 7 + name)


def _showmacs(process: Process, words: list[str]) -> None:
    name = words[0]
    known = name in process.netns.devices
    bridge = _bridge(process, name, f"read of forward table failed: {'Operation not supported' if known else 'No such device'}")
    process.print("port no\tmac addr\t\tis local?\tageing timer")
    now = process.engine.now
    bridge.fdb.age(now)
    rows = [(entry.port, entry) for entry in bridge.fdb.entries.values() if entry.port is not None]
    for port, entry in sorted(rows, key=lambda row: row[1].mac):
        process.print(_row(port, entry, now))


def _row(port: BridgePort, entry: FdbEntry[BridgePort | None], now: int) -> str:
    age = 0.0 if entry.is_local or entry.is_static else (now - entry.updated_ns) / 10**9
    return f"{port.number:3d}\t{mac_text(entry.mac)}\t{'yes' if entry.is_local else 'no'}\t\t{int(age):4d}.{int(age * 100) % 100:02d}"


COMMANDS: dict[str, Callable[[Process, list[str]], None]] = {
    "addbr": _addbr, "delbr": _delbr, "addif": _addif, "delif": _delif, "stp": _stp, "hairpin": _hairpin, "setageing": _setageing,
    "setfd": _setfd,
    "show": _show, "showmacs": _showmacs,
}  # fmt: skip
