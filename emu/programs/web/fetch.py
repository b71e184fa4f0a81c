"""One request and its response over a new connection, for curl and wget."""

from __future__ import annotations

from dataclasses import dataclass

from emu.engine import SECOND
from emu.netns.tcp_socket import TcpSocket
from emu.process import Process
from emu.programs.web.message import BadMessage, Head, Reader


@dataclass
class Response:
    """`missing`: bytes of the body that were announced and did not come. `received`: all bytes, head and body."""

    head: Head
    body: bytes
    missing: int
    received: int

    @property
    def status(self) -> int:
        return self.head.status


async def exchange(process: Process, sock: TcpSocket, request: bytes, *, head_only: bool, deadline_ns: int | None) -> Response | None:
    """Send `request`, read the response; None if the connection ends without any byte of one.

    Raises OSError (TimeoutError at the deadline), BadMessage for what is no HTTP.
    """

    async def receive() -> bytes:
        if deadline_ns is None:
            return await sock.recv()
        left = deadline_ns - process.engine.now
        if left <= 0:
            raise TimeoutError("timed out")
        return await sock.recv(timeout=left / SECOND)

    await sock.send(request)
    reader = Reader(receive)
    while True:
        head = await reader.head()
        if head is None:
            return None
        if not 100 <= head.status < 200:
            break
    length = head.get("content-length")
    if head_only or head.status in {204, 304}:
        return Response(head, b"", 0, reader.seen)
    if head.get("transfer-encoding").lower() == "chunked":
        return Response(head, await reader.chunks(), 0, reader.seen)
    if not length:
        return Response(head, await reader.rest(), 0, reader.seen)
    if not length.isdigit():
        raise BadMessage("bad content-length")
    body = await reader.exactly(int(length))
    return Response(head, body, int(length) - len(body), reader.seen)
