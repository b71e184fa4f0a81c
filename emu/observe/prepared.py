"""A capture made ready for comparison: what counts in its order, and what may come and go.

May come and go, since it is a matter of timing: TCP segments that only acknowledge (but for the one that ends a connection's opening), and
unicast ARP requests that confirm a known neighbour, with their answers. Of two bare FINs either may come first.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from emu.observe.canonical import Canonical, Canonicaliser, Common
from emu.observe.canonical_tcp import Flow
from emu.observe.pcap_reader import CapturedFrame
from emu.packet import arp

Asked = tuple[bytes, bytes]  # who asks for whom


@dataclass(slots=True)
class Prepared:
    """The frames of one capture point. `everything` is all frames; `unanswered` are the probes that nobody answered."""

    everything: list[Canonical]
    ordered: list[Canonical] = field(default_factory=list)
    acks: list[Canonical] = field(default_factory=list)
    probes: list[Canonical] = field(default_factory=list)
    unanswered: dict[Asked, Canonical] = field(default_factory=dict)
    acknowledged: dict[Flow, int] = field(default_factory=dict)  # how much each side has acknowledged at the end


def prepare(frames: Sequence[CapturedFrame], common: Common) -> Prepared:
    canonicaliser = Canonicaliser(common)
    prepared = Prepared([canonicaliser.frame(frame) for frame in frames])
    rest = list(_without_acks(_without_probes(prepared.everything, prepared), prepared))
    prepared.ordered = _order_fins(rest)
    for numbers in canonicaliser.tcp.values():
        prepared.acknowledged.update({flow: side.acknowledged for flow, side in numbers.sides.items() if side.acknowledged >= 0})
    return prepared


def _without_probes(frames: Iterable[Canonical], prepared: Prepared) -> Iterable[Canonical]:
    waiting: dict[Asked, list[Canonical]] = {}
    for frame in frames:
        packet = frame.arp
        if packet is not None and frame.arp_is_unicast:
            if packet.operation == arp.REQUEST:
                waiting.setdefault((packet.sender_ip, packet.target_ip), []).append(frame)
                prepared.probes.append(frame)
                continue
            if waiting.get((packet.target_ip, packet.sender_ip)):
                waiting[packet.target_ip, packet.sender_ip].pop()
                prepared.probes.append(frame)
                continue
        yield frame
    prepared.unanswered = {asked: probes[0] for asked, probes in waiting.items() if probes}


def _without_acks(frames: Iterable[Canonical], prepared: Prepared) -> Iterable[Canonical]:
    opening: set[Flow] = set()
    for frame in frames:
        flags = str(frame.field("TCP flags")).split()
        if frame.flow is not None and "SYN" in flags and "ACK" not in flags:
            opening.add(frame.flow)
        elif frame.is_pure_ack and frame.flow is not None and frame.flow not in opening:
            prepared.acks.append(frame)
            continue
        elif frame.flow is not None:
            opening.discard(frame.flow)
        yield frame


def _order_fins(frames: list[Canonical]) -> list[Canonical]:
    """Where both sides of a connection send a FIN, both stand where the later one was, first that of the side that spoke first."""
    fins: dict[Flow, Canonical] = {}
    first: dict[frozenset[bytes], Flow] = {}
    for frame in frames:
        if frame.flow is not None:
            first.setdefault(frozenset(frame.flow), frame.flow)
            if frame.is_bare_fin:
                fins.setdefault(frame.flow, frame)
    pairs = [(fins[flow], fins[flow[1], flow[0]]) for flow in first.values() if flow in fins and (flow[1], flow[0]) in fins]
    moved = {id(fin) for pair in pairs for fin in pair}
    after = {id(max(pair, key=lambda fin: fin.number)): pair for pair in pairs}
    ordered: list[Canonical] = []
    for frame in frames:
        if id(frame) in after:
            ordered.extend(after[id(frame)])
        elif id(frame) not in moved:
            ordered.append(frame)
    return ordered
