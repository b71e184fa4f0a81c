"""docker-proxy between two ends of one host's loopback: the front is what is published, the back stands for the container."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from emu.docker.model import PublishedPort
from emu.docker.proxy import UDP_IDLE_NS, UdpProxy, listen
from emu.engine import SECOND, Engine
from emu.netns.namespace import Netns
from emu.netns.socket import UdpSocket

if TYPE_CHECKING:
    from collections.abc import Coroutine


@pytest.fixture
def netns() -> Netns:
    made = Netns(Engine(), "host")
    made.set_up(made.device("lo"))
    return made


def finish(netns: Netns, coroutine: Coroutine[Any, Any, Any]) -> Any:
    task = netns.engine.spawn(coroutine)
    netns.engine.run(until=task)
    return task.result()


TCP = PublishedPort(80, "tcp", "127.0.0.1", 8080)
UDP = PublishedPort(53, "udp", "127.0.0.1", 5300)


def test_tcp_is_copied_both_ways_and_each_end_is_handed_on(netns: Netns) -> None:
    listen(netns, TCP, "127.0.0.2", forward=True)
    server = netns.tcp.listen(("127.0.0.2", 80), 5)

    async def serve() -> bytes:
        peer = await server.accept()
        received = b""
        while data := await peer.recv():
            received += data
        await peer.send(b"thank you")
        peer.close()
        return received

    async def talk() -> bytes:
        sock = await netns.tcp.connect(("127.0.0.1", 8080))
        await sock.send(b"hello")
        sock.shutdown()
        return await sock.recv()

    served = netns.engine.spawn(serve())
    assert finish(netns, talk()) == b"thank you"
    netns.engine.run(until=served)
    assert served.result() == b"hello"


def test_a_backend_that_refuses_closes_the_client_s_connection(netns: Netns) -> None:
    listen(netns, TCP, "127.0.0.2", forward=True)

    async def talk() -> bytes:
        sock = await netns.tcp.connect(("127.0.0.1", 8080))
        return await sock.recv()

    assert finish(netns, talk()) == b""


def test_a_closed_proxy_frees_its_port(netns: Netns) -> None:
    listen(netns, TCP, "127.0.0.2", forward=True).close()

    async def talk() -> None:
        await netns.tcp.connect(("127.0.0.1", 8080))

    with pytest.raises(ConnectionRefusedError):
        finish(netns, talk())
    listen(netns, TCP, "127.0.0.2", forward=False)


def test_a_port_in_use_is_an_error(netns: Netns) -> None:
    netns.tcp.listen(("0.0.0.0", 8080), 1)
    with pytest.raises(OSError, match="Address already in use"):
        listen(netns, TCP, "127.0.0.2", forward=True)


def test_udp_has_a_socket_for_each_client_until_it_is_idle(netns: Netns) -> None:
    proxy = listen(netns, UDP, "127.0.0.2", forward=True)
    assert isinstance(proxy, UdpProxy)
    backend = UdpSocket(netns)
    backend.bind(("127.0.0.2", 53))

    async def talk() -> tuple[set[Any], list[bytes]]:
        peers, answers = set(), []
        clients = [UdpSocket(netns), UdpSocket(netns)]
        for client in (*clients, clients[0]):
            client.sendto(b"who?", ("127.0.0.1", 5300))
            data, peer = await backend.recvfrom()
            peers.add(peer)
            backend.sendto(data.upper(), peer)
            answers.append(await client.recv(timeout=1.0))
        return peers, answers

    peers, answers = finish(netns, talk())
    assert len(peers) == 2
    assert answers == [b"WHO?"] * 3
    netns.engine.run(until_ns=netns.engine.now + UDP_IDLE_NS)
    assert proxy.clients == 0


def test_udp_takes_another_socket_after_the_container_refused(netns: Netns) -> None:
    proxy = listen(netns, UDP, "127.0.0.2", forward=True)
    assert isinstance(proxy, UdpProxy)
    client = UdpSocket(netns)
    client.connect(("127.0.0.1", 5300))
    client.send(b"nobody there")
    netns.engine.run(until_ns=netns.engine.now + 1_000_000)
    assert proxy.clients == 0
    server = UdpSocket(netns)
    server.bind(("127.0.0.2", 53))
    client.send(b"hello")
    data, _ = finish(netns, server.recvfrom())
    assert (data, proxy.clients) == (b"hello", 1)


def heard(netns: Netns, sock: UdpSocket) -> list[tuple[bytes, Any]]:
    """What waits at a socket, after a moment."""
    netns.engine.run(until_ns=netns.engine.now + 1_000_000)

    async def all_of_it() -> list[tuple[bytes, Any]]:
        found = []
        with suppress(TimeoutError):
            while True:
                found.append(await sock.recvfrom(timeout=0.001))
        return found

    return finish(netns, all_of_it())


def test_udp_keeps_a_socket_for_90_s_after_the_last_answer_whatever_the_client_sends(netns: Netns) -> None:
    proxy = listen(netns, UDP, "127.0.0.2", forward=True)
    assert isinstance(proxy, UdpProxy)
    backend = UdpSocket(netns)
    backend.bind(("127.0.0.2", 53))
    client = UdpSocket(netns)
    client.connect(("127.0.0.1", 5300))
    ports = []
    for wait in (0, 60, 40, 50):  # the second socket is made at 100 s; an answer makes it last beyond 190 s
        netns.engine.run(until_ns=netns.engine.now + wait * SECOND)
        client.send(b"?")
        ((_, peer),) = heard(netns, backend)
        ports.append(peer[1])
        if wait == 40:
            netns.engine.run(until_ns=netns.engine.now + 45 * SECOND)
            backend.sendto(b"!", peer)
    assert ports[0] == ports[1] != ports[2] == ports[3]


def test_udp_passes_no_empty_datagrams_on(netns: Netns) -> None:
    listen(netns, UDP, "127.0.0.2", forward=True)
    backend = UdpSocket(netns)
    backend.bind(("127.0.0.2", 53))
    client = UdpSocket(netns)
    client.connect(("127.0.0.1", 5300))
    client.send(b"")
    assert heard(netns, backend) == []
    client.send(b"?")
    ((_, peer),) = heard(netns, backend)
    backend.sendto(b"", peer)
    assert heard(netns, client) == []
