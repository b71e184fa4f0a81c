"""A LAN client reaches a container through a published port: DNAT at PREROUTING, and back."""

from __future__ import annotations

from pathlib import Path

from scapy.layers.inet import ICMP, IP, TCP
from scapy.layers.l2 import ARP

from tests.labs import docker_lab, layers, ok, tap

WEB = "{ web: { image: nginx, network_mode: bridge, ports: ['8080:80'] } }"


def test_the_container_sees_the_client_and_the_client_sees_the_host(tmp_path: Path) -> None:
    lab = docker_lab(tmp_path, WEB)
    client, web = tap(lab, "client/eth0"), tap(lab, "docker1/web/eth0")
    assert "Welcome to nginx" in ok(lab.run("client", "curl -s http://192.168.50.10:8080/"))
    assert {(packet.src, packet.dst) for packet in layers(client, IP)} == {
        ("192.168.50.20", "192.168.50.10"),
        ("192.168.50.10", "192.168.50.20"),
    }
    assert {(packet.src, packet.dst) for packet in layers(web, IP)} == {("192.168.50.20", "172.17.0.2"), ("172.17.0.2", "192.168.50.20")}
    assert {segment.dport for segment in layers(web, TCP)} == {80, layers(client, TCP)[0].sport}
    assert {packet.ttl for packet in layers(web, IP)} == {63, 64}
    assert [packet.psrc for packet in layers(web, ARP) if packet.op == 1] == ["172.17.0.1"]


def test_one_packet_keeps_its_trace_id_through_nat_and_bridge(tmp_path: Path) -> None:
    lab = docker_lab(tmp_path, WEB)
    places = ("client/eth0", "docker1/eth0", "docker1/docker0", "docker1/web/eth0")
    taps = {name: tap(lab, name) for name in places}
    ok(lab.run("client", "curl -s http://192.168.50.10:8080/"))
    lab.settle()
    ids = {name: [frame.trace_id for _, _, frame in seen.frames if TCP in frame.packet] for name, seen in taps.items()}
    assert ids["client/eth0"] == ids["docker1/eth0"] == ids["docker1/docker0"] == ids["docker1/web/eth0"]
    assert len(set(ids["client/eth0"])) == len(ids["client/eth0"])


def test_a_port_that_is_not_published_is_refused_by_the_host(tmp_path: Path) -> None:
    lab = docker_lab(tmp_path, WEB)
    client, web = tap(lab, "client/eth0"), tap(lab, "docker1/web/eth0")
    process = lab.run("client", "curl -sS http://192.168.50.10:8090/")
    assert process.exit_status == 7
    assert "Failed to connect to 192.168.50.10 port 8090" in process.stderr
    (reset,) = [packet for packet in client.packets if TCP in packet and packet[TCP].flags.R]
    assert (reset[IP].id, reset[TCP].window, str(reset[TCP].flags)) == (0, 0, "RA")
    assert web.frames == []


def test_the_way_from_the_host_itself_is_the_proxy_on_loopback_and_dnat_otherwise(tmp_path: Path) -> None:
    lab = docker_lab(tmp_path, WEB)
    web = tap(lab, "docker1/web/eth0")
    ok(lab.run("docker1", "curl -s http://127.0.0.1:8080/"))
    lab.settle()
    assert {packet.src for packet in layers(web, IP)} == {"172.17.0.1", "172.17.0.2"}
    web.frames.clear()
    ok(lab.run("docker1", "curl -s http://192.168.50.10:8080/"))
    assert {packet.src for packet in layers(web, IP)} == {"192.168.50.10", "172.17.0.2"}


def test_an_error_about_a_translated_packet_is_translated_back(tmp_path: Path) -> None:
    lab = docker_lab(tmp_path, "{ web: { image: busybox, network_mode: bridge, command: sleep 1000, ports: ['9000:9000/udp'] } }")
    client = tap(lab, "client/eth0")
    lab.run("client", "udp-send 192.168.50.10 9000 hello")
    (error,) = [packet for packet in client.packets if ICMP in packet]
    assert (error[ICMP].type, error[ICMP].code) == (3, 3)
    quoted = error[ICMP].payload
    assert (quoted.src, quoted.dst, quoted.dport) == ("192.168.50.20", "192.168.50.10", 9000)
    assert error[IP].src == "192.168.50.10"


def test_a_firewall_in_input_does_not_stop_a_published_port_but_docker_user_does(tmp_path: Path) -> None:
    lab = docker_lab(tmp_path, WEB)
    ok(lab.run("docker1", "iptables -A INPUT -p tcp --dport 8080 -j DROP"))
    ok(lab.run("client", "curl -s http://192.168.50.10:8080/"))
    ok(lab.run("docker1", "iptables -I DOCKER-USER -i eth0 -p tcp -m conntrack --ctorigdstport 8080 -j DROP"))
    assert lab.run("client", "curl -s -m 3 http://192.168.50.10:8080/").exit_status == 28


def test_what_log_writes_is_read_with_dmesg(tmp_path: Path) -> None:
    lab = docker_lab(tmp_path, WEB)
    ok(lab.run("docker1", "iptables -I FORWARD -p tcp --syn -j LOG --log-prefix 'new: '"))
    ok(lab.run("client", "curl -s http://192.168.50.10:8080/"))
    (line,) = ok(lab.run("docker1", "dmesg")).splitlines()
    assert "] new: IN=eth0 OUT=docker0 " in line
    assert "SRC=192.168.50.20 DST=172.17.0.2" in line


def test_a_reset_for_a_translated_connection_comes_from_the_published_port(tmp_path: Path) -> None:
    lab = docker_lab(tmp_path, WEB)
    client = tap(lab, "client/eth0")
    ok(lab.run("docker1", "iptables -I DOCKER-USER -i eth0 -p tcp -j REJECT --reject-with tcp-reset"))
    assert lab.run("client", "curl -s http://192.168.50.10:8080/").exit_status == 7
    (reset,) = [packet for packet in client.packets if TCP in packet and packet[TCP].flags.R]
    assert (reset[IP].src, reset[TCP].sport) == ("192.168.50.10", 8080)
