"""Listening: the queue of half-open connections and that of connections to be accepted (net/ipv4/inet_connection_sock.c).

A queue holds one more than its backlog, as Linux's. Not modelled: SYN cookies (the half-open queue ends at tcp_max_syn_backlog instead),
SO_REUSEPORT, deferred accept.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from emu.engine import SECOND, Future
from emu.netdev.drop import DropReason
from emu.netns import tcp_handshake
from emu.netns.tcp_connection import Connection
from emu.netns.tcp_segment import Received
from emu.netns.tcp_socket import CALL_NS, TcpSocket
from emu.netns.tcp_state import TcpState
from emu.packet.address import ip_text
from emu.packet.tcp import ACK, FIN, RST, SYN, Segment

if TYPE_CHECKING:
    from emu.netns.tcp import Tcp
    from emu.packet.datagram import Datagram


class TcpListener:
    """A listening socket."""

    state = TcpState.LISTEN
    peer = ("0.0.0.0", 0)

    def __init__(self, owner: Tcp, address: bytes, port: int, backlog: int) -> None:
        self._tcp = owner
        self.address = address
        self.port = port
        self.backlog = max(0, min(backlog, owner.netns.sysctl.integer("net.core.somaxconn")))
        self._half_open: set[Connection] = set()
        self._ready: list[Connection] = []
        self._waiters: list[Future[None]] = []
        self._closed = False

    @property
    def local(self) -> tuple[str, int]:
        return ip_text(self.address), self.port

    @property
    def waiting(self) -> int:
        """Connections that nobody has accepted yet."""
        return len(self._ready)

    def receive(self, datagram: Datagram, segment: Segment, isn: int | None = None) -> None:
        """A segment for which there is no connection yet (tcp_rcv_state_process in LISTEN, tcp_conn_request)."""
        flags = segment.flags
        if flags & ACK and not flags & RST:
            self._tcp.reset(datagram, segment)
        if flags & (ACK | RST | FIN) or not flags & SYN:
            return self._tcp.netns.drop(datagram, DropReason.TCP_INVALID, datagram.iif)
        most = self._tcp.netns.sysctl.integer("net.ipv4.tcp_max_syn_backlog")
        if self._is_full or len(self._half_open) >= most:
            return self._tcp.netns.drop(datagram, DropReason.LISTEN_OVERFLOW, datagram.iif)
        key = (datagram.dst, segment.destination_port, datagram.src, segment.source_port)
        try:
            connection = Connection(self._tcp, key, self._tcp.random.getrandbits(32) if isn is None else isn)
        except OSError as error:  # no way back
            return self._tcp.netns.answer_failed(datagram, error)
        self._tcp.connections_by_key[key] = connection
        self._half_open.add(connection)
        tcp_handshake.open_passively(connection, self, Received(datagram, segment, segment.sequence, 0))

    @property
    def _is_full(self) -> bool:
        return len(self._ready) > self.backlog

    def admit(self, connection: Connection) -> bool:
        """The handshake is complete; False while there is no room."""
        if self._is_full:
            return False
        self._half_open.discard(connection)
        connection.listener = None
        self._ready.append(connection)
        self._wake()
        return True

    def forget(self, connection: Connection) -> None:
        self._half_open.discard(connection)

    def _wake(self) -> None:
        while self._waiters:
            waiter = self._waiters.pop(0)
            if not waiter.done:
                return waiter.set_result(None)

    async def accept(self, timeout: float | None = None) -> TcpSocket:
        """The next connection; OSError if the listener is closed, TimeoutError."""
        engine = self._tcp.netns.engine
        deadline = None if timeout is None else engine.now + round(timeout * SECOND)
        while not self._ready:
            if self._closed:
                raise OSError(errno.EBADF, "Bad file descriptor")
            future: Future[None] = Future(engine)
            self._waiters.append(future)
            timer = None if deadline is None else engine.timeout(future, deadline - engine.now)
            try:
                await future
            finally:
                if timer is not None:
                    timer.cancel()
                if future in self._waiters:
                    self._waiters.remove(future)
        accepted = TcpSocket(self._ready.pop(0))
        await engine.sleep(CALL_NS)
        return accepted

    def close(self) -> None:
        """Connections that nobody accepted are reset (inet_csk_listen_stop)."""
        if self._closed:
            return
        self._closed = True
        self._tcp.unlisten(self)
        for connection in sorted(self._half_open, key=lambda half: half.key):
            connection.destroy()
        while self._ready:
            self._ready.pop(0).abort()
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            waiter.set_result(None)
