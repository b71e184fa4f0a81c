"""What a TCP sender has in flight and what it knows of it: SACK (RFC 2018), and loss by time of sending (RACK, RFC 8985; tcp_recovery.c).

Not modelled: undo by D-SACK, F-RTO.
"""

from __future__ import annotations

from collections import OrderedDict
from heapq import heappop, heappush
from typing import TYPE_CHECKING

from emu.packet.tcp import FIN, SYN

if TYPE_CHECKING:
    from collections.abc import Iterator

DUPLICATE_THRESHOLD = 3


class Sent:
    """A segment in flight. `end` counts SYN and FIN; `packet` is the GSO packet that it was part of, -1: of none."""

    __slots__ = ("end", "flags", "lost", "packet", "payload", "resent", "retransmitted", "sacked", "sent_ns", "serial", "start")

    def __init__(self, start: int, flags: int, payload: bytes, packet: int = -1) -> None:
        self.start = start
        self.packet = packet
        self.end = start + len(payload) + (flags & FIN) + (flags >> 1 & 1)
        self.flags = flags
        self.payload = payload
        self.sent_ns = 0
        self.serial = 0  # the order of sending, within one nanosecond too
        self.sacked = False
        self.lost = False  # believed lost, and not sent again since
        self.resent = False  # a retransmission of it is in flight
        self.retransmitted = False  # ever

    @property
    def is_syn(self) -> bool:
        return bool(self.flags & SYN)


class Scoreboard:
    """The segments between SND.UNA and SND.NXT, by number and by time of sending."""

    def __init__(self) -> None:
        self.segments: OrderedDict[int, Sent] = OrderedDict()  # by first number
        self._by_time: OrderedDict[int, Sent] = OrderedDict()  # those that may be delivered, the longest under way first
        self._lost: list[tuple[int, int, Sent]] = []  # a heap, lowest number first; may hold some that are lost no more
        self._sendings = self._pushes = 0
        self._blocks: dict[int, int] = {}  # SACK blocks of the last ACK, so that only their new parts are walked
        self.sacked = 0
        self.lost = 0
        self.resent = 0
        self.highest_sacked = 0
        self.reordering = False
        # RACK: the latest sent segment of those delivered
        self._rack_serial = 0
        self.rack_rtt_ns = 0

    def __len__(self) -> int:
        return len(self.segments)

    @property
    def in_flight(self) -> int:
        return len(self.segments) - self.sacked - self.lost + self.resent

    @property
    def first(self) -> Sent:
        return next(iter(self.segments.values()))

    @property
    def last(self) -> Sent:
        return next(reversed(self.segments.values()))

    def on_sent(self, sent: Sent, now_ns: int) -> None:
        """A segment goes out, for the first time or again."""
        if sent.start not in self.segments:
            self.segments[sent.start] = sent
        else:
            self._set_lost(sent, False)
            if not sent.resent:
                sent.resent = True
                self.resent += 1
            sent.retransmitted = True
        sent.sent_ns = now_ns
        self._sendings += 1
        sent.serial = self._sendings
        self._by_time[sent.start] = sent
        self._by_time.move_to_end(sent.start)

    def next_lost(self) -> Sent | None:
        """The lowest segment to be sent again."""
        while self._lost:
            sent = self._lost[0][2]
            if sent.lost and self.segments.get(sent.start) is sent:
                return sent
            heappop(self._lost)
        return None

    def mark_lost(self, sent: Sent) -> None:
        if sent.sacked or sent.lost:
            return
        self._set_resent(sent, False)
        self._set_lost(sent, True)
        self._by_time.pop(sent.start, None)
        self._pushes += 1
        heappush(self._lost, (sent.start, self._pushes, sent))

    def _set_lost(self, sent: Sent, lost: bool) -> None:
        self.lost += lost - sent.lost
        sent.lost = lost

    def _set_resent(self, sent: Sent, resent: bool) -> None:
        self.resent += resent - sent.resent
        sent.resent = resent

    def acknowledge(self, ack: int, now_ns: int) -> list[Sent]:
        """Take off what is wholly acknowledged, in order."""
        acked: list[Sent] = []
        while self.segments:
            sent = self.first
            if sent.end > ack:
                break
            del self.segments[sent.start]
            self._by_time.pop(sent.start, None)
            if sent.sacked:
                self.sacked -= 1
            else:
                if not sent.retransmitted and sent.end < self.highest_sacked:
                    self.reordering = True
                self._delivered(sent, now_ns)
            self._set_lost(sent, False)
            self._set_resent(sent, False)
            acked.append(sent)
        return acked

    def acknowledge_selectively(self, blocks: list[tuple[int, int]], now_ns: int) -> list[Sent]:
        """Mark what SACK blocks name; returns what is new. Blocks that name nothing in flight are passed over."""
        known, self._blocks = self._blocks, {}
        found: list[Sent] = []
        for start, end in blocks:
            self._blocks[start] = end
            seen = known.get(start, start)
            for sent in self._walk(seen if seen <= end else start, end):
                if not sent.sacked:
                    found.append(sent)
                    self._sack(sent, now_ns)
        return found

    def _walk(self, start: int, end: int) -> Iterator[Sent]:
        """The segments that lie within [start, end)."""
        if start < end and start not in self.segments:  # no boundary of ours
            start = min((first for first in self.segments if start <= first < end), default=end)
        while start < end:
            sent = self.segments.get(start)
            if sent is None or sent.end > end:
                return
            yield sent
            start = sent.end

    def _sack(self, sent: Sent, now_ns: int) -> None:
        if not sent.retransmitted and sent.start < self.highest_sacked:
            self.reordering = True
        self.highest_sacked = max(self.highest_sacked, sent.end)
        sent.sacked = True
        self.sacked += 1
        self._set_lost(sent, False)
        self._set_resent(sent, False)
        self._by_time.pop(sent.start, None)
        self._delivered(sent, now_ns)

    def _delivered(self, sent: Sent, now_ns: int) -> None:
        """tcp_rack_advance."""
        rtt_ns = now_ns - sent.sent_ns
        if sent.retransmitted and rtt_ns < self.rack_rtt_ns // 2:
            return  # more likely the first transmission has arrived
        self.rack_rtt_ns = rtt_ns
        self._rack_serial = max(self._rack_serial, sent.serial)

    def detect_losses(self, now_ns: int, window_ns: int) -> int:
        """Mark what was sent before something delivered, by more than the reordering window (tcp_rack_detect_loss).

        Returns after how long the next one would be lost, 0 for none.
        """
        lost: list[Sent] = []
        wait_ns = 0
        for sent in self._by_time.values():
            if sent.serial >= self._rack_serial:
                break
            remaining_ns = sent.sent_ns + self.rack_rtt_ns + window_ns - now_ns
            if remaining_ns <= 0:
                lost.append(sent)
            else:
                wait_ns = max(wait_ns, remaining_ns)
        for sent in lost:
            self.mark_lost(sent)
        return wait_ns

    def mark_timed_out(self, now_ns: int) -> None:
        """At a retransmission timeout: the first one, and what should have been acknowledged by now (tcp_timeout_mark_lost)."""
        first = self.first
        if first.sacked:  # the receiver took back what it had said
            for sent in self.segments.values():
                sent.sacked = False
            self.sacked = 0
            self._blocks.clear()
        for sent in list(self.segments.values()):
            if sent is first or sent.sent_ns + self.rack_rtt_ns <= now_ns:
                self.mark_lost(sent)

    def forgive(self) -> None:
        """Nothing is lost: the retransmission was a mistake."""
        for sent in self.segments.values():
            if sent.lost:
                self._set_lost(sent, False)
                self._by_time[sent.start] = sent
                self._by_time.move_to_end(sent.start, last=False)

    def split(self, size: int) -> None:
        """Cut what is larger than `size` (a smaller path MTU) and mark it lost; the segments of one GSO packet are cut as one."""
        packets: list[list[Sent]] = []
        for sent in self.segments.values():
            if packets and sent.packet >= 0 and packets[-1][-1].packet == sent.packet and not (sent.sacked or packets[-1][-1].sacked):
                packets[-1].append(sent)
            else:
                packets.append([sent])
        self.segments.clear()
        for packet in packets:
            if packet[0].sacked or all(len(sent.payload) <= size for sent in packet):
                self.segments.update((sent.start, sent) for sent in packet)
            else:
                self._cut(packet, size)

    def _cut(self, packet: list[Sent], size: int) -> None:
        """Put the pieces of a GSO packet in the place of its segments, lost."""
        first, last = packet[0], packet[-1]
        for sent in packet:
            self._set_lost(sent, False)
            self._set_resent(sent, False)
            self._by_time.pop(sent.start, None)
        payload = b"".join(sent.payload for sent in packet)
        for at in range(0, len(payload), size):
            flags = last.flags if at + size >= len(payload) else 0
            piece = Sent(first.start + at, flags, payload[at : at + size], first.packet)
            piece.sent_ns, piece.serial, piece.retransmitted = first.sent_ns, first.serial, any(sent.retransmitted for sent in packet)
            self.segments[piece.start] = piece
            self.mark_lost(piece)
