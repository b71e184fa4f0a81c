"""VXLAN devices between hosts on a bridge: what the underlay carries, what is learned, what is dropped and why."""

from __future__ import annotations

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import ARP, Ether
from scapy.layers.vxlan import VXLAN

from emu.encap import vxlan
from emu.engine import SECOND
from emu.netdev.drop import DropReason
from emu.netdev.vxlan import Vxlan, VxlanConfig
from emu.netdev.vxlan_fdb import Remote
from emu.netns.socket import UdpSocket
from emu.packet.address import ZERO_MAC, Mac, ip, mac
from tests.wires import Bridged, Seen, address, complete

PORT = 4789


def vtep(number: int) -> Mac:
    return Mac(bytes([2, 0, 0, 0, 0x42, number]))


class Overlay(Bridged):
    """`hosts[i]` has 10.0.0.(i+1) on eth0 and, on vx0 with VNI 42, 10.3.0.(i+1)/24."""

    def __init__(self, count: int = 2, **config: object) -> None:
        super().__init__(count)
        self.devices: list[Vxlan] = []
        for number, host in enumerate(self.hosts, start=1):
            given: dict[str, object] = {"vni": 42, "port": PORT, "lower": host.device("eth0"), "local": ip(f"10.0.0.{number}")}
            dev = Vxlan(self.engine, "vx0", vtep(number), host.underlay, VxlanConfig(**{**given, **config}))  # type: ignore[arg-type]
            host.add_device(dev)
            host.set_up(dev)
            address(host, "vx0", f"10.3.0.{number}/24")
            self.devices.append(dev)

    def ask(self, number: int, target: str, data: bytes = b"hello") -> UdpSocket:
        """A datagram from host `number` to port 9 of `target`, and time for it to go."""
        sock = UdpSocket(self.hosts[number])
        sock.sendto(data, (target, 9))
        self.engine.run(until_ns=self.engine.now + SECOND // 2)
        return sock


def test_unknown_goes_to_the_group_known_to_the_learned_remote():
    lab = Overlay(3, remote=ip("239.1.1.1"))
    wire = Seen(lab.hosts[0].device("eth0"))
    lab.ask(0, "10.3.0.2")
    outer = [packet for packet in wire.packets if UDP in packet and packet[UDP].dport == PORT]
    request, reply, datagram = outer[0], outer[1], outer[2]
    assert (request[IP].dst, request[IP].ttl, request[Ether].dst) == ("239.1.1.1", 1, "01:00:5e:01:01:01")
    assert (reply[IP].src, reply[IP].dst, reply[IP].ttl) == ("10.0.0.2", "10.0.0.1", 64)
    assert (datagram[IP].dst, datagram[IP].ttl, datagram[IP].flags, datagram[UDP].chksum != 0) == ("10.0.0.2", 64, 0, True)
    assert (datagram[VXLAN].vni, datagram[VXLAN].flags) == (42, 0x08)
    assert lab.devices[0].fdb.entries[vtep(2)].remotes == [Remote(ip("10.0.0.2"))]


def test_trace_id_is_the_inner_packets_on_its_whole_way():
    lab = Overlay(remote=ip("239.1.1.1"))
    inside, wire, far = (Seen(dev) for dev in (lab.devices[0], lab.hosts[0].device("eth0"), lab.devices[1]))
    lab.ask(0, "10.3.0.2")
    ids = [next(frame.trace_id for _, _, frame in seen.frames if b"hello" in frame.wire) for seen in (inside, wire, far)]
    assert len(set(ids)) == 1


def test_mtu_is_the_lower_devices_less_fifty():
    assert Overlay().devices[0].mtu == 1450


def test_head_end_replication_sends_one_copy_to_each_remote():
    lab = Overlay(3)
    for remote in ("10.0.0.2", "10.0.0.3"):
        lab.devices[0].fdb.add(ZERO_MAC, Remote(ip(remote)), 0, append=True)
    wire = Seen(lab.hosts[0].device("eth0"))
    lab.ask(0, "10.3.0.2")
    first = [packet for packet in wire.packets if UDP in packet][:2]
    assert {packet[IP].dst for packet in first} == {"10.0.0.2", "10.0.0.3"}
    assert all(packet[VXLAN][ARP].pdst == "10.3.0.2" for packet in first)


def test_without_a_remote_the_frame_is_dropped():
    lab = Overlay()
    lab.ask(0, "10.3.0.2")
    assert lab.devices[0].drops[DropReason.NO_REMOTE] > 0


@pytest.mark.parametrize("target", ["DROP", "REJECT"])
def test_an_outer_packet_that_a_rule_drops_is_told_of_once(target):
    lab = Overlay(remote=ip("10.0.0.2"))
    host, dev = lab.hosts[0], lab.devices[0]
    host.iptables(f"-A OUTPUT -p udp --dport {PORT} -j {target}")
    lab.ask(0, "10.3.0.2")
    assert dev.counters.tx_dropped == host.drops[DropReason.NETFILTER] == 1
    assert not dev.drops


def test_proxy_answers_arp_for_permanent_neighbours_and_sends_none():
    lab = Overlay(proxy=True, learning=False)
    lab.hosts[0].neighbours.add_permanent(lab.devices[0], ip("10.3.0.2"), vtep(2))
    seen, wire = Seen(lab.devices[0]), Seen(lab.hosts[0].device("eth0"))
    request = Ether(src=str(vtep(1).hex(":")), dst="ff:ff:ff:ff:ff:ff") / ARP(hwsrc=vtep(1).hex(":"), psrc="10.3.0.1", pdst="10.3.0.2")
    from emu.packet.frame import Frame

    lab.devices[0].transmit(Frame(bytes(request), 1))
    lab.devices[0].transmit(Frame(bytes(request).replace(ip("10.3.0.2"), ip("10.3.0.7")), 2))
    lab.engine.run(until_ns=SECOND)
    answers = [packet for packet in seen.packets if ARP in packet and packet[ARP].op == 2]
    assert [(packet[Ether].src, packet[ARP].hwsrc, packet[ARP].psrc) for packet in answers] == [(vtep(2).hex(":"),) * 2 + ("10.3.0.2",)]
    assert not wire.frames
    assert lab.devices[0].drops[DropReason.NO_NEIGHBOUR] == 1


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"\x08\x00\x00\x00\x00\x00\x2a\x00" + bytes(10), DropReason.MALFORMED),
        (b"\x00\x00\x00\x00\x00\x00\x2a\x00" + bytes(14), DropReason.VXLAN_FLAGS),
        (b"\x08\x00\x00\x00\x00\x00\x2a\x01" + bytes(14), DropReason.VXLAN_FLAGS),
        (vxlan.encapsulate(43, bytes(14)), DropReason.UNKNOWN_VNI),
    ],
)
def test_what_is_no_packet_of_ours_is_dropped_with_a_reason(payload, reason):
    lab = Overlay()
    sock = UdpSocket(lab.hosts[0])
    sock.sendto(payload, ("10.0.0.2", PORT))
    lab.engine.run(until_ns=SECOND)
    assert lab.hosts[1].drops == {reason: 1}


def test_own_source_and_fixed_entries_are_not_taken_from_the_wire():
    lab = Overlay()
    receiver = lab.devices[1]
    receiver.fdb.add(mac("02:00:00:00:00:77"), Remote(ip("10.0.0.9")), 0)
    sock = UdpSocket(lab.hosts[0])
    for source in (vtep(2), mac("02:00:00:00:00:77"), mac("02:00:00:00:00:78")):
        sock.sendto(vxlan.encapsulate(42, vtep(2) + source + b"\x08\x00"), ("10.0.0.2", PORT))
    lab.engine.run(until_ns=SECOND)
    assert receiver.drops[DropReason.OWN_SOURCE] == 1
    assert receiver.drops[DropReason.FDB_FIXED] == 1
    assert mac("02:00:00:00:00:78") in receiver.fdb.entries


def test_port_is_closed_while_the_device_is_down():
    lab = Overlay()
    lab.hosts[1].set_down(lab.devices[1])
    sock = UdpSocket(lab.hosts[0])
    sock.connect(("10.0.0.2", PORT))
    sock.send(vxlan.encapsulate(42, bytes(14)))
    with pytest.raises(ConnectionRefusedError):
        complete(lab.engine, sock.recv(1.0))


def test_a_remote_that_is_this_host_gets_the_frame_without_a_packet():
    lab = Overlay(1)
    host = lab.hosts[0]
    other = Vxlan(lab.engine, "vx1", vtep(9), host.underlay, VxlanConfig(43, port=PORT))
    host.add_device(other)
    host.set_up(other)
    lab.devices[0].fdb.add(ZERO_MAC, Remote(ip("10.0.0.1"), vni=43), 0)
    wire, seen = Seen(host.device("eth0")), Seen(other)
    lab.ask(0, "10.3.0.2")
    assert not wire.frames
    assert seen.frames


def test_a_tunnel_through_itself_and_tunnels_without_end_are_given_up():
    lab = Overlay(1, lower=None, local=ip("0.0.0.0"))
    first = lab.devices[0]
    first.fdb.add(ZERO_MAC, Remote(ip("10.3.0.9")), 0)
    lab.ask(0, "10.3.0.2")
    assert first.drops[DropReason.CIRCULAR_ROUTE] > 0


def test_source_port_is_one_for_a_flow_and_within_the_local_range():
    lab = Overlay(remote=ip("239.1.1.1"))
    wire = Seen(lab.hosts[0].device("eth0"))
    sock = lab.ask(0, "10.3.0.2")
    sock.sendto(b"hello", ("10.3.0.2", 9))
    lab.ask(0, "10.3.0.2")
    lab.engine.run(until_ns=2 * SECOND)
    ports = [
        packet[UDP].sport for packet in wire.packets if VXLAN in packet and packet[VXLAN].haslayer(UDP) and packet[IP].src == "10.0.0.1"
    ]
    assert ports[0] == ports[1]
    assert all(32768 <= port < 60999 for port in ports)
