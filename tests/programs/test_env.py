"""The environment of programs: what Docker gives a container, what a shell adds, what env(1) changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from emu.lab import Lab
from tests.labs import docker_lab, ok

PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
BOX = "{ box: { image: busybox, network_mode: bridge, hostname: box, command: sleep 1000, environment: { COLOUR: red } } }"


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return docker_lab(tmp_path, BOX)


def lines(lab: Lab, place: str, line: str) -> list[str]:
    return ok(lab.run(place, line)).splitlines()


def test_a_container_has_what_docker_gives_it(lab: Lab) -> None:
    assert lines(lab, "docker1", "docker exec box env") == [PATH, "HOSTNAME=box", "COLOUR=red", "HOME=/root"]


def test_docker_exec_adds_to_it_for_one_program(lab: Lab) -> None:
    assert "SHAPE=round" in lines(lab, "docker1", "docker exec -e SHAPE=round box env")
    assert "SHAPE=round" not in lines(lab, "docker1", "docker exec box env")


def test_a_busybox_shell_adds_its_level_and_directory_in_its_own_order(lab: Lab) -> None:
    given = lines(lab, "docker1", "docker exec box sh -c env")
    assert [line for line in given if not line.startswith("COLOUR")] == ["HOSTNAME=box", "SHLVL=1", "HOME=/root", PATH, "PWD=/"]


def test_a_hosts_shell_adds_its_directory(lab: Lab) -> None:
    assert lines(lab, "docker1", "sh -c env") == ["HOME=/root", PATH, "PWD=/"]


def test_env_i_begins_with_nothing(lab: Lab) -> None:
    assert lines(lab, "docker1/box", "env -i") == []
    assert lines(lab, "docker1/box", "env -i A=1 env") == ["A=1"]


def test_env_takes_away_and_gives(lab: Lab) -> None:
    assert lines(lab, "docker1/box", "env -u COLOUR -u PATH A=1 env") == ["HOSTNAME=box", "HOME=/root", "A=1"]


def test_a_variable_before_a_command_is_for_that_command(lab: Lab) -> None:
    assert lines(lab, "docker1/box", "A=1 printenv A") == ["1"]
    assert lab.run("docker1/box", "printenv A").exit_status == 1


def test_sudo_is_on_hosts_and_not_in_containers(lab: Lab) -> None:
    assert lines(lab, "docker1", "sudo -E A=1 env | grep ^A=; sudo docker ps -q | wc -l") == ["A=1", "1"]
    missing, inside = lab.run("docker1", "sudo nosuch"), lab.run("docker1/box", "sudo id")
    assert (missing.exit_status, missing.stderr) == (1, "sudo: nosuch: command not found\n")
    assert inside.exit_status == 127
