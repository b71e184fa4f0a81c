"""TCP of a namespace (net/ipv4/tcp_ipv4.c, inet_hashtables.c): whose a segment is, ports, RSTs and errors.

The parts, from the wire to the program: `tcp_segment` (checks), `tcp_connection` (states) with `tcp_handshake`, `tcp_receive` with
`tcp_reassembly` and `tcp_delayed_ack`, `tcp_send` with `tcp_send_timer`, `tcp_queue`, `tcp_scoreboard`, `tcp_recovery`, `tcp_congestion`,
`tcp_rtt` and `tcp_patience`, `tcp_output`, and around them `tcp_listen`, `tcp_timewait`, `tcp_ports` and `tcp_socket`.
"""

from __future__ import annotations

import errno
import os
from functools import cached_property
from typing import TYPE_CHECKING

from emu.netdev.drop import DropReason
from emu.netns import tcp_handshake
from emu.netns.icmp import UNREACHABLE_ERRORS
from emu.netns.tcp_connection import Connection
from emu.netns.tcp_listen import TcpListener
from emu.netns.tcp_ports import Ports
from emu.netns.tcp_segment import WRAP
from emu.netns.tcp_socket import TcpSocket
from emu.packet import tcp
from emu.packet.address import ANY, Ip, ip
from emu.packet.icmp import Type, Unreachable
from emu.packet.ipv4 import TCP
from emu.packet.tcp import ACK, FIN, RST, SYN, Segment

if TYPE_CHECKING:
    from random import Random

    from emu.netns.namespace import Netns
    from emu.netns.tcp_timewait import TimeWait
    from emu.packet.datagram import Datagram

__all__ = ["Key", "Tcp", "TcpListener", "TcpSocket"]

Key = tuple[bytes, int, bytes, int]  # own address and port, the peer's address and port
IP_MAX_MTU = 65535
HEADERS = 40
MIN_ADVERTISED_MSS = 256


class Tcp:
    """A namespace's connections and listeners."""

    def __init__(self, netns: Netns) -> None:
        self.netns = netns
        self.connections_by_key: dict[Key, Connection | TimeWait] = {}
        self.listeners: dict[tuple[bytes, int], TcpListener] = {}
        self._ports = Ports(self)

    @cached_property
    def random(self) -> Random:
        return self.netns.engine.stream(f"tcp {self.netns.chances}")

    # --- segments in

    def receive(self, datagram: Datagram) -> None:
        """tcp_v4_rcv: verify, find the connection or the listener, or answer with a RST."""
        wire = datagram.payload
        segment = tcp.parse(wire)
        if segment is None:
            return self.netns.drop(datagram, DropReason.MALFORMED, datagram.iif)
        if not tcp.is_valid(datagram.src, datagram.dst, wire):
            return self.netns.drop(datagram, DropReason.BAD_CHECKSUM, datagram.iif)
        connection = self.connections_by_key.get((datagram.dst, segment.destination_port, datagram.src, segment.source_port))
        if connection is not None:
            return connection.receive(datagram, segment)
        self._receive_unconnected(datagram, segment, None)

    def open_again(self, datagram: Datagram, segment: Segment, isn: int) -> None:
        """A SYN for a connection that was in TIME_WAIT."""
        self._receive_unconnected(datagram, segment, isn)

    def _receive_unconnected(self, datagram: Datagram, segment: Segment, isn: int | None) -> None:
        if not self.netns.is_local(datagram.dst):  # to a broadcast or multicast address
            return self.netns.drop(datagram, DropReason.NO_LISTENER, datagram.iif)
        listener = self.find_listener(datagram.dst, segment.destination_port)
        if listener is not None:
            return listener.receive(datagram, segment, isn)
        self.netns.drop(datagram, DropReason.NO_LISTENER, datagram.iif)
        self.reset(datagram, segment)

    def find_listener(self, address: bytes, port: int) -> TcpListener | None:
        """The one for the address itself before the one for any."""
        return self.listeners.get((address, port)) or self.listeners.get((ANY, port))

    def reset(self, datagram: Datagram, segment: Segment) -> None:
        """The RST for a segment that fits nothing (tcp_v4_send_reset)."""
        flags = segment.flags
        if flags & RST:
            return
        sequence, acknowledgment, answer = segment.acknowledgment, 0, RST
        if not flags & ACK:
            length = len(segment.payload) + bool(flags & SYN) + bool(flags & FIN)
            sequence, acknowledgment, answer = 0, (segment.sequence + length) & WRAP, RST | ACK
        self.answer(
            datagram, Segment(segment.destination_port, segment.source_port, sequence, acknowledgment, answer, 0, b"", b"")
        )  # fmt: skip

    def answer(self, datagram: Datagram, segment: Segment) -> None:
        """Send what no socket sends: IP identification 0 (ip_send_unicast_reply)."""
        wire = tcp.build(datagram.dst, datagram.src, segment)
        try:
            self.netns.ipv4.send(
                datagram.dst, datagram.src, TCP, wire, tos=datagram.wire[1], identification=0, cause=datagram.trace_id
            )  # fmt: skip
        except OSError as error:
            self.netns.answer_failed(datagram, error)

    def error(self, quoted: bytes, kind: int, code: int, _mtu: int, _source: bytes) -> None:
        """tcp_v4_err: an ICMP error about a segment that we had sent; it must quote a number that is in flight."""
        header = (quoted[0] & 15) * 4
        if len(quoted) < header + 8:
            return
        ports = int.from_bytes(quoted[header : header + 4], "big")
        connection = self.connections_by_key.get((quoted[12:16], ports >> 16, quoted[16:20], ports & 0xFFFF))
        if not isinstance(connection, Connection):
            return
        sender = connection.sender
        offset = (int.from_bytes(quoted[header + 4 : header + 8], "big") - sender.una) & WRAP
        if offset > sender.nxt - sender.una:
            return
        if kind == Type.DEST_UNREACH and code == Unreachable.FRAG_NEEDED:
            sender.lower_mss(self.path_mss(connection.peer_ip))
        elif kind == Type.DEST_UNREACH:
            connection.on_icmp_error(UNREACHABLE_ERRORS.get(code, (errno.EHOSTUNREACH, True))[0])
        elif kind == Type.TIME_EXCEEDED:
            connection.on_icmp_error(errno.EHOSTUNREACH)
        elif kind == Type.PARAMETER_PROBLEM:
            connection.on_icmp_error(errno.EPROTO)

    # --- for programs

    async def connect(
        self,
        address: tuple[str, int],
        timeout: float | None = None,
        local_port: int = 0,
        local_address: str | None = None,
        polling: bool = False,
    ) -> TcpSocket:
        """Open a connection, `polling` as programs do that ask for SO_ERROR. Raises OSError as the system call does, and TimeoutError."""
        socket = self.start_connect(address, local_port, local_address)
        socket.connection.polled = polling
        await socket.connected(timeout)
        return socket

    def start_connect(self, address: tuple[str, int], local_port: int = 0, local_address: str | None = None) -> TcpSocket:
        """Send the SYN only (a socket that does not block); `TcpSocket.connected` waits for the rest."""
        dst, port = ip(address[0]), address[1]
        if dst == ANY:
            dst = ip("127.0.0.1")
        src = ANY if local_address is None else ip(local_address)
        if src != ANY and not self.netns.is_local(src):
            raise OSError(errno.EADDRNOTAVAIL, os.strerror(errno.EADDRNOTAVAIL))
        _, source = self.netns.ipv4.route(dst, src)
        if self.netns.address_type(dst) in {"BROADCAST", "MULTICAST"}:
            raise OSError(errno.ENETUNREACH, os.strerror(errno.ENETUNREACH))
        own_port = self._ports.choose(source, dst, port, local_port)
        key = (source, own_port, dst, port)
        connection = Connection(self, key, self.random.getrandbits(32))
        self.connections_by_key[key] = connection
        tcp_handshake.open_actively(connection)
        return TcpSocket(connection)

    def listen(self, address: tuple[str, int], backlog: int = 128) -> TcpListener:
        """Listen on an own address, or on all with 0.0.0.0; port 0 takes a free one. Raises OSError as bind(2) does."""
        own, port = ip(address[0]), address[1]
        if own != ANY and not self.netns.is_local(own):
            raise OSError(errno.EADDRNOTAVAIL, os.strerror(errno.EADDRNOTAVAIL))
        port = self._ports.bind(own, port)
        listener = TcpListener(self, Ip(own), port, backlog)
        self.listeners[own, port] = listener
        return listener

    def connections(self) -> list[Connection | TimeWait | TcpListener]:
        """For `ss`: each has `state`, `local` and `peer`."""
        return [*self.listeners.values(), *self.connections_by_key.values()]

    # --- for the parts

    def path_mss(self, dst: bytes) -> int:
        """The largest payload without options towards `dst`."""
        return max(min(self.netns.ipv4.path_mtu(dst), IP_MAX_MTU) - HEADERS, MIN_ADVERTISED_MSS)

    def forget(self, connection: Connection) -> None:
        if self.connections_by_key.get(connection.key) is connection:
            del self.connections_by_key[connection.key]

    def unlisten(self, listener: TcpListener) -> None:
        self.listeners.pop((listener.address, listener.port), None)
