"""What tutorials type of daemons as units, colours, owners of sockets, files of variables."""

from __future__ import annotations

from pathlib import Path

import pytest

from emu.lab import Lab
from tests.labs import docker_lab, ok


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return docker_lab(tmp_path, "{ web: { image: nginx, network_mode: host } }")


def test_dockers_unit_can_be_asked_how_it_is_and_not_stopped(lab: Lab) -> None:
    assert ok(lab.run("docker1", "systemctl is-active docker")) == "active\n"
    assert "Active: active (running)" in ok(lab.run("docker1", "systemctl status docker.service"))
    ok(lab.run("docker1", "systemctl start docker"))
    stopped = lab.run("docker1", "systemctl restart docker")
    assert (stopped.exit_status, stopped.stderr) == (
        1,
        "systemctl: restart of docker.service is not modelled; name its settings in the topology (docker:)\n",
    )
    assert lab.run("client", "systemctl is-active docker").exit_status == 3


def test_a_host_sees_whose_the_sockets_of_containers_in_host_mode_are(lab: Lab) -> None:
    program = lab.place("docker1/web").processes[1].argv[0].rpartition("/")[2]
    pid = ok(lab.run("docker1", "docker inspect -f '{{.State.Pid}}' web")).strip()
    assert f"{pid}/{program} " in ok(lab.run("docker1", "netstat -tlnp"))
    assert f'users:(("{program}",pid={pid},fd=3))' in ok(lab.run("docker1", "ss -tlnp"))


@pytest.mark.parametrize("option", ["-c", "-color", "--color", "-c=always", "-color=auto", "-c=never"])
def test_ip_takes_its_option_for_colours(lab: Lab, option: str) -> None:
    assert ok(lab.run("client", f"ip {option} -br link show lo")) == ok(lab.run("client", "ip -br link show lo"))
    assert lab.run("client", "ip -c=x link").stderr == "ip: '-c=x' is not modelled\n"


def test_exec_reads_variables_from_files(lab: Lab) -> None:
    run = ok(lab.run("docker1", "printf '# of exec\\nA=1\\nB=x y\\n' > v; docker exec --env-file v -e A=2 web env"))
    assert "A=2\n" in run
    assert "B=x y\n" in run
    missing = lab.run("docker1", "docker exec --env-file none web env")
    assert (missing.exit_status, missing.stderr) == (1, "open none: no such file or directory\n")


def test_hello_world_says_all_it_has_to_say(lab: Lab) -> None:
    lines = ok(lab.run("docker1", "docker run --rm hello-world")).splitlines()
    assert (lines[1], lines[-2], len(lines)) == ("Hello from Docker!", " https://docs.docker.com/get-started/", 22)


def test_a_container_goes_on_when_nobody_reads_its_client_any_more(lab: Lab) -> None:
    line = "docker run --name count busybox sh -c 'i=0; while true; do i=$((i+1)); echo $i; sleep 1; done' | head -2"
    assert ok(lab.run("docker1", line)) == "1\n2\n"
    assert "Up " in ok(lab.run("docker1", "docker ps --filter name=count"))
    assert ok(lab.run("docker1", "sleep 5; docker logs count | tail -1")).strip() >= "5"
