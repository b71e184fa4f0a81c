"""When a TCP sender acts though nothing came (net/ipv4/tcp_timer.c; RFC 6298, RFC 8985): one timer, as in Linux, with one task at a time.

The retransmission timeout with its backoff, the tail loss probe, the reordering window of RACK, the probe of a closed window. Not modelled:
RFC 6069's backoff reversal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu.engine import MILLISECOND
from emu.netns import tcp_patience
from emu.netns.tcp_rtt import RTO_MAX_NS, RTO_MIN_NS
from emu.netns.tcp_scoreboard import Sent
from emu.netns.tcp_timer import RestartableTimer
from emu.packet.tcp import PSH

if TYPE_CHECKING:
    from emu.netns.tcp_connection import Connection
    from emu.netns.tcp_send import Sender


class SendTimer:
    """What the sender waits for, and what it does when it has waited for too long."""

    def __init__(self, connection: Connection, sender: Sender) -> None:
        self._connection = connection
        self._sender = sender
        self._engine = connection.engine
        self._timer = RestartableTimer(connection.engine)
        self._timeouts = 0  # in a row
        self._first_timeout_ns = 0
        self._probe_end: int | None = None  # of a tail loss probe under way
        self._window_probes = 0  # in a row

    @property
    def is_probing(self) -> bool:
        return self._timer.pending in {self._on_loss_probe, self._on_window_probe}

    def on_ack(self) -> None:
        """The peer is there."""
        self._window_probes = 0

    def on_advance(self, ack: int) -> None:
        """Something new is acknowledged, all before `ack`."""
        self._timeouts = 0
        if self._probe_end is not None and ack >= self._probe_end:
            self._probe_end = None

    def stop(self) -> None:
        self._timer.stop()

    # The retransmission timeout.

    def arm(self) -> None:
        """It runs while something is in flight (tcp_rearm_rto)."""
        if len(self._sender.board):
            self._timer.start(self._sender.round_trip.rto_ns, self._on_timeout)
        else:
            self._timer.stop()

    def _on_timeout(self) -> None:
        """tcp_retransmit_timer."""
        sender = self._sender
        if not len(sender.board):
            return
        now = self._engine.now
        if not self._timeouts:
            self._first_timeout_ns = now
        if tcp_patience.is_enough(self._connection, self._timeouts, now - self._first_timeout_ns):
            return self._connection.time_out()
        first = sender.board.first
        if not first.is_syn:
            sender.recovery.enter_loss(sender.una, sender.nxt, now)
            self._probe_end = None
        self._timeouts += 1
        if tcp_patience.is_backing_off(self._connection, self._timeouts):
            sender.round_trip.backoff += 1
        self._connection.output.refresh_route()
        sender.retransmit(first)
        self.arm()

    # Losses that no acknowledgment tells of.

    def schedule_loss_probe(self) -> None:
        """A tail loss probe after two round trips of silence, if that comes before the timeout (tcp_schedule_loss_probe)."""
        sender = self._sender
        board, round_trip = sender.board, sender.round_trip
        if not len(board) or not sender.recovery.is_open or not sender.sack_permitted or board.sacked or board.first.is_syn:
            return
        if not round_trip.srtt_ns or self._probe_end is not None or round_trip.backoff:
            return
        delay_ns = 2 * round_trip.srtt_ns + (RTO_MIN_NS if len(board) == 1 else 2 * MILLISECOND)
        self._timer.start(min(delay_ns, round_trip.rto_ns), self._on_loss_probe)

    def _on_loss_probe(self) -> None:
        """Send something new, or the last segment again, to get the acknowledgments that tell of a loss (tcp_send_loss_probe)."""
        sender = self._sender
        if not len(sender.board):
            return
        self._probe_end = sender.nxt
        self._timer.stop()
        if not (sender.has_new() and sender.send_next(force=True)):
            sender.retransmit(sender.board.last)
        self._probe_end = sender.nxt
        self.arm()

    def wait_for_reordered(self, wait_ns: int) -> None:
        """What is suspected to be lost may only be late."""
        self._timer.start(wait_ns, self._on_reordering_window)

    def _on_reordering_window(self) -> None:
        """What was only suspected to be lost now is (tcp_rack_reo_timeout)."""
        sender = self._sender
        wait_ns = sender.recovery.detect_losses(self._engine.now, sender.sack_permitted)
        sender.recovery.enter_recovery(sender.una, sender.nxt)
        self.arm()
        sender.push()
        if wait_ns:
            self.wait_for_reordered(wait_ns)

    # A window that is closed.

    def schedule_window_probe(self) -> None:
        sender = self._sender
        if not len(sender.board) and sender.has_new() and self._timer.pending is None:
            self._timer.start(max(sender.round_trip.rto_ns, RTO_MIN_NS), self._on_window_probe)

    def _on_window_probe(self) -> None:
        """Ask for the window (tcp_probe_timer, tcp_write_wakeup): what fits in it, or an old number that must be answered."""
        sender = self._sender
        if not sender.has_new() or len(sender.board):
            return
        if self._window_probes >= tcp_patience.retries(self._connection):
            return self._connection.time_out()
        self._window_probes += 1
        room = sender.window_end - sender.nxt
        if room > 0 and sender.queue.unsent:
            sender.transmit_new(Sent(sender.nxt, PSH, sender.queue.take(min(room, sender.queue.unsent, sender.mss))))
            return
        self._connection.output.emit(sender.una - 1, 0)
        sender.round_trip.backoff += sender.round_trip.rto_ns < RTO_MAX_NS
        self._timer.start(sender.round_trip.rto_ns, self._on_window_probe)
