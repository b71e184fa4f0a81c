"""ARP and the neighbour states with their timers, as net/core/neighbour.c has them."""

from __future__ import annotations

import pytest
from scapy.layers.inet import ICMP, IP
from scapy.layers.l2 import ARP, Ether

from emu.engine import MILLISECOND, SECOND
from emu.netdev.drop import DropReason
from emu.netns.neighbour import NeighbourState
from emu.netns.socket import RawSocket, UdpSocket
from emu.packet.address import ip, mac
from tests.wires import Bridged, Seen, complete


def send(net: Bridged, dst: str = "10.0.0.2", source: int = 0) -> None:
    sock = UdpSocket(net.hosts[source])
    sock.sendto(b"hello", (dst, 7))


def state(net: Bridged, host: int, address: str) -> NeighbourState:
    netns = net.hosts[host]
    return netns.neighbours.entries[netns.device("eth0"), ip(address)].state


def test_the_first_packet_asks_and_waits_for_the_answer() -> None:
    net = Bridged()
    seen = Seen(net.hosts[0].device("eth0"))
    send(net)
    net.engine.run(until_ns=SECOND)
    request, reply, datagram = seen.packets[:3]
    assert (request[Ether].dst, request[ARP].op, request[ARP].hwdst) == ("ff:ff:ff:ff:ff:ff", 1, "00:00:00:00:00:00")
    assert len(seen.frames[0][2].wire) == 42
    assert (reply[ARP].op, reply[ARP].psrc, reply[ARP].pdst) == (2, "10.0.0.2", "10.0.0.1")
    assert datagram[IP].dst == "10.0.0.2"
    assert state(net, 0, "10.0.0.2") is NeighbourState.REACHABLE


def test_the_one_that_was_asked_knows_the_asker_and_probes_five_seconds_after_its_first_packet() -> None:
    net = Bridged()
    send(net)
    net.engine.run(until_ns=100 * MILLISECOND)
    assert state(net, 1, "10.0.0.1") is NeighbourState.DELAY  # its ICMP error was sent at once
    seen = Seen(net.hosts[1].device("eth0"))
    net.engine.run(until_ns=6 * SECOND)
    probe, answer = seen.packets
    assert probe[Ether].dst != "ff:ff:ff:ff:ff:ff"
    assert (probe[ARP].op, probe[ARP].hwdst) == (1, "00:00:00:00:00:00")
    assert seen.frames[0][0] // SECOND == 5
    assert answer[ARP].op == 2
    assert state(net, 1, "10.0.0.1") is NeighbourState.REACHABLE


def test_nobody_answers_three_broadcasts_a_second_apart_then_host_unreachable() -> None:
    net = Bridged()
    host = net.hosts[0]
    seen = Seen(host.device("eth0"))
    raw = RawSocket(host, 1)
    send(net, "10.0.0.9")
    received = complete(net.engine, raw.recv())
    assert [when // MILLISECOND for when, _, _ in seen.frames] == [0, 1000, 2000]
    assert net.engine.now // MILLISECOND == 3000
    error = IP(received.wire)
    assert (error[ICMP].type, error[ICMP].code, error.src, error.dst) == (3, 1, "10.0.0.1", "10.0.0.1")
    assert host.drops[DropReason.NO_NEIGHBOUR] == 1
    assert state(net, 0, "10.0.0.9") is NeighbourState.FAILED


def test_only_so_many_packets_wait_for_a_neighbour() -> None:
    net = Bridged()
    host = net.hosts[0]
    for _ in range(103):
        send(net, "10.0.0.9")
    assert host.drops[DropReason.NEIGHBOUR_QUEUE_FULL] == 2


def test_reachable_becomes_stale_after_its_random_time() -> None:
    net = Bridged()
    send(net)
    net.engine.run(until_ns=14 * SECOND)
    assert state(net, 0, "10.0.0.2") is NeighbourState.REACHABLE
    net.engine.run(until_ns=51 * SECOND)
    assert state(net, 0, "10.0.0.2") is NeighbourState.STALE


def test_proof_from_above_spares_the_probe() -> None:
    net = Bridged()
    send(net)
    net.engine.run(until_ns=2 * SECOND)
    other = net.hosts[1]
    other.neighbours.confirm(other.device("eth0"), ip("10.0.0.1"))
    seen = Seen(other.device("eth0"))
    net.engine.run(until_ns=7 * SECOND)
    assert seen.frames == []


def test_a_neighbour_that_has_gone_is_probed_three_times_and_failed() -> None:
    net = Bridged()
    send(net)
    net.engine.run(until_ns=10 * SECOND)
    net.hosts[1].set_down(net.hosts[1].device("eth0"))
    host = net.hosts[0]
    host.neighbours.set_state(host.device("eth0"), ip("10.0.0.2"), None, NeighbourState.STALE)
    seen = Seen(host.device("eth0"))
    send(net)
    net.engine.run()
    probes = [packet for packet in seen.packets if ARP in packet]
    assert len(probes) == 3
    assert all(probe[Ether].dst != "ff:ff:ff:ff:ff:ff" for probe in probes)
    assert state(net, 0, "10.0.0.2") is NeighbourState.FAILED


def test_unsolicited_replies_update_but_never_create() -> None:
    net = Bridged()
    host = net.hosts[0]
    own = host.device("eth0")
    lie = Ether(src="02:00:00:00:00:99", dst="ff:ff:ff:ff:ff:ff") / ARP(
        op=2, hwsrc="02:00:00:00:00:99", psrc="10.0.0.2", hwdst="ff:ff:ff:ff:ff:ff", pdst="10.0.0.2"
    )
    own.inject(lie)
    assert not host.neighbours.entries
    send(net)
    net.engine.run(until_ns=500 * MILLISECOND)
    own.inject(lie)  # within the locktime of one second: ignored
    assert host.neighbours.entries[own, ip("10.0.0.2")].mac == net.hosts[1].device("eth0").mac
    net.engine.run(until_ns=2 * SECOND)
    own.inject(lie)
    assert host.neighbours.entries[own, ip("10.0.0.2")].mac == mac("02:00:00:00:00:99")
    assert state(net, 0, "10.0.0.2") is NeighbourState.STALE


def test_who_tells_of_himself_is_believed_at_once_as_is_who_asks_us() -> None:
    net = Bridged()
    host = net.hosts[0]
    own = host.device("eth0")
    send(net)
    net.engine.run(until_ns=MILLISECOND)
    heard = (1, "00:00:00:00:00:00", "10.0.0.2"), (2, None, "10.0.0.2"), (1, None, "10.0.0.1")
    for number, (operation, mine, target) in enumerate(heard):
        moved = f"02:00:00:00:01:{number:02x}"
        own.inject(
            Ether(src=moved, dst="ff:ff:ff:ff:ff:ff") / ARP(op=operation, hwsrc=moved, psrc="10.0.0.2", hwdst=mine or moved, pdst=target)
        )
        assert host.neighbours.entries[own, ip("10.0.0.2")].mac == mac(moved)


@pytest.mark.parametrize(("asker", "answered"), [("10.0.0.50", True), ("10.0.0.1", False), ("224.0.0.1", False), ("10.9.9.9", False)])
def test_who_could_not_send_us_a_packet_is_not_answered(asker: str, answered: bool) -> None:
    """Our own address, a group's, and one that the reverse path filter keeps out."""
    net = Bridged()
    host = net.hosts[0]
    host.sysctl.set("net.ipv4.conf.eth0.rp_filter", "1")
    seen = Seen(host.device("eth0"))
    host.device("eth0").inject(
        Ether(src="02:00:00:00:00:99", dst="ff:ff:ff:ff:ff:ff")
        / ARP(op=1, hwsrc="02:00:00:00:00:99", psrc=asker, hwdst="00:00:00:00:00:00", pdst="10.0.0.1")
    )
    assert any(packet[ARP].op == 2 for packet in seen.packets if ARP in packet) is answered


def test_arp_accept_makes_entries_of_replies_that_nobody_asked_for() -> None:
    net = Bridged()
    host = net.hosts[0]
    own = host.device("eth0")
    reply = Ether(src="02:00:00:00:00:99", dst="ff:ff:ff:ff:ff:ff") / ARP(
        op=2, hwsrc="02:00:00:00:00:99", psrc="10.0.0.2", hwdst="ff:ff:ff:ff:ff:ff", pdst="10.0.0.2"
    )
    host.sysctl.set("net.ipv4.conf.eth0.arp_accept", "1")
    own.inject(reply)
    assert host.neighbours.entries[own, ip("10.0.0.2")].mac == mac("02:00:00:00:00:99")


def test_any_address_of_the_host_is_answered_for_unless_arp_ignore_says_no() -> None:
    net = Bridged()
    host = net.hosts[0]
    host.add_address(host.device("lo"), ip("10.9.9.9"), 32)
    seen = Seen(host.device("eth0"))
    question = Ether(src="02:00:00:00:00:99", dst="ff:ff:ff:ff:ff:ff") / ARP(
        op=1, hwsrc="02:00:00:00:00:99", psrc="10.0.0.50", hwdst="00:00:00:00:00:00", pdst="10.9.9.9"
    )
    host.device("eth0").inject(question)
    assert seen.count(lambda packet: ARP in packet and packet[ARP].op == 2) == 1
    host.sysctl.set("net.ipv4.conf.all.arp_ignore", "1")
    host.device("eth0").inject(question)
    assert seen.count(lambda packet: ARP in packet and packet[ARP].op == 2) == 1


def test_loopback_addresses_are_not_answered_for() -> None:
    net = Bridged()
    own = net.hosts[0].device("eth0")
    own.inject(
        Ether(src="02:00:00:00:00:99", dst="ff:ff:ff:ff:ff:ff")
        / ARP(op=1, hwsrc="02:00:00:00:00:99", psrc="10.0.0.50", hwdst="00:00:00:00:00:00", pdst="127.0.0.1")
    )
    assert own.drops[DropReason.ARP_IGNORED] == 1


def test_a_permanent_entry_is_never_asked_for_or_changed() -> None:
    net = Bridged()
    host = net.hosts[0]
    host.neighbours.add_permanent(host.device("eth0"), ip("10.0.0.2"), net.hosts[1].device("eth0").mac)
    seen = Seen(host.device("eth0"))
    send(net)
    net.engine.run(until_ns=SECOND)
    assert not any(ARP in packet and packet[ARP].psrc == "10.0.0.1" and packet[ARP].op == 1 for packet in seen.packets)


@pytest.mark.parametrize("operation", [0, 3, 9])
def test_other_arp_operations_are_dropped_with_a_reason(operation: int) -> None:
    net = Bridged()
    own = net.hosts[0].device("eth0")
    own.inject(
        Ether(src="02:00:00:00:00:99", dst="ff:ff:ff:ff:ff:ff")
        / ARP(op=operation, hwsrc="02:00:00:00:00:99", psrc="10.0.0.50", hwdst="00:00:00:00:00:00", pdst="10.0.0.1")
    )
    assert own.drops[DropReason.ARP_IGNORED] == 1
