"""What befalls packets between two taps, from the points where the data path lets itself be watched (netfilter's traces, drops, changes of
tables), and a bridge's decision, asked of its forwarding database at the moment when the tap of a port sees a frame.

All of it is kept as it comes, without a word of text; observe/reconstruct.py makes steps of it when the run is over.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from emu.netdev.bridge import Bridge
from emu.observe.journey import Bridged, Step

if TYPE_CHECKING:
    from emu.netdev.device import NetDevice
    from emu.netfilter.hooks import Hook
    from emu.netfilter.netfilter import TraceEvent
    from emu.netfilter.table import Rule
    from emu.netns.fib import Route
    from emu.netns.namespace import Netns
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
    """A namespace's routes from now on."""

    local: tuple[Route, ...]
    main: tuple[Route, ...]


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
    place, netfilter, fib = netns.name, netns.netfilter, netns.fib
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
        tell(place, 0, Routes(tuple(fib.local), tuple(fib.routes)))

    def end() -> None:
        netfilter.traces.remove(rule_met)
        fib.on_change.remove(routes_changed)

    netfilter.traces.append(rule_met)
    fib.on_change.append(routes_changed)
    routes_changed()
    return end


def bridge_decision(dev: NetDevice, frame: Frame, known: dict[tuple[str, ...], Bridged]) -> Bridged | None:
    """What the bridge that has `dev` as a port will do with a frame that comes in there. None: it is no bridge, or it drops the frame.

    `known` has the decisions so far: most are one of a few.
    """
    bridge = dev.master
    if not isinstance(bridge, Bridge) or not bridge.up:
        return None
    dst = frame.wire[:6]
    entry = None if not dst or dst[0] & 1 else bridge.fdb.entries.get(dst)
    if entry is not None and (entry.is_static or bridge.engine.now - entry.updated_ns < bridge.fdb.ageing_ns or entry.is_local):
        port = None if entry.is_local else entry.port
        key: tuple[str, ...] = (bridge.name, "up") if port is None else (bridge.name, "forward", port.dev.name)
    else:
        ports = (port.dev.name for port in bridge.ports.values() if (port.dev is not dev or port.hairpin) and port.dev.up)
        key = (bridge.name, "flood", *ports)
    decision = known.get(key)
    if decision is None:
        decision = known[key] = Bridged(key[0], key[1], list(key[2:]))
    return decision
