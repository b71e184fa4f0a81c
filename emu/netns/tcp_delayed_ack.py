"""When a TCP connection acknowledges what has come in: at once, or later (tcp_event_data_recv, __tcp_ack_snd_check, tcp_send_delayed_ack).

Quick ACKs at the start and after trouble; then one for two segments, or after a delay that follows the peer's pace. Not modelled: SACK
compression.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu.engine import MILLISECOND
from emu.netns.tcp_timer import RestartableTimer
from emu.packet.tcp import PSH

if TYPE_CHECKING:
    from emu.netns.tcp_connection import Connection

DELAY_MIN_NS = 40 * MILLISECOND
DELAY_MAX_NS = 200 * MILLISECOND
MAX_QUICK_ACKS = 16
DEFAULT_MSS = 536


class DelayedAck:
    """icsk_ack of one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._engine = connection.engine
        self.timer = RestartableTimer(connection.engine)
        self.due = False
        self.now = False
        self.estimated_mss = DEFAULT_MSS  # rcv_mss: of the peer's full segments, as they come
        self.quick = 0  # how many are still to go at once
        self._pushed = 0  # small segments not yet read: 0, 1, 2 or more
        self._pingpong = False
        self._delay_ns = 0  # ato
        self._last_data_ns = 0

    # Segments come in.

    def on_gap(self) -> None:
        """Data beyond what was expected: tell at once."""
        self.due = self.now = True
        self._last_data_ns = self._engine.now

    def on_data(self, flags: int, length: int, mss: int) -> None:
        """New data in order (tcp_event_data_recv). `mss` is the one we advertise."""
        now = self._engine.now
        if length >= self.estimated_mss:
            self.estimated_mss = min(length, mss)
        else:
            self._pushed = min(self._pushed + 1, 2)
        if flags & PSH:
            self._pushed = max(self._pushed, 1)
        since = now - self._last_data_ns
        rto_ns = self._connection.sender.round_trip.rto_ns
        if not self._delay_ns:
            self._more_quick()
            self._delay_ns = DELAY_MIN_NS
        elif since <= DELAY_MIN_NS // 2:
            self._delay_ns = self._delay_ns // 2 + DELAY_MIN_NS // 2
        elif since < self._delay_ns:
            self._delay_ns = min(self._delay_ns // 2 + since, rto_ns)
        elif since > rto_ns:
            self._more_quick()
        self._last_data_ns = now

    def soon(self, *, quick: bool = False) -> None:
        """An ACK goes with the next `check`; `quick`: at once, and the next ones too (tcp_enter_quickack_mode)."""
        self.due = True
        if quick:
            self._more_quick()
            self._pingpong = False
            self._delay_ns = DELAY_MIN_NS
            self.now = True

    def _more_quick(self) -> None:
        window = self._connection.receiver.window
        self.quick = max(self.quick, min(max(window // (2 * self.estimated_mss), 2), MAX_QUICK_ACKS))

    def enter_pingpong(self) -> None:
        """The program answers: ACKs can wait for its data."""
        self._pingpong = True

    # After a segment.

    def check(self) -> None:
        """Acknowledge now, or later (__tcp_ack_snd_check)."""
        if not self.due:
            return
        receiver = self._connection.receiver
        two_segments = receiver.nxt - receiver.acknowledged > self.estimated_mss
        is_open = receiver.unread == 0 or receiver.select_window() >= receiver.window
        if (two_segments and is_open) or (self.quick and not self._pingpong) or self.now or receiver.queue:
            self._connection.output.acknowledge()
        else:
            self._delay()

    def _delay(self) -> None:
        """tcp_send_delayed_ack."""
        delay = self._delay_ns or DELAY_MIN_NS
        if delay > DELAY_MIN_NS:
            longest = DELAY_MAX_NS if self._pingpong or self._pushed else 500 * MILLISECOND
            if self._connection.sender.round_trip.srtt_ns:
                longest = min(longest, max(self._connection.sender.round_trip.srtt_ns, DELAY_MIN_NS))
            delay = min(delay, longest)
        if self.timer.pending is None or self.timer.remaining_ns > delay:
            self.timer.start(delay, self._on_timer)

    def _on_timer(self) -> None:
        if self._pingpong:
            self._pingpong = False
            self._delay_ns = DELAY_MIN_NS
        else:
            self._delay_ns = min(self._delay_ns * 2, self._connection.sender.round_trip.rto_ns)
        self._connection.output.acknowledge()

    def on_sent(self, has_data: bool) -> None:
        """A segment that acknowledges all has gone out (tcp_event_ack_sent, tcp_event_data_sent)."""
        if self.due:
            self.quick = max(0, self.quick - 1)
        self.due = self.now = False
        self.timer.stop()
        if has_data and self._delay_ns and self._engine.now - self._last_data_ns < self._delay_ns:
            self._pingpong = True

    # The program reads.

    def is_due_after_read(self, copied: int) -> bool:
        """Is it time to acknowledge what the program has taken (tcp_cleanup_rbuf)?"""
        receiver = self._connection.receiver
        is_due = False
        if self.due:
            read_all = not receiver.unread and (self._pushed > 1 or (self._pushed and not self._pingpong))
            is_due = receiver.nxt - receiver.acknowledged > self.estimated_mss or (copied > 0 and bool(read_all))
        if not receiver.unread:
            self._pushed = 0
        return is_due
