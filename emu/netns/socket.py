"""UDP and raw sockets as programs use them: `await` where a real one blocks, OSError where a real one fails.

Addresses are pairs of text and port, as Python's `socket` has them. TCP sockets are in tcp.py.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, NamedTuple

from emu.engine import SECOND, Future
from emu.netdev.device import NetDevice
from emu.netdev.drop import DropReason
from emu.packet import ipv4, udp
from emu.packet.address import ANY, BROADCAST, Ip, ip, ip_text
from emu.packet.datagram import Datagram

if TYPE_CHECKING:
    from emu.netns.namespace import Netns

Address = tuple[str, int]

BOOKKEEPING = 512  # what a buffered packet costs beyond its bytes (struct sk_buff and its rounding: the order of magnitude)


def this_host(destination: Ip, own: Ip) -> Ip:
    """0.0.0.0 as a destination is the socket's own address, or localhost (ip_route_output_key_hash_rcu)."""
    return destination if destination != ANY else own if own != ANY else ip("127.0.0.1")


class UdpSocket:
    """A UDP socket; bound at the first `sendto` if not before."""

    def __init__(self, netns: Netns) -> None:
        self.netns = netns
        self.local_ip = ANY
        self.local_port = 0
        self.remote_ip = ANY
        self.remote_port = 0
        self.broadcast = False  # SO_BROADCAST
        self.ttl: int | None = None
        self.closed = False
        self._queue: list[tuple[bytes, bytes, int]] = []
        self._buffered = 0
        self._limit = netns.sysctl.integer("net.core.rmem_default")
        self._waiting: Future[None] | None = None
        self._error: OSError | None = None
        self._id = 0
        self._cause = 0  # the packet last read: what is sent next answers it

    @property
    def local(self) -> Address:
        return ip_text(self.local_ip), self.local_port

    @property
    def peer(self) -> Address:
        return ip_text(self.remote_ip), self.remote_port

    @property
    def buffered(self) -> int:
        """What waits to be read, as the kernel counts it (`ss` shows it)."""
        return self._buffered

    def bind(self, address: Address) -> None:
        """Raises OSError: EADDRINUSE, EADDRNOTAVAIL, EINVAL (bound already)."""
        local = ip(address[0])
        if self.local_port:
            raise OSError(errno.EINVAL, "Invalid argument")
        if local != ANY and self.netns.address_type(local) == "UNICAST" and not self.netns.sysctl.integer("net.ipv4.ip_nonlocal_bind"):
            raise OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address")
        random = self.netns.udp.stream_for_socket()
        self.local_port = self.netns.udp.bind(self, local, address[1], random)
        self.local_ip = local
        self._id = random.randrange(0x10000)

    def connect(self, address: Address) -> None:
        """Only the peer is heard from now on, and its ICMP errors are. Raises OSError ENETUNREACH."""
        remote = this_host(ip(address[0]), self.local_ip)
        _, source = self.netns.ipv4.route(remote, self.local_ip)
        if not self.local_port:
            self.bind(("0.0.0.0", 0))
        self.local_ip = source
        self.remote_ip, self.remote_port = remote, address[1]

    def send(self, data: bytes) -> None:
        if not self.remote_port:
            raise OSError(errno.EDESTADDRREQ, "Destination address required")
        self._send(data, self.remote_ip, self.remote_port)

    def sendto(self, data: bytes, address: Address) -> None:
        """Raises OSError: no route, EMSGSIZE, EACCES (broadcast not allowed), or an ICMP error that came before."""
        self._send(data, ip(address[0]), address[1])

    def _send(self, data: bytes, remote: Ip, port: int) -> None:
        if self._error is not None:
            self._raise()
        if len(data) > 65507:
            raise OSError(errno.EMSGSIZE, "Message too long")
        netns = self.netns
        if not self.local_port:
            self.bind(("0.0.0.0", 0))
        self._id = self._id % 0xFFFF + 1
        flow = netns.ipv4.flow(remote, self.local_ip, 8 + len(data))
        if flow is not None:
            segment = udp.build(flow.source, remote, self.local_port, port, data)
            netns.ipv4.send_on(flow, remote, ipv4.UDP, segment, self.ttl, 0, True, self._id, self._cause, 0)
            return
        remote = this_host(remote, self.local_ip)
        route, source = netns.ipv4.route(remote, self.local_ip)
        if not self.broadcast and (route.kind == "broadcast" or remote == BROADCAST):
            raise OSError(errno.EACCES, "Permission denied")
        segment = udp.build(source, remote, self.local_port, port, data)
        netns.ipv4.send(self.local_ip, remote, ipv4.UDP, segment, ttl=self.ttl, identification=self._id, cause=self._cause, socket=self)

    async def recv(self, timeout: float | None = None) -> bytes:
        return (await self.recvfrom(timeout))[0]

    async def recvfrom(self, timeout: float | None = None) -> tuple[bytes, Address]:
        """The next datagram and who sent it. Raises TimeoutError after `timeout` seconds, OSError for an ICMP error."""
        queue = self._queue
        while not queue:
            if self._error is not None:
                self._raise()
            if self.closed:
                raise OSError(errno.EBADF, "Bad file descriptor")
            waiting: Future[None] = Future(self.netns.engine)
            self._waiting = waiting
            if timeout is None:
                await waiting
            else:
                timer = self.netns.engine.timeout(waiting, round(timeout * SECOND))
                try:
                    await waiting
                finally:
                    timer.cancel()
        data, source, port = queue.pop(0)
        self._buffered -= len(data) + BOOKKEEPING
        return data, (ip_text(source), port)

    def deliver(self, data: bytes, source: bytes, port: int, datagram: Datagram) -> None:
        """From the demultiplexer: into the buffer, if there is room (sock_queue_rcv_skb)."""
        size = len(data) + BOOKKEEPING
        if self._buffered + size > self._limit:
            return self.netns.drop(datagram, DropReason.SOCKET_BUFFER_FULL, datagram.iif)
        self._buffered += size
        self._cause = datagram.trace_id
        self._queue.append((data, source, port))
        waiting = self._waiting
        if waiting is not None:
            self._waiting = None
            waiting.set_result(None)

    def fail(self, error: OSError) -> None:
        """An ICMP error has come: the next call raises it."""
        self._error = error
        self._wake()

    def _wake(self) -> None:
        waiting = self._waiting
        if waiting is not None:
            self._waiting = None
            waiting.set_result(None)

    def _raise(self) -> None:
        error, self._error = self._error, None
        assert error is not None
        raise error

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            self.netns.udp.unbind(self)
            self._wake()


class RawReceived(NamedTuple):
    """A packet as a raw socket sees it: `wire` from the IP header on."""

    wire: bytes
    src: str
    ifname: str
    trace_id: int

    @property
    def ttl(self) -> int:
        return self.wire[8]

    @property
    def payload(self) -> bytes:
        return self.wire[(self.wire[0] & 15) * 4 :]


class RawSocket:
    """A raw socket (net/ipv4/raw.c): sees every packet of its protocol that is delivered here."""

    def __init__(self, netns: Netns, protocol: int) -> None:
        self.netns = netns
        self.protocol = protocol
        self.closed = False
        self._queue: list[RawReceived] = []
        self._buffered = 0
        self._limit = netns.sysctl.integer("net.core.rmem_default")
        self._waiting: Future[None] | None = None
        self._id = netns.random.randrange(0x10000)
        netns.raw_sockets.setdefault(protocol, []).append(self)

    def sendto(
        self,
        payload: bytes,
        address: str,
        *,
        ttl: int | None = None,
        tos: int = 0,
        dont_fragment: bool = True,
        never_fragment: bool = False,
        identification: int | None = None,
        source: str = "0.0.0.0",
        dev: NetDevice | None = None,
    ) -> int:
        """Send; the packet's trace id. Raises OSError: no route, EMSGSIZE (`never_fragment` and too long), EPERM."""
        from_, to = ip(source), this_host(ip(address), ip(source))
        if identification is None:
            self._id = self._id % 0xFFFF + 1
            identification = self._id
        return self.netns.ipv4.send(
            from_,
            to,
            self.protocol,
            payload,
            ttl=ttl,
            tos=tos,
            dont_fragment=dont_fragment,
            never_fragment=never_fragment,
            identification=identification,
            socket=self,
            oif=dev,
        )

    async def recv(self, timeout: float | None = None) -> RawReceived:
        """The next packet. Raises TimeoutError after `timeout` seconds."""
        while not self._queue:
            waiting: Future[None] = Future(self.netns.engine)
            self._waiting = waiting
            if timeout is None:
                await waiting
            else:
                timer = self.netns.engine.timeout(waiting, max(0, round(timeout * SECOND)))
                try:
                    await waiting
                finally:
                    timer.cancel()
        received = self._queue.pop(0)
        self._buffered -= len(received.wire) + BOOKKEEPING
        return received

    def deliver(self, datagram: Datagram) -> None:
        """A copy of each packet; a full buffer loses it for this socket only, as with the kernel's clones."""
        size = len(datagram.wire) + BOOKKEEPING
        if self._buffered + size > self._limit:
            self.netns.unanswered(datagram, DropReason.SOCKET_BUFFER_FULL)
            return
        self._buffered += size
        ifname = datagram.iif.name if datagram.iif is not None else "lo"
        self._queue.append(RawReceived(datagram.wire, ip_text(datagram.src), ifname, datagram.trace_id))
        waiting = self._waiting
        if waiting is not None:
            self._waiting = None
            waiting.set_result(None)

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            self.netns.raw_sockets[self.protocol].remove(self)
