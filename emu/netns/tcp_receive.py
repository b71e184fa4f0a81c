"""The receiving half of a TCP connection: data, delayed ACKs, the window (net/ipv4/tcp_input.c, tcp_output.c).

The receive buffer counts payload bytes, and half of it is offered as window, as with tcp_adv_win_scale 1; it grows with what the program
reads in a round trip (tcp_rcv_space_adjust). Not modelled: SACK compression, urgent data, pruning of the queue under memory pressure.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from emu.engine import MILLISECOND
from emu.netns.tcp_reassembly import Reassembly
from emu.netns.tcp_segment import WRAP, Received, is_newer
from emu.netns.tcp_timer import RestartableTimer
from emu.packet.tcp import FIN, PSH

if TYPE_CHECKING:
    from emu.netns.tcp_connection import Connection

DELAYED_ACK_MIN_NS = 40 * MILLISECOND
DELAYED_ACK_MAX_NS = 200 * MILLISECOND
MAX_QUICK_ACKS = 16
DEFAULT_MSS = 536
_OVERHEAD = 832  # what Linux counts for a buffer beside its payload; decides which segments let the window grow


class Receiver:
    """What has come in, what may come, and when it is acknowledged. Sequence numbers are absolute."""

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
        # Acknowledging
        self.ack_timer = RestartableTimer(connection.engine)
        self._ack_due = self._ack_now = False
        self._pushed = 0  # small segments not yet read: 0, 1, 2 or more
        self._estimated_mss = DEFAULT_MSS  # icsk_ack.rcv_mss
        self._quick = 0
        self._pingpong = False
        self._delay_ns = 0  # icsk_ack.ato
        self._last_data_ns = 0
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
            self.acknowledge_soon(quick=True)
            return False
        right = self.nxt + self.window_left
        if start >= right:
            self.acknowledge_soon(quick=True)
            return False
        if received.end > right:
            payload, fin = payload[: right - start], fin and start + len(payload) < right
        if start > self.nxt:
            self._ack_due = self._ack_now = True
            self._last_data_ns = self._connection.engine.now
            return self.queue.add(start, payload, fin)
        if start < self.nxt:
            payload = payload[self.nxt - start :]
        self._take(payload)
        self._on_data(received, len(payload))
        if self.queue and not fin:
            chunks, fin = self.queue.take(self.nxt)
            for chunk in chunks:
                self._take(chunk)
            self._ack_now |= not self.queue
        self._ack_due = True
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

    # When to acknowledge.

    def _on_data(self, received: Received, length: int) -> None:
        """New data in order (tcp_event_data_recv)."""
        if not length:
            return
        now = self._connection.engine.now
        if length >= self._estimated_mss:
            self._estimated_mss = min(length, self.mss)
        else:
            self._pushed = min(self._pushed + 1, 2)
        if received.flags & PSH:
            self._pushed = max(self._pushed, 1)
        since = now - self._last_data_ns
        if not self._delay_ns:
            self._more_quick_acks()
            self._delay_ns = DELAYED_ACK_MIN_NS
        elif since <= DELAYED_ACK_MIN_NS // 2:
            self._delay_ns = self._delay_ns // 2 + DELAYED_ACK_MIN_NS // 2
        elif since < self._delay_ns:
            self._delay_ns = min(self._delay_ns // 2 + since, self._connection.sender.round_trip.rto_ns)
        elif since > self._connection.sender.round_trip.rto_ns:
            self._more_quick_acks()
        self._last_data_ns = now
        self._measure_rtt(received, length)
        self._grow_window(length)

    def _more_quick_acks(self) -> None:
        self._quick = max(self._quick, min(max(self.window // (2 * self._estimated_mss), 2), MAX_QUICK_ACKS))

    def _grow_window(self, length: int) -> None:
        """tcp_grow_window: full segments open the window, small ones, which cost more memory than they bring, do not."""
        room = min(self.buffer // 2, self.space) - self.threshold
        if room > 0 and length >= _OVERHEAD:
            self.threshold += min(room, 2 * max(self.mss, length))
            self._quick |= 1

    def acknowledge_soon(self, *, quick: bool = False) -> None:
        """An ACK goes with the next `check_ack`; `quick`: at once, and the next ones too (tcp_enter_quickack_mode)."""
        self._ack_due = True
        if quick:
            self._more_quick_acks()
            self._pingpong = False
            self._delay_ns = DELAYED_ACK_MIN_NS
            self._ack_now = True

    def enter_pingpong(self) -> None:
        """The program answers: ACKs can wait for its data."""
        self._pingpong = True

    def check_ack(self) -> None:
        """After a segment: acknowledge now, or later (__tcp_ack_snd_check)."""
        if not self._ack_due:
            return
        two_segments = self.nxt - self.acknowledged > self._estimated_mss
        is_open = self.unread == 0 or self.select_window() >= self.window
        if (two_segments and is_open) or (self._quick and not self._pingpong) or self._ack_now or self.queue:
            self._connection.output.acknowledge()
        else:
            self._delay()

    def _delay(self) -> None:
        """tcp_send_delayed_ack."""
        delay = self._delay_ns or DELAYED_ACK_MIN_NS
        if delay > DELAYED_ACK_MIN_NS:
            longest = DELAYED_ACK_MAX_NS if self._pingpong or self._pushed else 500 * MILLISECOND
            if self._connection.sender.round_trip.srtt_ns:
                longest = min(longest, max(self._connection.sender.round_trip.srtt_ns, DELAYED_ACK_MIN_NS))
            delay = min(delay, longest)
        if self.ack_timer.pending is None or self.ack_timer.remaining_ns > delay:
            self.ack_timer.start(delay, self._on_ack_timer)

    def _on_ack_timer(self) -> None:
        if self._pingpong:
            self._pingpong = False
            self._delay_ns = DELAYED_ACK_MIN_NS
        else:
            self._delay_ns = min(self._delay_ns * 2, self._connection.sender.round_trip.rto_ns)
        self._connection.output.acknowledge()

    def on_sent(self, has_data: bool) -> None:
        """A segment that acknowledges all has gone out (tcp_event_ack_sent, tcp_event_data_sent)."""
        if self._ack_due:
            self._quick = max(0, self._quick - 1)
        self._ack_due = self._ack_now = False
        self.ack_timer.stop()
        if has_data and self._delay_ns and self._connection.engine.now - self._last_data_ns < self._delay_ns:
            self._pingpong = True

    # The window.

    @property
    def space(self) -> int:
        """How much more payload fits (tcp_space)."""
        return self.buffer // 2 - self.unread - self.queue.size

    def select_window(self) -> int:
        """The window that a segment sent now would offer (__tcp_select_window): a multiple of the scale, 0 if no segment fits."""
        full = self.buffer // 2
        mss = min(self._estimated_mss, full)
        free = self.space
        if free < full // 2:
            self._quick = 0
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
        is_due = False
        if self._ack_due:
            read_all = not self.unread and (self._pushed > 1 or (self._pushed and not self._pingpong))
            is_due = self.nxt - self.acknowledged > self._estimated_mss or (copied > 0 and bool(read_all))
        if not self.unread:
            self._pushed = 0
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
        if received.options.timestamp is None or not echo or length < self._estimated_mss:
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
