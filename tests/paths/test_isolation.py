"""Two networks of one host: what DOCKER-ISOLATION-STAGE-1 and -2 keep apart, where it is dropped, and what gets through."""

from __future__ import annotations

from pathlib import Path

import pytest
from scapy.layers.inet import ICMP, IP

from emu.lab import Lab
from emu.netdev.device import TX
from tests.labs import docker_lab, layers, ok, tap

STAGE_2 = "-A DOCKER-ISOLATION-STAGE-2 -o {bridge} -j DROP"


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    made = docker_lab(tmp_path, "{ own: { image: busybox, network_mode: bridge, command: sleep 100000 } }")
    for network, option in (("red", ""), ("blue", "")):
        ok(made.run("docker1", f"docker network create -o com.docker.network.bridge.name={network}0 {option} {network}"))
    ok(made.run("docker1", "docker run -d --name rbox --network red busybox sleep 100000"))
    ok(made.run("docker1", "docker run -d --name bweb --network blue -p 8080:80 busybox httpd -f -p 80"))
    return made


def dropped(lab: Lab, bridge: str) -> int:
    rules = ok(lab.run("docker1", "iptables-save -c -t filter")).splitlines()
    (count,) = [rule.partition("]")[0].lstrip("[") for rule in rules if rule.endswith(STAGE_2.format(bridge=bridge))]
    return int(count.partition(":")[0])


@pytest.mark.parametrize(
    ("source", "target", "bridge"),
    [("rbox", "172.19.0.2", "blue0"), ("bweb", "172.18.0.2", "red0"), ("own", "172.18.0.2", "red0"), ("rbox", "172.17.0.2", "docker0")],
)
def test_a_packet_to_another_network_ends_in_stage_2(lab: Lab, source: str, target: str, bridge: str) -> None:
    sent, heard = tap(lab, f"docker1/{source}/eth0"), tap(lab, f"docker1/{bridge}")
    assert lab.run(f"docker1/{source}", f"ping -c 2 -W 1 {target}").exit_status == 1
    assert [packet.type for packet in layers(sent, ICMP)] == [8, 8]
    assert heard.frames == []
    assert dropped(lab, bridge) == 2


def test_the_gateway_of_another_network_is_the_host_which_answers(lab: Lab) -> None:
    heard = tap(lab, "docker1/blue0")
    ok(lab.run("docker1/rbox", "ping -c 1 172.19.0.1"))
    assert heard.frames == []


def test_the_host_reaches_every_network(lab: Lab) -> None:
    for target in ("172.17.0.2", "172.18.0.2", "172.19.0.2"):
        ok(lab.run("docker1", f"ping -c 1 {target}"))


def test_another_networks_published_port_is_reached_through_the_proxy(lab: Lab) -> None:
    heard = tap(lab, "docker1/bweb/eth0")
    assert lab.run("docker1/rbox", "nc -z -w 1 192.168.50.10 8080").exit_status == 0
    lab.settle()
    assert {packet.src for packet in layers(heard, IP)} == {"172.19.0.1", "172.19.0.2"}


def test_a_container_on_both_networks_is_reached_on_each(lab: Lab) -> None:
    ok(lab.run("docker1", "docker network connect blue rbox"))
    heard = tap(lab, "docker1/blue0")
    ok(lab.run("docker1/rbox", "ping -c 1 172.19.0.2"))
    assert [direction for _, direction, frame in heard.frames if ICMP in frame.packet and direction is TX] == []


def test_an_internal_network_has_no_way_out_and_none_in(lab: Lab) -> None:
    ok(lab.run("docker1", "docker network create --internal -o com.docker.network.bridge.name=inner0 inner"))
    ok(lab.run("docker1", "docker run -d --name ibox --network inner busybox sleep 100000"))
    outside = tap(lab, "docker1/eth0")
    assert lab.run("docker1/ibox", "ping -c 1 -W 1 192.168.50.20").exit_status == 1  # it has a default route, but its rules drop
    assert lab.run("docker1/rbox", "ping -c 1 -W 1 172.20.0.2").exit_status == 1
    assert outside.frames == []
