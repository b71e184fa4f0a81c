"""How a connection's segments are made and leave (tcp_transmit_skb, tcp_send_active_reset, net/ipv4/tcp_output.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu.engine import MILLISECOND
from emu.netns import tcp_options
from emu.netns.tcp_segment import WRAP
from emu.netns.tcp_state import TcpState
from emu.packet import tcp
from emu.packet.ipv4 import TCP
from emu.packet.tcp import ACK, RST, SYN, Segment

if TYPE_CHECKING:
    from emu.netns.tcp_connection import Connection


class Output:
    """Header fields, options and the IP identification of one connection."""

    def __init__(self, connection: Connection) -> None:
        random = connection.tcp.random
        self._connection = connection
        self._engine = connection.engine
        self._ip = connection.netns.ipv4
        self.offset: int = random.getrandbits(32)  # of the timestamps
        self._identification: int = random.getrandbits(16)
        self._opened = self.timestamp()
        self.timestamps: bool = bool(connection.sysctl("tcp_timestamps"))
        self.cause = 0  # the trace id of what came last
        self.anonymous = False  # Linux has put a small time-wait socket in our place: no IP identification
        self.soft_error = 0  # an errno that becomes the error if the connection is given up
        self.route, _ = self._ip.route(connection.peer_ip, connection.local_ip)

    def timestamp(self) -> int:
        """Virtual milliseconds, from where this connection began to count."""
        return (self._engine.now // MILLISECOND + self.offset) & WRAP

    def has_sent(self, timestamp: int) -> bool:
        """May one of our segments have carried it?"""
        return (timestamp - self._opened) & WRAP <= (self.timestamp() - self._opened) & WRAP

    @property
    def _sack_limit(self) -> int:
        """How many SACK blocks fit beside the timestamps."""
        if not self._connection.sender.sack_permitted:
            return 0
        return 3 if self.timestamps else 4

    @property
    def options_length(self) -> int:
        """Of a segment with data."""
        length = tcp_options.TIMESTAMPS_LENGTH if self.timestamps else 0
        blocks = self._connection.receiver.queue.block_count(self._sack_limit)
        return length + (4 + 8 * blocks if blocks else 0)

    def emit(self, start: int, flags: int, payload: bytes = b"") -> None:
        """Send one segment with all that goes along: ACK, window, timestamps, SACK."""
        connection = self._connection
        receiver = connection.receiver
        times = (self.timestamp(), receiver.recent or 0) if self.timestamps else None
        if flags & SYN:
            if connection.state is not TcpState.SYN_SENT:
                flags |= ACK
            window = min(receiver.window, 0xFFFF)
            receiver.acknowledged = receiver.nxt
            scale = receiver.scale if connection.scaled else None
            options = tcp_options.build_syn(receiver.mss, scale, connection.sender.sack_permitted, times)
        else:
            flags |= ACK
            window = receiver.offer()
            options = tcp_options.build(times, receiver.queue.blocks(self._sack_limit) if self._sack_limit else ())
            receiver.acks.on_sent(bool(payload))
        acknowledgment = receiver.nxt & WRAP if flags & ACK else 0
        segment = Segment(
            connection.local_port, connection.peer_port, start & WRAP, acknowledgment, flags, window, options, payload
        )  # fmt: skip
        self._send(segment, self.cause if not payload and flags in {ACK, SYN | ACK} else 0)

    def acknowledge(self) -> None:
        """A segment without data."""
        self.emit(self._connection.sender.nxt, 0)

    def reset(self) -> None:
        """Tell the peer that the connection is gone."""
        connection = self._connection
        receiver = connection.receiver
        options = tcp_options.build((self.timestamp(), receiver.recent or 0) if self.timestamps else None)
        start, acknowledgment, window = connection.sender.nxt & WRAP, receiver.nxt & WRAP, receiver.offer()
        segment = Segment(
            connection.local_port, connection.peer_port, start, acknowledgment, RST | ACK, window, options, b""
        )  # fmt: skip
        self._send(segment, 0)

    def _send(self, segment: Segment, cause: int) -> None:
        """What cannot be sent counts as lost on the way: it is sent again in time."""
        connection = self._connection
        identification = 0
        if not self.anonymous and not (segment.flags & SYN and connection.listener is not None):
            identification = self._identification
            self._identification = (identification + 1) & 0xFFFF
        wire = tcp.build(connection.local_ip, connection.peer_ip, segment)
        try:
            self._ip.send(
                connection.local_ip, connection.peer_ip, TCP, wire, identification=identification, cause=cause, socket=connection
            )  # fmt: skip
        except OSError as error:
            self.soft_error = error.errno or 0

    def refresh_route(self) -> None:
        """Before a retransmission: the route may have changed (rebuild_header)."""
        try:
            self.route, _ = self._ip.route(self._connection.peer_ip, self._connection.local_ip)
        except OSError as error:
            self.soft_error = error.errno or 0

    def confirm_neighbour(self) -> None:
        """The peer has heard us, so the next hop has too (sk_dst_confirm)."""
        dev = self.route.dev
        if dev is not None:
            self._connection.netns.neighbours.confirm(dev, self.route.via or self._connection.peer_ip)
