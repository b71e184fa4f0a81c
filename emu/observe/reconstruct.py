"""From what taps and watchers kept of a run to journeys: goes once through records and happenings in their order.

A happening belongs to the hop at which the packet was last seen in that namespace; what comes before (a packet is born there) belongs to
the hop that comes next. A hop is given out when its packet's way is known to the end, so only packets under way are in memory.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Container, Iterator
from typing import TYPE_CHECKING

from emu.netdev.device import TX
from emu.netdev.drop import DropReason
from emu.netdev.ovs_datapath import OvsInternal
from emu.observe.journey import (
    Bridged,
    Chain,
    Connection,
    Dropped,
    Hop,
    Journey,
    Linked,
    Note,
    Size,
    Step,
    Translated,
    Unanswered,
    Waited,
)
from emu.observe.links import consequence, is_arp_request, relation
from emu.observe.pcap import LINKTYPE_ETHERNET
from emu.observe.routes import BEHIND_ROUTING, RouteBook
from emu.observe.summary import NO_LINK, changes, is_first_fragment, is_fragment, summary
from emu.observe.tunnels import TUNNELS, decapsulated, switched
from emu.observe.watch import Event, Hit, Routes
from emu.observe.way import Inside, Way
from emu.packet import arp, ethernet
from emu.packet.address import ip_text

if TYPE_CHECKING:
    from emu.observe.recorder import CapturedInterface, Recorder
    from emu.observe.store import Record
    from emu.packet.frame import Frame

ROUTED_BEFORE = frozenset({"INPUT", "FORWARD", "OUTPUT"})  # hooks that lie behind the routing decision
MOST_LINKS = 8
IN_USER_SPACE = Note("taken by a switch in user space")


class Reconstruction:
    """Iterating gives all records of a run in order, each with its hop; `on_end` is called with each journey as it ends."""

    def __init__(self, recorder: Recorder, on_end: Callable[[Journey], None], only: Container[int] | None = None) -> None:
        self._recorder = recorder
        self._interfaces = recorder.interfaces
        self._on_end = on_end
        self._only = only
        self._has_switches = any(each.kind == OvsInternal.kind for each in recorder.interfaces)
        self._ways: dict[int, Way] = {}
        self._routes = RouteBook()
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
            way = self._ways[trace_id] = Way(trace_id)
        if cause and not way.journey.cause and self._is_known(cause):
            way.journey.cause = cause
        return way

    def _is_known(self, trace_id: int) -> bool:
        """Or had it come and gone before anybody watched?"""
        return trace_id in self._left or trace_id in self._unseen

    def _count_down(self, trace_id: int) -> None:
        self._left[trace_id] -= 1
        if not self._left[trace_id]:
            self._end(trace_id)

    # --- what befell it between two devices

    def _event(self, event: Event) -> None:
        _, now, trace_id, place, what = event
        if isinstance(what, Routes):
            self._routes.change(place, what)
            return
        if self._only is not None and trace_id not in self._only:
            return
        way = self._ways.get(trace_id) or self._way(trace_id)
        if place not in way.here:
            way.times.setdefault(place, now)
        if isinstance(what, Hit):
            self._hit(way, place, now, what)
        elif isinstance(what, Bridged):
            self._bridged(way, place, what)
        elif isinstance(what, Dropped):
            self._dropped(way, place, now, what)
        else:
            if isinstance(what, Unanswered):
                self._route(way, place, now)
            way.steps(place).append(what)
        self._count_down(trace_id)

    def _hit(self, way: Way, place: str, now: int, hit: Hit) -> None:
        told, dst = hit
        hook, steps = told.hook, way.steps(place)
        if isinstance(told, Chain):
            if place not in way.routed and hook in ROUTED_BEFORE:
                self._route(way, place, now, dst)
            self._walked(steps, told)
        else:
            if isinstance(told, Connection) and place not in way.whole and is_fragment(way.wires.get(place, b"")):
                way.whole.add(place)
                steps.append(Size("reassembled"))
            steps.append(told)
            if hook == "OUTPUT" and isinstance(told, Translated):  # ip_route_me_harder
                way.routed.discard(place)
                self._route(way, place, now, dst)
        if place in way.undecided:
            undecided = way.undecided[place]
            if hook == "PREROUTING":
                undecided.position = len(steps)
            elif undecided.decision.decision != "up":
                way.settle_bridge(place)

    def _walked(self, steps: list[Step], told: Chain) -> None:
        """A table was walked, or the walk goes on that something interrupted."""
        latest = steps[-1] if steps else None
        if not isinstance(latest, Chain) or not latest.is_followed_by(told):
            steps.append(told)
            return
        key = id(latest), id(told)
        longer = self._chains.get(key)
        if longer is None:
            longer = self._chains[key] = latest.followed_by(told)
        steps[-1] = longer

    @staticmethod
    def _bridged(way: Way, place: str, decision: Bridged) -> None:
        here = way.here.get(place)
        if here is not None and here.direction == "in":
            way.ask_bridge(place, decision)
        else:
            way.steps(place).append(decision)

    def _dropped(self, way: Way, place: str, now: int, drop: Dropped) -> None:
        steps = way.steps(place)
        drop = _blamed(drop, steps)
        lost = self._recorder.lost[way.journey.id][0]
        if way.is_carried_by(lost, place):
            way.put_into(lost)
        if DropReason[drop.reason] in BEHIND_ROUTING:
            self._route(way, place, now)
        if drop.hook == "PREROUTING":
            way.undecided.pop(place, None)
        else:
            way.settle_bridge(place)
        if not drop.quiet and self._has_switches:
            _taken_by_a_switch(steps)
        steps.append(drop)

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
            if interface.kind == "macvlan" and not wire[0] & 1:  # nor at the parent
                way.routed.add(way.journey.hops[-1].place)
        else:
            way.wire, way.text = wire, summary(wire)
        hop = Hop(now, place, interface.device, "out" if direction is TX else "in", way.text, way.pending.pop(place, []))
        if way.journey.cause and not way.journey.hops:
            self._introduce(hop, frame.trace_id, frame.cause, wire)
        if self._has_switches and (direction is TX or interface.kind == OvsInternal.kind):
            _switch_in_user_space(way, hop, before, wire)
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
            self._route(way, hop.place, hop.time_ns)
            way.steps(hop.place).append(Waited(ip_text(packet.target_ip), trace_id))

    def _sent(self, way: Way, interface: CapturedInterface, hop: Hop, wire: bytes) -> None:
        place, tunnel = interface.place, interface.kind in TUNNELS
        here = way.here.get(place)
        if interface.kind == "bridge":  # it has waited for a neighbour behind the bridge, which decides again
            way.undecided.pop(place, None)
        way.settle_bridge(place, hop.device)
        carries = not tunnel and way.is_carried_by(wire, place)
        if carries:
            way.put_into(wire)
        elif here is not None:
            hop.steps += changes(way.wires[place], wire, translated=_is_translated(here, hop))
        if wire[12:14] == ethernet.IPV4:
            if place not in way.routed:
                self._route(way, place, hop.time_ns, wire[30:34], hop if here is None else here)
            if (here is None or carries or place in way.whole) and is_first_fragment(wire):
                way.whole.discard(place)
                hop.steps.append(Size("fragmented"))
        if tunnel:
            way.inside = Inside(hop.steps, len(hop.steps), interface.kind, wire)
            way.entered.clear()
            way.routed.clear()  # the outer packet has a route of its own
        elif carries:
            way.goes_on_inside(hop)

    def _received(self, way: Way, interface: CapturedInterface, hop: Hop, wire: bytes) -> None:
        place = interface.place
        way.routed.discard(place)
        way.entered.add(place)
        if interface.kind == "bridge":
            way.settle_bridge(place)
            decision = way.bridging.pop(place, None)
            hop.copy = decision is not None and (decision.decision == "forward" or (decision.decision == "flood" and not wire[0] & 1))
        if interface.kind not in TUNNELS:
            way.outer = wire
        elif len(way.outer) >= 34:
            outer, how = way.outer, interface.kind
            hop.steps.append(decapsulated(how, outer))

    # --- routes

    def _route(self, way: Way, place: str, now: int, dst: bytes = b"", hop: Hop | None = None) -> None:
        """The route that the namespace's tables have at that moment, if it is not told yet: before it has waited for a neighbour."""
        if place in way.routed:
            return
        hop = hop or way.here.get(place)
        chosen = self._routes.choose(place, dst or self._destination(way, place), now, hop.device if hop is not None else "")
        if chosen is None:
            return
        way.routed.add(place)
        steps = hop.steps if hop is not None else way.steps(place)
        position = len(steps)
        while position and isinstance(steps[position - 1], Waited):
            position -= 1
        steps.insert(position, chosen)
        if place in way.undecided:  # a bridge hands a packet on to a neighbour behind it when it knows the route
            way.undecided[place].position += 1
        if chosen.type == "local" and place not in way.whole and is_fragment(way.wires.get(place, b"")):
            way.whole.add(place)
            steps.insert(position + 1, Size("reassembled"))

    def _destination(self, way: Way, place: str) -> bytes:
        """Where it goes, as far as that has been seen: what has gone into a tunnel goes on as a packet that is not seen yet."""
        wire, _ = self._recorder.lost.get(way.journey.id, (b"", 0))
        if way.inside is not None and place not in way.entered:
            wire = wire if way.is_carried_by(wire, place) else b""
        elif way.journey.hops:
            wire = way.wires.get(place, b"")
        return wire[30:34] if wire[12:14] == ethernet.IPV4 else b""

    # --- its end

    def _end(self, trace_id: int) -> None:
        way = self._ways.pop(trace_id)
        journey = way.journey
        for place, hop in way.here.items():
            way.settle_bridge(place)
            if hop.direction == "in" and not hop.copy and not any(isinstance(step, Dropped) for step in hop.steps):
                self._route(way, place, hop.time_ns)
        for place, steps in way.pending.items():
            if steps:
                self._add_hop_without_device(way, place, steps)
        links = [
            Linked(word, caused)
            for caused, wire in self._caused.get(trace_id, ())
            if (word := consequence(wire)) and (self._only is None or caused in self._only)
        ]
        journey.hops[-1].steps.extend(links[:MOST_LINKS])
        way.done = True
        self._on_end(journey)

    def _add_hop_without_device(self, way: Way, place: str, steps: list[Step]) -> None:
        """It never reached a device there."""
        journey = way.journey
        wire, cause = self._unseen.get(journey.id, (b"", 0))
        links = []
        if cause and not journey.hops and self._is_known(cause):
            journey.cause = cause
            links.append(Linked(relation(wire), cause))
        journey.hops.append(Hop(way.times[place], place, "", "", summary(wire) if wire else "", [*links, *steps]))
        journey.hops.sort(key=lambda hop: hop.time_ns)


def reconstruct(recorder: Recorder) -> list[Journey]:
    """All journeys of a run, in the order in which they ended."""
    journeys: list[Journey] = []
    for _ in Reconstruction(recorder, journeys.append):
        pass
    return journeys


def _blamed(drop: Dropped, steps: list[Step]) -> Dropped:
    """A drop by netfilter with the rule or policy that did it, which is the last thing that happened."""
    latest = steps[-1] if steps else None
    if drop.reason == "NETFILTER" and isinstance(latest, Chain) and latest.decided.verdict != "ACCEPT":
        drop.table, drop.hook, drop.rule = latest.table, latest.hook, latest.decided
    return drop


def _switch_in_user_space(way: Way, hop: Hop, before: bytes, wire: bytes) -> None:
    """Open vSwitch may have read the frame at the device where it came in, and put it into a tunnel or taken it out of one."""
    here = way.here.get(hop.place, hop)
    _taken_by_a_switch(here.steps)
    if way.inside is None:
        here.steps += switched(before, wire)


def _taken_by_a_switch(steps: list[Step]) -> None:
    """What the kernel's own stack has passed over goes on all the same."""
    if steps and isinstance(steps[-1], Dropped) and steps[-1].reason == "NOT_MINE":
        steps[-1] = IN_USER_SPACE


def _is_translated(*hops: Hop) -> bool:
    return any(isinstance(step, Translated) for hop in hops for step in hop.steps)
