"""Each back end carries a ping between containers of two hosts; what the underlay shows, and what it costs in TTL and MTU."""

from __future__ import annotations

from typing import Any

import pytest
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.l2 import ARP
from scapy.layers.vxlan import VXLAN

from emu.engine import SECOND
from emu.netdev.drop import DropReason
from emu.netdev.vxlan import Vxlan
from emu.netdev.vxlan_fdb import Remote
from emu.packet.address import ip
from tests.flannel.clusters import Cluster
from tests.wires import Seen

BACKENDS: list[tuple[dict[str, Any], int, int]] = [  # the back end, containers' MTU, TTL at arrival
    ({"Type": "vxlan"}, 1450, 62),
    ({"Type": "udp"}, 1472, 60),
    ({"Type": "host-gw"}, 1500, 62),
    ({"Type": "ipip"}, 1480, 62),
    ({"Type": "vxlan", "DirectRouting": True}, 1450, 62),
]


def cluster(backend: dict[str, Any]) -> Cluster:
    lab = Cluster(2, backend)
    lab.up("10.1.15.1/24", "10.1.20.1/24")
    return lab


@pytest.mark.parametrize(("backend", "mtu", "ttl"), BACKENDS)
def test_containers_reach_one_another(backend, mtu, ttl):
    lab = cluster(backend)
    ping = lab.run(lab.containers[0], "ping -c 2 -i 0.2 10.1.20.2")
    assert ping.exit_status == 0, ping.output
    assert f"ttl={ttl}" in ping.stdout
    assert lab.env(0) == {
        "FLANNEL_NETWORK": "10.1.0.0/16",
        "FLANNEL_SUBNET": "10.1.15.1/24",
        "FLANNEL_MTU": str(mtu),
        "FLANNEL_IPMASQ": "true",
    }


@pytest.mark.parametrize(("backend", "mtu", "ttl"), BACKENDS)
def test_packets_of_the_mtu_fit_and_none_is_fragmented(backend, mtu, ttl):
    lab = cluster(backend)
    wire = Seen(lab.hosts[0].netns.device("eth0"))
    ping = lab.run(lab.containers[0], f"ping -c 1 -M do -s {mtu - 28} 10.1.20.2")
    assert ping.exit_status == 0, ping.output
    assert not wire.count(lambda packet: IP in packet and (packet[IP].flags.MF or packet[IP].frag))


def test_vxlan_frames_are_flannels():
    lab = cluster({"Type": "vxlan"})
    wire, tunnel = Seen(lab.hosts[0].netns.device("eth0")), Seen(lab.hosts[0].netns.device("flannel.1"))
    lab.run(lab.containers[0], "ping -c 1 10.1.20.2")
    request = next(packet for packet in wire.packets if VXLAN in packet)
    assert (request[IP].src, request[IP].dst, request[IP].ttl, str(request[IP].flags)) == ("192.168.60.11", "192.168.60.12", 64, "")
    assert (request[UDP].dport, request[UDP].chksum != 0, request[VXLAN].vni, request[VXLAN][ICMP].type) == (8472, True, 1, 8)
    assert request[VXLAN][IP].ttl == 63
    assert not tunnel.count(lambda packet: ARP in packet)  # every next hop is a permanent neighbour


def test_vxlan_state_is_three_entries_a_host():
    lab = cluster({"Type": "vxlan"})
    host = lab.hosts[0].place.start(["sh", "-c", "ip route show dev flannel.1; ip neigh show dev flannel.1"])
    lab.engine.run(until=host.exited)
    vtep = lab.hosts[1].netns.device("flannel.1").mac
    assert host.stdout.splitlines() == [
        "10.1.20.0/24 via 10.1.20.0 onlink ",
        f"10.1.20.0 lladdr {vtep.hex(':')} PERMANENT ",
    ]
    device = lab.hosts[0].netns.device("flannel.1")
    assert isinstance(device, Vxlan)
    assert [(entry.mac, entry.remotes, entry.permanent) for entry in device.fdb.entries.values()] == [
        (vtep, [Remote(ip("192.168.60.12"))], True)
    ]


def test_udp_backend_sends_the_bare_packet_with_one_ttl_less_on_each_side():
    lab = cluster({"Type": "udp"})
    wire = Seen(lab.hosts[0].netns.device("eth0"))
    lab.run(lab.containers[0], "ping -c 1 10.1.20.2")
    outer = next(packet for packet in wire.packets if UDP in packet)
    assert (outer[UDP].sport, outer[UDP].dport, outer[IP].ttl, str(outer[IP].flags)) == (8285, 8285, 64, "DF")
    assert (outer[UDP][IP].src, outer[UDP][IP].ttl) == ("10.1.15.2", 62)


def test_udp_proxy_is_silent_when_the_ttl_is_used_up():
    lab = cluster({"Type": "udp"})
    for ttl in (2, 3):
        assert lab.run(lab.containers[0], f"ping -c 1 -W 1 -t {ttl} 10.1.20.2").stdout.count("Time to live") == 0
    assert [host.netns.drops[DropReason.TTL_EXCEEDED] for host in lab.hosts] == [1, 1]
    assert "From 10.1.20.0 icmp_seq=1 Time to live exceeded" in lab.run(lab.containers[0], "ping -c 1 -W 1 -t 4 10.1.20.2").stdout


def test_udp_proxys_own_unreachable_is_a_martian_to_the_kernel():
    lab = cluster({"Type": "udp"})
    tunnel = Seen(lab.hosts[0].netns.device("flannel0"))
    lab.run(lab.containers[0], "udp-send 10.1.99.5 7 hello")
    answer = next(packet for packet in tunnel.packets if ICMP in packet)
    assert (answer[IP].src, answer[IP].ttl, answer[IP].id, answer[IP].len, answer[ICMP].type, answer[ICMP].code) == (
        "10.1.15.0",
        8,
        0,
        56,
        3,
        0,
    )
    drops = lab.hosts[0].netns.drops
    assert (drops[DropReason.NO_ROUTE], drops[DropReason.MARTIAN_SOURCE]) == (1, 1)


def test_packet_id_is_one_on_the_whole_way():
    for backend in ({"Type": "vxlan"}, {"Type": "udp"}, {"Type": "ipip"}):
        lab = cluster(backend)
        points = [lab.containers[0].device("eth0"), lab.hosts[0].netns.device("eth0"), lab.containers[1].device("eth0")]
        seen = [Seen(dev) for dev in points]
        lab.run(lab.containers[0], "ping -c 1 10.1.20.2")
        first = seen[0].frames[-1][2]  # the reply at the end of its way
        assert all(any(frame.trace_id == first.trace_id for _, _, frame in each.frames) for each in seen)


def test_a_host_that_comes_later_and_one_whose_lease_ends():
    lab = Cluster(3, {"Type": "vxlan"})
    lab.up("10.1.15.1/24", "10.1.20.1/24")
    lab.flanneld(2, "10.1.30.1/24")
    lab.container(2)
    assert lab.run(lab.containers[0], "ping -c 1 10.1.30.2").exit_status == 0
    lab.store.delete("/coreos.com/network/subnets/10.1.30.0-24")
    lab.engine.run(until_ns=lab.engine.now + SECOND)
    assert "10.1.30.0" not in str([route.via for route in lab.hosts[0].netns.fib.routes])
    assert "Destination Net Unreachable" in lab.run(lab.containers[0], "ping -c 1 10.1.30.2").stdout
