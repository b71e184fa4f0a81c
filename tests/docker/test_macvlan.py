"""Networks of the macvlan driver: their errors, their devices, who reaches whom."""

from __future__ import annotations

import pytest

from tests.docker.conftest import DockerHost

DAEMON = "Error response from daemon: "
LAN = "--subnet 192.168.50.0/24 --gateway 192.168.50.1 --ip-range 192.168.50.128/27"


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (
            "-o parent=eth0 -o macvlan_mode=x",
            "requested macvlan mode 'x' is not valid, 'bridge' mode is the macvlan driver default",
        ),
        ("-o parent=lo", "loopback interface is not a valid macvlan parent link"),
        ("-o parent=eth9", "invalid subinterface vlan name eth9, example formatting is eth0.10"),
        ("-o parent=eth9.10", "-o parent interface does was not found on the host: eth9"),
        ("-o parent=eth0.5000", "vlan id must be between 1-4094, received: 5000"),
        ("-o parent=eth0.10", "-o parent=eth0.10: 802.1Q sub-interfaces are not modelled"),
        ("-o parent=eth0.x", "unable to parse a valid vlan id from: x (ex. eth0.10 for vlan 10)"),
    ],
)
def test_what_the_macvlan_driver_refuses_and_how(docker: DockerHost, options: str, error: str) -> None:
    process = docker.run(f"docker network create -d macvlan {options} lan")
    assert (process.exit_status, process.output) == (1, f"{DAEMON}{error}\n")
    assert "lan" not in docker.out("docker network ls")


def test_a_parent_serves_one_network(docker: DockerHost) -> None:
    docker.runs(f"docker network create -d macvlan {LAN} -o parent=eth0 lan")
    short = docker.docker.networks.find("lan").short_id
    error = docker.out("docker network create -d macvlan -o parent=eth0 more")
    assert error == f"{DAEMON}network dm-{short} is already using parent interface eth0"


def test_a_container_has_a_macvlan_of_the_parent_with_docker_s_address(docker: DockerHost) -> None:
    docker.runs(
        f"docker network create -d macvlan {LAN} -o parent=eth0 lan",
        "docker run -d --name box --network lan bb sleep 100",
    )
    netns = docker.docker.find("box").place.netns
    device = netns.device("eth0")
    assert (device.kind, device.details()["mode"], str(device.mac.hex(":"))) == ("macvlan", "bridge", "02:42:c0:a8:32:80")
    assert docker.out("ip route", "box").splitlines()[0].strip() == "default via 192.168.50.1 dev eth0"
    docker.runs("docker rm -f box", "docker network rm lan")
    assert docker.netns.device("eth0").macvlans is None


def test_ports_are_not_published_and_not_shown(docker: DockerHost) -> None:
    docker.runs(
        f"docker network create -d macvlan {LAN} -o parent=eth0 lan", "docker run -d --name box --network lan -p 80:80 bb sleep 100"
    )
    assert docker.out("docker port box") == ""
    assert docker.out("docker inspect -f '{{json .NetworkSettings.Ports}}' box") == "{}"
    assert docker.run("docker ps").output.splitlines()[1].split()[-2:] == ["second", "box"]


def test_siblings_reach_each_other_and_not_their_host(docker: DockerHost) -> None:
    docker.runs(
        f"docker network create -d macvlan {LAN} -o parent=eth0 lan",
        "docker run -d --name one --network lan bb sleep 100",
        "docker run -d --name two --network lan bb sleep 100",
    )
    assert docker.run("ping -c 1 192.168.50.129", "one").exit_status == 0
    assert docker.run("ping -c 1 -W 1 192.168.50.10", "one").exit_status == 1
    assert docker.run("ping -c 1 -W 1 192.168.50.128").exit_status == 1


def test_private_siblings_do_not_reach_each_other(docker: DockerHost) -> None:
    docker.runs(
        f"docker network create -d macvlan {LAN} -o parent=eth0 -o macvlan_mode=private lan",
        "docker run -d --name one --network lan bb sleep 100",
        "docker run -d --name two --network lan bb sleep 100",
    )
    assert docker.run("ping -c 1 -W 1 192.168.50.129", "one").exit_status == 1


def test_passthru_has_room_for_one(docker: DockerHost) -> None:
    docker.runs(
        f"docker network create -d macvlan {LAN} -o parent=eth0 -o macvlan_mode=passthru lan",
        "docker run -d --name one --network lan bb sleep 100",
    )
    second = docker.run("docker run -d --name two --network lan bb sleep 100")
    assert second.exit_status == 125
    assert "failed to create the macvlan port: invalid argument" in second.output


def test_without_a_parent_there_is_a_dummy_as_long_as_the_network(docker: DockerHost) -> None:
    docker.runs(
        "docker network create -d macvlan alone",
        "docker run -d --name box --network alone bb sleep 100",
        "docker run -d --name two --network alone bb sleep 100",
        "docker exec box ping -c 1 two",
    )
    name = f"dm-{docker.docker.networks.find('alone').short_id}"
    assert docker.netns.device(name).kind == "dummy"
    docker.runs("docker rm -f box two", "docker network rm alone")
    assert name not in docker.netns.devices


def test_an_internal_macvlan_network_has_no_way_out(docker: DockerHost) -> None:
    docker.runs(
        f"docker network create -d macvlan {LAN} --internal -o parent=eth0 lan",
        "docker run -d --name box --network lan bb sleep 100",
    )
    assert docker.out("ip route", "box").strip() == "192.168.50.0/24 dev eth0 scope link  src 192.168.50.128"
