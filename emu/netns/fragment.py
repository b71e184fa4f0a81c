"""Fragmentation and reassembly (net/ipv4/ip_output.c ip_do_fragment, net/ipv4/ip_fragment.c; RFC 791 §3.2, RFC 815).

Not modelled: the memory limits of the fragment queues (ipfrag_high_thresh), ECN bits of fragments.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from emu.engine import SECOND, Timer
from emu.netdev.drop import DropReason
from emu.packet import ipv4
from emu.packet.datagram import Datagram

if TYPE_CHECKING:
    from emu.netns.namespace import Netns


def fragment(packet: bytes, mtu: int) -> list[bytes]:
    """The packet in pieces of at most `mtu` bytes, all but the last with payloads of a multiple of eight bytes."""
    header = ipv4.header_length(packet)
    payload = packet[header:]
    word = ipv4.fragment_word(packet)
    more_follow = word & ipv4.MORE_FRAGMENTS
    offset = word & ipv4.OFFSET_MASK
    options = packet[20:header]
    pieces = []
    while payload:
        room = (mtu - 20 - len(options)) & ~7
        last = len(payload) <= mtu - 20 - len(options)
        piece, payload = (payload, b"") if last else (payload[:room], payload[room:])
        flags = 0 if last and not more_follow else ipv4.MORE_FRAGMENTS
        pieces.append(
            ipv4.build(
                packet[12:16],
                packet[16:20],
                packet[9],
                piece,
                ttl=packet[8],
                tos=packet[1],
                identification=packet[4] << 8 | packet[5],
                fragment=flags | offset,
                options=options,
            )
        )
        offset += len(piece) // 8
        options = copied_options(options)
    return pieces


def copied_options(options: bytes) -> bytes:
    """The options whose copied flag is set: those that later fragments carry too."""
    kept = b""
    place = 0
    while place < len(options) and options[place] != 0:
        kind = options[place]
        length = 1 if kind == 1 else options[place + 1] if place + 1 < len(options) else 0
        if length < 1:
            break
        if kind & 0x80:
            kept += options[place : place + length]
        place += length
    return kept + b"\x00" * (-len(kept) % 4)


class _Queue:
    """The fragments of one packet that have come so far."""

    __slots__ = ("end", "first", "parts", "size", "timer", "total")

    def __init__(self, timer: Timer) -> None:
        self.timer = timer
        self.parts: dict[int, bytes] = {}
        self.first: Datagram | None = None
        self.total: int | None = None  # known with the last fragment
        self.size = 0
        self.end = 0


class Reassembly:
    """A namespace's fragment queues."""

    def __init__(self, netns: Netns) -> None:
        self.netns = netns
        self._queues: dict[bytes, _Queue] = {}

    def add(self, datagram: Datagram, give_up: Callable[[Datagram], None] | None = None) -> Datagram | None:
        """The whole packet once its last missing fragment has come, else None.

        `give_up` is called with the first fragment when the others have not come in time (30 s).
        """
        wire = datagram.wire
        key = wire[4:6] + wire[9:10] + wire[12:20]
        queue = self._queues.get(key)
        if queue is None:
            lasts = self.netns.sysctl.integer("net.ipv4.ipfrag_time") * SECOND
            queue = _Queue(self.netns.engine.call_later(lasts, self._expire, key, give_up, background=True))
            self._queues[key] = queue
        if not self._insert(queue, datagram):
            self._discard(key, datagram)
            return None
        if queue.total is None or queue.size < queue.total or queue.first is None:
            return None
        queue.timer.cancel()
        del self._queues[key]
        return self._join(queue, datagram)

    @staticmethod
    def _insert(queue: _Queue, datagram: Datagram) -> bool:
        """False for a fragment that contradicts the others: the kernel then drops the whole queue (ip_frag_queue)."""
        offset = ipv4.fragment_offset(datagram.wire)
        payload = datagram.payload
        more = ipv4.fragment_word(datagram.wire) & ipv4.MORE_FRAGMENTS
        if offset + len(payload) > 65535 or (more and len(payload) % 8) or not payload:
            return False
        if queue.parts.get(offset) is not None and len(queue.parts[offset]) == len(payload):
            return True  # a duplicate
        end = offset + len(payload)
        if any(start < end and offset < start + len(part) for start, part in queue.parts.items()):
            return False
        if not more:
            if queue.total is not None and queue.total != end:
                return False
            queue.total = end
        if queue.total is not None and max(end, queue.end) > queue.total:
            return False
        queue.parts[offset] = payload
        queue.size += len(payload)
        queue.end = max(queue.end, end)
        if offset == 0:
            queue.first = datagram
        largest = max(len(datagram.wire), queue.first.frag_max if queue.first is not None else 0)
        if queue.first is not None:
            queue.first.frag_max = largest
        return True

    def _join(self, queue: _Queue, last: Datagram) -> Datagram:
        first = queue.first
        assert first is not None
        wire = first.wire
        payload = b"".join(part for _, part in sorted(queue.parts.items()))
        options = wire[20 : first.header_length]
        whole = ipv4.build(
            wire[12:16],
            wire[16:20],
            wire[9],
            payload,
            ttl=wire[8],
            tos=wire[1],
            identification=wire[4] << 8 | wire[5],
            options=options,
        )
        datagram = Datagram(whole, first.trace_id, first.cause, last.iif, first.frame)
        datagram.frag_max = first.frag_max
        datagram.bridge_port_in = last.bridge_port_in
        return datagram

    def _discard(self, key: bytes, datagram: Datagram) -> None:
        queue = self._queues.pop(key)
        queue.timer.cancel()
        self.netns.drop(datagram, DropReason.REASSEMBLY_OVERLAP, datagram.iif)

    def _expire(self, key: bytes, give_up: Callable[[Datagram], None] | None) -> None:
        queue = self._queues.pop(key)
        if queue.first is None:
            return
        self.netns.drop(queue.first, DropReason.REASSEMBLY_TIMEOUT, queue.first.iif)
        if give_up is not None:
            give_up(queue.first)
