"""The receiving half of a TCP connection: data, and the window (net/ipv4/tcp_input.c, tcp_output.c).

The receive buffer counts payload bytes, and half of it is offered as window, as with tcp_adv_win_scale 1; it grows with what the program
reads in a round trip (tcp_rcv_space_adjust). Not modelled: urgent data, pruning of the queue under memory pressure.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from emu.engine import MILLISECOND
from emu.netns.tcp_delayed_ack import DelayedAck
from emu.netns.tcp_reassembly import Reassembly
from emu.netns.tcp_segment import WRAP, Received, is_newer
from emu.packet.tcp import FIN

if TYPE_CHECKING:
    from emu.netns.tcp_connection import Connection

_OVERHEAD = 832  # what Linux counts for a buffer beside its payload; decides which segments let the window grow


class Receiver:
    """What has come in, and what may come. Sequence numbers are absolute."""

    def __init__(self, connection: Connection, buffer: int, buffer_max: int, mss: int) -> None:
        self._connection = connection
        self.buffer = buffer
        self._buffer_max = buffer_max
        self.mss = mss  # the one we advertise
        self.scale = max(0, min(14, buffer_max.bit_length() - 16))
        self.nxt = 0
        self.acknowledged = 0  # rcv_wup: up to where the last segment sent has acknowledged
        self.window = 0  # as offered when `acknowledged` was sent
        self.threshold = 0  # rcv_ssthresh
        self.recent: int | None = None  # ts_recent
        self.recent_at_ms = 0
        self.finished = False  # the peer's FIN has been taken
        self.unread = 0
        self._chunks: deque[bytes] = deque()
        self.queue = Reassembly()
        self.acks = DelayedAck(connection)
        # Buffer growth
        self._rtt_ns = 0
        self._measured_from = 0
        self._measured_at_ns = 0
        self._read_number = 0
        self._space = 0

    def open(self, isn: int, timestamp: int | None) -> None:
        """The peer's SYN has come."""
        self.nxt = self.acknowledged = isn + 1
        self.take_timestamp(timestamp)
        self._read_number = self._measured_from = self.nxt
        self._space = 10 * self.mss

    def first_window(self, header: int) -> int:
        """What a SYN or SYN-ACK offers: whole segments that fit half the buffer, 16 bits (tcp_select_initial_window)."""
        mss = self.mss - header
        space = self.buffer // 2
        self.threshold = self.window = min(space // mss * mss if space > mss else space, 0xFFFF)
        return self.window

    # Segments come in.

    def take_timestamp(self, timestamp: int | None) -> None:
        if timestamp is not None and (self.recent is None or not is_newer(self.recent, timestamp)):
            self.recent = timestamp
            self.recent_at_ms = self._connection.engine.now // MILLISECOND

    @property
    def window_left(self) -> int:
        """What the peer may still send beyond `nxt`, from the last window offered."""
        return max(0, self.acknowledged + self.window - self.nxt)

    def receive(self, received: Received) -> bool:
        """Take payload and FIN (tcp_data_queue). False if nothing of it is new or fits the window."""
        start, payload = received.start, received.payload
        fin = bool(received.flags & FIN)
        if received.end <= self.nxt:
            self.queue.duplicate = (start, received.end)
            self.acks.soon(quick=True)
            return False
        right = self.nxt + self.window_left
        if start >= right:
            self.acks.soon(quick=True)
            return False
        if received.end > right:
            payload, fin = payload[: right - start], fin and start + len(payload) < right
        if start > self.nxt:
            self.acks.on_gap()
            return self.queue.add(start, payload, fin)
        if start < self.nxt:
            payload = payload[self.nxt - start :]
        self._take(payload)
        if payload:
            self.acks.on_data(received.flags, len(payload), self.mss)
            self._measure_rtt(received, len(payload))
            self._grow_window(len(payload))
        if self.queue and not fin:
            chunks, fin = self.queue.take(self.nxt)
            for chunk in chunks:
                self._take(chunk)
            self.acks.now |= not self.queue
        self.acks.due = True
        if fin:
            self.nxt += 1
            self.finished = True
            self.queue.clear()
            self._connection.on_fin()
        return True

    def _take(self, payload: bytes) -> None:
        if payload:
            self.nxt += len(payload)
            self._chunks.append(payload)
            self.unread += len(payload)

    # The window.

    def _grow_window(self, length: int) -> None:
        """tcp_grow_window: full segments open the window, small ones, which cost more memory than they bring, do not."""
        room = min(self.buffer // 2, self.space) - self.threshold
        if room > 0 and length >= _OVERHEAD:
            self.threshold += min(room, 2 * max(self.mss, length))
            self.acks.quick |= 1

    @property
    def space(self) -> int:
        """How much more payload fits (tcp_space)."""
        return self.buffer // 2 - self.unread - self.queue.size

    def select_window(self) -> int:
        """The window that a segment sent now would offer (__tcp_select_window): a multiple of the scale, 0 if no segment fits."""
        full = self.buffer // 2
        mss = min(self.acks.estimated_mss, full)
        free = self.space
        if free < full // 2:
            self.acks.quick = 0
            free = max(free, 0) >> self.scale << self.scale
            if free < full // 16 or free < mss:
                return 0
        free = min(free, self.threshold)
        if self._connection.scaled:
            return -(-free >> self.scale) << self.scale
        if self.window <= free - mss or self.window > free:
            return free // mss * mss
        return free if mss == full and free > self.window + full // 2 else self.window

    def offer(self) -> int:
        """Choose the window, never taking back what was offered (tcp_select_window); the field's value on the wire."""
        scale = self.scale if self._connection.scaled else 0
        window = self.select_window()
        left = self.window_left
        if window < left:
            window = -(-left >> scale) << scale
        self.window = min(window, 0xFFFF << scale)
        self.acknowledged = self.nxt
        return self.window >> scale

    # The program reads.

    def read(self, limit: int) -> bytes:
        """Up to `limit` bytes of what is there; may send a window update."""
        taken: list[bytes] = []
        room = limit
        while room and self._chunks:
            chunk = self._chunks[0]
            if len(chunk) > room:
                taken.append(chunk[:room])
                self._chunks[0] = chunk[room:]
                room = 0
            else:
                taken.append(self._chunks.popleft())
                room -= len(chunk)
        data = taken[0] if len(taken) == 1 else b"".join(taken)
        self.unread -= len(data)
        self._read_number += len(data)
        self._adjust_buffer()
        self._after_read(len(data))
        return data

    def _after_read(self, copied: int) -> None:
        """tcp_cleanup_rbuf: acknowledge what the program has taken, or tell that there is room again."""
        is_due = self.acks.is_due_after_read(copied)
        if not is_due and copied and not self.finished:
            left = self.window_left
            if 2 * left <= self.buffer // 2:
                window = self.select_window()
                is_due = window > 0 and window >= 2 * left
        if is_due:
            self._connection.output.acknowledge()

    def _measure_rtt(self, received: Received, length: int) -> None:
        """The round trip as the receiver sees it, from echoed timestamps."""
        echo = received.options.echo
        if received.options.timestamp is None or not echo or length < self.acks.estimated_mss:
            return
        delta_ms = (self._connection.output.timestamp() - echo) & WRAP
        if delta_ms < 1 << 31:
            sample = max(delta_ms, 1) * MILLISECOND
            self._rtt_ns = self._rtt_ns + (sample - self._rtt_ns) // 8 if self._rtt_ns else sample

    def _adjust_buffer(self) -> None:
        """Let the buffer hold twice of what the program reads in a round trip, and more while that grows."""
        now = self._connection.engine.now
        if not self._rtt_ns or now - self._measured_at_ns < self._rtt_ns:
            return
        copied = self._read_number - self._measured_from
        if copied > self._space:
            window = 2 * copied + 16 * self.mss
            window += 2 * (window * (copied - self._space) // self._space)
            self.buffer = max(self.buffer, min(2 * window, self._buffer_max))
            self._space = copied
        self._measured_from = self._read_number
        self._measured_at_ns = now
