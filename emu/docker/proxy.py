"""docker-proxy, one for each published port (cmd/proxy of libnetwork): a server on the host that passes on what it gets to the container.

TCP: accepts, dials the container, copies both ways, hands on the end of each way. UDP: a socket of its own for each client, given up 90 s
after the container's last answer, whatever the client sends; empty datagrams are not passed on. With `--userland-proxy=false` a socket only
holds the port. Not modelled: SCTP, which cannot be published.
"""

from __future__ import annotations

import errno
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from emu.engine import SECOND, Future, Task, Timer
from emu.netns.socket import UdpSocket

if TYPE_CHECKING:
    from emu.docker.model import PublishedPort
    from emu.netns.namespace import Netns
    from emu.netns.tcp import TcpListener, TcpSocket

UDP_IDLE_NS = 90 * SECOND

Address = tuple[str, int]


def listen(netns: Netns, port: PublishedPort, container_ip: str, *, forward: bool) -> Proxy:
    """The proxy of a published port, or with `forward` false what holds the port. Raises OSError (EADDRINUSE, EADDRNOTAVAIL)."""
    front, back = (port.host_ip, port.host_port), (container_ip, port.port)
    if port.protocol == "tcp":
        return TcpProxy(netns, front, back, forward)
    if port.protocol == "udp":
        return UdpProxy(netns, front, back, forward)
    raise OSError(errno.EPROTONOSUPPORT, "Protocol not supported")


class Proxy:
    """A running docker-proxy: the tasks and sockets that end with it."""

    def __init__(self, netns: Netns) -> None:
        self.netns = netns
        self.engine = netns.engine
        self._tasks: dict[Task[None], None] = {}
        self._sockets: dict[Any, None] = {}
        self.closed = False

    def spawn(self, coroutine: Any, name: str) -> Task[None]:
        task = self.engine.spawn(coroutine, f"docker-proxy {name}")
        self._tasks[task] = None
        task.on_done(lambda: self._tasks.pop(task, None))
        return task

    def keep(self, sock: Any) -> None:
        self._sockets[sock] = None

    @property
    def sockets(self) -> list[Any]:
        """The one that listens, then those of its connections."""
        return list(self._sockets)

    def forget(self, sock: Any) -> None:
        if self._sockets.pop(sock, 0) is None:
            sock.close()

    def close(self) -> None:
        """As the process is killed: its sockets are closed by the kernel."""
        self.closed = True
        for task in list(self._tasks):
            task.cancel()
        for sock in list(self._sockets):
            self.forget(sock)


class TcpProxy(Proxy):
    def __init__(self, netns: Netns, front: Address, back: Address, forward: bool) -> None:
        super().__init__(netns)
        self.back = back
        self.listener: TcpListener = netns.tcp.listen(front, 4096)
        self.keep(self.listener)
        if forward:
            self.spawn(self._serve(), f"{front[0]}:{front[1]}")

    async def _serve(self) -> None:
        while not self.closed:
            client = await self.listener.accept()
            self.keep(client)
            self.spawn(self._connect(client), f"client {client.peer[0]}:{client.peer[1]}")

    async def _connect(self, client: TcpSocket) -> None:
        """A container that does not answer: the client's connection, accepted already, is closed."""
        try:
            backend = await self.netns.tcp.connect(self.back)
        except OSError:
            return self.forget(client)
        self.keep(backend)
        up = self.spawn(self._copy(client, backend), "to the container")
        await self._copy(backend, client)
        await _ended(up)
        self.forget(client)
        self.forget(backend)

    async def _copy(self, source: TcpSocket, target: TcpSocket) -> None:
        """One way, until its end; the other way may go on."""
        with suppress(OSError):
            while data := await source.recv():
                await target.send(data)
        with suppress(OSError):  # it may be closed already
            target.shutdown()


async def _ended(task: Future[None]) -> None:
    await task


class UdpProxy(Proxy):
    def __init__(self, netns: Netns, front: Address, back: Address, forward: bool) -> None:
        super().__init__(netns)
        self.back = back
        self.front = UdpSocket(netns)
        self.front.bind(front)
        self.keep(self.front)
        self._clients: dict[Address, tuple[UdpSocket, Timer]] = {}
        if forward:
            self.spawn(self._serve(), f"{front[0]}:{front[1]}/udp")

    @property
    def clients(self) -> int:
        return len(self._clients)

    async def _serve(self) -> None:
        while not self.closed:
            try:
                data, client = await self.front.recvfrom()
                upstream = self._upstream(client)
                if data:
                    upstream.send(data)
            except OSError:
                continue  # what the container refuses is not passed on

    def _upstream(self, client: Address) -> UdpSocket:
        """The socket that stands for this client."""
        if client in self._clients:
            return self._clients[client][0]
        sock = UdpSocket(self.netns)
        sock.connect(self.back)
        self.keep(sock)
        self._clients[client] = (sock, self._idle_timer(client))
        self.spawn(self._answer(client, sock), f"client {client[0]}:{client[1]}/udp")
        return sock

    async def _answer(self, client: Address, sock: UdpSocket) -> None:
        """Until the container refuses: the socket is given up then, and the client's next datagram gets another (replyLoop returns)."""
        while client in self._clients:
            try:
                data = await sock.recv()
            except OSError:
                return self._give_up(client)
            self._touch(client)
            if data:
                with suppress(OSError):
                    self.front.sendto(data, client)

    def _idle_timer(self, client: Address) -> Timer:
        return self.engine.call_later(UDP_IDLE_NS, self._give_up, client, background=True)

    def _touch(self, client: Address) -> None:
        sock, timer = self._clients[client]
        timer.cancel()
        self._clients[client] = (sock, self._idle_timer(client))

    def _give_up(self, client: Address) -> None:
        sock, timer = self._clients.pop(client)
        timer.cancel()
        self.forget(sock)
