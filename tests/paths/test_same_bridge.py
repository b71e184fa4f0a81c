"""Two containers on one bridge: ARP once, then frames that the host only forwards."""

from __future__ import annotations

from pathlib import Path

from scapy.layers.inet import ICMP, IP, TCP
from scapy.layers.l2 import ARP, Ether

from tests.labs import docker_lab, layers, ok, tap

TWO = """{
  box: { image: busybox, network_mode: bridge, command: sleep 100000 },
  web: { image: busybox, network_mode: bridge, command: httpd -f -p 80 } }"""


def test_a_ping_between_containers(tmp_path: Path) -> None:
    lab = docker_lab(tmp_path, TWO)
    box, web, bridge, out = (tap(lab, f"docker1/{name}") for name in ("box/eth0", "web/eth0", "docker0", "eth0"))
    containers = lab.hosts["docker1"].docker
    target = lab.place("docker1/web").files.read("/etc/hosts").splitlines()[-1].split()[0]
    assert containers is not None
    text = ok(lab.run("docker1/box", f"ping -c 3 {target}"))
    assert "3 packets transmitted, 3 packets received, 0% packet loss" in text
    lab.settle()
    assert out.frames == []
    for seen in (box, web, bridge):
        assert [packet.op for packet in layers(seen, ARP)][:2] == [1, 2]
        assert [packet.type for packet in layers(seen, ICMP)] == [8, 0] * 3
        assert {packet.ttl for packet in layers(seen, IP)} == {64}
        assert len(seen.frames) == 10  # the answering side validates its entry once, five seconds later
    assert box.packets[0][Ether].dst == "ff:ff:ff:ff:ff:ff"
    assert box.packets[1][Ether].src.startswith("02:42:ac:")


def test_container_addresses_follow_from_their_macs(tmp_path: Path) -> None:
    lab = docker_lab(tmp_path, TWO)
    for name in ("box", "web"):
        dev = lab.place(f"docker1/{name}").netns.device("eth0")
        (mine,) = dev.netns.addresses(dev)
        assert dev.mac == b"\x02\x42" + mine.ip


def test_a_reset_for_a_bridged_connection_comes_from_the_other_container_s_mac_and_never_crosses_the_bridge(tmp_path: Path) -> None:
    lab = docker_lab(tmp_path, TWO)
    box, bridge = tap(lab, "docker1/box/eth0"), tap(lab, "docker1/docker0")
    ok(lab.run("docker1", "iptables -I DOCKER-USER -i docker0 -o docker0 -p tcp -j REJECT --reject-with tcp-reset"))
    target = lab.place("docker1/web").files.read("/etc/hosts").splitlines()[-1].split()[0]
    assert "Connection refused" in lab.run("docker1/box", f"wget -q -O - http://{target}/").stderr
    (reset,) = [packet for packet in box.packets if TCP in packet and packet[TCP].flags.R]
    assert reset[Ether].src == next(packet for packet in box.packets if ARP in packet and packet[ARP].op == 2)[ARP].hwsrc
    assert not [packet for packet in layers(bridge, TCP) if packet.flags.R]
