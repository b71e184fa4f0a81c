"""A program's hold on a TCP connection: what send(2), recv(2), shutdown(2) and close(2) do (net/ipv4/tcp.c)."""

from __future__ import annotations

import errno

from emu.engine import MICROSECOND, SECOND, Future
from emu.netns.tcp_connection import Connection
from emu.netns.tcp_state import TcpState

# From one system call of a program to its next: the order of magnitude seen in recordings. Without it, a FIN would ride on the last data.
CALL_NS = 100 * MICROSECOND

_MUST_RESET = frozenset({TcpState.ESTABLISHED, TcpState.CLOSE_WAIT, TcpState.FIN_WAIT1, TcpState.FIN_WAIT2})


class TcpSocket:
    """A connected socket. Methods raise OSError as Python's sockets do; seconds are floats."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._engine = connection.engine
        self._closed = False
        self._shut = False

    @property
    def local(self) -> tuple[str, int]:
        return self.connection.local

    @property
    def peer(self) -> tuple[str, int]:
        return self.connection.peer

    @property
    def nodelay(self) -> bool:
        """TCP_NODELAY: small segments do not wait for acknowledgments."""
        return self.connection.sender.nodelay

    @nodelay.setter
    def nodelay(self, value: bool) -> None:
        self.connection.sender.nodelay = value
        self.connection.sender.push()

    async def connected(self, timeout: float | None = None) -> None:
        """Wait for the handshake; raises what connect(2) does."""
        deadline = self._deadline(timeout)
        while self.connection.state in {TcpState.SYN_SENT, TcpState.SYN_RECEIVED}:
            try:
                await self._change(deadline)
            except BaseException:
                self.close()
                raise
        self._raise_error()

    async def send(self, data: bytes) -> None:
        """Queue all of `data`, waiting while the send buffer is full; then the program is on its way to its next call."""
        connection, sender = self.connection, self.connection.sender
        at = 0
        while at < len(data):
            self._raise_error()
            if self._shut or self._closed or not connection.can_send:
                raise BrokenPipeError(errno.EPIPE, "Broken pipe")
            room = sender.limit - sender.queue.held
            if room <= 0:
                while sender.queue.held > sender.limit * 2 // 3 and connection.can_send:
                    await connection.changed()
                continue
            piece = data if not at and len(data) <= room else data[at : at + room]
            at += len(piece)
            sender.write(piece)
        await self._engine.sleep(CALL_NS)

    async def recv(self, limit: int = 65536, timeout: float | None = None) -> bytes:
        """What is there, up to `limit` bytes; b"" after the peer's FIN. Raises TimeoutError."""
        receiver = self.connection.receiver
        deadline = self._deadline(timeout)
        while not receiver.unread:
            if receiver.finished:
                return b""
            self._raise_error()
            if self._closed or self.connection.state is TcpState.CLOSED:
                return b""
            await self._change(deadline)
        return receiver.read(limit)

    def shutdown(self) -> None:
        """No more data from here: FIN after what is queued."""
        if self.connection.state is TcpState.CLOSED:
            raise OSError(errno.ENOTCONN, "Transport endpoint is not connected")
        self._shut = True
        self.connection.finish()

    def close(self) -> None:
        """FIN after what is queued; RST if data was not read. The connection ends by itself."""
        if self._closed:
            return
        self._closed = True
        connection = self.connection
        connection.orphaned = True
        if connection.receiver.unread and connection.state in _MUST_RESET:
            connection.abort()
        elif connection.state in {TcpState.SYN_SENT, TcpState.SYN_RECEIVED}:
            connection.destroy()
        elif connection.state is TcpState.FIN_WAIT2:
            connection.start_fin_wait_timer()
        else:
            connection.finish()

    def abort(self) -> None:
        """End with a RST (SO_LINGER with zero seconds)."""
        self._closed = True
        self.connection.orphaned = True
        self.connection.abort()

    def _raise_error(self) -> None:
        """A pending error is told once."""
        error, self.connection.error = self.connection.error, None
        if error is not None:
            raise error

    def _deadline(self, timeout: float | None) -> int | None:
        return None if timeout is None else self._engine.now + round(timeout * SECOND)

    async def _change(self, deadline: int | None) -> None:
        future: Future[None] = self.connection.changed()
        if deadline is None:
            return await future
        timer = self._engine.timeout(future, deadline - self._engine.now)
        try:
            await future
        finally:
            timer.cancel()
