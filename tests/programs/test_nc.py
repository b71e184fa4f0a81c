"""nc's ranges of ports, on a host (OpenBSD's nc) and in a container (busybox's)."""

from __future__ import annotations

from pathlib import Path

import pytest

from emu.lab import Lab
from tests.labs import docker_lab


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    made = docker_lab(tmp_path, "{ web: { image: busybox, network_mode: bridge, command: httpd -f -p 81 } }")
    made.advance(0.1)
    return made


@pytest.mark.parametrize("ports", ["80-82", "82-80"])
def test_each_port_of_a_range_is_tried_from_the_lowest(lab: Lab, ports: str) -> None:
    ran = lab.run("docker1", f"nc -zv 172.17.0.2 {ports}")
    assert ran.stderr.splitlines() == [
        "nc: connect to 172.17.0.2 port 80 (tcp) failed: Connection refused",
        "Connection to 172.17.0.2 81 port [tcp/*] succeeded!",
        "nc: connect to 172.17.0.2 port 82 (tcp) failed: Connection refused",
    ]
    assert ran.exit_status == 0


def test_a_range_of_closed_ports_fails(lab: Lab) -> None:
    assert lab.run("docker1", "nc -z 172.17.0.2 82-84").exit_status == 1


@pytest.mark.parametrize("ports", ["80-", "-80", "80-90000", "80,81"])
def test_what_is_no_range_is_refused(lab: Lab, ports: str) -> None:
    ran = lab.run("docker1", f"nc -z 172.17.0.2 {ports}")
    assert ran.exit_status == 1
    assert ran.stderr.startswith("nc: ")


def test_busybox_has_no_ranges(lab: Lab) -> None:
    assert lab.run("docker1/web", "nc -z 172.17.0.2 80-82").stderr == "nc: bad port '80-82'\n"
