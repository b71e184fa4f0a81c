"""tcp-echo ADDRESS PORT: send back what arrives, close when the peer closes. A small program of emu's own, for labs."""

from __future__ import annotations

from emu.netns.tcp_socket import TcpSocket
from emu.process import Process, UsageError
from emu.programs.libc.strerror import strerror
from emu.programs.udp_echo import endpoint


async def main(process: Process, argv: list[str]) -> int:
    address, port = endpoint(argv)
    try:
        listener = process.tcp_listen(address, port, 8)
    except (OSError, ValueError) as error:
        raise UsageError(f"tcp-echo: {strerror(error) if isinstance(error, OSError) else error}", 1) from None
    while True:
        sock = await listener.accept()
        process.keep(sock)
        process.print(f"from {sock.peer[0]}:{sock.peer[1]}")
        process.engine.spawn(_echo(sock), "tcp-echo connection")


async def _echo(sock: TcpSocket) -> None:
    try:
        while data := await sock.recv(4096):
            await sock.send(data)
    except OSError:
        pass  # the peer has reset the connection
    sock.close()
