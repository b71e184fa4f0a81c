"""Containers use a port that their own host publishes, by the host's address: with docker-proxy, and without."""

from __future__ import annotations

from pathlib import Path

import pytest
from scapy.layers.inet import IP, TCP
from scapy.layers.l2 import ARP, Ether

from emu.lab import Lab
from tests.labs import docker_lab, layers, ok, tap

TWO = """{
  web: { image: nginx, network_mode: bridge, ports: ['8080:80'] },
  box: { image: busybox, network_mode: bridge, command: sleep 100000 } }"""
WGET = "wget -q -O - http://192.168.50.10:8080/"


def place(lab: Lab, name: str) -> str:
    return ok(lab.run(f"docker1/{name}", "hostname -i")).strip()


def pairs(lab: Lab, name: str, line: str, where: str) -> set[tuple[str, str]]:
    seen = tap(lab, where)
    assert "Welcome to nginx" in ok(lab.run(f"docker1/{name}", line))
    lab.settle()
    return {(packet.src, packet.dst) for packet in layers(seen, IP) if TCP in packet}


@pytest.mark.parametrize("docker", ["{}", "{ userland-proxy: true }"])
def test_another_container_is_dnatted_within_the_bridge_and_seen_with_its_own_address(tmp_path: Path, docker: str) -> None:
    lab = docker_lab(tmp_path, TWO, docker)
    web, box = place(lab, "web"), place(lab, "box")
    assert pairs(lab, "box", WGET, "docker1/web/eth0") == {("172.17.0.1", web), (web, "172.17.0.1")}
    assert pairs(lab, "box", WGET, "docker1/box/eth0") == {(box, "192.168.50.10"), ("192.168.50.10", box)}


def test_without_the_proxy_the_packet_goes_back_where_it_came_from_masqueraded(tmp_path: Path) -> None:
    lab = docker_lab(tmp_path, TWO, "{ userland-proxy: false }")
    web, box = place(lab, "web"), place(lab, "box")
    assert pairs(lab, "box", WGET, "docker1/web/eth0") == {(box, web), (web, box)}
    assert pairs(lab, "web", WGET, "docker1/web/eth0") == {
        (web, "192.168.50.10"), ("172.17.0.1", web), (web, "172.17.0.1"), ("192.168.50.10", web),
    }  # fmt: skip


def test_nothing_of_it_leaves_the_host(tmp_path: Path) -> None:
    lab = docker_lab(tmp_path, TWO)
    assert pairs(lab, "box", WGET, "docker1/eth0") == set()


def test_without_the_proxy_the_first_packet_waits_for_the_neighbour_and_is_bridged_then(tmp_path: Path) -> None:
    lab = docker_lab(tmp_path, TWO, "{ userland-proxy: false }")
    web, box = tap(lab, "docker1/web/eth0"), tap(lab, "docker1/box/eth0")
    ok(lab.run("docker1/box", WGET))
    assert "172.17.0.1" in {packet.psrc for packet in layers(web, ARP)}
    assert [packet[Ether].src for packet in web.packets if TCP in packet and packet[TCP].flags == "S"] == [box.packets[0][Ether].src]
    assert [str(segment.flags) for segment in layers(box, TCP)][:3] == ["S", "SA", "A"]
