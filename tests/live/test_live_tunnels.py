"""VXLAN in emu against the kernel that it runs on: the same lines, every frame compared. Needs root; see conftest.py."""

from __future__ import annotations

import pytest

from tests.live.both import Both

pytestmark = pytest.mark.usefixtures("vxlan_support")


def hosts(both: Both, count: int = 2, captured: int = 9) -> None:
    """h1, h2, …: 10.0.0.N on eth0, joined by a switch; captured there, on the first `captured` of them."""
    both.run("lan", "ip link add br0 address 02:00:00:00:ff:fe type bridge", "ip link set br0 up")
    for number in range(1, count + 1):
        both.wire(f"h{number}:eth0", f"lan:port{number}")
        both.run(f"h{number}", f"ip addr add 10.0.0.{number}/24 dev eth0")
        both.run("lan", f"ip link set port{number} master br0")
    both.capture(*(f"h{number}:eth0" for number in range(1, min(count, captured) + 1)))


def overlay(both: Both, options: str = "", count: int = 2, **each: str) -> None:
    """vx0 on each, 10.3.0.N, with MAC addresses known beforehand; `h1=…` says more of one host's device."""
    for number in range(1, count + 1):
        host = f"h{number}"
        said = f"type vxlan id 42 dstport 4789 dev eth0 local 10.0.0.{number} {options} {each.get(host, '')}"
        both.run(host, f"ip link add vx0 address 02:00:00:00:42:0{number} {said}", "ip link set vx0 up")
        both.run(host, f"ip addr add 10.3.0.{number}/24 dev vx0")


def test_unicast_remotes_learn_from_what_comes(both: Both) -> None:
    hosts(both)
    overlay(both, h1="remote 10.0.0.2", h2="remote 10.0.0.1")
    both.run("h1", "ping -c 2 -i 0.2 10.3.0.2", "ping -c 1 -s 3000 10.3.0.2", "bridge fdb show dev vx0")
    assert both.differences() == []


def test_head_end_replication_and_what_is_learned(both: Both) -> None:
    hosts(both, 3)
    overlay(both, count=3)
    for number in (1, 2, 3):
        for other in {1, 2, 3} - {number}:
            both.run(f"h{number}", f"bridge fdb append 00:00:00:00:00:00 dev vx0 dst 10.0.0.{other}")
    both.run("h1", "ping -c 2 -i 0.2 10.3.0.2")
    both.run("h3", "ping -c 1 10.3.0.1")
    both.run("h3", "ping -c 1 -W 1 10.3.0.9", status=1)
    assert both.differences() == []


def test_a_group_on_the_underlay(both: Both) -> None:
    hosts(both, 3)
    overlay(both, "group 239.1.1.1", 3)
    both.run("h1", "ping -c 1 10.3.0.2")
    both.run("h3", "ping -c 1 10.3.0.1")
    assert both.differences() == []


def test_without_learning_static_entries_only(both: Both) -> None:
    hosts(both)
    overlay(both, "nolearning")
    both.run("h1", "bridge fdb add 02:00:00:00:42:02 dev vx0 dst 10.0.0.2", "ip neigh add 10.3.0.2 lladdr 02:00:00:00:42:02 dev vx0")
    both.run("h2", "bridge fdb add 02:00:00:00:42:01 dev vx0 dst 10.0.0.1 static", "ip neigh add 10.3.0.1 lladdr 02:00:00:00:42:01 dev vx0")
    both.run("h1", "ping -c 1 10.3.0.2", "bridge fdb show dev vx0")
    both.run("h1", "ping -c 1 -W 1 10.3.0.9", status=1)
    both.run("h2", "bridge fdb replace 02:00:00:00:42:01 dev vx0 dst 10.0.0.99", "bridge fdb show dev vx0")
    both.run("h1", "ping -c 1 -W 1 10.3.0.2", status=1)
    assert both.differences() == []


def test_proxy_answers_for_known_neighbours_and_keeps_arp_at_home(both: Both) -> None:
    hosts(both)
    overlay(both, "proxy", h1="remote 10.0.0.2", h2="remote 10.0.0.1")
    for number, other in ((1, 2), (2, 1)):
        both.run(f"h{number}", f"ip neigh add 10.3.0.{other} lladdr 02:00:00:00:42:0{other} dev vx0")
    both.run("h1", "ping -c 1 10.3.0.2")
    both.run("h1", "ping -c 1 -W 1 10.3.0.9", status=1)
    assert both.differences() == []


@pytest.mark.parametrize(
    "options", ["noudpcsum", "ttl 7", "ttl inherit", "tos inherit", "tos 0x50", "ttl 5 tos inherit noudpcsum", "srcport 20000 20001"]
)
def test_what_the_outer_header_takes_from_where(both: Both, options: str) -> None:
    hosts(both)
    overlay(both, options, h1="remote 10.0.0.2", h2="remote 10.0.0.1")
    both.run("h1", "ping -c 1 10.3.0.2", "ping -c 1 -Q 0x28 -t 9 10.3.0.2", "ping -c 1 -Q 1 10.3.0.2", "ping -c 1 -Q 3 10.3.0.2")
    assert both.differences() == []


def bridged(both: Both, mtu: int = 1450) -> None:
    """c1 behind a bridge of h1, c2 behind one of h2, and a tunnel between the bridges."""
    hosts(both)
    for number, other in ((1, 2), (2, 1)):
        host, place = f"h{number}", f"c{number}"
        both.run(host, f"ip link add vx0 address 02:00:00:00:42:0{number} type vxlan id 42 dstport 4789 remote 10.0.0.{other}")
        both.run(
            host,
            f"ip link add br0 address 02:00:00:00:b0:0{number} type bridge mcast_snooping 0",
            "ip link set vx0 master br0",
            "ip link set vx0 up",
        )
        both.wire(f"{place}:eth0", f"{host}:veth", mtu=mtu)
        both.run(host, "ip link set veth master br0", "ip link set br0 up")
        both.run(place, f"ip addr add 10.3.0.{number}/24 dev eth0")
    both.capture("c1:eth0", "c2:eth0", "h1:vx0")


def test_a_tunnel_as_a_bridge_s_port(both: Both) -> None:
    bridged(both)
    both.run("c1", "ping -c 2 -i 0.2 10.3.0.2", "ping -c 1 -s 3000 10.3.0.2", "ping -c 1 -M do -s 1422 10.3.0.2")
    assert both.differences() == []


def test_what_is_too_big_for_the_underlay_is_fragmented_outside(both: Both) -> None:
    bridged(both, mtu=1500)
    both.run("c1", "ping -c 1 -M dont -s 1472 10.3.0.2", "ping -c 1 -s 100 10.3.0.2")
    assert both.differences() == []


def test_two_devices_of_one_host_pass_frames_round(both: Both) -> None:
    hosts(both)
    both.run("h1", "ip link add va address 02:00:00:00:42:0a type vxlan id 1 dstport 4789 dev eth0 local 10.0.0.1", "ip link set va up")
    both.run("h1", "ip link add vb address 02:00:00:00:42:0b type vxlan id 2 dstport 4789 dev eth0 local 10.0.0.1", "ip link set vb up")
    both.run("h1", "bridge fdb append 00:00:00:00:00:00 dev va dst 10.0.0.1 vni 2", "ip addr add 10.3.0.1/24 dev va")
    both.capture("h1:va", "h1:vb")
    both.run("h1", "ping -c 1 -W 1 10.3.0.9", status=1)
    both.run("h1", "ping -c 1 10.0.0.2", "bridge fdb show dev vb")
    assert both.differences() == []


def test_a_device_that_is_down_leaves_a_closed_port(both: Both) -> None:
    hosts(both)
    overlay(both, h1="remote 10.0.0.2", h2="remote 10.0.0.1")
    both.run("h1", "ping -c 1 10.3.0.2")
    both.run("h2", "ip link set vx0 down")
    both.run("h1", "ping -c 1 -W 1 10.3.0.2", status=1)
    assert both.differences() == []


def test_a_mac_address_that_moves_to_another_host(both: Both) -> None:
    hosts(both, 3, captured=2)  # h3 hears from both at once
    overlay(both, count=3)
    for number in (1, 2, 3):
        for other in {1, 2, 3} - {number}:
            both.run(f"h{number}", f"bridge fdb append 00:00:00:00:00:00 dev vx0 dst 10.0.0.{other}")
    both.run("h1", "ping -c 1 10.3.0.2")
    both.run("h2", "ip link set vx0 down")
    both.run("h3", "ip link set vx0 address 02:00:00:00:42:02", "ip addr add 10.3.0.2/24 dev vx0")
    both.run("h3", "ping -c 1 -I 10.3.0.2 10.3.0.1")
    both.run("h1", "bridge fdb show dev vx0", "ping -c 1 10.3.0.2")
    assert both.differences() == []
