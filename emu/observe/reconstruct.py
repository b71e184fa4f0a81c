"""From what taps and watchers kept of a run to journeys: goes once through records and happenings in their order.

A happening belongs to the hop at which the packet was last seen in that namespace; what comes before (a packet is born there) belongs to
the hop that comes next. A hop is given out when its packet's way is known to the end, so only packets under way are in memory.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Container, Iterator, Sequence
from typing import TYPE_CHECKING

from emu.netdev.device import TX
from emu.netfilter.rule_text import rule_text
from emu.netns.fib import Fib
from emu.observe.journey import (
    Bridged,
    Chain,
    Connection,
    Decapsulated,
    Dropped,
    Encapsulated,
    Hop,
    Journey,
    Linked,
    Routed,
    RuleHit,
    Step,
    Translated,
    Waited,
)
from emu.observe.links import consequence, is_arp_request, relation
from emu.observe.pcap import LINKTYPE_ETHERNET
from emu.observe.summary import NO_LINK, changes, summary
from emu.observe.tunnels import TUNNELS, is_outer, switched, vni_of
from emu.observe.watch import Event, Hit, Routes
from emu.packet import arp, ethernet
from emu.packet.address import ip_text, is_multicast

if TYPE_CHECKING:
    from emu.observe.recorder import CapturedInterface, Recorder
    from emu.observe.store import Record
    from emu.packet.frame import Frame

ROUTED_BEFORE = frozenset({"INPUT", "FORWARD", "OUTPUT"})  # hooks that lie behind the routing decision
END = {"src": "source", "dst": "destination"}
MOST_LINKS = 8


class Way:
    """A packet under way. By namespace: `here` the last hop, `wires` the frame there, `pending` what befell it before any hop."""

    def __init__(self, trace_id: int, cause: int) -> None:
        self.journey = Journey(trace_id, cause)
        self.here: dict[str, Hop] = {}
        self.wires: dict[str, bytes] = {}
        self.pending: dict[str, list[Step]] = {}
        self.routed: set[str] = set()  # namespaces that have chosen a route for it, or need none
        self.bridging: dict[str, str] = {}  # what a bridge has decided
        self.wire = b""
        self.text = ""
        self.inner: tuple[str, bytes] | None = None  # the tunnel that it went into, and what it was then
        self.entered: set[str] = set()  # namespaces that it has come into since
        self.outer = b""  # what it last came in as, when that was no tunnel
        self.times: dict[str, int] = {}  # by namespace: when the first thing befell it that no device saw
        self.done = False

    def steps(self, place: str) -> list[Step]:
        """Where the next step in the namespace belongs."""
        hop = self.here.get(place)
        return hop.steps if hop is not None else self.pending.setdefault(place, [])


class Reconstruction:
    """Iterating gives all records of a run in order, each with its hop; `on_end` is called with each journey as it ends."""

    def __init__(self, recorder: Recorder, on_end: Callable[[Journey], None], only: Container[int] | None = None) -> None:
        self._recorder = recorder
        self._interfaces = recorder.interfaces
        self._on_end = on_end
        self._only = only
        self._ways: dict[int, Way] = {}
        self._fibs: dict[str, Fib] = {}
        self._chosen: dict[tuple[str, bytes], Routed | None] = {}
        self._told: dict[int, Chain | Connection | Translated] = {}  # what a Hit comes to, by its identity: steps are shared
        self._chains: dict[tuple[int, int], Chain] = {}  # what a walk of a table comes to with one rule more
        self._left: Counter[int] = Counter()  # by packet id: records and happenings to come
        self._caused: dict[int, list[tuple[int, bytes]]] = {}  # by packet id: the packets that name it, as first seen
        self._unseen: dict[int, tuple[bytes, int]] = {}  # by packet id: a packet that no device saw, and its cause
        self._read_ahead()

    def _read_ahead(self) -> None:
        """How much there is to come of each packet, and what it causes."""
        left, caused = self._left, self._caused
        for _, number, _, frame in self._recorder.store:
            if frame.cause and frame.trace_id not in left:
                caused.setdefault(frame.cause, []).append((frame.trace_id, self._whole(number, frame)))
            left[frame.trace_id] += 1
        for trace_id, (wire, cause) in self._recorder.lost.items():
            if trace_id not in left:
                self._unseen[trace_id] = wire, cause
                caused.setdefault(cause, []).append((trace_id, wire))
        for event in self._recorder.events:
            left[event[2]] += 1

    # --- in the order of what happened

    def __iter__(self) -> Iterator[tuple[Record, Hop]]:
        waiting: deque[tuple[Record, Hop, Way]] = deque()
        events = iter(self._recorder.events)
        event = next(events, None)
        for position, record in enumerate(self._recorder.store):
            while event is not None and event[0] <= position:
                self._event(event)
                event = next(events, None)
            frame = record[3]
            if self._only is None or frame.trace_id in self._only:
                hop, way = self._record(record)
                waiting.append((record, hop, way))
                self._count_down(frame.trace_id)
            while waiting and waiting[0][2].done:
                yield waiting[0][:2]
                waiting.popleft()
        while event is not None:
            self._event(event)
            event = next(events, None)
        for trace_id in list(self._ways):
            self._end(trace_id)
        for record, hop, _ in waiting:
            yield record, hop

    def _way(self, trace_id: int, cause: int = 0) -> Way:
        way = self._ways.get(trace_id)
        if way is None:
            way = self._ways[trace_id] = Way(trace_id, cause)
        way.journey.cause = way.journey.cause or cause
        return way

    def _count_down(self, trace_id: int) -> None:
        self._left[trace_id] -= 1
        if not self._left[trace_id]:
            self._end(trace_id)

    def _end(self, trace_id: int) -> None:
        way = self._ways.pop(trace_id)
        journey = way.journey
        for place, hop in way.here.items():
            if _is_open(hop) and place not in way.routed and way.wires[place][12:14] == ethernet.IPV4:
                self._route(way, place, hop.steps, way.wires[place][30:34])
        for place, steps in way.pending.items():
            if steps:
                self._add_hop_without_device(way, place, steps)
        links = [Linked(word, caused) for caused, wire in self._caused.get(trace_id, ()) if (word := consequence(wire))]
        if journey.hops:
            journey.hops[-1].steps.extend(links[:MOST_LINKS])
        way.done = True
        self._on_end(journey)

    def _add_hop_without_device(self, way: Way, place: str, steps: list[Step]) -> None:
        """It never reached a device there."""
        journey = way.journey
        wire, journey.cause = self._unseen.get(journey.id, (b"", journey.cause))
        if place not in way.routed and wire[12:14] == ethernet.IPV4:
            self._route(way, place, steps, wire[30:34], before=steps[:1])
        links = [Linked(relation(wire), journey.cause)] if journey.cause and not journey.hops else []
        journey.hops.append(Hop(way.times[place], place, "", "", summary(wire) if wire else "", [*links, *steps]))
        journey.hops.sort(key=lambda hop: hop.time_ns)

    # --- what befell it between two devices

    def _event(self, event: Event) -> None:
        _, now, trace_id, place, what = event
        if isinstance(what, Routes):
            self._routes_changed(place, what)
            return
        if self._only is not None and trace_id not in self._only:
            return
        way = self._way(trace_id)
        way.times.setdefault(place, now)
        steps = way.steps(place)
        if isinstance(what, Hit):
            self._hit(way, place, steps, what)
        elif isinstance(what, Bridged):
            way.bridging[place] = what.decision
            if what.decision != "up":
                way.routed.add(place)
            steps.append(what)
        elif isinstance(what, Dropped):
            steps.append(_blamed(what, steps))
        else:
            steps.append(what)
        self._count_down(trace_id)

    def _hit(self, way: Way, place: str, steps: list[Step], hit: Hit) -> None:
        hook = hit.hook.name
        told = self._told.get(id(hit))
        if told is None:
            told = self._told[id(hit)] = _told(hit)
        if not isinstance(told, Chain):
            steps.append(told)
            return
        if hook in ROUTED_BEFORE and place not in way.routed:
            self._route(way, place, steps, hit.dst)
        latest = steps[-1] if steps else None
        if isinstance(latest, Chain) and latest.hook == hook and latest.table == told.table:
            key = id(latest), id(told)
            longer = self._chains.get(key)
            if longer is None:
                longer = self._chains[key] = Chain(hook, told.table, latest.rules + told.rules)
            steps[-1] = longer
        else:
            steps.append(told)

    # --- a device

    def _whole(self, number: int, frame: Frame) -> bytes:
        """The frame with something in the place of its Ethernet header if it has none."""
        return frame.wire if self._interfaces[number].link_type == LINKTYPE_ETHERNET else NO_LINK + frame.wire

    def _record(self, record: Record) -> tuple[Hop, Way]:
        now, number, direction, frame = record
        interface = self._interfaces[number]
        place = interface.place
        wire = self._whole(number, frame)
        way = self._way(frame.trace_id, frame.cause)
        before = way.wire
        if wire == before:  # from device to device as it is: no route
            way.routed.add(place)
        else:
            way.wire, way.text = wire, summary(wire)
        hop = Hop(now, place, interface.label[len(place) + 1 :], direction.value, way.text, way.pending.pop(place, []))
        if frame.cause and not way.journey.hops:
            self._introduce(hop, frame.trace_id, frame.cause, wire)
        if way.inner is None and interface.kind not in TUNNELS:
            hop.steps += switched(before, wire)
        if direction is TX:
            self._sent(way, interface, hop, wire)
        else:
            self._received(way, interface, hop, wire)
        way.journey.hops.append(hop)
        way.here[place] = hop
        way.wires[place] = wire
        return hop, way

    def _introduce(self, hop: Hop, trace_id: int, cause: int, wire: bytes) -> None:
        """A packet that another one caused is seen for the first time."""
        hop.steps.append(Linked(relation(wire), cause))
        packet = arp.parse(wire[14:]) if is_arp_request(wire) else None
        if packet is not None and self._left[cause] and (self._only is None or cause in self._only):
            way = self._way(cause)
            way.times.setdefault(hop.place, hop.time_ns)
            steps, known = way.steps(hop.place), way.wires.get(hop.place)
            if known is not None and hop.place not in way.routed:
                self._route(way, hop.place, steps, known[30:34])
            steps.append(Waited(ip_text(packet.target_ip), trace_id))

    def _sent(self, way: Way, interface: CapturedInterface, hop: Hop, wire: bytes) -> None:
        place = interface.place
        if way.inner is not None and interface.kind not in TUNNELS and place not in way.entered and is_outer(wire, way.inner[1]):
            how, _ = way.inner
            hop.steps.append(Encapsulated(how, ip_text(wire[26:30]), ip_text(wire[30:34]), vni_of(how, wire)))
        else:
            before = way.wires.get(place)
            if before is not None:
                hop.steps += changes(before, wire, translated=self._is_translated(way, place, hop))
        if place not in way.routed and wire[12:14] == ethernet.IPV4:
            waited = [step for step in hop.steps if isinstance(step, Waited)]
            self._route(way, place, hop.steps, wire[30:34], before=waited[:1])
        if interface.kind in TUNNELS:
            way.inner = interface.kind, wire
            way.entered.clear()
            way.routed.clear()  # the outer packet has a route of its own

    @staticmethod
    def _is_translated(way: Way, place: str, hop: Hop) -> bool:
        before = way.here.get(place)
        return any(isinstance(step, Translated) for step in (*(before.steps if before is not None else ()), *hop.steps))

    def _received(self, way: Way, interface: CapturedInterface, hop: Hop, wire: bytes) -> None:
        place = interface.place
        way.routed.discard(place)
        way.entered.add(place)
        if interface.kind == "bridge":
            decision = way.bridging.pop(place, "up")
            hop.copy = decision == "forward" or (decision == "flood" and not wire[0] & 1)
        if interface.kind not in TUNNELS:
            way.outer = wire
        elif len(way.outer) >= 34:
            outer, how = way.outer, interface.kind
            hop.steps.append(Decapsulated(how, ip_text(outer[26:30]), ip_text(outer[30:34]), vni_of(how, outer)))

    # --- routes

    def _routes_changed(self, place: str, routes: Routes) -> None:
        fib = self._fibs[place] = Fib()
        fib.local, fib.routes = list(routes.local), list(routes.main)
        for key in [key for key in self._chosen if key[0] == place]:
            del self._chosen[key]

    def _route(self, way: Way, place: str, steps: list[Step], dst: bytes, before: Sequence[Step] = ()) -> None:
        """The route that the namespace's tables have at that moment."""
        way.routed.add(place)
        key = place, dst
        if key not in self._chosen:
            self._chosen[key] = self._look_up(place, dst)
        chosen = self._chosen[key]
        if chosen is not None:
            steps.insert(steps.index(before[0]) if before else len(steps), chosen)

    def _look_up(self, place: str, dst: bytes) -> Routed | None:
        fib = self._fibs.get(place)
        route = fib.lookup(dst) if fib is not None and len(dst) == 4 and not is_multicast(dst) else None
        if route is None or route.dev is None:
            return None
        matched = f"{ip_text(route.dst)}/{route.length}" if route.length else "default"
        dev = "lo" if route.kind == "local" else route.dev.name
        return Routed(route.kind, ip_text(dst), ip_text(route.via) if route.via else "", dev, matched)


def reconstruct(recorder: Recorder) -> list[Journey]:
    """All journeys of a run, in the order in which they ended."""
    journeys: list[Journey] = []
    for _ in Reconstruction(recorder, journeys.append):
        pass
    return journeys


def _told(hit: Hit) -> Chain | Connection | Translated:
    hook = hit.hook.name
    if hit.table == "conntrack":
        return Connection(hook, hit.verdict)
    if hit.table == "nat" and not hit.chain:
        end, before, _, after = hit.verdict.split()
        return Translated(END[end], before, after, hook)
    if hit.rule is None:
        return Chain(hook, hit.table, [RuleHit(hit.chain, hit.number, hit.verdict)])
    return Chain(hook, hit.table, [RuleHit(hit.chain, hit.number, hit.verdict, rule_text(hit.rule).strip(), bool(hit.rule.jump))])


def _is_open(hop: Hop) -> bool:
    """It came in and was not dropped there."""
    return hop.direction == "in" and not hop.copy and not any(isinstance(step, Dropped) for step in hop.steps)


def _blamed(drop: Dropped, steps: list[Step]) -> Dropped:
    """A drop by netfilter with the rule or policy that did it, which is the last thing that happened."""
    latest = next((step for step in reversed(steps) if isinstance(step, Chain)), None)
    if drop.reason == "NETFILTER" and latest is not None:
        drop.table, drop.hook, drop.rule = latest.table, latest.hook, latest.decided
    return drop
