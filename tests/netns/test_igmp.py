"""Membership of multicast groups: what a host reports on the LAN when it joins and leaves."""

from __future__ import annotations

from scapy.contrib.igmpv3 import IGMPv3, IGMPv3mr
from scapy.layers.inet import IP
from scapy.layers.l2 import Ether

from emu.engine import SECOND
from emu.netdev.drop import DropReason
from emu.packet.address import ip
from tests.wires import Bridged, Seen

GROUP = ip("239.1.1.1")


def reports(seen: Seen) -> list[tuple[str, int, int, str, int]]:
    """Where each goes, its TTL and TOS, and the group with what changes."""
    found = [Ether(bytes(packet)) for packet in seen.packets if IP in packet and packet[IP].proto == 2]
    messages = [(packet, IGMPv3(bytes(packet[IP].payload))) for packet in found]
    records = [(packet, message[IGMPv3mr].records[0]) for packet, message in messages if message.type == 0x22]
    return [(packet.dst, packet[IP].ttl, packet[IP].tos, record.maddr, record.rtype) for packet, record in records]


def test_a_join_and_a_leave_are_each_reported_twice():
    lab = Bridged(2)
    host, seen = lab.hosts[0], Seen(lab.hosts[0].device("eth0"))
    for change in (host.igmp.join, host.igmp.leave):
        change(GROUP, host.device("eth0"))
        lab.engine.run(until_ns=lab.engine.now + 2 * SECOND)
    to_exclude, to_include = 4, 3
    kinds = [to_exclude, to_exclude, to_include, to_include]
    assert reports(seen) == [("01:00:5e:00:00:16", 1, 0xC0, "239.1.1.1", kind) for kind in kinds]


def test_a_second_member_is_not_reported_and_the_first_to_leave_is_not_either():
    lab = Bridged(2)
    host, seen = lab.hosts[0], Seen(lab.hosts[0].device("eth0"))
    for change in (host.igmp.join, host.igmp.join, host.igmp.leave):
        change(GROUP, host.device("eth0"))
        lab.engine.run(until_ns=lab.engine.now + 2 * SECOND)
    assert len(reports(seen)) == 2
    assert host.igmp.is_member(host.device("eth0"), GROUP)


def test_a_report_that_a_rule_drops_is_told_of_once():
    lab = Bridged(2)
    host = lab.hosts[0]
    host.iptables("-A OUTPUT -p igmp -j DROP")
    host.igmp.join(GROUP, host.device("eth0"))
    lab.engine.run(until_ns=lab.engine.now + 2 * SECOND)
    assert (host.drops[DropReason.NETFILTER], host.drops[DropReason.NO_ROUTE]) == (2, 0)
