"""What stands in for a program that emu does not have: an idle process that answers on its container's ports.

TCP: an HTTP request gets a page of one line, anything else comes back as it was sent. UDP: the datagram comes back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emu.engine import Future

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from emu.docker.model import Port
    from emu.netns.socket import UdpSocket
    from emu.netns.tcp import TcpListener, TcpSocket
    from emu.process import Main, Process

METHODS = (b"GET ", b"HEAD ", b"POST ", b"PUT ", b"DELETE ", b"OPTIONS ", b"PATCH ")


def idle(ports: tuple[Port, ...], greeting: str) -> Main:
    """A program that never ends by itself; a port that another program has already is left to it."""

    async def main(process: Process, argv: list[str]) -> int:
        for port, protocol in ports:
            try:
                if protocol == "tcp":
                    _spawn(process, _serve_tcp(process, process.tcp_listen("0.0.0.0", port), greeting))
                elif protocol == "udp":
                    sock = process.udp_socket()
                    sock.bind(("0.0.0.0", port))
                    _spawn(process, _serve_udp(sock))
            except OSError as error:
                process.error(f"{argv[0]}: port {port}/{protocol}: {error.strerror}")
        await Future[None](process.engine)
        return 0

    return main


def _spawn(process: Process, coroutine: Coroutine[Any, Any, None]) -> None:
    task = process.engine.spawn(coroutine, f"{process.place.name}$ {process.argv[0]}")
    process.at_exit(task.cancel)


async def _serve_tcp(process: Process, listener: TcpListener, greeting: str) -> None:
    while True:
        client = await listener.accept()
        process.keep(client)
        _spawn(process, _answer(client, greeting))


async def _answer(client: TcpSocket, greeting: str) -> None:
    try:
        while data := await client.recv():
            if data.startswith(METHODS):
                page = f"{greeting}\n"
                head = f"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {len(page)}\r\nConnection: close\r\n\r\n"
                await client.send((head + ("" if data.startswith(b"HEAD ") else page)).encode())
                break
            await client.send(data)
    except OSError:
        pass
    client.close()


async def _serve_udp(sock: UdpSocket) -> None:
    while not sock.closed:
        try:
            data, peer = await sock.recvfrom()
            sock.sendto(data, peer)
        except OSError:
            continue
