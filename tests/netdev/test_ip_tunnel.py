"""IPIP and GRE between two hosts: headers, TTL, DF, keys, and who is told of what fits no tunnel."""

from __future__ import annotations

import pytest
from scapy.layers.inet import GRE, IP, UDP
from scapy.layers.l2 import Ether

from emu.engine import SECOND
from emu.netdev.drop import DropReason
from emu.netdev.ip_tunnel import Gre, Gretap, Ipip, IpTunnel, TunnelConfig
from emu.netdev.tun import Tun
from emu.netns.fib import Route
from emu.netns.socket import UdpSocket
from emu.packet.address import ANY, Mac, ip
from emu.packet.frame import Frame
from tests.wires import Bridged, Seen, address, complete


def tunnels(kind: type[IpTunnel], **config: object) -> Bridged:
    """Two hosts with `tun0` between 10.0.0.1 and 10.0.0.2, 10.9.0.1/24 and 10.9.0.2/24 on it."""
    lab = Bridged()
    for number, host in enumerate(lab.hosts, start=1):
        given: dict[str, object] = {"local": ip(f"10.0.0.{number}"), "remote": ip(f"10.0.0.{3 - number}"), "lower": host.device("eth0")}
        settings = TunnelConfig(**{**given, **config})  # type: ignore[arg-type]
        dev = kind(lab.engine, "tun0", host.underlay, settings, mac=Mac(bytes([2, 0, 0, 0, 9, number])))
        host.add_device(dev)
        host.set_up(dev)
        address(host, "tun0", f"10.9.0.{number}/24")
    return lab


def echo(lab: Bridged) -> bytes:
    """A datagram through the tunnel and its answer."""
    server, client = UdpSocket(lab.hosts[1]), UdpSocket(lab.hosts[0])
    server.bind(("0.0.0.0", 7))

    async def serve() -> None:
        data, peer = await server.recvfrom()
        server.sendto(data, peer)

    lab.engine.spawn(serve())
    client.connect(("10.9.0.2", 7))
    client.send(b"hello")
    return complete(lab.engine, client.recv(2.0))


@pytest.mark.parametrize(
    ("kind", "config", "mtu"),
    [(Ipip, {}, 1480), (Gre, {}, 1476), (Gre, {"ikey": 5, "okey": 5}, 1472), (Gretap, {}, 1462), (Gretap, {"ikey": 5, "okey": 5}, 1458)],
)
def test_packets_arrive_and_the_mtu_leaves_room_for_the_headers(kind, config, mtu):
    lab = tunnels(kind, **config)
    assert echo(lab) == b"hello"
    assert lab.hosts[0].device("tun0").mtu == mtu


def test_outer_header_takes_the_inner_ttl_and_sets_df():
    lab = tunnels(Ipip)
    wire = Seen(lab.hosts[0].device("eth0"))
    echo(lab)
    outer = next(packet for packet in wire.packets if IP in packet)
    assert (outer[IP].proto, outer[IP].ttl, outer[IP].flags, outer[IP].payload.dst) == (4, 64, "DF", "10.9.0.2")


def test_gre_with_ethernet_inside_and_a_key():
    lab = tunnels(Gretap, ikey=5, okey=5)
    wire = Seen(lab.hosts[0].device("eth0"))
    echo(lab)
    header = next(packet[GRE] for packet in wire.packets if GRE in packet and UDP in packet)
    assert (header.proto, header.key_present, header.key, header.payload.__class__) == (0x6558, 1, 5, Ether)


def test_a_packet_with_another_key_is_refused():
    lab = tunnels(Gre, ikey=5, okey=5)
    far = lab.hosts[1]
    far.delete_device(far.device("tun0"))
    other = Gre(lab.engine, "tun0", far.underlay, TunnelConfig(ip("10.0.0.2"), ip("10.0.0.1"), ikey=6, okey=6))
    far.add_device(other)
    far.set_up(other)
    near = Seen(lab.hosts[0].device("eth0"))
    UdpSocket(lab.hosts[0]).sendto(b"x", ("10.9.0.2", 7))
    lab.engine.run(until_ns=SECOND)
    assert far.drops[DropReason.NO_TUNNEL] == 1
    assert near.count(lambda packet: packet.haslayer("ICMP") and packet["ICMP"].code == 3) == 1


def test_without_a_remote_the_next_hop_is_it():
    lab = tunnels(Ipip, remote=ANY)
    for number, host in enumerate(lab.hosts, start=1):
        other = 3 - number
        via = ip(f"10.0.0.{other}")
        host.fib.add(Route(ip(f"10.8.0.{other}"), 32, host.device("tun0"), via=via, onlink=True))
        host.add_address(host.device("lo"), ip(f"10.8.0.{number}"), 32)
    wire = Seen(lab.hosts[0].device("eth0"))
    UdpSocket(lab.hosts[0]).sendto(b"x", ("10.8.0.2", 7))
    lab.engine.run(until_ns=SECOND)
    assert any(IP in packet and packet[IP].proto == 4 and packet[IP].dst == "10.0.0.2" for packet in wire.packets)


def test_frames_of_any_bytes_are_dropped_with_a_reason():
    lab = tunnels(Gretap)
    dev = lab.hosts[0].device("tun0")
    for size in range(0, 60, 7):
        dev.inject(bytes(range(size)))
        dev.transmit(Frame(bytes(range(14)) + bytes(size), 1))
    lab.engine.run(until_ns=SECOND)
    assert sum(dev.drops.values()) > 0


def test_a_tun_devices_packets_go_to_its_program_and_come_from_it():
    lab = Bridged(1)
    host = lab.hosts[0]
    dev = Tun(lab.engine, "tun9", 1472)
    host.add_device(dev)
    read: list[Frame] = []
    dev.reader = read.append
    host.set_up(dev)
    address(host, "tun9", "10.1.15.0/32")
    host.fib.add(Route(ip("10.1.0.0"), 16, dev))
    sock = UdpSocket(host)
    sock.sendto(b"out", ("10.1.20.2", 7))
    lab.engine.run(until_ns=SECOND)
    packet = read[0].packet
    assert (packet[IP].src, packet[IP].dst, bytes(packet[UDP].payload)) == ("10.1.15.0", "10.1.20.2", b"out")
    seen = Seen(dev)
    reply = IP(src="10.1.20.2", dst="10.1.15.0") / UDP(sport=7, dport=sock.local[1]) / b"in"
    dev.write(bytes(reply), 99)
    assert complete(lab.engine, sock.recv(1.0)) == b"in"
    assert [frame.trace_id for _, _, frame in seen.frames] == [99]


def test_a_tun_device_without_a_program_has_no_carrier():
    lab = Bridged(1)
    dev = Tun(lab.engine, "tun9")
    lab.hosts[0].add_device(dev)
    lab.hosts[0].set_up(dev)
    dev.transmit(Frame(b"E", 1))
    assert dev.drops[DropReason.NO_CARRIER] == 1
