"""The sending half of a TCP connection: what goes out, and what acknowledgments say of it (net/ipv4/tcp_output.c, tcp_input.c).

Nagle (Minshall's variant), the peer's window, what is lost before what is new. Not modelled: pacing, corking, the retransmission of a
part of a segment that was acknowledged in part.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu.engine import MILLISECOND
from emu.netns.tcp_congestion import INITIAL_WINDOW
from emu.netns.tcp_gso import segments
from emu.netns.tcp_queue import SendQueue
from emu.netns.tcp_recovery import Recovery
from emu.netns.tcp_scoreboard import Sent
from emu.netns.tcp_segment import WRAP, Received, extend
from emu.netns.tcp_send_timer import SendTimer
from emu.packet.tcp import FIN, PSH, SYN

if TYPE_CHECKING:
    from emu.netns.tcp_connection import Connection


_OVERHEAD = 320  # of a segment in memory: headers and bookkeeping


class Sender:
    """What is to be sent, and what is in flight. Sequence numbers are absolute."""

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
        self.queue = SendQueue(isn + 1)
        self._small_end = isn  # the end of the last segment smaller than the MSS
        self._packet = 0  # the GSO packet that is being sent, and how many segments it has
        self._packet_size = 0
        self.fin_queued = False
        self.fin_number: int | None = None  # once sent
        # Loss and rate
        self.recovery = Recovery()
        self.round_trip = self.recovery.round_trip
        self.board = self.recovery.board
        self._last_sent_ns = 0
        self.timer = SendTimer(connection, self)

    # The program writes.

    @property
    def mss(self) -> int:
        """The payload of a full segment."""
        return min(self.peer_mss, self.path_mss) - self._connection.output.options_length

    @property
    def limit(self) -> int:
        """The send buffer: memory for two windows, within tcp_wmem (tcp_sndbuf_expand)."""
        memory = (1 << (self.mss + _OVERHEAD - 1).bit_length()) + 256
        return min(self._buffer_max, max(self._buffer, 2 * max(INITIAL_WINDOW, self.recovery.cwnd) * memory))

    def write(self, data: bytes) -> None:
        self.queue.write(data)
        self.push()

    def finish(self) -> None:
        """A FIN after all that is queued."""
        self.fin_queued = True
        self.push()

    # Segments go out.

    def open(self) -> None:
        """Send our SYN (or SYN-ACK)."""
        self.transmit_new(Sent(self.nxt, SYN, b""))

    def repeat_syn(self) -> None:
        """The peer has sent its SYN again."""
        if len(self.board) and self.board.first.is_syn:
            self.retransmit(self.board.first)

    def push(self) -> None:
        """Send what the windows allow: first what is lost, then what is new (tcp_xmit_retransmit_queue, tcp_write_xmit)."""
        if not self._connection.can_send:
            return
        board, recovery = self.board, self.recovery
        if self.queue.unsent and not len(board):
            recovery.restart_after_idle(self._engine.now - self._last_sent_ns)
        while board.lost and recovery.may_send:
            lost = board.next_lost()
            if lost is None:
                break
            self.retransmit(lost)
        has_sent = False
        while self.has_new():
            if not recovery.may_send:
                recovery.limited = True
                break
            if not self.send_next():
                break
            has_sent = True
        if has_sent:
            self.timer.schedule_loss_probe()
        self.timer.schedule_window_probe()

    def has_new(self) -> bool:
        return self.queue.unsent > 0 or (self.fin_queued and self.fin_number is None)

    @property
    def window_end(self) -> int:
        return self.una + self.window

    def send_next(self, *, force: bool = False) -> bool:
        """One new segment, unless the peer's window or Nagle forbid it."""
        mss = max(min(self.mss, self.max_window // 2 if self.max_window > 536 else self.mss), 48)
        size = min(mss, self.queue.unsent)
        fin = self.fin_queued and size == self.queue.unsent
        if self.nxt + size + fin > self.window_end:
            return False
        if size < mss and not fin and not self.nodelay and not force and len(self.board) and self._small_end > self.una:
            return False
        payload = self.queue.take(size) if size else b""
        end = self.nxt + size
        self._packet_size += 1
        is_end_of_write = bool(size) and self.queue.is_end_of_write(end)
        goes_on = not force and not fin and self._packet_goes_on(end, mss)
        push = PSH if not goes_on and (is_end_of_write or (self._packet_size > 1 and size)) else 0
        sent = Sent(self.nxt, push | (FIN if fin else 0), payload, self._packet)
        if not goes_on:
            self._packet += 1
            self._packet_size = 0
        if size < mss:
            self._small_end = sent.end
        if fin:
            self.fin_number = end
        self.transmit_new(sent)
        return True

    def _packet_goes_on(self, end: int, mss: int) -> bool:
        """Will the segment after the one that ends at `end`, which goes out now, be of the same GSO packet?"""
        rest = self.queue.unsent
        if not rest or self.board.in_flight + 1 >= self.recovery.cwnd:
            return False
        if self._packet_size >= segments(mss, self.recovery.congestion, self.round_trip):
            return False
        if rest < mss and not self.fin_queued and not self.nodelay and self._small_end > self.una:
            return False
        return end + min(mss, rest) <= self.window_end

    def transmit_new(self, sent: Sent) -> None:
        self.nxt = sent.end
        was_idle = not len(self.board)
        self.board.on_sent(sent, self._engine.now)
        self._last_sent_ns = self._engine.now
        self._emit(sent)
        if was_idle or self.timer.is_probing:
            self.timer.arm()

    def retransmit(self, sent: Sent) -> None:
        self.board.on_sent(sent, self._engine.now)
        self.recovery.on_retransmit(self._connection.output.timestamp())
        self._emit(sent)

    def _emit(self, sent: Sent) -> None:
        self.recovery.on_sent()
        self._connection.output.emit(sent.start, sent.flags, sent.payload)

    # Acknowledgments come in.

    def on_ack(self, received: Received) -> None:
        """tcp_ack, for an acknowledgment that is neither too old nor of what was not sent."""
        now, board, recovery = self._engine.now, self.board, self.recovery
        advanced = received.ack > self.una
        has_new_window = received.ack >= self.una and self._take_window(received)
        self.timer.on_ack()
        lost_before = board.lost
        acked = board.acknowledge(received.ack, now) if advanced else []
        if advanced:
            self._on_advance(received, acked)
        sacked = board.acknowledge_selectively(self._blocks(received), now)
        self._sample_rtt(received, acked, sacked)
        delivered = len(acked) + len(sacked)
        if not self.sack_permitted:
            is_same = received.ack == self.una and not has_new_window and not received.payload and len(board) > 0
            recovery.count_duplicate(advanced, is_same)
            delivered += is_same and not advanced
        wait_ns = recovery.detect_losses(now, self.sack_permitted)
        if advanced:
            recovery.on_advance(self.una, received.options.echo if received.options.timestamp is not None else None)
        recovery.enter_recovery(self.una, self.nxt)
        recovery.grow(now, len(acked), delivered, advanced and board.lost <= lost_before)
        if has_new_window and self.window and not len(board):
            self.round_trip.backoff = 0
        if advanced or sacked or not len(board):
            self.timer.arm()
            self.timer.schedule_loss_probe()
        if wait_ns:
            self.timer.wait_for_reordered(wait_ns)

    def _on_advance(self, received: Received, acked: list[Sent]) -> None:
        self.una = received.ack
        self.queue.held -= sum(len(sent.payload) for sent in acked)
        self.round_trip.backoff = 0
        self.timer.on_advance(received.ack)

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
        clean = [] if any(sent.retransmitted for sent in acked) else [sent for sent in acked if not sent.sacked]
        clean = clean or [sent for sent in sacked if not sent.retransmitted]
        if clean:
            rtt_ns = now - clean[0].sent_ns
        elif acked and received.options.timestamp is not None and received.options.echo and not self._tells_duplicate(received):
            rtt_ns = ((self._connection.output.timestamp() - received.options.echo) & WRAP) * MILLISECOND
            if rtt_ns > 1 << 41:
                return
        else:
            return
        self.round_trip.sample(rtt_ns, self.una, self.nxt)

    def _tells_duplicate(self, received: Received) -> bool:
        """Is the first SACK block a D-SACK? Such an answer to an old copy echoes the time of something earlier."""
        sack = received.options.sack
        return bool(sack) and extend(sack[0][0], self.una) < received.ack

    # The path.

    def lower_mss(self, mss: int) -> None:
        """The path takes less than was thought (tcp_v4_mtu_reduced): what is too large goes out again in pieces."""
        if mss >= self.path_mss:
            return
        self.path_mss = mss
        self.board.split(self.mss)
        self.recovery.enter_smaller_mtu(self.nxt)
        self.push()
