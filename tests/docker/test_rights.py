"""What programs in a container may change: nothing of its network, unless they were given the right."""

from __future__ import annotations

from pathlib import Path

import pytest

from emu.lab import Lab
from emu.process import Process
from tests.labs import docker_lab, ok

SERVICES = """{
  box: { image: busybox, network_mode: bridge, command: sleep 100000 },
  deb: { image: debian, network_mode: bridge, command: sleep 100000 },
  net: { image: debian, network_mode: bridge, command: sleep 100000, cap_add: [NET_ADMIN] },
  all: { image: busybox, network_mode: bridge, command: sleep 100000, privileged: true } }"""
IPTABLES = "v1.8.9 (nf_tables): Could not fetch rule set generation id: Permission denied (you must be root)"

# what iproute2, iptables, conntrack, procps and busybox print in a namespace whose user lacks CAP_NET_ADMIN
REFUSED = [
    ("deb", "ip link set eth0 down", "RTNETLINK answers: Operation not permitted", 2),
    ("deb", "ip addr add 10.0.0.1/8 dev eth0", "RTNETLINK answers: Operation not permitted", 2),
    ("deb", "ip route del default", "RTNETLINK answers: Operation not permitted", 2),
    ("deb", "ip addr flush dev eth0", "Failed to send flush request: Operation not permitted", 255),
    ("deb", "ip neigh flush dev eth0", "Failed to send flush request: Operation not permitted", 1),
    ("deb", "tc qdisc add dev eth0 root netem delay 10ms", "RTNETLINK answers: Operation not permitted", 2),
    ("deb", "iptables -A INPUT -j DROP", f"iptables {IPTABLES}", 4),
    ("deb", "iptables -L", f"iptables {IPTABLES}", 4),
    ("deb", "iptables-save", f"iptables-save {IPTABLES}", 4),
    (
        "deb",
        "conntrack -L",
        "conntrack v1.4.7 (conntrack-tools): Operation failed: sorry, you must be root or get CAP_NET_ADMIN capability to do this",
        1,
    ),
    ("deb", "sysctl -w net.ipv4.ip_forward=0", 'sysctl: permission denied on key "net.ipv4.ip_forward"', 1),
    ("net", "sysctl -w net.ipv4.ip_forward=0", 'sysctl: permission denied on key "net.ipv4.ip_forward"', 1),
    ("box", "sysctl -w net.ipv4.ip_forward=0", "sysctl: error setting key 'net.ipv4.ip_forward': Read-only file system", 1),
    ("box", "sh -c 'echo 0 > /proc/sys/net/ipv4/ip_forward'", "sh: can't create /proc/sys/net/ipv4/ip_forward: Read-only file system", 1),
    ("box", "ip link set eth0 down", "ip: SIOCSIFFLAGS: Operation not permitted", 2),
    ("box", "ip link set eth0 mtu 1400", "ip: SIOCSIFMTU: Operation not permitted", 2),
    ("box", "ip route del default", "ip: RTNETLINK answers: Operation not permitted", 2),
]


def state(lab: Lab, name: str) -> Process:
    return lab.run("docker1", f"docker exec {name} ip addr")


@pytest.mark.parametrize(("name", "line", "text", "status"), REFUSED)
def test_a_container_is_refused_what_it_may_not_change(tmp_path: Path, name: str, line: str, text: str, status: int) -> None:
    lab = docker_lab(tmp_path, SERVICES)
    before = state(lab, name).output
    ran = lab.run(f"docker1/{name}", line)
    assert (ran.stderr.rstrip("\n"), ran.exit_status) == (text, status)
    assert state(lab, name).output == before


def test_a_container_may_read_what_it_may_not_change(tmp_path: Path) -> None:
    lab = docker_lab(tmp_path, SERVICES)
    for line in ("ip addr", "ip route get 172.17.0.1", "ip neigh", "tc qdisc show", "sysctl net.ipv4.ip_forward", "ping -c 1 172.17.0.1"):
        ok(lab.run("docker1/deb", line))


@pytest.mark.parametrize("place", ["docker1", "docker1/net", "docker1/all"])
def test_net_admin_is_what_hosts_have_and_privileged_containers(tmp_path: Path, place: str) -> None:
    lab = docker_lab(tmp_path, SERVICES)
    ok(lab.run(place, "iptables -A INPUT -j ACCEPT"))
    ok(lab.run(place, "ip link set eth0 mtu 1400"))


def test_a_privileged_container_writes_sysctls(tmp_path: Path) -> None:
    lab = docker_lab(tmp_path, SERVICES)
    ok(lab.run("docker1/all", "sysctl -w net.ipv4.ip_forward=0"))
    ok(lab.run("docker1/all", "sh -c 'echo 1 > /proc/sys/net/ipv4/ip_forward'"))


def test_rights_of_docker_run_and_exec(tmp_path: Path) -> None:
    lab = docker_lab(tmp_path, SERVICES)
    change = "ip link set eth0 mtu 1400"
    assert lab.run("docker1", f"docker run --rm busybox {change}").exit_status == 2
    assert lab.run("docker1", f"docker run --rm --cap-add NET_RAW busybox {change}").exit_status == 2
    assert lab.run("docker1", f"docker run --rm --cap-add ALL --cap-drop net_admin busybox {change}").exit_status == 2
    for flags in ("--cap-add=NET_ADMIN", "--cap-add net_admin", "--privileged", "--cap-add ALL"):
        ok(lab.run("docker1", f"docker run --rm {flags} busybox {change}"))
    ok(lab.run("docker1", f"docker exec --privileged box sh -c '{change}'"))
    assert lab.run("docker1", f"docker exec box {change}").exit_status == 2
