"""bridge(8) of iproute2 6.1: link (show, set), fdb (show, add, append, replace, del) and monitor.

Not modelled: VLANs, multicast databases, changes of the own address list of a device that is no VXLAN device (`self`).
"""

from __future__ import annotations

from typing import Any

from emu.netdev.bridge import Bridge, BridgePort
from emu.netdev.device import NetDevice
from emu.process import Process, UsageError
from emu.programs.bridge import fdb, monitor
from emu.programs.bridge.common import STATUS, check_rights, device, in_order
from emu.programs.ip.details import on_off, port_state
from emu.programs.ip.devices import as_json, flags, full_name
from emu.programs.ip.words import Context, Words
from emu.programs.libc.userland import has_busybox

PORT_FLAGS = ("hairpin", "isolated", "learning", "flood")
OPTIONS = {"d": "details", "s": "statistics", "j": "json", "t": "timestamp", "ts": "tshort", "o": "oneline"}


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
        return fdb.run(context, words)
    if thing and "monitor".startswith(thing):
        return await monitor.run(context, words)
    if thing in {"vlan", "mdb", "vni"}:
        raise UsageError(f"bridge: '{thing}' is not modelled", STATUS)
    raise UsageError(f'Object "{thing}" is unknown, try "bridge help".', STATUS)


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
            master = device(context, words.next())
        else:
            words.take("dev")
            only = device(context, words.next())
    context.refuse_options("statistics")
    ports = [dev.master.ports[dev] for dev in in_order(context) if isinstance(dev.master, Bridge)]
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
    check_rights(context)
    words.take("dev")
    dev = device(context, words.next())
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
