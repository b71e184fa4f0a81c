"""emu against the kernel that it runs on: the same lines in small networks, every frame compared. Needs root; see conftest.py."""

from __future__ import annotations

import pytest

from tests.live.both import Both

needs_bridge = pytest.mark.usefixtures("bridge_support")
needs_macvlan = pytest.mark.usefixtures("macvlan_support")
needs_iptables = pytest.mark.usefixtures("iptables_support")


@pytest.fixture
def pair(both: Both) -> Both:
    """left 10.0.0.1 - right 10.0.0.2, captured at both ends."""
    both.wire("left:eth0", "right:eth0")
    both.run("left", "ip addr add 10.0.0.1/24 dev eth0")
    both.run("right", "ip addr add 10.0.0.2/24 dev eth0")
    both.capture("left:eth0", "right:eth0")
    return both


def test_ping_between_two_namespaces(pair: Both) -> None:
    pair.run("left", "ping -c 3 -i 0.2 10.0.0.2", "ping -c 1 -s 3000 10.0.0.2")
    pair.run("right", "ip route", "ip -br -4 addr show dev eth0")
    assert pair.differences() == []


def test_nobody_answers_an_arp_request(pair: Both) -> None:
    pair.run("left", "ping -c 1 10.0.0.9", status=1)
    assert pair.differences() == []


def test_a_udp_datagram_is_answered_and_one_to_a_closed_port_refused(pair: Both) -> None:
    pair.serve("right", "udp-echo 0.0.0.0 7")
    pair.run("left", "udp-send 10.0.0.2 7 hello")
    pair.run("left", "udp-send 10.0.0.2 9 hello", status=1)
    assert pair.differences() == []


def test_a_tcp_exchange_and_a_connection_to_a_closed_port(pair: Both) -> None:
    pair.serve("right", "tcp-echo 0.0.0.0 7")
    pair.run("left", "tcp-send --hold 0.2 10.0.0.2 7 hello")
    pair.run("left", "tcp-send 10.0.0.2 9 hello", status=1)
    assert pair.differences() == []


@needs_bridge
def test_a_bridge_floods_learns_and_speaks_with_its_lowest_mac(both: Both) -> None:
    both.run("switch", "ip link add br0 type bridge")
    for number in (1, 2, 3):
        both.wire(f"h{number}:eth0", f"switch:port{number}")
        both.run(f"h{number}", f"ip addr add 10.0.0.{number}/24 dev eth0")
        both.run("switch", f"ip link set port{number} master br0")
    both.run("switch", "ip link set br0 up", "ip addr add 10.0.0.254/24 dev br0")
    both.capture(*(f"switch:port{number}" for number in (1, 2, 3)), "switch:br0", "h3:eth0")
    both.run("h1", "ping -c 2 -i 0.2 10.0.0.2")
    both.run("switch", "ping -c 1 10.0.0.3")
    assert both.differences() == []


def with_macvlans(both: Both, mode: str, count: int = 2) -> None:
    """host's eth0 with children in m1, m2; beyond it lan, where a bridge can reflect what comes in."""
    both.wire("host:eth0", "lan:port")
    both.run("host", "ip addr add 10.0.0.10/24 dev eth0")
    both.run("lan", "ip link add br0 address 02:00:00:00:00:fe type bridge", "ip link set port master br0", "ip link set br0 up")
    both.run("lan", "ip addr add 10.0.0.20/24 dev br0")
    for number in range(1, count + 1):
        both.macvlan("host:eth0", f"m{number}:eth0", mode, f"02:00:00:00:01:0{number}")
        both.run(f"m{number}", f"ip addr add 10.0.0.{number}/24 dev eth0")
    both.capture("host:eth0", "lan:port", *(f"m{number}:eth0" for number in range(1, count + 1)))


@needs_macvlan
@needs_bridge
@pytest.mark.parametrize(("mode", "reached"), [("bridge", 0), ("vepa", 1), ("private", 1)])
def test_macvlans_reach_the_lan_but_not_their_host_and_each_other_if_bridged(both: Both, mode: str, reached: int) -> None:
    with_macvlans(both, mode)
    both.run("m1", "ping -c 2 -i 0.2 10.0.0.20")
    both.run("lan", "ping -c 1 10.0.0.2")
    both.run("m1", "ping -c 1 -W 1 10.0.0.2", status=reached)
    both.run("m1", "ping -c 1 -W 1 10.0.0.10", status=1)
    both.run("host", "ping -c 1 10.0.0.1", status=1)
    assert both.differences() == []


@needs_macvlan
@needs_bridge
@pytest.mark.parametrize(("mode", "reached"), [("bridge", 0), ("vepa", 0), ("private", 1)])
def test_a_switch_that_reflects_lets_macvlans_reach_each_other_unless_private(both: Both, mode: str, reached: int) -> None:
    with_macvlans(both, mode)
    both.run("lan", "bridge link set dev port hairpin on", "ping -c 1 10.0.0.2")
    both.run("m1", "ping -c 1 -W 1 10.0.0.2", status=reached)
    both.run("m1", "ping -c 1 -W 1 10.0.0.10", status=reached)
    assert both.differences() == []


@needs_macvlan
@needs_bridge
def test_a_passthru_macvlan_takes_all_that_comes_in(both: Both) -> None:
    with_macvlans(both, "passthru", 1)
    both.run("lan", "ping -c 1 10.0.0.1", "ip neigh replace 10.0.0.10 lladdr 02:00:00:00:00:77 dev br0 nud permanent")
    both.run("lan", "ping -c 1 -W 1 10.0.0.10", status=1)
    assert both.differences() == []


def test_a_router_forwards_and_says_when_the_ttl_is_over_or_a_network_unknown(routed: Both) -> None:
    routed.run("left", "ping -c 2 -i 0.2 10.0.2.2")
    routed.run("left", "ping -c 1 -t 1 10.0.2.2", "ping -c 1 10.9.9.9", status=1)
    assert routed.differences() == []


def test_a_router_answers_fragmentation_needed_and_the_sender_remembers(routed: Both) -> None:
    routed.run("left", "ping -c 2 -i 0.2 -M do -s 1450 10.0.2.2", status=1)
    routed.run("left", "ping -c 1 -M want -s 1450 10.0.2.2")
    assert routed.differences() == []


def test_a_router_fragments_what_may_be_fragmented(routed: Both) -> None:
    routed.run("left", "ping -c 1 -M dont -s 2500 10.0.2.2")
    assert routed.differences() == []


@needs_iptables
def test_masquerade_hides_the_sender(routed: Both) -> None:
    routed.run("router", "iptables -t nat -A POSTROUTING -s 10.0.1.0/24 -o eth1 -j MASQUERADE")
    routed.serve("right", "tcp-echo 0.0.0.0 7")
    routed.run("left", "ping -c 2 -i 0.2 10.0.2.2", "tcp-send --hold 0.2 10.0.2.2 7 hello")
    routed.run("left", "udp-send 10.0.2.2 9 refused", status=1)
    routed.run("router", "iptables -t nat -S POSTROUTING -v")
    assert routed.differences() == []


@needs_iptables
def test_dnat_publishes_a_port_and_its_errors_come_from_the_published_address(routed: Both) -> None:
    routed.run(
        "router",
        "iptables -t nat -A PREROUTING -d 10.0.1.1 -p tcp --dport 8080 -j DNAT --to-destination 10.0.2.2:7",
        "iptables -t nat -A PREROUTING -d 10.0.1.1 -p udp --dport 8053 -j DNAT --to-destination 10.0.2.2:53",
    )
    routed.serve("right", "tcp-echo 0.0.0.0 7")
    routed.run("left", "tcp-send --hold 0.2 10.0.1.1 8080 hello")
    routed.run("left", "udp-send 10.0.1.1 8053 refused", status=1)
    routed.run("router", "iptables -t nat -S")
    assert routed.differences() == []


@needs_iptables
def test_a_firewall_rejects_drops_and_lets_answers_through(routed: Both) -> None:
    routed.run(
        "router",
        "iptables -P OUTPUT ACCEPT",  # over nf_tables a chain counts from when it was first spoken of
        "iptables -P FORWARD DROP",
        "iptables -A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
        "iptables -A FORWARD -p tcp --dport 22 -j REJECT --reject-with tcp-reset",
        "iptables -A FORWARD -p udp --dport 53 -j REJECT",
        "iptables -A FORWARD -p icmp -j ACCEPT",
    )
    routed.run("left", "ping -c 1 10.0.2.2")
    routed.run("left", "tcp-send 10.0.2.2 22 hello", "udp-send 10.0.2.2 53 hello", "udp-send --wait 0.2 10.0.2.2 54 hello", status=1)
    routed.run("router", "iptables -S -v")
    assert routed.differences() == []


@needs_macvlan
@needs_bridge
def test_a_macvlan_on_a_bridge(both: Both) -> None:
    both.wire("host:port", "one:eth0")
    both.run("one", "ip addr add 10.0.0.1/24 dev eth0")
    both.run("host", "ip link add br0 address 02:00:00:00:00:fe type bridge", "ip link set port master br0", "ip link set br0 up")
    both.macvlan("host:br0", "m1:eth0", "bridge", "02:00:00:00:01:01")
    both.macvlan("host:br0", "m2:eth0", "bridge", "02:00:00:00:01:02")
    both.run("m1", "ip addr add 10.0.0.2/24 dev eth0")
    both.run("m2", "ip addr add 10.0.0.3/24 dev eth0")
    both.capture("host:br0", "host:port", "one:eth0", "m1:eth0", "m2:eth0")
    both.run("one", "ping -c 2 -i 0.2 10.0.0.2")
    both.run("m1", "ping -c 2 -i 0.2 10.0.0.3")
    both.run("m2", "ping -c 1 10.0.0.1")
    assert both.differences() == []
