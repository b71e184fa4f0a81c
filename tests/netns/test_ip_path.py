"""The IP path: routing, forwarding, errors, path MTU, fragments, martians."""

from __future__ import annotations

import errno

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.l2 import Ether

from emu.engine import SECOND
from emu.netdev.drop import DropReason
from emu.netns.fib import Route
from emu.netns.fragment import fragment
from emu.netns.socket import RawSocket, UdpSocket
from emu.packet import ipv4
from emu.packet.address import ANY, ip, prefix
from tests.wires import Bridged, Routed, Seen, address, complete, namespace, veth


def send(netns: object, dst: str, size: int = 5, port: int = 7) -> UdpSocket:
    sock = UdpSocket(netns)  # type: ignore[arg-type]
    sock.sendto(b"x" * size, (dst, port))
    return sock


def first_error(net: Routed, dst: str, **kwargs: int) -> IP:
    """What comes back to `left` about a datagram to `dst`."""
    raw = RawSocket(net.left, ipv4.ICMP)
    send(net.left, dst, **kwargs)
    return IP(complete(net.engine, raw.recv()).wire)


def test_a_router_takes_one_off_the_ttl() -> None:
    net = Routed()
    seen = Seen(net.right.device("eth0"))
    send(net.left, "10.0.2.2")
    net.engine.run(until_ns=SECOND)
    assert [packet[IP].ttl for packet in seen.packets if UDP in packet] == [63]


def test_a_closed_port_is_answered_with_port_unreachable_quoting_the_datagram() -> None:
    net = Routed()
    error = first_error(net, "10.0.2.2")
    assert (error[ICMP].type, error[ICMP].code, error.src, error.tos, error.flags.DF, error.ttl) == (3, 3, "10.0.2.2", 0xC0, False, 63)
    quoted = error[ICMP].payload
    assert (quoted.src, quoted.dst, quoted.ttl) == ("10.0.1.2", "10.0.2.2", 63)


def test_no_route_is_net_unreachable_from_the_router() -> None:
    net = Routed()
    error = first_error(net, "10.9.9.9")
    assert (error[ICMP].type, error[ICMP].code, error.src) == (3, 0, "10.0.1.1")
    assert net.router.drops[DropReason.NO_ROUTE] == 1


@pytest.mark.parametrize(
    ("kind", "code", "reason"),
    [
        ("unreachable", 1, DropReason.UNREACHABLE_ROUTE),
        ("prohibit", 13, DropReason.PROHIBIT_ROUTE),
        ("blackhole", None, DropReason.BLACKHOLE),
    ],
)
def test_special_routes_answer_each_in_its_way(kind: str, code: int | None, reason: DropReason) -> None:
    net = Routed()
    net.router.fib.add(Route(*prefix("10.9.0.0/16"), kind=kind))
    raw = RawSocket(net.left, ipv4.ICMP)
    send(net.left, "10.9.9.9")
    net.engine.run(until_ns=SECOND)
    assert net.router.drops[reason] == 1
    if code is not None:
        assert IP(complete(net.engine, raw.recv()).wire)[ICMP].code == code


def test_ttl_one_ends_at_the_router_with_time_exceeded_quoting_ttl_one() -> None:
    net = Routed()
    raw = RawSocket(net.left, ipv4.ICMP)
    sock = UdpSocket(net.left)
    sock.ttl = 1
    sock.sendto(b"x", ("10.0.2.2", 7))
    error = IP(complete(net.engine, raw.recv()).wire)
    assert (error[ICMP].type, error[ICMP].code, error.src) == (11, 0, "10.0.1.1")
    assert error[ICMP].payload.ttl == 1


def test_too_big_with_df_is_frag_needed_and_the_sender_learns_the_mtu() -> None:
    net = Routed(mtu=1400)
    error = first_error(net, "10.0.2.2", size=1472)
    assert (error[ICMP].type, error[ICMP].code, error[ICMP].nexthopmtu) == (3, 4, 1400)
    assert len(error) == 576
    assert net.left.ipv4.path_mtu(ip("10.0.2.2")) == 1400
    seen = Seen(net.left.device("eth0"))
    send(net.left, "10.0.2.2", size=1472)
    net.engine.run(until_ns=net.engine.now + SECOND)
    sizes = [
        (len(packet[IP]), packet[IP].flags.MF, packet[IP].frag) for packet in seen.packets if IP in packet and packet[IP].src == "10.0.1.2"
    ]
    assert sizes == [(1396, True, 0), (124, False, 172)]
    net.engine.run(until_ns=net.engine.now + 601 * SECOND)
    assert net.left.ipv4.path_mtu(ip("10.0.2.2")) == 1500


def test_without_df_the_router_fragments_and_the_receiver_joins() -> None:
    net = Routed(mtu=1400)
    listener = UdpSocket(net.right)
    listener.bind(("0.0.0.0", 7))
    payload = bytes(range(256)) * 5 + b"z" * 192
    from emu.packet import udp

    segment = udp.build(ip("10.0.1.2"), ip("10.0.2.2"), 40000, 7, payload)
    net.left.ipv4.send(ANY, ip("10.0.2.2"), ipv4.UDP, segment, dont_fragment=False)
    assert complete(net.engine, listener.recv()) == payload


def test_missing_fragments_are_given_up_after_thirty_seconds() -> None:
    net = Bridged()
    raw = RawSocket(net.hosts[1], ipv4.ICMP)
    dst_mac = net.hosts[0].device("eth0").mac.hex(":")
    first = (
        Ether(src=net.hosts[1].device("eth0").mac.hex(":"), dst=dst_mac)
        / IP(src="10.0.0.2", dst="10.0.0.1", flags="MF")
        / UDP(dport=7)
        / (b"x" * 16)
    )
    net.hosts[0].device("eth0").inject(first)
    error = IP(complete(net.engine, raw.recv()).wire)
    assert (error[ICMP].type, error[ICMP].code) == (11, 1)
    assert net.engine.now // SECOND == 30
    assert net.hosts[0].drops[DropReason.REASSEMBLY_TIMEOUT] == 1


def test_overlapping_fragments_are_dropped_whole() -> None:
    net = Bridged()
    own = net.hosts[0].device("eth0")
    other = net.hosts[1].device("eth0").mac.hex(":")
    for offset, size in ((0, 16), (1, 16)):
        own.inject(
            Ether(src=other, dst=own.mac.hex(":")) / IP(src="10.0.0.2", dst="10.0.0.1", flags="MF", frag=offset, proto=17) / (b"x" * size)
        )
    assert net.hosts[0].drops[DropReason.REASSEMBLY_OVERLAP] == 1


@pytest.mark.parametrize(
    ("src", "dst", "reason"),
    [
        ("224.0.0.1", "10.0.0.1", DropReason.MARTIAN_SOURCE),
        ("127.0.0.1", "10.0.0.1", DropReason.MARTIAN_SOURCE),
        ("255.255.255.255", "10.0.0.1", DropReason.MARTIAN_SOURCE),
        ("10.0.0.1", "10.0.0.1", DropReason.MARTIAN_SOURCE),
        ("0.1.2.3", "10.0.0.1", DropReason.MARTIAN_SOURCE),
        ("10.0.0.2", "127.0.0.1", DropReason.MARTIAN_DESTINATION),
        ("10.0.0.2", "0.0.0.1", DropReason.MARTIAN_DESTINATION),
        ("10.0.0.2", "10.5.5.5", DropReason.FORWARDING_OFF),
    ],
)
def test_martians_and_strangers_are_dropped_with_their_reason(src: str, dst: str, reason: DropReason) -> None:
    net = Bridged()
    own = net.hosts[0].device("eth0")
    own.inject(Ether(src="02:00:00:00:00:99", dst=own.mac.hex(":")) / IP(src=src, dst=dst) / UDP(sport=1, dport=2))
    assert net.hosts[0].drops[reason] == 1


def test_strict_reverse_path_filter_drops_what_would_be_answered_elsewhere() -> None:
    net = Routed()
    net.router.sysctl.set("net.ipv4.conf.all.rp_filter", "1")
    own = net.router.device("eth0")
    own.inject(Ether(src="02:00:00:00:00:99", dst=own.mac.hex(":")) / IP(src="10.0.2.7", dst="10.0.2.2") / UDP(sport=1, dport=2))
    assert net.router.drops[DropReason.RP_FILTER] == 1
    net.router.sysctl.set("net.ipv4.conf.all.rp_filter", "2")
    own.inject(Ether(src="02:00:00:00:00:99", dst=own.mac.hex(":")) / IP(src="10.0.2.7", dst="10.0.2.2") / UDP(sport=1, dport=2))
    assert net.router.drops[DropReason.RP_FILTER] == 1


def test_the_longest_prefix_wins_then_the_lowest_metric() -> None:
    net = Routed()
    dev = net.left.device("eth0")
    for dst, via, metric in (("10.7.0.0/16", "10.0.1.1", 0), ("10.7.1.0/24", "10.0.1.7", 100), ("10.7.1.0/24", "10.0.1.8", 50)):
        net.left.fib.add(Route(*prefix(dst), dev, via=ip(via), metric=metric))
    for dst, via in (("10.7.2.1", "10.0.1.1"), ("10.7.1.1", "10.0.1.8"), ("10.8.0.1", "10.0.1.1")):
        route, source = net.left.ipv4.route(ip(dst))
        assert (route.via, source) == (ip(via), ip("10.0.1.2"))


def test_source_hint_of_a_route_is_used() -> None:
    net = Routed()
    address(net.left, "eth0", "10.0.1.99/24")
    net.left.fib.add(Route(*prefix("10.7.0.0/16"), net.left.device("eth0"), via=ip("10.0.1.1"), src=ip("10.0.1.99")))
    assert net.left.ipv4.route(ip("10.7.0.1"))[1] == ip("10.0.1.99")
    assert net.left.ipv4.route(ip("10.0.1.50"))[1] == ip("10.0.1.2")


def test_a_device_that_goes_down_takes_its_routes() -> None:
    net = Routed()
    net.left.set_down(net.left.device("eth0"))
    with pytest.raises(OSError, match="unreachable") as caught:
        net.left.ipv4.route(ip("10.0.2.2"))
    assert caught.value.errno == errno.ENETUNREACH
    net.left.set_up(net.left.device("eth0"))
    assert net.left.ipv4.route(ip("10.0.1.7"))[1] == ip("10.0.1.2")


def test_what_goes_to_ourselves_stays_on_lo() -> None:
    net = Bridged()
    listener = UdpSocket(net.hosts[0])
    listener.bind(("0.0.0.0", 7))
    lo, eth0 = Seen(net.hosts[0].device("lo")), Seen(net.hosts[0].device("eth0"))
    send(net.hosts[0], "10.0.0.1")
    assert complete(net.engine, listener.recvfrom())[1][0] == "10.0.0.1"
    assert (len(lo.frames), len(eth0.frames)) == (1, 0)


def test_broadcasts_are_heard_by_all_and_never_answered_with_errors() -> None:
    net = Bridged(3)
    sock = UdpSocket(net.hosts[0])
    with pytest.raises(PermissionError):
        sock.sendto(b"x", ("10.0.0.255", 7))
    sock.broadcast = True
    sock.sendto(b"x", ("10.0.0.255", 7))
    net.engine.run()
    for host in net.hosts:
        assert host.drops[DropReason.NO_LISTENER] == 1
        assert not host.neighbours.entries


def test_icmp_errors_are_limited_to_one_destination() -> None:
    net = Bridged()
    seen = Seen(net.hosts[0].device("eth0"))
    for _ in range(20):
        send(net.hosts[0], "10.0.0.2")
    net.engine.run(until_ns=SECOND // 2)
    assert seen.count(lambda packet: ICMP in packet and packet[ICMP].type == 3) == 6
    assert net.hosts[1].drops[DropReason.ICMP_RATE_LIMIT] == 14


def test_a_router_tells_of_a_better_gateway_on_the_same_link() -> None:
    net = Bridged(3)
    router = net.hosts[1]
    router.sysctl.set("net.ipv4.ip_forward", "1")
    router.fib.add(Route(*prefix("10.7.0.0/16"), router.device("eth0"), via=ip("10.0.0.3")))
    host = net.hosts[0]
    host.fib.add(Route(ANY, 0, host.device("eth0"), via=ip("10.0.0.2")))
    send(host, "10.7.0.1")
    net.engine.run(until_ns=SECOND)
    assert host.ipv4.route(ip("10.7.0.1"))[0].via == ip("10.0.0.2")  # not yet: the better gateway is no known neighbour, and is asked
    send(host, "10.7.0.1")
    net.engine.run(until_ns=2 * SECOND)
    assert host.ipv4.route(ip("10.7.0.1"))[0].via == ip("10.0.0.3")
    assert [route.via for route in host.fib.routes if route.via] == [ip("10.0.0.2")]  # no route of the table's
    net.engine.run(until_ns=303 * SECOND)
    assert host.ipv4.route(ip("10.7.0.1"))[0].via == ip("10.0.0.2")


def test_a_new_route_makes_a_redirect_forgotten() -> None:
    net = Bridged(3)
    host = net.hosts[0]
    host.fib.add(Route(ANY, 0, host.device("eth0"), via=ip("10.0.0.2")))
    host.ipv4.routing.redirect(ip("10.7.0.1"), ip("10.0.0.3"))
    assert host.ipv4.route(ip("10.7.0.1"))[0].via == ip("10.0.0.3")
    host.fib.add(Route(*prefix("10.8.0.0/16"), host.device("eth0"), via=ip("10.0.0.3")))
    assert host.ipv4.route(ip("10.7.0.1"))[0].via == ip("10.0.0.2")


def test_a_connection_that_may_be_translated_gets_no_redirect_for_its_first_packet() -> None:
    net = Bridged(3)
    router = net.hosts[1]
    router.iptables("-t nat -A POSTROUTING -s 172.17.0.0/16 -j MASQUERADE")
    router.sysctl.set("net.ipv4.ip_forward", "1")
    router.fib.add(Route(*prefix("10.7.0.0/16"), router.device("eth0"), via=ip("10.0.0.3")))
    host = net.hosts[0]
    host.fib.add(Route(ANY, 0, host.device("eth0"), via=ip("10.0.0.2")))
    seen = Seen(host.device("eth0"))
    sock = UdpSocket(host)
    for count in (0, 1):
        sock.sendto(b"", ("10.7.0.1", 7))
        net.engine.run(until_ns=(count + 1) * SECOND)
        assert seen.count(lambda packet: ICMP in packet and packet[ICMP].type == 5) == count


def test_routes_of_a_new_address_are_those_of_the_kernel() -> None:
    from emu.engine import Engine

    netns = namespace(Engine(), "n")
    other = namespace(netns.engine, "m")
    veth(netns, "eth0", other, "eth0")
    address(netns, "eth0", "192.168.50.10/24")
    local = [(route.kind, route.dst, route.length) for route in netns.fib.local if route.dev is netns.device("eth0")]
    assert local == [("local", ip("192.168.50.10"), 32), ("broadcast", ip("192.168.50.255"), 32)]
    (connected,) = netns.fib.routes
    assert (connected.dst, connected.length, connected.scope, connected.protocol, connected.src) == (
        ip("192.168.50.0"),
        24,
        "link",
        "kernel",
        ip("192.168.50.10"),
    )
    address(netns, "eth0", "192.168.50.11/24")
    second = next(route for route in netns.fib.local if route.dst == ip("192.168.50.11"))
    assert second.src == ip("192.168.50.10")  # a secondary address speaks as the primary one
    netns.remove_address(netns.device("eth0"), ip("192.168.50.10"), 24)
    assert netns.fib.routes == []
    assert len(netns.fib.local) == 3  # those of lo


@given(st.binary(min_size=0, max_size=4000), st.integers(68, 1500))
def test_fragments_join_to_what_was_cut(payload: bytes, mtu: int) -> None:
    packet = ipv4.build(ip("10.0.0.1"), ip("10.0.0.2"), 17, payload, identification=7)
    pieces = fragment(packet, mtu)
    assert all(len(piece) <= mtu and ipv4.is_valid(piece) for piece in pieces)
    assert b"".join(piece[20:] for piece in pieces) == payload
    offset = 0
    for piece in pieces:
        assert ipv4.fragment_offset(piece) == offset
        offset += len(piece) - 20
    assert [bool(ipv4.fragment_word(piece) & ipv4.MORE_FRAGMENTS) for piece in pieces] == [True] * (len(pieces) - 1) + [False] * bool(
        pieces
    )


@given(st.binary(max_size=200))
def test_frames_of_any_bytes_never_raise(wire: bytes) -> None:
    net = Bridged()
    own = net.hosts[0].device("eth0")
    for dev in (own, net.switch.device("port1"), net.bridge, net.hosts[0].device("lo")):
        dev.inject(wire)
        dev.inject(own.mac + b"\x02\x00\x00\x00\x00\x99\x08\x00" + wire)
        dev.inject(own.mac + b"\x02\x00\x00\x00\x00\x99\x08\x06" + wire)
        dev.inject(
            own.mac + b"\x02\x00\x00\x00\x00\x99\x08\x00" + ipv4.build(ip("10.0.0.2"), ip("10.0.0.1"), wire[0] if wire else 1, wire[:100])
        )
    net.engine.run(until_ns=SECOND)
