"""What `iptables-save` printed on a real host running Docker 20.10.24, after the same commands."""

from __future__ import annotations

import re

import pytest

from tests.docker.conftest import DATA, DockerHost

WEB = "docker run -d --name web"
SLEEP = "bb sleep 100000"
STORIES: dict[str, tuple[dict[str, object], list[str]]] = {
    "publish-dnat": ({}, [f"{WEB} -p 8080:80 {SLEEP}"]),
    "publish-no-userland-proxy": ({"userland_proxy": False}, [f"{WEB} -p 8080:80 {SLEEP}"]),
    "publish-ip-bind": ({}, [f"{WEB} -p 192.168.50.10:8081:80 -p 127.0.0.1::80 -p 5300:53/udp {SLEEP}"]),
    "icc-false": (
        {},
        [
            "docker network create -o com.docker.network.bridge.enable_icc=false noicc",
            f"docker run -d --name box --network noicc {SLEEP}",
            f"{WEB} --network noicc -p 8080:80 {SLEEP}",
        ],
    ),
    "isolation": (
        {},
        [
            "docker network create red",
            "docker network create blue",
            f"docker run -d --name rbox --network red {SLEEP}",
            f"docker run -d --name bweb --network blue -p 8080:80 {SLEEP}",
            f"docker run -d --name dbox {SLEEP}",
        ],
    ),
    "multi-homed": (
        {},
        [
            "docker network create net-b",
            "docker network create net-a",
            f"docker run -d --name box --network net-b {SLEEP}",
            "docker network connect net-a box",
            "docker network disconnect net-b box",
            "docker network connect bridge box",
            "docker network connect net-b box",
        ],
    ),
    "network-lifecycle": (
        {},
        [
            "docker network create app",
            "docker network create --subnet 192.168.50.0/24 lanlike",
            "docker network create --subnet 10.1.1.7/24 bits",
            "docker network create --subnet 10.30.0.0/24 fixednet",
            f"docker run -d --name fx1 --network fixednet --ip 10.30.0.50 {SLEEP}",
            "docker network prune -f",
        ],
    ),
}


def rules(text: str) -> str:
    """Without comments and counters, bridges numbered as they come: their names are random."""
    lines = [re.sub(r"\[\d+:\d+\]", "[0:0]", line) for line in text.splitlines() if not line.startswith("#")]
    text = "\n".join(lines)
    for number, bridge in enumerate(dict.fromkeys(re.findall(r"br-[0-9a-f]{12}", text))):
        text = text.replace(bridge, f"bridge{number}")
    return text


@pytest.mark.parametrize("story", STORIES)
def test_iptables_save_is_that_of_a_real_docker_host(story: str) -> None:
    daemon, lines = STORIES[story]
    docker = DockerHost(**daemon)
    docker.runs(*lines)
    ours = "\n".join(rules(docker.netns.netfilter.save([table], counters=False)) for table in ("filter", "nat"))
    assert rules(ours) == rules((DATA / story / "host.iptables-save").read_text())


def test_forward_is_left_alone_when_forwarding_was_on_before(make_docker: type[DockerHost]) -> None:
    docker = DockerHost(ip_forward=False)
    assert ":FORWARD ACCEPT" in docker.netns.netfilter.save(["filter"], counters=False)
    assert docker.netns.sysctl.get("net.ipv4.ip_forward") == "0"


def test_without_iptables_docker_installs_nothing() -> None:
    docker = DockerHost(iptables=False)
    docker.runs(f"{WEB} -p 8080:80 {SLEEP}")
    assert "DOCKER" not in docker.netns.netfilter.save(["filter"], counters=False)
    assert docker.docker.networks.find("bridge").config.options["com.docker.network.bridge.enable_ip_masquerade"] == "false"


def test_the_daemon_s_ip_is_for_ports_of_the_default_network_alone() -> None:
    docker = DockerHost(ip="192.168.50.10")
    docker.runs("docker network create app", f"{WEB} -p 8080:80 {SLEEP}", f"docker run -d --name other --network app -p 8081:80 {SLEEP}")
    assert docker.out("docker port web") == "80/tcp -> 192.168.50.10:8080"
    assert docker.out("docker port other") == "80/tcp -> 0.0.0.0:8081"
    assert re.findall(r"-A DOCKER (\S.*) -p tcp.*-j DNAT", docker.netns.netfilter.save(["nat"], counters=False)) == [
        "-d 192.168.50.10/32 ! -i docker0", f"! -i br-{docker.docker.networks.find('app').id[:12]}"
    ]  # fmt: skip


def test_an_internal_network_has_only_its_two_drops() -> None:
    docker = DockerHost()
    docker.runs("docker network create --internal --subnet 10.9.0.0/24 inside")
    name = f"br-{docker.docker.networks.find('inside').short_id}"
    text = docker.netns.netfilter.save(["filter"], counters=False)
    assert [line for line in text.splitlines() if name in line] == [
        f"-A FORWARD -i {name} -o {name} -j ACCEPT",
        f"-A DOCKER-ISOLATION-STAGE-1 ! -s 10.9.0.0/24 -o {name} -j DROP",
        f"-A DOCKER-ISOLATION-STAGE-1 ! -d 10.9.0.0/24 -i {name} -j DROP",
    ]
    assert name not in docker.netns.netfilter.save(["nat"], counters=False)


def test_rules_that_someone_flushed_stop_docker_with_iptables_own_words() -> None:
    docker = DockerHost()
    docker.netns.iptables("-t nat -F")
    docker.netns.iptables("-t nat -X")
    process = docker.run(f"{WEB} -p 8080:80 {SLEEP}")
    assert process.exit_status == 125
    rule = "iptables --wait -t nat -A DOCKER ! -i docker0 -p tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80"
    assert "driver failed programming external connectivity on endpoint web (" in process.output
    assert f" (iptables failed: {rule}: iptables" in process.output
    assert "Failed to Setup IP tables:  (iptables failed: " in docker.out("docker network create app")
    assert [name for name in docker.netns.devices if name.startswith(("br-", "veth"))] == []


def test_stopping_a_container_withdraws_its_rules() -> None:
    docker = DockerHost()
    before = docker.netns.netfilter.save(["nat"], counters=False)
    docker.runs(f"{WEB} -p 8080:80 {SLEEP}", "docker rm -f web")
    assert docker.netns.netfilter.save(["nat"], counters=False) == before
