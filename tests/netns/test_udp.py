"""UDP sockets: who gets a datagram, and who hears of errors."""

from __future__ import annotations

import errno

import pytest

from emu.engine import SECOND
from emu.netdev.drop import DropReason
from emu.netns.socket import UdpSocket
from tests.wires import Bridged, complete


def test_a_datagram_and_its_answer() -> None:
    net = Bridged()
    server, client = UdpSocket(net.hosts[1]), UdpSocket(net.hosts[0])
    server.bind(("0.0.0.0", 7))

    async def talk() -> bytes:
        client.sendto(b"ping", ("10.0.0.2", 7))
        data, peer = await server.recvfrom()
        assert peer == ("10.0.0.1", client.local_port)
        server.sendto(data.upper(), peer)
        return await client.recv(timeout=1)

    assert complete(net.engine, talk()) == b"PING"
    assert 32768 <= client.local_port <= 60999


def test_a_connected_socket_hears_that_the_port_is_closed() -> None:
    net = Bridged()
    sock = UdpSocket(net.hosts[0])
    sock.connect(("10.0.0.2", 9))
    sock.send(b"x")
    with pytest.raises(ConnectionRefusedError):
        complete(net.engine, sock.recv())


def test_an_unconnected_socket_does_not_hear_it() -> None:
    net = Bridged()
    sock = UdpSocket(net.hosts[0])
    sock.sendto(b"x", ("10.0.0.2", 9))
    with pytest.raises(TimeoutError):
        complete(net.engine, sock.recv(timeout=2))


def test_a_connected_socket_hears_its_peer_only() -> None:
    net = Bridged(3)
    sock, other = UdpSocket(net.hosts[0]), UdpSocket(net.hosts[2])
    sock.bind(("0.0.0.0", 40))
    sock.connect(("10.0.0.2", 9))
    other.sendto(b"x", ("10.0.0.1", 40))
    net.engine.run(until_ns=SECOND)
    assert net.hosts[0].drops[DropReason.NO_LISTENER] == 1


def test_the_more_specific_socket_gets_it() -> None:
    net = Bridged()
    any_address, one_address, connected = (UdpSocket(net.hosts[1]) for _ in range(3))
    any_address.bind(("0.0.0.0", 7))
    client = UdpSocket(net.hosts[0])
    client.bind(("0.0.0.0", 5000))
    with pytest.raises(OSError, match="in use"):
        one_address.bind(("10.0.0.2", 7))
    connected.bind(("10.0.0.2", 8))
    connected.connect(("10.0.0.1", 5000))
    second = UdpSocket(net.hosts[1])
    second.bind(("0.0.0.0", 8))
    client.sendto(b"x", ("10.0.0.2", 8))
    assert complete(net.engine, connected.recv(timeout=1)) == b"x"


@pytest.mark.parametrize(
    ("address", "number"), [(("10.0.0.99", 7), errno.EADDRNOTAVAIL), (("0.0.0.0", 7), errno.EADDRINUSE)], ids=["not ours", "taken"]
)
def test_bind_refuses(address: tuple[str, int], number: int) -> None:
    net = Bridged()
    UdpSocket(net.hosts[0]).bind(("0.0.0.0", 7))
    with pytest.raises(OSError, match=r"[Aa]ddress") as caught:
        UdpSocket(net.hosts[0]).bind(address)
    assert caught.value.errno == number


def test_a_closed_socket_frees_its_port_and_wakes_who_waits() -> None:
    net = Bridged()
    sock = UdpSocket(net.hosts[0])
    sock.bind(("0.0.0.0", 7))

    async def closed() -> int | None:
        net.engine.call_later(1000, sock.close)
        try:
            await sock.recv()
        except OSError as error:
            return error.errno
        return None

    assert complete(net.engine, closed()) == errno.EBADF
    UdpSocket(net.hosts[0]).bind(("0.0.0.0", 7))


def test_a_full_buffer_drops_with_a_reason() -> None:
    net = Bridged()
    server, client = UdpSocket(net.hosts[1]), UdpSocket(net.hosts[0])
    server.bind(("0.0.0.0", 7))
    for _ in range(300):
        client.sendto(b"x" * 1400, ("10.0.0.2", 7))
        net.engine.run(until_ns=net.engine.now + 1_000_000)
    assert net.hosts[1].drops[DropReason.SOCKET_BUFFER_FULL] > 0


def test_more_than_fits_in_a_datagram_is_refused() -> None:
    net = Bridged()
    with pytest.raises(OSError, match="too long"):
        UdpSocket(net.hosts[0]).sendto(b"x" * 65508, ("10.0.0.2", 7))


def test_without_a_route_the_network_is_unreachable() -> None:
    net = Bridged()
    with pytest.raises(OSError, match="unreachable") as caught:
        UdpSocket(net.hosts[0]).sendto(b"x", ("192.0.2.1", 7))
    assert caught.value.errno == errno.ENETUNREACH
