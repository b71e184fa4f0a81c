"""A container reaches a machine beyond a router that knows nothing of containers: MASQUERADE on the way out, and back."""

from __future__ import annotations

from pathlib import Path

from scapy.layers.inet import ICMP, IP, UDP

from emu.lab import Lab
from tests import labs
from tests.labs import layers, ok, tap

BEYOND = """
lans:
  lan: { subnet: 192.168.50.0/24 }
  site: { subnet: 10.99.0.0/24 }
hosts:
  docker1:
    interfaces: { eth0: { lan: lan, address: 192.168.50.10/24 } }
    routes: ["default via 192.168.50.1"]
    docker: {}
    compose: { services: { box: { image: busybox, network_mode: bridge, command: sleep 100000 } } }
  gw:
    interfaces: { eth0: { lan: lan, address: 192.168.50.1/24 }, eth1: { lan: site, address: 10.99.0.1/24 } }
    sysctls: { net.ipv4.ip_forward: 1 }
  far:
    interfaces: { eth0: { lan: site, address: 10.99.0.2/24 } }
    routes: ["default via 10.99.0.1"]
"""
BOX, HOST, FAR = "172.17.0.2", "192.168.50.10", "10.99.0.2"
HOPS = ("docker1/box/eth0", "docker1/docker0", "docker1/eth0", "gw/eth0", "gw/eth1", "far/eth0")


def beyond(tmp_path: Path) -> Lab:
    return labs.lab(tmp_path, BEYOND)


def test_each_hop_of_a_ping_has_its_addresses_and_its_ttl(tmp_path: Path) -> None:
    lab = beyond(tmp_path)
    taps = [tap(lab, hop) for hop in HOPS]
    ok(lab.run("docker1/box", f"ping -c 1 {FAR}"))
    asked = [[(packet.src, packet.dst, packet.ttl) for packet in layers(seen, IP) if packet[ICMP].type == 8] for seen in taps]
    answered = [[(packet.src, packet.dst, packet.ttl) for packet in layers(seen, IP) if packet[ICMP].type == 0] for seen in taps]
    inside, outside, beyond_gw = (BOX, FAR, 64), (HOST, FAR, 63), (HOST, FAR, 62)
    assert asked == [[inside], [inside], [outside], [outside], [beyond_gw], [beyond_gw]]
    inside, outside, beyond_gw = (FAR, BOX, 62), (FAR, HOST, 63), (FAR, HOST, 64)
    assert answered == [[inside], [inside], [outside], [outside], [beyond_gw], [beyond_gw]]


def test_one_flow_makes_one_translation_and_the_rules_count_what_begins_only(tmp_path: Path) -> None:
    lab = beyond(tmp_path)
    ok(lab.run("docker1/box", f"ping -c 3 {FAR}"))
    rules = ok(lab.run("docker1", "iptables-save -c")).splitlines()
    assert "[1:84] -A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE" in rules
    assert "[3:252] -A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT" in rules
    assert "[3:252] -A FORWARD -i docker0 ! -o docker0 -j ACCEPT" in rules
    (entry,) = ok(lab.run("docker1", "conntrack -L -p icmp")).splitlines()
    assert f"src={BOX} dst={FAR} type=8" in entry
    assert f"src={FAR} dst={HOST} type=0" in entry


def test_two_containers_with_one_source_port_get_two_ports_of_the_host(tmp_path: Path) -> None:
    lab = beyond(tmp_path)
    ok(lab.run("docker1", "docker run -d --name two busybox sleep 100000"))
    lab.start("far", "udp-echo 0.0.0.0 9000")
    far = tap(lab, "far/eth0")
    for box in ("box", "two"):
        assert ok(lab.run(f"docker1/{box}", f"udp-send --sport 40001 {FAR} 9000 {box}")) == f"echo:{box}\n"
    sources = [packet.sport for packet in layers(far, UDP) if packet.dport == 9000]
    assert sources[0] == 40001
    assert sources[1] != 40001
    assert {packet.src for packet in layers(far, IP) if packet.dst == FAR} == {HOST}


def test_without_masquerade_the_answer_is_lost_at_the_router(tmp_path: Path) -> None:
    lab = beyond(tmp_path)
    ok(lab.run("docker1", "iptables -t nat -D POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE"))
    far, box = tap(lab, "far/eth0"), tap(lab, "docker1/box/eth0")
    assert lab.run("docker1/box", f"ping -c 1 -W 1 {FAR}").exit_status == 1
    assert [(packet.src, packet[ICMP].type, packet[ICMP].code) for packet in layers(far, IP) if packet.dst == FAR] == [
        (BOX, 8, 0),
        ("10.99.0.1", 3, 0),  # the router knows no way back
    ]
    assert [packet.type for packet in layers(box, ICMP)] == [8]
