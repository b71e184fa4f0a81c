"""ip monitor: a line for each change of links, addresses, routes and neighbours, as it happens.

    ip [-t|-ts] monitor [all | link | address | route | neigh]… [label] [dev DEVICE]

A neighbour's line comes when the kernel tells of it: not when it is asked for the first time, nor from STALE to DELAY. Entries of bridges'
forwarding databases are neighbours here. Not modelled: netconf, nsid, rules, prefixes, next hops and statistics, of which `all` shows
nothing; the repetitions of a device's line when several parts of the kernel tell of one change; VXLAN devices' databases; where a device
that is moved goes (`new-netns`).
"""

from __future__ import annotations

import re

from emu.engine import Future
from emu.netdev.bridge import Bridge, BridgePort
from emu.netdev.device import NetDevice
from emu.netdev.fdb import FdbEntry
from emu.netns.addresses import InterfaceAddress
from emu.netns.fib import Route
from emu.netns.neighbour import Neighbour, NeighbourState
from emu.packet.address import ANY, Mac, ip_text, mac_text
from emu.process import UsageError
from emu.programs.ip.addr import address_line
from emu.programs.ip.devices import first_line, flags, full_name, hardware_line, state
from emu.programs.ip.route import line as route_line
from emu.programs.ip.words import Context, Words
from emu.programs.libc.clock import DAYS, MONTHS, civil, gettimeofday
from emu.programs.libc.subscriptions import Subscriptions

OBJECTS = ("link", "address", "route", "mroute", "prefix", "neigh", "netconf", "rule", "nsid", "nexthop", "stats")  # as they are looked for
MODELLED = frozenset({"link", "address", "route", "neigh"})
LABELS = {"link": "LINK", "address": "ADDR", "route": "ROUTE", "neigh": "NEIGH"}
STATUS = 255
UNTOLD = frozenset({NeighbourState.INCOMPLETE, NeighbourState.DELAY})
USAGE = """Usage: ip monitor [ all | OBJECTS ] [ FILE ] [ label ] [ all-nsid ]
                  [ dev DEVICE ]
OBJECTS :=  address | link | mroute | neigh | netconf |
            nexthop | nsid | prefix | route | rule | stats
FILE := file FILENAME"""


async def run(context: Context, words: Words) -> int:
    context.refuse_options("json", "brief", "details", "statistics")
    monitor = Monitor(context)
    monitor.read(words)
    monitor.listen()
    await Future[None](context.process.engine)
    return 0


class Monitor:
    """What is asked for, and the lines."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.netns = context.netns
        self.objects: set[str] = set()
        self.labelled = False
        self.only: NetDevice | None = None
        self.known: dict[Neighbour, tuple[NeighbourState, Mac | None]] = {}

    def read(self, words: Words) -> None:
        while words:
            word = words.next()
            found = next((name for name in OBJECTS if name.startswith(word)), "")
            if word == "help":
                raise UsageError(USAGE, STATUS)
            if word == "dev":
                self.only = self.context.device(words.next())
            elif "label".startswith(word) and len(word) > 1:
                self.labelled = True
            elif word == "all":
                self.labelled = True
                self.objects |= MODELLED
            elif found in MODELLED:
                self.objects.add(found)
            elif found or word in {"file", "all-nsid"}:
                raise UsageError(f"ip: 'monitor {found or word}' is not modelled", STATUS)
            else:
                raise UsageError(f'Argument "{word}" is unknown, try "ip monitor help".', STATUS)
        self.objects = self.objects or set(MODELLED)

    def listen(self) -> None:
        netns, subscriptions = self.netns, Subscriptions(self.context.process)
        if "link" in self.objects:
            subscriptions.add(netns.on_link, self._link)
        if "address" in self.objects:
            subscriptions.add(netns.on_address, self._address)
        if "route" in self.objects:
            subscriptions.add(netns.fib.on_change, self._route)
        if "neigh" in self.objects:
            self.known = {entry: (entry.state, entry.mac) for entry in netns.neighbours.entries.values()}
            subscriptions.add(netns.neighbours.on_change, self._neighbour)
            subscriptions.add_bridges(netns, self._fdb)

    def _print(self, what: str, dev: NetDevice | None, lines: list[str], *, there: bool = True) -> None:
        if self.only not in {None, dev}:
            return
        label = f"[{LABELS[what]}]" if self.labelled else ""
        lines[0] = f"{stamp(self.context)}{label}{'' if there else 'Deleted '}{lines[0]}"
        self.context.print_lines(lines)

    # --- links

    def _link(self, dev: NetDevice, what: str) -> None:
        rising = what == "up" and state(dev) == "UP"
        if what == "settled" and state(dev) != "UP":
            return
        if what in {"port", "unport"}:
            self._print("link", dev, self._port_lines(dev), there=what == "port")
            return
        lines = [first_line(self.context, dev, mode=False).partition("qlen ")[0], hardware_line(self.context, dev)]
        if rising:
            lines[0] = unnoticed(lines[0])
        if what in {"new", "deleted"}:
            lines[0] = re.sub(r" qdisc \S+ ", " qdisc noop ", lines[0])
        self._print("link", dev, lines, there=what != "deleted")

    def _port_lines(self, dev: NetDevice) -> list[str]:
        """What the bridge tells of its port."""
        head = f"{dev.ifindex}: {full_name(self.context, dev)}: <{','.join(flags(self.context, dev))}> mtu {dev.mtu}"
        return [f"{head} master {dev.master.name} state {state(dev)} ", f"    link/ether {mac_text(dev.mac)}"]

    # --- addresses and routes

    def _address(self, address: InterfaceAddress, there: bool) -> None:
        dev = address.dev
        lines = [f"{dev.ifindex}: {dev.name}{address_line(address)}", "       valid_lft forever preferred_lft forever"]
        self._print("address", dev, lines, there=there)

    def _route(self, route: Route, there: bool) -> None:
        if route.flushed:
            return
        table = "local" if route.kind in {"local", "broadcast"} else ""
        self._print("route", route.dev, [route_line(route, table=table)], there=there)

    # --- neighbours

    def _neighbour(self, entry: Neighbour, there: bool) -> None:
        if entry.ip == ANY:
            return
        if not there:
            before = self.known.pop(entry, (entry.state, entry.mac))
            return self._print("neigh", entry.dev, [neighbour_line(entry, *before)], there=False)
        now = entry.state, entry.mac
        if self.known.get(entry) != now and entry.state not in UNTOLD:
            self._print("neigh", entry.dev, [neighbour_line(entry, *now)])
        self.known[entry] = now

    def _fdb(self, bridge: Bridge, entry: FdbEntry[BridgePort | None], there: bool) -> None:
        dev = entry.port.dev if entry.port is not None else bridge
        word = "PERMANENT" if entry.is_local else "NOARP" if entry.is_static else "REACHABLE"
        self._print("neigh", dev, [f"dev {dev.name} lladdr {mac_text(entry.mac)} {word} "], there=there)


def stamp(context: Context) -> str:
    """`-t`: a line of its own; `-ts`: before the line."""
    if not context.options & {"timestamp", "tshort"}:
        return ""
    seconds, us = gettimeofday(context.process.engine)
    year, month, day, hour, minute, second, weekday = civil(seconds)
    if "tshort" in context.options:
        return f"[{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{us:06}] "
    end = "\\" if context.oneline else "\n"
    return f"Timestamp: {DAYS[weekday]} {MONTHS[month - 1]} {day:2} {hour:02}:{minute:02}:{second:02} {year} {us} usec{end}"


def unnoticed(line: str) -> str:
    """A device that is up, and whose carrier has not been noticed yet."""
    return line.replace("<", "<NO-CARRIER,", 1).replace(" state UP ", " state DOWN ", 1)


def neighbour_line(entry: Neighbour, state: NeighbourState, mac: Mac | None) -> str:
    known = mac is not None and state not in {NeighbourState.FAILED, NeighbourState.INCOMPLETE}
    return f"{ip_text(entry.ip)} dev {entry.dev.name} {f'lladdr {mac_text(mac)} ' if known and mac is not None else ''}{state.name} "
