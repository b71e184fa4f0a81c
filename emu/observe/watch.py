"""What befalls packets between two taps, from the points where the data path lets itself be watched (netfilter's traces, drops, changes of
tables), and a bridge's decision, asked of its forwarding database at the moment when the tap of a port sees a frame.

All of it is kept as it comes, without a word of text; observe/reconstruct.py makes steps of it when the run is over.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from emu.netdev.bridge import Bridge, BridgePort
from emu.observe.journey import Bridged, Step

if TYPE_CHECKING:
    from emu.netdev.device import NetDevice
    from emu.netfilter.hooks import Hook
    from emu.netfilter.netfilter import TraceEvent
    from emu.netfilter.table import Rule
    from emu.netns.fib import Route
    from emu.netns.namespace import Netns
    from emu.packet.address import Ip
    from emu.packet.frame import Frame


class Hit(NamedTuple):
    """A TraceEvent, and the rule itself: numbers change. `dst` is where the packet goes at that moment."""

    hook: Hook
    table: str
    chain: str
    number: int
    verdict: str
    rule: Rule | None
    dst: bytes


class Routes(NamedTuple):
    """A namespace's routes from now on. `redirected` is, by destination, the gateway that a router has told, and until when."""

    local: tuple[Route, ...]
    main: tuple[Route, ...]
    redirected: dict[bytes, tuple[Ip, int]]


Happening = Step | Hit | Routes
Event = tuple[int, int, int, str, Happening]  # how many records there were before, virtual time in ns, packet id, place, what
Tell = Callable[[str, int, Happening], None]


class EventStore:
    """Happenings in their order: forty bytes for each, as what happens is the same for many packets and is kept once."""

    def __init__(self) -> None:
        self._numbers = array("q")
        self._places: dict[str, int] = {}
        self._what: list[Happening] = []

    def __len__(self) -> int:
        return len(self._what)

    def add(self, position: int, now: int, trace_id: int, place: str, what: Happening) -> None:
        self._numbers.extend((position, now, trace_id, self._places.setdefault(place, len(self._places))))
        self._what.append(what)

    def __iter__(self) -> Iterator[Event]:
        numbers, places = iter(self._numbers), list(self._places)
        for position, now, trace_id, place, what in zip(numbers, numbers, numbers, numbers, self._what, strict=False):
            yield position, now, trace_id, places[place], what


def watch_namespace(netns: Netns, tell: Tell) -> Callable[[], None]:
    """Its rules, and its routes as they are and as they change. What it returns ends that."""
    place, netfilter, fib, routing = netns.name, netns.netfilter, netns.fib, netns.ipv4.routing
    known: dict[tuple[object, ...], Hit] = {}

    def rule_met(event: TraceEvent) -> None:
        datagram, hook, table, chain, number, verdict = event
        rule = netfilter.tables[table].chains[chain].rules[number - 1] if number else None
        key = (hook, table, chain, number, verdict, id(rule), datagram.dst)
        hit = known.get(key)
        if hit is None:
            hit = known[key] = Hit(hook, table, chain, number, verdict, rule, datagram.dst)
        tell(place, datagram.trace_id, hit)

    def routes_changed(*_: object) -> None:
        tell(place, 0, Routes(tuple(fib.local), tuple(fib.routes), dict(routing.redirected)))

    def end() -> None:
        netfilter.traces.remove(rule_met)
        fib.on_change.remove(routes_changed)
        routing.on_redirect.remove(routes_changed)

    netfilter.traces.append(rule_met)
    fib.on_change.append(routes_changed)
    routing.on_redirect.append(routes_changed)
    routes_changed()
    return end


def bridge_decision(dev: NetDevice, frame: Frame, known: dict[tuple[str, ...], Bridged]) -> Bridged | None:
    """What a bridge will do with a frame that comes in at its port `dev`, or that the host sends by `dev`, the bridge itself.

    None: there is no bridge, or it drops the frame. `known` has the decisions so far: most are one of a few.
    """
    bridge = dev if isinstance(dev, Bridge) else dev.master
    if not isinstance(bridge, Bridge) or not bridge.up:
        return None
    source = None if dev is bridge else bridge.ports[dev]
    dst = frame.wire[:6]
    entry = None if not dst or dst[0] & 1 else bridge.fdb.entries.get(dst)
    if entry is not None and not entry.is_local and not entry.is_static and bridge.engine.now - entry.updated_ns >= bridge.fdb.ageing_ns:
        entry = None
    if entry is None or (entry.port is None and source is None):
        key: tuple[str, ...] = (bridge.name, "flood", *_flooded(bridge, source, bool(dst and dst[0] & 1)))
    elif source is not None and (entry.is_local or entry.port is None):
        key = bridge.name, "up"
    elif entry.port is None or (entry.port is source and not source.hairpin):
        return None
    else:
        key = bridge.name, "forward", entry.port.dev.name
    decision = known.get(key)
    if decision is None:
        decision = known[key] = Bridged(key[0], key[1], list(key[2:]))
    return decision


def _flooded(bridge: Bridge, source: BridgePort | None, group: bool) -> Iterator[str]:
    for port in bridge.ports.values():
        alone = source is not None and source.isolated and port.isolated
        if (port is not source or port.hairpin) and (port.flood or group) and port.dev.up and not alone:
            yield port.dev.name
