"""From what taps and watchers kept of a run to journeys: goes once through records and happenings in their order.

A hop is given out when its packet's way is known to the end, so only packets under way are in memory. What befell a packet at a hop is
found out by follow.py; here it is known which packets there are, which others they name, and when each has ended.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Container, Iterator
from typing import TYPE_CHECKING

from emu.observe.follow import Follower
from emu.observe.journey import Hop, Journey, Linked, Step, Waited
from emu.observe.links import consequence, is_arp_request, relation
from emu.observe.summary import summary
from emu.observe.watch import Event, Named, Routes
from emu.observe.way import Way
from emu.packet import arp
from emu.packet.address import ip_text

if TYPE_CHECKING:
    from emu.observe.recorder import Recorder
    from emu.observe.store import Record

MOST_LINKS = 8  # of the packets that one has caused, which are told at its last hop


class Reconstruction:
    """Iterating gives all records of a run in order, each with its hop; `on_end` is called with each journey as it ends."""

    def __init__(self, recorder: Recorder, on_end: Callable[[Journey], None], only: Container[int] | None = None) -> None:
        self._recorder = recorder
        self._interfaces = recorder.interfaces
        self._on_end = on_end
        self._only = only
        self._ways: dict[int, Way] = {}
        self._follower = Follower(recorder)
        self._left: Counter[int] = Counter()  # by packet id: records and happenings to come
        self._caused: dict[int, list[tuple[int, bytes]]] = {}  # by packet id: the packets that name it, as first seen
        self._unseen: dict[int, tuple[bytes, int]] = {}  # by packet id: a packet that no device saw, and its cause
        self._read_ahead()

    def _read_ahead(self) -> None:
        """How much there is to come of each packet, and what it causes."""
        left, caused = self._left, self._caused
        for _, number, _, frame in self._recorder.store:
            if frame.cause and frame.trace_id not in left:
                caused.setdefault(frame.cause, []).append((frame.trace_id, self._interfaces[number].whole(frame)))
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

    # --- one after the other

    def _event(self, event: Event) -> None:
        _, now, trace_id, place, what = event
        if isinstance(what, (Routes, Named)):
            self._follower.routes.change(place, what)
        elif self._only is None or trace_id in self._only:
            way = self._ways.get(trace_id) or self._way(trace_id)
            self._follower.befell(way, place, now, what)
            self._count_down(trace_id)

    def _record(self, record: Record) -> tuple[Hop, Way]:
        frame = record[3]
        way = self._way(frame.trace_id, frame.cause)
        introduction = [self._introduced(record)] if way.journey.cause and not way.journey.hops else []
        return self._follower.seen(way, record, introduction), way

    def _introduced(self, record: Record) -> Linked:
        """A packet that another one caused is seen for the first time."""
        now, number, _, frame = record
        interface, cause = self._interfaces[number], frame.cause
        wire = interface.whole(frame)
        packet = arp.parse(wire[14:]) if is_arp_request(wire) else None
        if packet is not None and self._left[cause] and (self._only is None or cause in self._only):
            self._follower.befell(self._way(cause), interface.place, now, Waited(ip_text(packet.target_ip), frame.trace_id))
        return Linked(relation(wire), cause)

    # --- its end

    def _end(self, trace_id: int) -> None:
        way = self._ways.pop(trace_id)
        journey = way.journey
        self._follower.ended(way)
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
