"""The sending half of a TCP connection (net/ipv4/tcp_output.c, tcp_input.c, tcp_timer.c).

Send queue with Nagle (Minshall's variant), the peer's window and its probing, retransmission timeout with backoff, fast retransmit by RACK
with proportional rate reduction (RFC 6937) or, towards peers without SACK, by three duplicate ACKs, tail loss probes, undo of a
retransmission that the timestamps show to be spurious (RFC 3522). Not modelled: pacing, TSO, corking, RFC 6069's backoff reversal.
"""

from __future__ import annotations

from collections import deque
from enum import Enum
from typing import TYPE_CHECKING

from emu.engine import MILLISECOND
from emu.netns.tcp_congestion import INITIAL_WINDOW, Cubic
from emu.netns.tcp_rtt import RTO_MIN_NS, RoundTrip
from emu.netns.tcp_scoreboard import DUPLICATE_THRESHOLD, Scoreboard, Sent
from emu.netns.tcp_segment import WRAP, Received, extend, is_newer
from emu.netns.tcp_timer import RestartableTimer
from emu.packet.tcp import FIN, PSH, SYN

if TYPE_CHECKING:
    from emu.netns.tcp_connection import Connection


_OVERHEAD = 320  # of a segment in memory: headers and bookkeeping


class Phase(Enum):
    """Linux's congestion avoidance states, without the transient ones."""

    OPEN = "all is well"
    RECOVERY = "fast retransmit"
    LOSS = "after a retransmission timeout"


class Sender:
    """What is to be sent, what is in flight, and when to send again. Sequence numbers are absolute."""

    def __init__(self, connection: Connection, isn: int, path_mss: int) -> None:
        self._connection = connection
        self._engine = connection.engine
        self.una: int = isn
        self.nxt: int = isn
        self.path_mss = path_mss  # from the path MTU
        self.peer_mss = 536  # what the peer's SYN allows
        self.sack_permitted = False
        self.scale = 0
        self.window = self.max_window = 0
        self._window_start = 0  # the segment that the window was last taken from
        self.nodelay = False
        # The queue
        _, self._buffer, self._buffer_max = map(int, connection.netns.sysctl.get("net.ipv4.tcp_wmem").split())
        self._chunks: deque[bytes] = deque()
        self._offset = 0  # into the first chunk
        self.unsent = 0
        self.queued = 0  # bytes not acknowledged
        self._write_end = isn + 1
        self._pushes: deque[int] = deque()  # where a write ended
        self._small_end = isn  # the end of the last segment smaller than the MSS
        self.fin_queued = False
        self.fin_number: int | None = None  # once sent
        # Loss and rate
        self.round_trip = RoundTrip()
        self.board = Scoreboard()
        self.congestion = Cubic()
        self.phase = Phase.OPEN
        self._recovery_end = 0
        self._duplicates = 0  # duplicate ACKs of a peer without SACK
        self._reduction = _Reduction()
        self._undo: tuple[int, int, int] | None = None  # timestamp of the first retransmission, cwnd and ssthresh before
        self._limited = False
        self._last_sent_ns = 0
        self._probe_end: int | None = None  # of a tail loss probe under way
        # Timers: one is pending at a time, as in Linux
        self.timer = RestartableTimer(connection.engine)
        self.timeouts = 0  # in a row
        self.retransmitted = 0
        self._first_timeout_ns = 0
        self._probes = 0

    # The program writes.

    @property
    def mss(self) -> int:
        """The payload of a full segment."""
        return min(self.peer_mss, self.path_mss) - self._connection.output.options_length

    @property
    def limit(self) -> int:
        """The send buffer: memory for two windows, within tcp_wmem (tcp_sndbuf_expand)."""
        memory = (1 << (self.mss + _OVERHEAD - 1).bit_length()) + 256
        return min(self._buffer_max, max(self._buffer, 2 * max(INITIAL_WINDOW, self.congestion.cwnd) * memory))

    def write(self, data: bytes) -> None:
        self._chunks.append(data)
        self.unsent += len(data)
        self.queued += len(data)
        self._write_end += len(data)
        self._pushes.append(self._write_end)
        self.push()

    def finish(self) -> None:
        """A FIN after all that is queued."""
        self.fin_queued = True
        self.push()

    def _take(self, size: int) -> bytes:
        """The next `size` bytes of the queue."""
        self.unsent -= size
        parts: list[bytes] = []
        while size:
            chunk, offset = self._chunks[0], self._offset
            part = chunk[offset : offset + size]
            parts.append(part)
            size -= len(part)
            self._offset = offset + len(part)
            if self._offset == len(chunk):
                self._chunks.popleft()
                self._offset = 0
        return parts[0] if len(parts) == 1 else b"".join(parts)

    # Segments go out.

    def open(self) -> None:
        """Send our SYN (or SYN-ACK)."""
        self._transmit_new(Sent(self.nxt, SYN, b""))

    def repeat_syn(self) -> None:
        """The peer has sent its SYN again."""
        if len(self.board) and self.board.first.is_syn:
            self._retransmit(self.board.first)

    def push(self) -> None:
        """Send what the windows allow: first what is lost, then what is new (tcp_xmit_retransmit_queue, tcp_write_xmit)."""
        if not self._connection.can_send:
            return
        self._restart_after_idle()
        board, cwnd = self.board, self.congestion.cwnd
        while board.lost and board.in_flight < cwnd:
            lost = board.next_lost()
            if lost is None:
                break
            self._retransmit(lost)
        has_sent = False
        while self._has_new():
            if board.in_flight >= cwnd:
                self._limited = True
                break
            if not self._send_next():
                break
            has_sent = True
        if has_sent:
            self._schedule_loss_probe()
        self._check_window_probe()

    def _has_new(self) -> bool:
        return self.unsent > 0 or (self.fin_queued and self.fin_number is None)

    @property
    def window_end(self) -> int:
        return self.una + self.window

    def _send_next(self, *, force: bool = False) -> bool:
        """One new segment, unless the peer's window or Nagle forbid it."""
        mss = max(min(self.mss, self.max_window // 2 if self.max_window > 536 else self.mss), 48)
        size = min(mss, self.unsent)
        fin = self.fin_queued and size == self.unsent
        if self.nxt + size + fin > self.window_end:
            return False
        if size < mss and not fin and not self.nodelay and not force and len(self.board) and self._small_end > self.una:
            return False
        payload = self._take(size) if size else b""
        end = self.nxt + size
        while self._pushes and self._pushes[0] < end:
            self._pushes.popleft()
        push = PSH if size and self._pushes and self._pushes[0] == end else 0
        sent = Sent(self.nxt, push | (FIN if fin else 0), payload)
        if size < mss:
            self._small_end = sent.end
        if fin:
            self.fin_number = end
        self._transmit_new(sent)
        return True

    def _transmit_new(self, sent: Sent) -> None:
        self.nxt = sent.end
        was_idle = not len(self.board)
        self.board.on_sent(sent, self._engine.now)
        self._last_sent_ns = self._engine.now
        self._emit(sent)
        if was_idle or self.timer.pending in {self._on_loss_probe, self._on_window_probe}:
            self._arm()

    def _retransmit(self, sent: Sent) -> None:
        self.retransmitted += 1
        self.board.on_sent(sent, self._engine.now)
        self._reduction.out += 1
        if self._undo is not None and self._undo[0] < 0:
            self._undo = (self._connection.output.timestamp(), *self._undo[1:])
        self._emit(sent)

    def _emit(self, sent: Sent) -> None:
        self._connection.output.emit(sent.start, sent.flags, sent.payload)

    def _restart_after_idle(self) -> None:
        """tcp_cwnd_restart: half the window for each RTO of silence."""
        idle_ns = self._engine.now - self._last_sent_ns
        rto_ns = self.round_trip.rto_ns
        if len(self.board) or not self.unsent or idle_ns <= rto_ns:
            return
        congestion = self.congestion
        if congestion.cwnd > INITIAL_WINDOW:
            congestion.ssthresh = max(congestion.ssthresh, congestion.cwnd * 3 // 4)
            congestion.cwnd = max(INITIAL_WINDOW, congestion.cwnd >> min(idle_ns // rto_ns, 31))

    # Acknowledgments come in.

    def on_ack(self, received: Received) -> None:
        """tcp_ack, for an acknowledgment that is neither too old nor of what was not sent."""
        now, board = self._engine.now, self.board
        advanced = received.ack > self.una
        has_new_window = received.ack >= self.una and self._take_window(received)
        self._probes = 0
        before = board.lost
        acked = board.acknowledge(received.ack, now) if advanced else []
        if advanced:
            self._on_advance(received, acked)
        blocks = self._blocks(received)
        sacked = board.acknowledge_selectively(blocks, now) if blocks else []
        self._sample_rtt(received, acked, sacked)
        delivered = len(acked) + len(sacked)
        if not self.sack_permitted:
            is_duplicate = received.ack == self.una and not advanced and not has_new_window and not received.payload and len(board) > 0
            self._count_duplicate(is_duplicate, advanced)
            delivered += is_duplicate
        wait_ns = self._detect_losses()
        self._change_phase(received, advanced)
        self._grow(delivered, len(acked), advanced, board.lost > before)
        if has_new_window and self.window and not len(board):
            self.round_trip.backoff = 0
        if advanced or sacked or not len(board):
            self._arm()
            self._schedule_loss_probe()
        if wait_ns:
            self.timer.start(wait_ns + MILLISECOND // 1000, self._on_reordering_window)

    def _on_advance(self, received: Received, acked: list[Sent]) -> None:
        self.una = received.ack
        self.queued -= sum(len(sent.payload) for sent in acked)
        self.timeouts = 0
        self.round_trip.backoff = 0
        if self._probe_end is not None and received.ack >= self._probe_end:
            self._probe_end = None

    def _blocks(self, received: Received) -> list[tuple[int, int]]:
        """SACK blocks made absolute; a D-SACK, which lies below the acknowledgment or what was sent, names nothing in flight."""
        if not received.options.sack or not self.sack_permitted:
            return []
        absolute = [(extend(start, self.una), extend(end, self.una)) for start, end in received.options.sack]
        return [(start, end) for start, end in absolute if self.una < start < end <= self.nxt]

    def _take_window(self, received: Received) -> bool:
        """tcp_ack_update_window. True if the window changed."""
        window = received.window << (0 if received.flags & SYN else self.scale)
        newer = received.ack > self.una or received.start > self._window_start
        if not newer and not (received.start == self._window_start and (window > self.window or not window)):
            return False
        self._window_start = received.start
        changed = window != self.window
        self.window = window
        self.max_window = max(self.max_window, window)
        return changed

    def _sample_rtt(self, received: Received, acked: list[Sent], sacked: list[Sent]) -> None:
        """From a segment sent once, or else from the echoed timestamp (tcp_ack_update_rtt)."""
        now = self._engine.now
        clean = [sent for sent in acked if not sent.retransmitted and not sent.sacked] or [s for s in sacked if not s.retransmitted]
        if clean:
            rtt_ns = now - clean[0].sent_ns
        elif acked and received.options.timestamp is not None and received.options.echo:
            rtt_ns = ((self._connection.output.timestamp() - received.options.echo) & WRAP) * MILLISECOND
            if rtt_ns > 1 << 41:
                return
        else:
            return
        self.round_trip.sample(rtt_ns, self.una, self.nxt)

    def _count_duplicate(self, is_duplicate: bool, advanced: bool) -> None:
        """Without SACK, three duplicates tell that the first segment is lost (tcp_add_reno_sack, tcp_newreno_mark_lost)."""
        board = self.board
        if advanced:
            self._duplicates = 0
            if self.phase is Phase.RECOVERY and len(board):
                board.mark_lost(board.first)  # a partial acknowledgment: the next hole (RFC 6582)
        elif is_duplicate:
            self._duplicates += 1
            if self._duplicates == DUPLICATE_THRESHOLD and self.phase is Phase.OPEN:
                board.mark_lost(board.first)

    # Loss and recovery.

    def _detect_losses(self) -> int:
        if not self.sack_permitted or not len(self.board):
            return 0
        board = self.board
        window_ns = 0
        if board.reordering or (self.phase is Phase.OPEN and board.sacked < DUPLICATE_THRESHOLD):
            window_ns = min(self.round_trip.min_ns // 4, self.round_trip.srtt_ns)
        return board.detect_losses(self._engine.now, window_ns)

    def _change_phase(self, received: Received, advanced: bool) -> None:
        if self.phase is not Phase.OPEN and advanced and self._is_spurious(received):
            self._undo_reduction()
        if self.phase is not Phase.OPEN and self.una >= self._recovery_end:
            if self.phase is Phase.RECOVERY:
                self.congestion.cwnd = min(self.congestion.cwnd, self.congestion.ssthresh)
            self.phase = Phase.OPEN
            self._undo = None
        if self.phase is Phase.OPEN and self.board.lost:
            self._enter(Phase.RECOVERY)

    def _enter(self, phase: Phase) -> None:
        """Lower the threshold, once for a window's losses (tcp_enter_recovery, tcp_enter_loss)."""
        congestion = self.congestion
        if self.phase is Phase.OPEN or (phase is Phase.LOSS and self.una > self._recovery_end):
            self._undo = (-1, congestion.cwnd, congestion.ssthresh)
            self._reduction = _Reduction(max(congestion.cwnd, 1))
            congestion.ssthresh = congestion.on_loss()
        self.phase = phase
        self._recovery_end = self.nxt

    def _is_spurious(self, received: Received) -> bool:
        """What is acknowledged echoes a time before our first retransmission: the original has arrived."""
        if self._undo is None or self._undo[0] < 0 or received.options.timestamp is None:
            return False
        return bool(received.options.echo) and is_newer(self._undo[0], received.options.echo)

    def _undo_reduction(self) -> None:
        assert self._undo is not None
        congestion = self.congestion
        congestion.cwnd = max(congestion.cwnd, self._undo[1])
        congestion.ssthresh = max(congestion.ssthresh, self._undo[2])
        self.board.forgive()
        self.phase = Phase.OPEN
        self._undo = None

    def _grow(self, delivered: int, acked: int, advanced: bool, newly_lost: bool) -> None:
        """The congestion window after an acknowledgment (tcp_cong_control)."""
        congestion = self.congestion
        if self.phase is Phase.RECOVERY:
            if delivered:
                in_flight = self.board.in_flight
                count = self._reduction.allowance(delivered, in_flight, congestion.ssthresh, advanced and not newly_lost)
                congestion.cwnd = max(in_flight + count, 1)
        elif acked and (self._limited or self.phase is Phase.LOSS or self._is_used(acked)):
            congestion.on_ack(acked, self._engine.now, self.round_trip.srtt_ns)
            self._limited = False

    def _is_used(self, acked: int) -> bool:
        """In slow start the window may grow to twice of what is in use (tcp_is_cwnd_limited)."""
        congestion = self.congestion
        return congestion.cwnd < congestion.ssthresh and congestion.cwnd < 2 * (len(self.board) + acked)

    # Timers.

    def _arm(self) -> None:
        """The retransmission timer runs while something is in flight (tcp_rearm_rto)."""
        if len(self.board):
            self.timer.start(self.round_trip.rto_ns, self._on_timeout)
        else:
            self.timer.stop()

    def _on_timeout(self) -> None:
        """The retransmission timer has fired (tcp_retransmit_timer)."""
        if not len(self.board):
            return
        now = self._engine.now
        if not self.timeouts:
            self._first_timeout_ns = now
        if self._connection.gives_up(self.timeouts, now - self._first_timeout_ns):
            return
        first = self.board.first
        if not first.is_syn:
            self._enter(Phase.LOSS)
            self.board.mark_timed_out(now)
            self.congestion.reset()
            self.congestion.cwnd = self.board.in_flight + 1
            self._duplicates = 0
            self._probe_end = None
        self.timeouts += 1
        if self._connection.backs_off(self.timeouts):
            self.round_trip.backoff += 1
        self._connection.output.refresh_route()
        self._retransmit(first)
        self._arm()

    def _schedule_loss_probe(self) -> None:
        """A tail loss probe after two round trips of silence, if that comes before the timeout (tcp_schedule_loss_probe)."""
        board = self.board
        if not len(board) or self.phase is not Phase.OPEN or not self.sack_permitted or board.sacked or board.first.is_syn:
            return
        if not self.round_trip.srtt_ns or self._probe_end is not None or self.round_trip.backoff:
            return
        delay_ns = 2 * self.round_trip.srtt_ns + (RTO_MIN_NS if len(board) == 1 else 2 * MILLISECOND)
        self.timer.start(min(delay_ns, self.round_trip.rto_ns), self._on_loss_probe)

    def _on_loss_probe(self) -> None:
        """Send something new, or the last segment again, to get the acknowledgments that tell of a loss (tcp_send_loss_probe)."""
        if not len(self.board):
            return
        self._probe_end = self.nxt
        self.timer.stop()
        if not (self._has_new() and self._send_next(force=True)):
            self._retransmit(self.board.last)
        self._probe_end = self.nxt
        self._arm()

    def _on_reordering_window(self) -> None:
        """What was only suspected to be lost now is (tcp_rack_reo_timeout)."""
        wait_ns = self._detect_losses()
        if self.phase is Phase.OPEN and self.board.lost:
            self._enter(Phase.RECOVERY)
            self.congestion.cwnd = max(self.board.in_flight + 1, 1)
        self._arm()
        self.push()
        if wait_ns:
            self.timer.start(wait_ns, self._on_reordering_window)

    def _check_window_probe(self) -> None:
        if not len(self.board) and self._has_new() and self.timer.pending is None:
            self.timer.start(max(self.round_trip.rto_ns, RTO_MIN_NS), self._on_window_probe)

    def _on_window_probe(self) -> None:
        """Ask for the window (tcp_probe_timer, tcp_write_wakeup): what fits in it, or an old number that must be answered."""
        if not self._has_new() or len(self.board):
            return
        if self._connection.gives_up_probing(self._probes):
            return
        self._probes += 1
        room = self.window_end - self.nxt
        if room > 0 and self.unsent:
            self._transmit_new(Sent(self.nxt, PSH, self._take(min(room, self.unsent, self.mss))))
            return
        self._connection.output.emit(self.una - 1, 0)
        self.round_trip.backoff += self.round_trip.rto_ns < 120_000 * MILLISECOND
        self.timer.start(self.round_trip.rto_ns, self._on_window_probe)

    # The path.

    def lower_mss(self, mss: int) -> None:
        """The path takes less than was thought (tcp_v4_mtu_reduced): what is too large goes out again in pieces."""
        if mss >= self.path_mss:
            return
        self.path_mss = mss
        self.board.split(self.mss)
        if self.board.lost and self.phase is Phase.OPEN:
            self._undo = None
            self.phase = Phase.LOSS
            self._recovery_end = self.nxt
        self.push()


class _Reduction:
    """Proportional rate reduction: how much may be sent for what was delivered during recovery (tcp_cwnd_reduction)."""

    __slots__ = ("_delivered", "_prior", "out")

    def __init__(self, prior: int = 1) -> None:
        self._prior = prior
        self._delivered = 0
        self.out = 0

    def allowance(self, delivered: int, in_flight: int, ssthresh: int, progress: bool) -> int:
        self._delivered += delivered
        room = ssthresh - in_flight
        if room < 0:
            count = -(-ssthresh * self._delivered // self._prior) - self.out
        else:
            count = min(max(self._delivered - self.out, delivered) + progress, room)
        return max(count, 0 if self.out else 1)
