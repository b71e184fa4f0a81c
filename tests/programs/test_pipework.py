"""pipework: the ways of calling it, what it leaves behind, and the texts of the script."""

from __future__ import annotations

from pathlib import Path

import pytest
from scapy.layers.l2 import ARP

from emu.lab import Lab
from tests.labs import lab, ok, tap

LAB = """
lans:
  lan: { subnet: 192.168.60.0/24 }
hosts:
  h1:
    interfaces: { eth0: { lan: lan, address: 192.168.60.11/24, mac: "02:00:00:00:60:11" } }
    docker: {}
    compose:
      services:
        c1: { image: busybox, container_name: c1, network_mode: none, command: sleep infinity }
        c2: { image: busybox, container_name: c2, network_mode: none, command: sleep infinity }
  plain:
    interfaces: { eth0: { lan: lan, address: 192.168.60.12/24 } }
"""


@pytest.fixture
def made(tmp_path: Path) -> Lab:
    return lab(tmp_path, LAB)


def pid(made: Lab, name: str) -> str:
    return ok(made.run("h1", f"docker inspect -f '{{{{.State.Pid}}}}' {name}")).strip()


def test_a_bridge_is_made_and_the_container_plugged_into_it(made: Lab) -> None:
    ok(made.run("h1", "pipework br1 c1 10.1.0.1/24@10.1.0.254 02:00:00:00:61:01"))
    number = pid(made, "c1")
    assert f"veth1pl{number}" in ok(made.run("h1", "ls /sys/class/net; brctl show br1"))
    assert "state UP" in ok(made.run("h1", "ip link show br1"))
    inside = ok(made.run("h1/c1", "ip addr show eth1; ip route"))
    assert "02:00:00:00:61:01" in inside
    assert "inet 10.1.0.1/24" in inside
    assert "default via 10.1.0.254 dev eth1" in inside
    assert ok(made.run("h1", "ip netns")) == ""  # the link that it needed has gone


def test_names_of_both_ends_can_be_chosen(made: Lab) -> None:
    ok(made.run("h1", "pipework br1 -i net0 -l web0 c1 10.1.0.1/24"))
    assert "web0" in ok(made.run("h1", "brctl show br1"))
    assert "net0" in ok(made.run("h1/c1", "ip addr show net0"))
    process = made.run("h1", "pipework br1 -i net1 -l web0 c2 10.1.0.2/24")
    assert (process.output, process.exit_status) == ("Link web0 exists and is up\n", 1)


def test_the_bridge_s_mtu_is_the_pair_s(made: Lab) -> None:
    ok(made.run("h1", "ip link add br1 mtu 1400 type bridge; pipework br1 c1 10.1.0.1/24"))
    assert "mtu 1400" in ok(made.run("h1/c1", "ip link show eth1"))


def test_neighbours_are_told_of_the_new_interface(made: Lab) -> None:
    seen = tap(made, "plain/eth0")
    ok(made.run("h1", "pipework eth0 c1 192.168.60.101/24"))
    told = [packet[ARP] for packet in seen.packets if ARP in packet]
    assert [(packet.op, packet.psrc, packet.pdst) for packet in told] == [(2, "192.168.60.101", "192.168.60.101")]


def test_a_physical_interface_gets_a_macvlan(made: Lab) -> None:
    ok(made.run("h1", "pipework eth0 c1 192.168.60.101/24"))
    assert "macvlan mode bridge" in ok(made.run("h1/c1", "ip -d link", programs_of="host"))
    assert made.run("plain", "ping -c 1 192.168.60.101").exit_status == 0


def test_a_bridge_of_open_vswitch_gets_a_port(made: Lab) -> None:
    ok(made.run("h1", "ovs-vsctl add-br ovs1 -- set bridge ovs1 datapath_type=netdev"))
    for number in (1, 2):
        ok(made.run("h1", f"pipework ovs1 c{number} 10.1.0.{number}/24"))
    assert ok(made.run("h1", "ovs-vsctl list-ports ovs1")).count("veth1pl") == 2
    assert made.run("h1/c1", "ping -c 1 10.1.0.2").exit_status == 0


def test_route_is_done_inside_the_container(made: Lab) -> None:
    ok(made.run("h1", "pipework br1 c1 10.1.0.1/24; pipework route c1 add 10.5.0.0/16 via 10.1.0.9"))
    assert "10.5.0.0/16 via 10.1.0.9 dev eth1" in ok(made.run("h1/c1", "ip route"))


@pytest.mark.parametrize(
    ("place", "words", "printed"),
    [
        ("h1", "lan0 c1 10.1.0.1/24", "I do not know how to setup interface lan0.\n"),
        ("h1", "br1 c1 10.1.0.1", "The IP address should include a netmask.\nMaybe you meant 10.1.0.1/24 ?\n"),
        ("h1", "br1 c1 10.1.0.1/24 @10", "VLAN configuration currently unsupported for Linux bridge.\n"),
        ("h1", "br1 c1 dhcp", "pipework: dhcp is not modelled\n"),
        ("h1", "tc c1 qdisc", "pipework: tc is not modelled\n"),
        ("h1", "rule c1 add", "pipework: rule is not modelled\n"),
        ("plain", "br1 web 10.1.0.1/24", "Container web not found, and Docker not installed.\n"),
    ],
)
def test_what_it_cannot_do_it_says(made: Lab, place: str, words: str, printed: str) -> None:
    process = made.run(place, f"pipework {words}")
    assert (process.output, process.exit_status) == (printed, 1)


def test_a_container_that_is_not_there_or_has_ended_is_told(made: Lab) -> None:
    process = made.run("h1", "pipework br1 nobody 10.1.0.1/24")
    assert process.exit_status == 1
    assert "No such object: nobody" in process.output
    ok(made.run("h1", "docker stop -t 0 c1"))
    process = made.run("h1", "pipework br1 c1 10.1.0.1/24")
    assert (process.output, process.exit_status) == ("Docker inspect returned invalid PID 0\n", 1)


def test_without_an_address_the_ways_of_calling_are_shown(made: Lab) -> None:
    process = made.run("h1", "pipework br1")
    assert process.exit_status == 1
    assert process.stdout.startswith("Syntax:\npipework <hostinterface> [-i containerinterface]")
