"""ovs-appctl(8), as far as it asks ovs-vswitchd for what emu has: fdb, tnl/neigh, tnl/ports, ovs/route."""

from __future__ import annotations

from collections.abc import Callable

from emu.engine import SECOND
from emu.netdev.ovs import LOCAL
from emu.netns.ovs import OvsSwitch
from emu.packet.address import ip_text, mac_text
from emu.process import Process, UsageError
from emu.programs.ovs import VERSION, switch_of

TARGETS = ("ovs-vswitchd", "vs.ctl")


def refused(text: str) -> UsageError:
    return UsageError(f"{text}\novs-appctl: ovs-vswitchd: server returned an error", 2)


async def main(process: Process, argv: list[str]) -> int:
    words = argv[1:]
    if words[:1] in (["--version"], ["-V"]):
        process.print(f"ovs-appctl (Open vSwitch) {VERSION}")
        return 0
    if words[:1] in (["-t"], ["--target"]):
        if not words[1:2] or not words[1].endswith(TARGETS):
            raise UsageError(f"ovs-appctl: no target but ovs-vswitchd is modelled: {' '.join(words[1:2])}", 1)
        words = words[2:]
    if not words:
        raise UsageError("ovs-appctl: at least one non-option argument is required (use --help for help)", 1)
    name, *rest = words
    if name in OTHER_COMMANDS:
        raise UsageError(f"ovs-appctl: '{name}' is not modelled", 1)
    if name not in COMMANDS:
        raise refused(f'"{name}" is not a valid command (use "list-commands" to see a list of valid commands)')
    run, least, most = COMMANDS[name]
    if len(rest) < least:
        raise refused(f'"{name}" command requires at least {least} arguments')
    if len(rest) > most:
        raise refused(f'"{name}" command takes at most {most} arguments')
    process.write(run(switch_of(process), rest))
    return 0


def _fdb_show(switch: OvsSwitch, words: list[str]) -> str:
    """The entries in the order in which they were last used."""
    bridge = switch.datapath.bridges.get(words[0])
    if bridge is None:
        raise refused("no such bridge")
    now = switch.engine.now
    bridge.fdb.age(now)
    lines = [" port  VLAN  MAC                Age"]
    for entry in sorted(bridge.fdb.entries.values(), key=lambda entry: entry.updated_ns):
        number = "LOCAL" if entry.port.number == LOCAL else entry.port.number
        lines.append(f"{number:>5} {0:5}  {mac_text(entry.mac)} {(now - entry.updated_ns) // SECOND:4}")
    return "\n".join(lines) + "\n"


def _fdb_flush(switch: OvsSwitch, words: list[str]) -> str:
    if words and words[0] not in switch.datapath.bridges:
        raise refused("no such bridge")
    for name, bridge in switch.datapath.bridges.items():
        if not words or words[0] == name:
            bridge.fdb.flush()
    return "table successfully flushed\n"


def _neighbours(switch: OvsSwitch, _: list[str]) -> str:
    lines = ["IP                                            MAC                 Bridge", "=" * 74]
    for (bridge, address), (mac, until) in switch.datapath.neighbours.items():
        stale = " STALE" if until <= switch.engine.now else ""
        lines.append(f"{ip_text(address):<46}{mac_text(mac):<20}{bridge}{stale}")
    return "\n".join(lines) + "\n"


def _forget_neighbours(switch: OvsSwitch, _: list[str]) -> str:
    switch.datapath.neighbours.clear()
    return "OK\n"


def _tunnel_ports(switch: OvsSwitch, words: list[str]) -> str:
    """With -v: what the host's addresses receive for them."""
    lines = ["Listening ports:"]
    options = {tunnel.options.system_name: tunnel.options for tunnel in switch.datapath.tunnels}
    for name, of_kind in options.items():
        number = switch.datapath.numbers[name]
        if words != ["-v"]:
            users = sum(tunnel.options.system_name == name for tunnel in switch.datapath.tunnels)
            lines.append(f"{name} ({number}) ref_cnt={users}")
        for dev in switch.netns.devices.values() if words == ["-v"] else ():
            for address in switch.netns.addresses(dev) if dev.kind != "loopback" else ():
                packet = "proto=47,frag=no)" if of_kind.kind == "gre" else f"proto=17,frag=no),udp(dst={of_kind.port})"
                to = f"eth(dst={mac_text(dev.mac)}),eth_type(0x0800),ipv4(dst={ip_text(address.ip)},{packet}"
                lines.append(f"{name} ({number}) : {to}")
    return "\n".join(lines) + "\n"


def _routes(switch: OvsSwitch, _: list[str]) -> str:
    """The kernel's routes as the daemon remembers them."""
    lines = ["Route Table:"]
    fib = switch.netns.fib
    for route in (*fib.local, *fib.routes):
        if route.dev is not None and route.kind in {"local", "unicast"}:
            source = route.src or switch.netns.best_source(route.dev, route.via or route.dst)
            gateway = f" GW {ip_text(route.via)}" if route.via is not None else ""
            ends = f"{ip_text(route.dst)}/{route.length} dev {route.dev.name}{gateway}"
            lines.append(f"Cached: {ends}{f' SRC {ip_text(source)}' if source else ''}{' local' if route.kind == 'local' else ''}")
    return "\n".join(lines) + "\n"


def _version(_: OvsSwitch, __: list[str]) -> str:
    return f"ovs-vswitchd (Open vSwitch) {VERSION}\n"


COMMANDS: dict[str, tuple[Callable[[OvsSwitch, list[str]], str], int, int]] = {
    "fdb/show": (_fdb_show, 1, 1),
    "fdb/flush": (_fdb_flush, 0, 1),
    "tnl/neigh/show": (_neighbours, 0, 0),
    "tnl/arp/show": (_neighbours, 0, 0),
    "tnl/neigh/flush": (_forget_neighbours, 0, 0),
    "tnl/arp/flush": (_forget_neighbours, 0, 0),
    "tnl/ports/show": (_tunnel_ports, 0, 1),
    "ovs/route/show": (_routes, 0, 0),
    "version": (_version, 0, 0),
}
_OTHER = (
    "dpif/show fdb/add fdb/del fdb/stats-show fdb/stats-clear dpctl/dump-flows dpctl/show dpctl/dump-dps ofproto/trace ofproto/list "
    "bridge/dump-flows coverage/show vlog/set vlog/list list-commands exit ovs/route/lookup dpif/dump-flows "
    "dpif/show-dp-features bond/show bond/list lacp/show stp/show rstp/show mdb/show upcall/show memory/show"
)
OTHER_COMMANDS = frozenset(_OTHER.split())
