"""What a TCP sender does about loss: how much may be in flight (tcp_fastretrans_alert, tcp_cong_control, net/ipv4/tcp_input.c).

Fast retransmit by RACK with proportional rate reduction (RFC 6937) or, towards peers without SACK, by three duplicate ACKs (RFC 6582); undo
of a retransmission that the timestamps show to be spurious (RFC 3522). Not modelled: undo by D-SACK, F-RTO, a smaller window after a tail
loss probe has repaired a loss.
"""

from __future__ import annotations

from enum import Enum

from emu.netns.tcp_congestion import INITIAL_WINDOW, Cubic
from emu.netns.tcp_rtt import RoundTrip
from emu.netns.tcp_scoreboard import DUPLICATE_THRESHOLD, Scoreboard
from emu.netns.tcp_segment import is_newer


class Phase(Enum):
    """Linux's congestion avoidance states, without the transient ones."""

    OPEN = "all is well"
    RECOVERY = "fast retransmit"
    LOSS = "after a retransmission timeout"


class Recovery:
    """The congestion window and the phase of one sender."""

    def __init__(self) -> None:
        self.board = Scoreboard()
        self.round_trip = RoundTrip()
        self.congestion = Cubic()
        self.phase = Phase.OPEN
        self.limited = False  # something was ready to go, but the window was full
        self._end = 0  # SND.NXT when the phase began
        self._duplicates = 0  # duplicate ACKs of a peer without SACK
        self._before = (0, 0)  # cwnd and ssthresh before the reduction
        self._resent_at: int | None = None  # timestamp of the phase's first retransmission
        # Proportional rate reduction
        self._flight = 1
        self._delivered = self._out = 0

    @property
    def cwnd(self) -> int:
        return self.congestion.cwnd

    @property
    def is_open(self) -> bool:
        return self.phase is Phase.OPEN

    @property
    def may_send(self) -> bool:
        """Is there room for one more segment?"""
        return self.board.in_flight < self.congestion.cwnd

    def detect_losses(self, now_ns: int, sack_permitted: bool) -> int:
        """Mark what RACK takes for lost; after how long there may be more, 0 for not at all."""
        board = self.board
        if not sack_permitted or not len(board):
            return 0
        window_ns = 0
        if board.reordering or (self.phase is Phase.OPEN and board.sacked < DUPLICATE_THRESHOLD):
            window_ns = min(self.round_trip.min_ns // 4, self.round_trip.srtt_ns)
        return board.detect_losses(now_ns, window_ns)

    def count_duplicate(self, advanced: bool, is_duplicate: bool) -> None:
        """Without SACK, three duplicates tell that the first segment is lost (tcp_add_reno_sack, tcp_newreno_mark_lost)."""
        board = self.board
        if advanced:
            self._duplicates = 0
            if self.phase is Phase.RECOVERY and len(board):
                board.mark_lost(board.first)  # a partial acknowledgment: the next hole
        elif is_duplicate:
            self._duplicates += 1
            if self._duplicates == DUPLICATE_THRESHOLD and self.phase is Phase.OPEN:
                board.mark_lost(board.first)

    def on_sent(self) -> None:
        """A segment goes out, a new one or an old one."""
        self._out += 1

    def on_retransmit(self, timestamp: int) -> None:
        if self._resent_at is None:
            self._resent_at = timestamp

    def on_advance(self, una: int, echo: int | None) -> None:
        """SND.UNA has moved, acknowledged by a segment that echoes the timestamp `echo`: is the phase over?"""
        if self.phase is Phase.OPEN:
            return
        is_over = una >= self._end
        if echo and self._resent_at is not None and is_newer(self._resent_at, echo) and (is_over or not self.board.resent):
            self._undo()  # what is acknowledged was sent before our first retransmission
        elif is_over:
            if self.phase is Phase.RECOVERY:
                self.congestion.cwnd = min(self.congestion.cwnd, self.congestion.ssthresh)
            self.phase = Phase.OPEN

    def _undo(self) -> None:
        congestion = self.congestion
        congestion.cwnd = max(congestion.cwnd, self._before[0])
        congestion.ssthresh = max(congestion.ssthresh, self._before[1])
        self.board.forgive()
        self.phase = Phase.OPEN

    def enter_recovery(self, una: int, nxt: int) -> None:
        """If something is lost and nothing is done about it yet; the first retransmission goes out at once."""
        if self.phase is Phase.OPEN and self.board.lost:
            self._enter(Phase.RECOVERY, una, nxt)
            self.congestion.cwnd = self.board.in_flight + 1

    def enter_loss(self, una: int, nxt: int, now_ns: int) -> None:
        """A retransmission timeout (tcp_enter_loss)."""
        self._enter(Phase.LOSS, una, nxt)
        self.board.mark_timed_out(now_ns)
        self.congestion.reset()
        self.congestion.cwnd = self.board.in_flight + 1
        self._duplicates = 0

    def enter_smaller_mtu(self, nxt: int) -> None:
        """Retransmit what was too large, without blaming congestion (tcp_simple_retransmit)."""
        if self.board.lost and self.phase is Phase.OPEN:
            self.phase = Phase.LOSS
            self._end = nxt
            self._before = (0, 0)

    def _enter(self, phase: Phase, una: int, nxt: int) -> None:
        """Lower the threshold, once for a window's losses."""
        congestion = self.congestion
        if self.phase is Phase.OPEN or (phase is Phase.LOSS and una >= self._end):
            self._before = (congestion.cwnd, congestion.ssthresh)
            if not self.board.resent:  # else retransmissions of the phase before are still to be acknowledged
                self._resent_at = None
            self._flight = max(congestion.cwnd, 1)
            self._delivered = self._out = 0
            congestion.ssthresh = congestion.on_loss()
        self.phase = phase
        self._end = nxt

    def grow(self, now_ns: int, acked: int, delivered: int, progress: bool) -> None:
        """The window after an acknowledgment of `acked` segments, with `delivered` reported as arrived (tcp_cong_control)."""
        congestion = self.congestion
        if self.phase is Phase.RECOVERY:
            if delivered:
                in_flight = self.board.in_flight
                congestion.cwnd = max(in_flight + self._allowance(delivered, in_flight, progress), 1)
        elif acked and (self.limited or self.phase is Phase.LOSS or self._is_used(acked)):
            congestion.on_ack(acked, now_ns, self.round_trip.srtt_ns)
            self.limited = False

    def _allowance(self, delivered: int, in_flight: int, progress: bool) -> int:
        """How much may be sent for what was delivered (tcp_cwnd_reduction)."""
        self._delivered += delivered
        room = self.congestion.ssthresh - in_flight
        if room < 0:
            count = -(-self.congestion.ssthresh * self._delivered // self._flight) - self._out
        else:
            count = min(max(self._delivered - self._out, delivered) + progress, room)
        return max(count, 0 if self._out else 1)

    def _is_used(self, acked: int) -> bool:
        """In slow start the window may grow to twice of what is in use (tcp_is_cwnd_limited)."""
        congestion = self.congestion
        return congestion.cwnd < congestion.ssthresh and congestion.cwnd < 2 * (len(self.board) + acked)

    def restart_after_idle(self, idle_ns: int) -> None:
        """Half the window for each RTO of silence (tcp_cwnd_restart)."""
        congestion = self.congestion
        if idle_ns > self.round_trip.rto_ns and congestion.cwnd > INITIAL_WINDOW:
            congestion.ssthresh = max(congestion.ssthresh, congestion.cwnd * 3 // 4)
            congestion.cwnd = max(INITIAL_WINDOW, congestion.cwnd >> min(idle_ns // self.round_trip.rto_ns, 31))
