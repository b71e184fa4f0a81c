"""The routes that addresses bring along, as `ip route show table local` has them; and 0.0.0.0 as a destination."""

from __future__ import annotations

import pytest

from emu.engine import Engine
from emu.netns.namespace import Netns
from emu.netns.socket import RawSocket, UdpSocket
from emu.packet.address import BROADCAST, ip, ip_text, prefix
from tests.wires import complete, default_route, namespace, veth


@pytest.fixture
def host() -> Netns:
    engine = Engine()
    host = namespace(engine, "host")
    veth(host, "eth0", namespace(engine, "other"), "eth0")
    return host


def give(host: Netns, text: str, brd: str | None = None) -> None:
    host.add_address(host.device("eth0"), *prefix(text), broadcast=ip(brd) if brd else None)


def broadcasts(host: Netns) -> dict[str, str]:
    """With the source of each."""
    eth0 = host.device("eth0")
    return {
        ip_text(route.dst): ip_text(route.src) for route in host.fib.local if route.kind == "broadcast" and route.dev is eth0 and route.src
    }


@pytest.mark.parametrize(
    ("address", "brd", "expected"),
    [
        ("10.0.0.1/24", None, {"10.0.0.255"}),
        ("10.0.0.1/24", "10.0.0.255", {"10.0.0.255"}),
        ("10.0.0.1/24", "10.0.0.100", {"10.0.0.100", "10.0.0.255"}),
        ("10.0.0.1/24", "255.255.255.255", {"10.0.0.255"}),
        ("10.0.0.1/32", "10.0.0.9", {"10.0.0.9"}),
        ("10.0.0.0/31", None, set()),
    ],
)
def test_an_address_has_its_subnets_broadcast_and_one_of_its_own_choice(host: Netns, address: str, brd: str, expected: set[str]) -> None:
    give(host, address, brd)
    assert set(broadcasts(host)) == expected


def test_a_secondary_address_has_its_own_broadcast_only_with_the_primary_as_source(host: Netns) -> None:
    give(host, "10.0.6.5/24", "10.0.6.9")
    give(host, "10.0.6.6/24", "10.0.6.10")
    assert broadcasts(host) == {"10.0.6.9": "10.0.6.5", "10.0.6.255": "10.0.6.5", "10.0.6.10": "10.0.6.5"}
    host.remove_address(host.device("eth0"), *prefix("10.0.6.6/24"))
    assert broadcasts(host) == {"10.0.6.9": "10.0.6.5", "10.0.6.255": "10.0.6.5"}
    host.remove_address(host.device("eth0"), *prefix("10.0.6.5/24"))
    assert broadcasts(host) == {}


def test_a_secondary_that_goes_leaves_the_subnets_broadcast(host: Netns) -> None:
    give(host, "10.0.6.5/24")
    give(host, "10.0.6.6/24", "10.0.6.255")
    host.remove_address(host.device("eth0"), *prefix("10.0.6.6/24"))
    assert broadcasts(host) == {"10.0.6.255": "10.0.6.5"}


@pytest.mark.parametrize(("bound", "expected"), [("0.0.0.0", "127.0.0.1"), ("10.0.0.1", "10.0.0.1")])
def test_what_is_sent_to_0_0_0_0_comes_back_to_this_host(host: Netns, bound: str, expected: str) -> None:
    give(host, "10.0.0.1/24")
    server, client = UdpSocket(host), UdpSocket(host)
    server.bind(("0.0.0.0", 5000))
    client.bind((bound, 0))
    client.sendto(b"x", ("0.0.0.0", 5000))
    data, peer = complete(host.engine, server.recvfrom(timeout=1.0))
    assert (data, peer[0]) == (b"x", expected)


def test_an_echo_to_0_0_0_0_is_answered_by_localhost(host: Netns) -> None:
    raw = RawSocket(host, 1)
    raw.sendto(bytes([8, 0, 0xF7, 0xFF, 0, 0, 0, 0]), "0.0.0.0")
    answers = [complete(host.engine, raw.recv(timeout=1.0)) for _ in range(2)]
    assert [(answer.src, answer.wire[20]) for answer in answers] == [("127.0.0.1", 8), ("127.0.0.1", 0)]


def test_a_primary_address_goes_before_the_secondary_ones(host: Netns) -> None:
    for text in ("10.0.0.1/24", "10.0.0.9/24", "10.9.9.1/24"):
        give(host, text)
    shown = [(ip_text(mine.ip), mine.secondary) for mine in host.addresses(host.device("eth0"))]
    assert shown == [("10.0.0.1", False), ("10.9.9.1", False), ("10.0.0.9", True)]


def test_the_limited_broadcast_goes_to_all_neighbours_and_to_no_gateway(host: Netns) -> None:
    give(host, "10.0.0.1/24")
    host.set_up(host.device("eth0"))
    default_route(host, "10.0.0.2", "eth0")
    route, source = host.ipv4.route(BROADCAST)
    assert (route.via, route.kind, source) == (None, "broadcast", ip("10.0.0.1"))
