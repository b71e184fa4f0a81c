"""Open vSwitch in user space: what its bridges and tunnels do with frames. What it does with whole recordings is in tests/captures."""

from __future__ import annotations

from pathlib import Path

import pytest
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.l2 import ARP, GRE, Ether
from scapy.layers.vxlan import VXLAN

from emu.lab import Lab
from emu.netdev.device import NetDevice
from emu.netdev.drop import DropReason
from emu.netdev.ovs_tunnel import RefusedOption, parse_options
from tests.labs import lab, ok, tap

TWO_HOSTS = """
lans:
  lan: { subnet: 192.168.60.0/24 }
hosts:
  h1: { interfaces: { eth0: { lan: lan, address: 192.168.60.11/24, mac: "02:00:00:00:60:11" } } }
  h2: { interfaces: { eth0: { lan: lan, address: 192.168.60.12/24, mac: "02:00:00:00:60:12" } } }
"""


def one_bridge(tmp_path: Path, guests: int = 3) -> Lab:
    """h1 has br0 with `guests` namespaces c1 (10.2.0.1) … on ports v1 …"""
    made = lab(tmp_path, TWO_HOSTS)
    ok(made.run("h1", "ovs-vsctl add-br br0 -- set bridge br0 datapath_type=netdev"))
    for number in range(1, guests + 1):
        plug(made, "h1", number)
    return made


def plug(made: Lab, host: str, number: int) -> None:
    """A namespace cN with 10.2.0.N behind a port of br0."""
    ok(made.run(host, f"ip netns add c{number}; ip link add v{number} type veth peer name eth0 netns c{number}; ip link set v{number} up"))
    inside = f"ip netns exec c{number} ip"
    mac = f"02:00:00:02:00:0{number}"
    ok(made.run(host, f"{inside} link set eth0 address {mac} up; {inside} addr add 10.2.0.{number}/24 dev eth0; {inside} link set lo up"))
    ok(made.run(host, f"ovs-vsctl add-port br0 v{number}"))


def joined(tmp_path: Path, options: str = "type=gre", on_bridge: bool = True) -> Lab:
    """c1 on h1 and c2 on h2, their bridges joined by a tunnel; the hosts' addresses on br-phy, or left on eth0."""
    made = lab(tmp_path, TWO_HOSTS)
    for number in (1, 2):
        host, mine, peer = f"h{number}", f"192.168.60.1{number}", f"192.168.60.1{3 - number}"
        if on_bridge:
            ok(made.run(host, f"ip link set eth0 address 02:00:00:00:6f:1{number}; sysctl -w net.ipv4.conf.eth0.arp_ignore=1"))
            mac = f"other-config:hwaddr=02:00:00:00:60:1{number}"
            ok(made.run(host, f"ovs-vsctl add-br br-phy -- set bridge br-phy datapath_type=netdev {mac} -- add-port br-phy eth0"))
            ok(made.run(host, f"ip addr del {mine}/24 dev eth0; ip addr add {mine}/24 dev br-phy; ip link set br-phy up"))
        ok(made.run(host, "ovs-vsctl add-br br0 -- set bridge br0 datapath_type=netdev"))
        ok(made.run(host, f"ovs-vsctl add-port br0 t0 -- set interface t0 {options} options:remote_ip={peer}"))
        plug(made, host, number)
    return made


def ping(made: Lab, place: str, words: str) -> int | None:
    return made.run(place, f"ping -W 1 -c 1 {words}").exit_status


def dev(made: Lab, name: str) -> NetDevice:
    found = made.find(name)
    assert isinstance(found, NetDevice)
    return found


def test_a_bridge_floods_what_it_does_not_know_and_then_learns(tmp_path: Path) -> None:
    made = one_bridge(tmp_path)
    third = tap(made, "h1/netns/c3/eth0")
    assert ping(made, "h1/netns/c1", "10.2.0.2") == 0
    assert [ARP in packet for packet in third.packets] == [True]  # the broadcast, nothing else


def test_an_address_is_forgotten_after_300_seconds(tmp_path: Path) -> None:
    made = one_bridge(tmp_path)
    assert ping(made, "h1/netns/c1", "10.2.0.2") == 0
    assert "02:00:00:02:00:02" in ok(made.run("h1", "ovs-appctl fdb/show br0"))
    made.advance(320)  # the last frames were probes of neighbours, after five seconds
    assert ok(made.run("h1", "ovs-appctl fdb/show br0")) == " port  VLAN  MAC                Age\n"


def test_frames_for_bridges_themselves_are_not_forwarded(tmp_path: Path) -> None:
    made = one_bridge(tmp_path)
    second = tap(made, "h1/netns/c2/eth0")
    dev(made, "h1/v1").inject(Ether(dst="01:80:c2:00:00:0e", src="02:00:00:02:00:01", type=0x88CC) / b"lldp")
    made.settle()
    assert not second.packets
    assert dev(made, "h1/v1").drops[DropReason.BRIDGE_LINK_LOCAL] == 1


def test_a_known_address_at_the_port_it_came_from_is_dropped(tmp_path: Path) -> None:
    made = one_bridge(tmp_path)
    for source, target in (("0a", "ff"), ("0b", "0a")):
        dev(made, "h1/v1").inject(Ether(dst=f"02:00:00:00:00:{target}", src=f"02:00:00:00:00:{source}", type=0x88B5) / b"x")
        made.settle()
    assert dev(made, "h1/v1").drops[DropReason.BRIDGE_SAME_PORT] == 1


def test_the_kernel_hears_what_an_enslaved_device_receives(tmp_path: Path) -> None:
    """A bridge of Linux takes the frames of its ports; the packet socket of a datapath in user space has a copy of them."""
    made = lab(tmp_path, TWO_HOSTS)
    ok(made.run("h1", "ovs-vsctl add-br br0 -- set bridge br0 datapath_type=netdev -- add-port br0 eth0"))
    assert ping(made, "h2", "192.168.60.11") == 0


def test_gre_carries_whole_frames_with_df_and_without_identification(tmp_path: Path) -> None:
    made = joined(tmp_path)
    wire = tap(made, "h1/eth0")
    assert ping(made, "h1/netns/c1", "-Q 0x28 10.2.0.2 -c 2 -W 3") == 0
    carried = [packet for packet in wire.packets if GRE in packet and ICMP in packet]
    request = carried[0]
    assert (request[GRE].proto, request[GRE].key_present, len(request)) == (0x6558, 0, 98 + 38)
    assert (request[IP].src, request[IP].dst, request[IP].ttl) == ("192.168.60.11", "192.168.60.12", 64)
    assert (request[IP].flags, request[IP].id, request[IP].tos) == ("DF", 0, 0)


def test_the_frame_that_needs_the_tunnels_neighbour_is_lost(tmp_path: Path) -> None:
    made = joined(tmp_path)
    wire = tap(made, "h1/eth0")
    ping(made, "h1/netns/c1", "10.2.0.2")
    outer = [packet for packet in wire.packets if ARP in packet and GRE not in packet]
    assert [(packet[ARP].op, packet[ARP].psrc, packet[ARP].pdst) for packet in outer] == [
        (1, "192.168.60.11", "192.168.60.12"),
        (2, "192.168.60.12", "192.168.60.11"),
    ]
    assert dev(made, "h1/br0").drops[DropReason.TUNNEL_NEIGHBOUR] == 1
    assert "192.168.60.12" in ok(made.run("h1", "ovs-appctl tnl/neigh/show"))


def test_what_does_not_fit_is_dropped_with_its_batch_and_without_icmp(tmp_path: Path) -> None:
    made = joined(tmp_path)
    assert ping(made, "h1/netns/c1", "10.2.0.2 -W 3") == 0
    wire = tap(made, "h1/eth0")
    assert ping(made, "h1/netns/c1", "-M do -s 1434 10.2.0.2") == 0
    assert ping(made, "h1/netns/c1", "-M do -s 1435 10.2.0.2") == 1
    seen = len(wire.packets)
    assert ping(made, "h1/netns/c1", "-s 3000 10.2.0.2") == 1  # the third fragment is small, and goes with the first two
    assert len(wire.packets) == seen
    drops = dev(made, "h1/eth0").drops
    assert (drops[DropReason.TOO_BIG], drops[DropReason.LOST_BATCH]) == (2, 2)


def test_a_key_is_in_the_header_and_must_be_the_ports(tmp_path: Path) -> None:
    made = joined(tmp_path, "type=gre options:key=5")
    wire = tap(made, "h1/eth0")
    assert ping(made, "h1/netns/c1", "10.2.0.2 -W 3") == 0
    assert {packet[GRE].key for packet in wire.packets if GRE in packet} == {5}
    ok(made.run("h2", "ovs-vsctl set interface t0 options:key=6"))
    assert ping(made, "h1/netns/c1", "10.2.0.2") == 1
    assert dev(made, "h2/br-phy").drops[DropReason.NO_TUNNEL] > 0


def test_vxlan_has_no_checksum_and_a_source_port_of_its_flow(tmp_path: Path) -> None:
    made = joined(tmp_path, "type=vxlan options:key=42 options:dst_port=8472 options:ttl=9")
    wire = tap(made, "h1/eth0")
    assert ping(made, "h1/netns/c1", "10.2.0.2 -W 3") == 0
    outer = [packet for packet in wire.packets if UDP in packet]
    assert {(packet[UDP].dport, packet[UDP].chksum, packet[IP].ttl, packet[IP].id) for packet in outer} == {(8472, 0, 9, 0)}
    assert all(VXLAN(bytes(packet[UDP].payload)).vni == 42 for packet in outer)
    assert all(32768 <= packet[UDP].sport < 61000 for packet in outer)


def test_without_a_bridge_on_the_way_a_tunnel_sends_nothing_and_the_kernel_refuses_the_others(tmp_path: Path) -> None:
    made = joined(tmp_path, on_bridge=False)
    wire = tap(made, "h1/eth0")
    assert ping(made, "h1/netns/c1", "10.2.0.2") == 1
    assert not wire.packets
    assert dev(made, "h1/br0").drops[DropReason.TUNNEL_OFF_BRIDGE] > 0
    gre = IP(src="192.168.60.12", dst="192.168.60.11") / GRE(proto=0x6558) / Ether(dst="02:00:00:02:00:01", src="02:00:00:02:00:02")
    dev(made, "h1/eth0").inject(Ether(dst="02:00:00:00:60:11", src="02:00:00:00:60:12") / gre)
    made.settle()
    assert [(packet[ICMP].type, packet[ICMP].code) for packet in wire.packets if ICMP in packet] == [(3, 2)]  # protocol unreachable


@pytest.mark.parametrize(
    ("options", "field", "value"),
    [
        ({}, "ttl", 64),
        ({"tos": "inherit"}, "tos", 1),
        ({"key": "0x10"}, "in_key", 16),
        ({"key": "abc"}, "in_key", 0),
        ({"key": "1", "in_key": "2"}, "out_key", 1),
        ({"dst_port": "99999"}, "port", 34463),
        ({"df_default": "false"}, "dont_fragment", False),
    ],
)
def test_options_are_read_as_the_daemon_reads_them(options: dict[str, str], field: str, value: object) -> None:
    assert getattr(parse_options("t0", "vxlan", {"remote_ip": "10.0.0.2", **options}), field) == value


def test_options_that_flows_would_choose_are_refused() -> None:
    with pytest.raises(RefusedOption, match="key=flow"):
        parse_options("t0", "gre", {"remote_ip": "10.0.0.2", "key": "flow"})


def test_a_tunnel_wants_an_address() -> None:
    with pytest.raises(ValueError, match="t0: bad gre 'remote_ip'\nt0: gre type requires valid 'remote_ip' argument"):
        parse_options("t0", "gre", {"remote_ip": "300.1.1.1"})
