"""The expected texts were printed by iproute2 6.1, net-tools 2.10 and busybox 1.35 in the same state (IPv6 and process numbers apart)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.labs import docker_lab, ok
from tests.programs.busybox import busybox_machines
from tests.programs.machines import Machines


@pytest.fixture
def machines() -> Machines:
    """b serves 80 on all addresses, 8080 on loopback and 53/udp, and is connected to a's port 9000."""
    return served(Machines())


def served(machines: Machines) -> Machines:
    machines.start("b", "httpd -f -p 80 -h /")
    machines.start("b", "nc -u -l 53")
    machines.start("b", "nc -l 127.0.0.1 8080")
    machines.start("a", "nc -l -p 9000")
    machines.start("b", "nc -p 40000 10.5.0.1 9000 < /dev/null")
    machines.engine.run(until_ns=machines.engine.now + 50_000_000)
    return machines


def test_ss_shows_listening_sockets(machines: Machines) -> None:
    assert machines.output("b", "ss -lntu") == (
        "Netid State  Recv-Q Send-Q Local Address:Port Peer Address:PortProcess\n"
        "udp   UNCONN 0      0            0.0.0.0:53        0.0.0.0:*          \n"
        "tcp   LISTEN 0      9            0.0.0.0:80        0.0.0.0:*          \n"
        "tcp   LISTEN 0      1          127.0.0.1:8080      0.0.0.0:*          \n"
    )
    assert machines.output("b", "ss -lH") == (
        "udp UNCONN 0      0        0.0.0.0:domain   0.0.0.0:*\n"
        "tcp LISTEN 0      9        0.0.0.0:http     0.0.0.0:*\n"
        "tcp LISTEN 0      1      127.0.0.1:http-alt 0.0.0.0:*\n"
    )


def test_ss_says_whose_a_socket_is(machines: Machines) -> None:
    header, *lines = machines.output("b", "ss -ltnp").splitlines()
    assert re.fullmatch(r"State  Recv-Q Send-Q Local Address:Port Peer Address:PortProcess {20,}", header)
    assert re.fullmatch(r'LISTEN 0      9            0.0.0.0:80        0.0.0.0:\*    users:\(\("httpd",pid=\d+,fd=3\)\)', lines[0])
    assert re.fullmatch(r'LISTEN 0      1          127.0.0.1:8080      0.0.0.0:\*    users:\(\("nc",pid=\d+,fd=3\)\) *', lines[1])


def test_ss_shows_connections_and_filters_them(machines: Machines) -> None:
    established = (
        "State Recv-Q Send-Q Local Address:Port  Peer Address:PortProcess\n"
        "ESTAB 0      0           10.5.0.2:40000     10.5.0.1:9000       \n"
    )
    assert machines.output("b", "ss -tn") == established
    assert machines.output("b", "ss -tn dport = :9000") == established
    assert machines.output("b", "ss -tn sport = :9000") == "State Recv-Q Send-Q Local Address:Port Peer Address:PortProcess\n"
    assert machines.output("b", "ss -tn state established dst 10.5.0.0/24").startswith("Recv-Q Send-Q Local Address:Port")
    assert machines.output("b", "ss -u") == "Recv-Q Send-Q Local Address:Port Peer Address:PortProcess\n"
    assert machines.refusal("b", "ss -x") == (255, "ss: '-x' is not modelled\n")


def test_netstat_of_net_tools(machines: Machines) -> None:
    assert machines.output("b", "netstat -tuan") == (
        "Active Internet connections (servers and established)\n"
        "Proto Recv-Q Send-Q Local Address           Foreign Address         State      \n"
        "tcp        0      0 0.0.0.0:80              0.0.0.0:*               LISTEN     \n"
        "tcp        0      0 127.0.0.1:8080          0.0.0.0:*               LISTEN     \n"
        "tcp        0      0 10.5.0.2:40000          10.5.0.1:9000           ESTABLISHED\n"
        "udp        0      0 0.0.0.0:53              0.0.0.0:*                          \n"
    )
    line = machines.output("b", "netstat -tlnp").splitlines()[-1]
    assert re.fullmatch(r"tcp        0      0 127.0.0.1:8080          0.0.0.0:\*               LISTEN      \d+/nc +", line)
    assert machines.output("b", "netstat -i").splitlines()[1:] == [
        "Iface             MTU    RX-OK RX-ERR RX-DRP RX-OVR    TX-OK TX-ERR TX-DRP TX-OVR Flg",
        "eth0             1500        2      0      0 0             3      0      0      0 BMRU",
        "lo              65536        0      0      0 0             0      0      0      0 LRU",
    ]


def test_netstat_of_busybox() -> None:
    small = busybox_machines()
    small.start("b", "httpd -f -p 80 -h /")
    assert small.output("b", "netstat -lnt") == (
        "Active Internet connections (only servers)\n"
        "Proto Recv-Q Send-Q Local Address           Foreign Address         State       \n"
        "tcp        0      0 0.0.0.0:80              0.0.0.0:*               LISTEN      \n"
    )
    assert small.refusal("b", "netstat -p") == (1, "netstat: '-p' is not modelled\n")


def test_a_published_port_is_docker_proxys(tmp_path: Path) -> None:
    lab = docker_lab(tmp_path, "{ web: { image: nginx, ports: ['8080:80'] } }")
    line = ok(lab.run("docker1", "ss -ltnp")).splitlines()[1]
    assert re.fullmatch(r'LISTEN 0      4096         0.0.0.0:8080      0.0.0.0:\*    users:\(\("docker-proxy",pid=\d+,fd=4\)\)', line)
    line = ok(lab.run("docker1", "netstat -lntp")).splitlines()[2]
    assert re.fullmatch(r"tcp        0      0 0.0.0.0:8080            0.0.0.0:\*               LISTEN      \d+/docker-proxy *", line)
