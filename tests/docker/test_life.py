"""How containers live: what survives a stop, what changes, what goes; names, signals, input."""

from __future__ import annotations

import pytest

from emu.docker.model import Image
from tests.docker.conftest import DockerHost

SLEEP = "bb sleep 100000"


def veths(docker: DockerHost) -> set[str]:
    return {name for name in docker.netns.devices if name.startswith("veth")}


def address(docker: DockerHost, name: str) -> str:
    return docker.out(f"docker inspect -f '{{{{.NetworkSettings.IPAddress}}}}' {name}")


def test_a_restart_takes_the_lowest_free_address_and_a_new_veth(docker: DockerHost) -> None:
    docker.runs(f"docker run -d --name one {SLEEP}", f"docker run -d --name two {SLEEP}")
    before = veths(docker)
    docker.runs("docker rm -f one", "docker restart -t 0 two")
    assert address(docker, "two") == "172.17.0.2"
    assert len(veths(docker)) == 1
    assert not veths(docker) & before


def test_an_address_goes_with_a_stop_and_another_container_may_get_it(docker: DockerHost) -> None:
    docker.runs(f"docker run -d --name one {SLEEP}", "docker stop -t 0 one")
    assert address(docker, "one") == ""
    docker.runs(f"docker run -d --name two {SLEEP}", "docker start one")
    assert (address(docker, "one"), address(docker, "two")) == ("172.17.0.3", "172.17.0.2")


def test_published_ports_go_and_come_with_their_container(docker: DockerHost) -> None:
    docker.runs(f"docker run -d --name web -p 8080:80 {SLEEP}")
    rule = "--dport 8080"
    assert rule in docker.out("iptables-save")
    docker.runs("docker stop -t 0 web")
    assert rule not in docker.out("iptables-save")
    assert docker.out("docker port web") == ""
    docker.runs("docker start web")
    assert rule in docker.out("iptables-save")


def test_a_new_name_is_the_place_s_name_and_what_others_are_told(docker: DockerHost) -> None:
    docker.runs("docker network create app", f"docker run -d --name old --network app {SLEEP}", "docker rename old new")
    place = docker.docker.find("new").place
    assert place is not None
    assert (place.name, place.netns.name) == ("host/new", "host/new")
    assert docker.out("docker network inspect -f '{{range .Containers}}{{.Name}}{{end}}' app") == "new"
    assert docker.out("docker inspect old").endswith("Error: No such object: old")


@pytest.mark.parametrize(("flags", "running"), [("-d", False), ("-di", True), ("-dt", True), ("-dit", True)])
def test_a_shell_without_a_terminal_and_without_input_ends_at_once(flags: str, running: bool) -> None:
    docker = DockerHost()
    docker.docker.images.described = {"alpine": Image("alpine", command=("/bin/sh",))}
    docker.runs(f"docker run {flags} --name alpine1 alpine ash")
    docker.engine.run(until_ns=docker.engine.now + 10**9)
    assert docker.docker.find("alpine1").running is running


def test_what_is_typed_into_an_attached_container_reaches_its_shell(docker: DockerHost) -> None:
    docker.runs("docker run -di --name shell bb sh")
    process = docker.run("sh -c 'echo echo hello | docker attach shell &'")
    docker.engine.run(until_ns=docker.engine.now + 10**9)
    assert process.exit_status == 0
    assert docker.out("docker logs shell") == "hello"


def test_init_passes_the_signal_on_so_that_a_stop_is_quick(docker: DockerHost) -> None:
    docker.runs(f"docker run -d --init --name quick {SLEEP}", "docker stop quick")
    assert docker.engine.now < 10**9
    assert docker.out("docker inspect -f '{{.State.ExitCode}}' quick") == "143"


def test_a_stop_timeout_of_the_container_s_own(docker: DockerHost) -> None:
    docker.runs(f"docker run -d --stop-timeout 3 --name slow {SLEEP}", "docker stop slow")
    assert 3.0 <= docker.engine.now / 1e9 < 3.1


def test_a_signal_that_ends_nothing_leaves_the_container_running(docker: DockerHost) -> None:
    docker.runs("docker run -d --name web bb nginx", "docker kill -s HUP web")
    assert docker.docker.find("web").running
    docker.runs("docker kill -s SIGTERM web")
    assert docker.out("docker ps -aq --filter exited=0").count("\n") == 0


def test_logs_keep_both_streams_and_can_be_cut_and_stamped(docker: DockerHost) -> None:
    docker.runs("docker run -d --name say bb sh -c 'echo one; echo two >&2; sleep 1; echo three'")
    docker.engine.run(until_ns=docker.engine.now + 2 * 10**9)
    process = docker.run("docker logs say")
    assert (process.stdout, process.stderr) == ("one\nthree\n", "two\n")
    assert docker.out("docker logs --tail 1 say") == "three"
    assert docker.out("docker logs -t -n 1 say").startswith("2020-01-01T00:00:01.")


def test_a_followed_log_ends_with_its_container(docker: DockerHost) -> None:
    docker.runs("docker run -d --name say bb sh -c 'sleep 1; echo late'")
    assert docker.out("docker logs -f say") == "late"


def test_images_are_there_once_they_were_asked_for(docker: DockerHost) -> None:
    assert docker.out("docker images -q") == ""
    docker.runs("docker pull bb", f"docker run -d --name box {SLEEP}", "docker tag bb mine:2")
    lines = [line.split()[:2] for line in docker.out("docker images").splitlines()[1:]]
    assert sorted(lines) == [["bb", "latest"], ["mine", "2"]]
    assert docker.run("docker rmi mine:2").stdout == "Untagged: mine:2\n"
    assert "must force" in docker.run("docker rmi bb").stderr
    docker.runs("docker rm -f box", "docker rmi bb")
    assert docker.out("docker images -q") == ""


def test_an_unknown_image_shows_what_stands_in_for_its_program(docker: DockerHost) -> None:
    docker.runs("docker run -d --name what acme/thing")
    assert docker.out("docker ps --format '{{.Image}} {{.Command}}'") == 'acme/thing "idle"'


def test_a_restart_that_fails_leaves_the_container_ended(docker: DockerHost) -> None:
    docker.runs("docker run -d --name web -p 80:80 --restart always bb sleep 1")
    docker.engine.run(until_ns=1_040_000_000)
    assert docker.out("docker ps --format '{{.Names}} {{.State}}'") == "web restarting"
    docker.netns.tcp.listen(("0.0.0.0", 80), 1)
    docker.engine.run(until_ns=2_000_000_000)
    assert docker.out("docker ps -a --format '{{.Names}} {{.State}}'") == "web exited"


def test_a_container_that_starts_anew_has_not_the_dice_of_its_last_namespace(docker: DockerHost) -> None:
    docker.runs(f"docker run -d --name web {SLEEP}")
    ports = set()
    for _ in range(3):
        docker.run("nc 172.17.0.9 80 &", "web")
        ports |= {key[1] for key in docker.docker.find("web").place.netns.tcp.connections_by_key}
        docker.runs("docker restart -t 0 web")
    assert len(ports) == 3
