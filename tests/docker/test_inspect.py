"""The network part of `docker inspect`, against what a real Docker 20.10.24 answered after the same commands."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from emu.docker.dates import date
from tests.docker.conftest import DATA, DockerHost

SLEEP = "bb sleep 100000"
MULTI_HOMED = [
    "docker network create net-b",
    "docker network create net-a",
    f"docker run -d --name box --network net-b {SLEEP}",
    f"docker run -d --name bee --network net-b {SLEEP}",
    f"docker run -d --name ay --network net-a {SLEEP}",
    "docker network connect net-a box",
    "docker network disconnect net-b box",
    "docker network connect bridge box",
    "docker network connect net-b box",
]
SHARED = [
    f"docker run -d --name web -p 8080:80 {SLEEP}",
    f"docker run -d --name side --network container:web {SLEEP}",
    f"docker run -d --name box {SLEEP}",
    "docker stop -t 0 web",
]


def shape(value: Any) -> Any:
    """Ids replaced, and where the real engine kept its namespaces' files."""
    text = re.sub(r"[0-9a-f]{64}", "ID", json.dumps(value))
    text = re.sub(r'"[^"]*/netns/(default|[0-9a-f]{12})"', lambda match: f'"{"default" if match[1] == "default" else "KEY"}"', text)
    return json.loads(re.sub(r'"[0-9a-f]{12}"', '"SHORT"', text))


def common(ours: Any, real: Any) -> Any:
    """Our answer, with the keys that the recording kept."""
    if isinstance(real, dict) and isinstance(ours, dict) and "Networks" not in real:
        return {key: common(ours[key], real[key]) for key in real}
    return ours


@pytest.mark.parametrize(
    ("story", "name", "lines"),
    [
        ("publish-dnat", "web", [f"docker run -d --name web -p 8080:80 {SLEEP}"]),
        (
            "user-network-dns", "web",
            ["docker network create app", f"docker run -d --name web --network app --network-alias www --network-alias pool {SLEEP}"],
        ),
        ("host-mode", "hweb", [f"docker run -d --name hweb --network host {SLEEP}"]),
        ("none-mode-by-hand", "alpha", [f"docker run -d --name alpha --network none {SLEEP}"]),
        ("container-mode", "side", SHARED),
        ("container-mode", "web", SHARED),
        ("multi-homed", "box", MULTI_HOMED),
    ],
)  # fmt: skip
def test_inspect_is_that_of_a_real_docker_host(story: str, name: str, lines: list[str]) -> None:
    docker = DockerHost()
    docker.host.place.hostname = "vm"
    docker.runs(*lines)
    real = json.loads((DATA / story / f"docker-inspect-{name}.json").read_text())
    ours = json.loads(docker.out(f"docker inspect {name}"))[0]
    assert shape(common(ours, real)) == shape(real)


@pytest.mark.parametrize(
    ("days", "text"),
    [(0, "2020-01-01T00:00:00Z"), (59, "2020-02-29T00:00:00Z"), (60, "2020-03-01T00:00:00Z"), (366, "2021-01-01T00:00:00Z")],
)
def test_dates_follow_the_calendar(days: int, text: str) -> None:
    assert date(days * 86_400 * 1_000_000_000) == text


def test_dates_show_the_nanoseconds_that_there_are() -> None:
    assert date(1_500_000_000) == "2020-01-01T00:00:01.5Z"


def test_ports_of_a_container_on_an_internal_network_alone_are_not_told(docker: DockerHost) -> None:
    docker.runs("docker network create --internal inner", "docker run -d --name web --network inner -p 8080:80 bb httpd -f -p 80")
    assert docker.out("docker inspect -f '{{json .NetworkSettings.Ports}}' web") == "{}"
    assert docker.out("docker ps --format '{{.Names}}:{{.Ports}}'") == "web:"
    docker.runs("docker network connect bridge web")
    assert docker.out("docker port web") == "80/tcp -> 0.0.0.0:8080"
