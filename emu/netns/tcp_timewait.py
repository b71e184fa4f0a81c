"""What stays of a connection in TIME_WAIT (tcp_timewait_state_process, net/ipv4/tcp_minisocks.c): for 60 s, without keeping a lab busy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu.engine import MILLISECOND, SECOND
from emu.netdev.drop import DropReason
from emu.netns import tcp_options
from emu.netns.tcp_segment import WRAP, extend, is_newer
from emu.netns.tcp_timer import RestartableTimer
from emu.packet import tcp
from emu.packet.tcp import ACK, FIN, RST, SYN, Segment

if TYPE_CHECKING:
    from emu.netns.tcp_connection import Connection
    from emu.packet.datagram import Datagram

TIME_WAIT_NS = 60 * SECOND
ACK_RATE_NS = 500 * MILLISECOND


class TimeWait:
    """Answers old segments, and makes way for a new connection with the same ports."""

    def __init__(self, connection: Connection) -> None:
        self.state = connection.state
        self.local, self.peer = connection.local, connection.peer
        self._tcp = connection.tcp
        self._engine = connection.engine
        self._key = connection.key
        self._nxt = connection.sender.nxt
        self._expected = connection.receiver.nxt
        self._recent = connection.receiver.recent if connection.output.timestamps else None
        self._offset = connection.output.offset
        scale = connection.receiver.scale if connection.scaled else 0
        self._window = min(connection.receiver.window >> scale, 0xFFFF)
        self._answered_ns = -ACK_RATE_NS
        self._timer = RestartableTimer(self._engine, background=True)
        self._timer.start(TIME_WAIT_NS, self.end)

    def receive(self, datagram: Datagram, segment: Segment) -> None:
        flags = segment.flags
        options = tcp_options.parse(segment.options)
        is_old = self._recent is not None and options.timestamp is not None and is_newer(self._recent, options.timestamp)
        start = extend(segment.sequence, self._expected)
        is_empty = not segment.payload and not flags & (SYN | FIN)
        if not is_old and start == self._expected and (is_empty or flags & RST):
            if flags & RST:
                return self.end()
            if options.timestamp is not None and self._recent is not None:
                self._recent = options.timestamp
            return self._timer.start(TIME_WAIT_NS, self.end)
        if flags & (SYN | RST | ACK) == SYN and not is_old and self._is_new(start, options):
            self.end()
            return self._tcp.open_again(datagram, segment, (self._nxt + 65537) & WRAP)
        if not flags & RST:
            if is_old or flags & ACK:
                self._timer.start(TIME_WAIT_NS, self.end)
            self._acknowledge(datagram)
        self._tcp.netns.drop(datagram, DropReason.TCP_INVALID, datagram.iif)

    def _is_new(self, start: int, options: tcp_options.Options) -> bool:
        if start > self._expected:
            return True
        return self._recent is not None and options.timestamp is not None and is_newer(options.timestamp, self._recent)

    def _acknowledge(self, datagram: Datagram) -> None:
        now = self._engine.now
        if now - self._answered_ns < ACK_RATE_NS:
            return
        self._answered_ns = now
        times = None
        if self._recent is not None:
            times = (now // MILLISECOND + self._offset) & WRAP, self._recent
        _, port, _, peer_port = self._key
        segment = Segment(port, peer_port, self._nxt & WRAP, self._expected & WRAP, tcp.ACK, self._window, tcp_options.build(times), b"")
        self._tcp.answer(datagram, segment)

    def end(self) -> None:
        self._timer.stop()
        self._tcp.connections_by_key.pop(self._key, None)
