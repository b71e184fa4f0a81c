"""ufw and Docker on one host: the firewall's own rules, as iptables-save shows them (`ufw limit 22/tcp`, `ufw deny 8080/tcp`)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from emu import Lab, load_topology

RULES = Path(__file__).parent / "data" / "ufw.rules"
LAB = f"""
lans: {{ lan: {{ subnet: 192.168.50.0/24 }} }}
hosts:
  docker1:
    interfaces: {{ eth0: {{ lan: lan, address: 192.168.50.10/24 }} }}
    iptables: {RULES}
    compose: {{ services: {{ web: {{ image: nginx, ports: ["8080:80"] }} }} }}
  client:
    interfaces: {{ eth0: {{ lan: lan, address: 192.168.50.20/24 }} }}
"""


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    file = tmp_path / "ufw.yaml"
    file.write_text(LAB)
    with Lab(load_topology(file)) as lab:
        lab.up()
        yield lab


def test_ufw_s_rules_are_loaded_as_it_wrote_them_and_docker_s_stand_around_them(lab: Lab) -> None:
    saved = lab.run("docker1", "iptables-save -t filter").stdout.splitlines()
    written = [line for line in RULES.read_text().splitlines() if line.startswith("-A")]
    assert [line for line in saved if line in written] == written
    forward = [line for line in saved if line.startswith("-A FORWARD")]
    assert forward[0] == "-A FORWARD -j DOCKER-USER"
    assert forward[-1] == "-A FORWARD -j ufw-track-forward"


def test_ufw_denies_8080_and_the_published_port_is_open(lab: Lab) -> None:
    lab.start("docker1", "httpd -f -p 9090 -h /www")
    assert "Welcome to nginx" in lab.run("client", "curl -s -m 3 http://192.168.50.10:8080/").stdout
    assert lab.run("client", "curl -s -m 3 http://192.168.50.10:9090/").exit_status == 28  # a server of the host's own
    assert "[UFW BLOCK] IN=eth0" in lab.run("docker1", "dmesg").stdout
    counted = lab.run("docker1", "iptables -L ufw-user-input -n -v --line-numbers").stdout
    assert re.search(r"^4 +0 +0 DROP .* tcp dpt:8080$", counted, re.MULTILINE)  # no packet has met the rule


def test_ufw_limits_ssh_to_five_connections_in_half_a_minute(lab: Lab) -> None:
    lab.start("docker1", "httpd -f -p 22 -h /www")
    tries = [lab.run("client", "nc -z -w 1 192.168.50.10 22").exit_status for _ in range(7)]
    assert tries == [0] * 5 + [1] * 2
    lab.advance(31)
    assert lab.run("client", "nc -z -w 1 192.168.50.10 22").exit_status == 0
