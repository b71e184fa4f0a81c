"""The engine by its command line: texts and statuses as a real Docker 20.10.24 gives them."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from emu.netdev.bridge import Bridge
from emu.packet.address import ip
from tests.docker.conftest import DATA, DockerHost

SLEEP = "bb sleep 100000"
DAEMON = "Error response from daemon: "
RUN = "docker: Error response from daemon: "
THREE = ("web", "web2", "box")
ID = re.compile(r"[0-9a-f]{64}")


def test_the_three_networks_are_there_from_the_start(docker: DockerHost) -> None:
    lines = [line.split()[1:] for line in docker.out("docker network ls").splitlines()[1:]]
    assert lines == [["bridge", "bridge", "local"], ["host", "host", "local"], ["none", "null", "local"]]
    assert docker.out("docker network ls").splitlines()[0] == "NETWORK ID     NAME      DRIVER    SCOPE"


@pytest.mark.parametrize(
    ("line", "status", "text"),
    [
        ("docker network create app", 1, DAEMON + "network with name app already exists"),
        ("docker network create --subnet 172.18.5.0/24 o", 1, DAEMON + "Pool overlaps with other one on this address space"),
        ("docker network create --subnet 10.1.1.0/33 b", 1, DAEMON + "Invalid subnet 10.1.1.0/33 : invalid CIDR address: 10.1.1.0/33"),
        ("docker network create --gateway 10.1.2.1 b", 1, "every ip-range or gateway must have a corresponding subnet"),
        ("docker network create --subnet 10.1.3.0/24 --gateway 10.1.4.1 b", 1, "no matching subnet for gateway 10.1.4.1"),
        ("docker network create --subnet 10.1.5.0/24 --ip-range 10.1.6.0/28 b", 1, "no matching subnet for range 10.1.6.0/28"),
        ("docker network create -d nosuch b", 1, DAEMON + 'plugin "nosuch" not found'),
        ("docker network create bridge", 1, DAEMON + "operation is not permitted on predefined bridge network "),
        ("docker network create -d ipvlan b", 1, DAEMON + "the ipvlan driver is not modelled"),
        ("docker network create -o com.docker.network.driver.mtu=5 b", 1, DAEMON + "invalid MTU number: 5"),
        ("docker network create -o com.docker.network.bridge.name=much-too-long-name b", 1, None),
        ("docker network create -d host h2", 1, DAEMON + 'only one instance of "host" network is allowed'),
        ("docker network create -d null n2", 1, DAEMON + 'only one instance of "null" network is allowed'),
        ("docker network create --ipv6 b", 125, "docker network create: '--ipv6' is not modelled"),
        ("docker network inspect nosuch", 1, "[]\nError: No such network: nosuch"),
        ("docker network rm bridge", 1, DAEMON + "bridge is a pre-defined network and cannot be removed"),
        ("docker network rm nosuch", 1, "Error: No such network: nosuch"),
        ("docker network connect nosuch box", 1, DAEMON + "network nosuch not found"),
        ("docker network connect app nosuch", 1, DAEMON + "No such container: nosuch"),
        ("docker network connect app box", 1, DAEMON + "endpoint with name box already exists in network app"),
        (
            "docker network connect host box", 1,
            DAEMON + "container cannot be disconnected from host network or connected to host network",
        ),
        (
            "docker network connect none box", 1,
            DAEMON + "container cannot be connected to multiple networks with one of the networks in private (none) mode",
        ),
        ("docker network disconnect next box", 1, DAEMON + "container ID is not connected to network next"),
        ("docker network rm app", 1, DAEMON + "error while removing network: network app id ID has active endpoints"),
        (
            f"docker run -d --name box {SLEEP}", 125,
            RUN + 'Conflict. The container name "/box" is already in use by container "ID". '
            + "You have to remove (or rename) that container to be able to reuse that name.\nSee 'docker run --help'.",
        ),
        (f"docker run -d --network nosuch {SLEEP}", 125, f"ID\n{RUN}network nosuch not found."),
        (
            f"docker run -d --network app --ip 172.18.0.50 {SLEEP}", 125,
            f"ID\n{RUN}user specified IP address is supported only when connecting to networks with user configured subnets.",
        ),
        (f"docker run -d --network fixednet --ip 10.30.0.1 {SLEEP}", 125, f"ID\n{RUN}Address already in use."),
        (
            f"docker run -d --network fixednet --ip 10.31.0.50 {SLEEP}", 125,
            f"ID\n{RUN}Invalid address 10.31.0.50: It does not belong to any of this network's subnets.",
        ),
        (
            f"docker run -d --network container:box -p 9000:80 {SLEEP}", 125,
            RUN + "conflicting options: port publishing and the container type network mode.\nSee 'docker run --help'.",
        ),
        (f"docker run -d --network container:nosuch {SLEEP}", 125, f"ID\n{RUN}No such container: nosuch."),
        ("docker run --foo bb", 125, "unknown flag: --foo\nSee 'docker run --help'."),
        ("docker run -d --link box:b bb", 125, f"ID\n{RUN}Cannot link to /box, as it does not belong to the default network."),
        ("docker run bb nosuch", 127, None),
        ("docker rm box", 1, None),
        ("docker start nosuch", 1, DAEMON + "No such container: nosuch\nError: failed to start containers: nosuch"),
        ("docker exec nosuch true", 1, "Error: No such container: nosuch"),
        ("docker volume ls", 1, "docker volume: 'ls' is not modelled"),
        ("docker frobnicate", 1, "docker: 'frobnicate' is not a docker command.\nSee 'docker --help'"),
    ],
)  # fmt: skip
def test_what_docker_refuses_and_how(line: str, status: int, text: str | None) -> None:
    docker = DockerHost()
    docker.runs(
        "docker network create app",
        "docker network create next",
        "docker network create --subnet 10.30.0.0/24 fixednet",
        f"docker run -d --name box --network app {SLEEP}",
    )
    process = docker.run(line)
    assert process.exit_status == status
    assert text is None or ID.sub("ID", process.output.removesuffix("\n")) == text


def test_an_address_on_the_default_network_is_not_heard(docker: DockerHost) -> None:
    docker.runs(f"docker run -d --name fixed --ip 172.17.0.50 {SLEEP}")
    assert docker.out("docker inspect -f '{{.NetworkSettings.IPAddress}}' fixed") == "172.17.0.2"


def test_a_freed_default_subnet_is_not_the_next_network_s(docker: DockerHost) -> None:
    docker.runs("docker network create app", "docker network create next", "docker network rm app", "docker network create app")
    assert docker.out("docker network inspect app --format '{{(index .IPAM.Config 0).Subnet}}'") == "172.20.0.0/16"


def test_a_default_subnet_that_the_host_routes_is_passed_over(docker: DockerHost) -> None:
    bridge = Bridge(docker.engine, "br9")
    docker.netns.add_device(bridge)
    docker.netns.add_address(bridge, ip("172.18.3.1"), 24)
    docker.netns.set_up(bridge)
    docker.runs("docker network create app")
    assert docker.out("docker network inspect -f '{{(index .IPAM.Config 0).Subnet}}' app") == "172.19.0.0/16"


def test_ps_port_and_network_ls_print_what_docker_prints(docker: DockerHost) -> None:
    docker.runs(f"docker run -d --name web -p 192.168.50.10:8081:80 -p 127.0.0.1::80 -p 5300:53/udp {SLEEP}")
    docker.engine.run(until_ns=docker.engine.now + 8_000_000_000)
    heading, line = docker.out("docker ps").splitlines()
    assert re.split(r"\s{2,}", heading) == ["CONTAINER ID", "IMAGE", "COMMAND", "CREATED", "STATUS", "PORTS", "NAMES"]
    ports = "0.0.0.0:5300->53/udp, 127.0.0.1:32768->80/tcp, 192.168.50.10:8081->80/tcp"
    assert re.split(r"\s{2,}", line)[1:] == ["bb", '"sleep 100000"', "8 seconds ago", "Up 8 seconds", ports, "web"]
    assert docker.out("docker port web") == "53/udp -> 0.0.0.0:5300\n80/tcp -> 127.0.0.1:32768\n80/tcp -> 192.168.50.10:8081"
    assert docker.out("docker port web 80/udp") == "Error: No public port '80/udp' published for web"


def shape(value: Any) -> Any:
    """With what is random or depends on the time taken out."""
    for network in value:
        network["Containers"] = sorted(network["Containers"].values(), key=lambda member: member["Name"])
    text = ID.sub("ID", json.dumps(value))
    return json.loads(re.sub(r'"\d{4}-\d\d-\d\dT[^"]*"', '"DATE"', text))


@pytest.mark.parametrize(
    ("story", "lines"),
    [
        ("publish-dnat", [f"docker run -d --name web -p 8080:80 {SLEEP}"]),
        ("user-network-dns", ["docker network create app", *(f"docker run -d --name {name} --network app {SLEEP}" for name in THREE)]),
        ("icc-false", ["docker network create -o com.docker.network.bridge.enable_icc=false noicc"]),
    ],
)  # fmt: skip
def test_network_inspect_is_that_of_a_real_docker_host(story: str, lines: list[str]) -> None:
    docker = DockerHost()
    docker.runs(*lines)
    real = json.loads((DATA / story / "docker-network-inspect.json").read_text())
    names = " ".join(network["Name"] for network in real)
    ours = json.loads(docker.out(f"docker network inspect {names}"))
    assert [list(network) for network in ours] == [list(network) for network in real]
    if story != "icc-false":
        assert shape(ours) == shape(real)


def test_inspect_shows_addresses_and_ports_of_a_running_container(docker: DockerHost) -> None:
    docker.runs(f"docker run -d --name web -p 8080:80 --expose 9000 {SLEEP}")
    settings = json.loads(docker.out("docker inspect web"))[0]["NetworkSettings"]
    assert settings["Ports"] == {"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"}], "9000/tcp": None}
    assert (settings["IPAddress"], settings["Gateway"], settings["MacAddress"]) == ("172.17.0.2", "172.17.0.1", "02:42:ac:11:00:02")
    assert docker.out("docker inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' web") == "172.17.0.2"
    assert docker.out("docker inspect -f '{{json .HostConfig.PortBindings}}' web") == '{"80/tcp":[{"HostIp":"","HostPort":"8080"}]}'
    assert docker.out("docker inspect -f '{{.Nothing}}' web").startswith("template parsing error: ")


def test_a_container_has_its_interface_route_and_files(docker: DockerHost) -> None:
    docker.runs(f"docker run -d --name web {SLEEP}")
    web = docker.docker.find("web")
    assert web.place is not None
    eth0 = web.place.netns.devices["eth0"]
    outer = next(dev for name, dev in docker.netns.devices.items() if re.fullmatch("veth[0-9a-f]{7}", name))
    assert outer.ifindex == eth0.ifindex + 1
    assert outer.master is docker.netns.devices["docker0"]
    assert docker.netns.devices["docker0"].mac[:2] == b"\x02\x42"
    assert web.place.files.read("/etc/hosts").endswith(f"172.17.0.2\t{web.short_id}\n")
    assert web.place.files.read("/etc/resolv.conf") == "nameserver 192.168.50.1\n"
    assert web.place.files.read("/etc/hostname") == f"{web.short_id}\n"


def test_a_user_network_s_container_asks_docker_s_dns(docker: DockerHost) -> None:
    docker.runs("docker network create app", f"docker run -d --name web --network app {SLEEP}")
    place = docker.docker.find("web").place
    assert place is not None
    assert place.files.read("/etc/resolv.conf") == "nameserver 127.0.0.11\noptions ndots:0\n"


def default_route(docker: DockerHost, name: str) -> tuple[str, str]:
    place = docker.docker.find(name).place
    assert place is not None
    route = next(route for route in place.netns.fib.routes if route.length == 0)
    assert route.dev is not None
    assert route.via is not None
    return ".".join(map(str, route.via)), route.dev.name


def test_the_default_route_is_that_of_the_network_whose_name_comes_first(docker: DockerHost) -> None:
    docker.runs("docker network create net-b", "docker network create net-a", f"docker run -d --name box --network net-b {SLEEP}")
    assert default_route(docker, "box") == ("172.18.0.1", "eth0")
    docker.runs("docker network connect net-a box")
    assert default_route(docker, "box") == ("172.19.0.1", "eth1")
    docker.runs("docker network disconnect net-b box")
    assert default_route(docker, "box") == ("172.19.0.1", "eth1")
    docker.runs("docker network connect bridge box", "docker network connect net-b box")
    assert default_route(docker, "box") == ("172.17.0.1", "eth2")
    place = docker.docker.find("box").place
    assert place is not None
    assert list(place.netns.devices) == ["lo", "eth1", "eth2", "eth3"]
    short = docker.docker.find("box").short_id
    assert place.files.read("/etc/hosts").splitlines()[6:] == [f"172.17.0.2\t{short}", f"172.18.0.2\t{short}"]


def test_a_network_driver_s_mtu_is_that_of_its_containers(docker: DockerHost) -> None:
    docker.runs("docker network create -o com.docker.network.driver.mtu=1400 slim", f"docker run -d --name thin --network slim {SLEEP}")
    place = docker.docker.find("thin").place
    assert place is not None
    assert place.netns.devices["eth0"].mtu == 1400


def test_a_container_ends_in_order_even_if_its_rules_were_deleted(docker: DockerHost) -> None:
    docker.runs("docker network create a", f"docker run -d --name box --network a -p 80:80 {SLEEP}", "docker network connect bridge box")
    for command in ("-t nat -F", "-t nat -X", "-F", "-X"):
        docker.netns.iptables(command)
    docker.runs("docker rm -f box", "docker network rm a")
    assert [name for name in docker.netns.devices if name.startswith(("br-", "veth"))] == []


def test_published_ports_move_with_the_default_route(docker: DockerHost) -> None:
    docker.runs("docker network create a", f"docker run -d --name box -p 80:80 {SLEEP}", "docker network connect a box")
    box = docker.docker.find("box")
    assert [name for name, endpoint in box.endpoints.items() if endpoint.published] == ["a"]
    docker.runs("docker network disconnect a box")
    assert [name for name, endpoint in box.endpoints.items() if endpoint.published] == ["bridge"]


def test_stop_waits_ten_seconds_for_a_program_that_does_not_hear_it(docker: DockerHost) -> None:
    docker.runs(f"docker run -d --name web {SLEEP}", "docker stop web")
    assert 10.0 <= docker.engine.now / 1e9 < 10.1
    assert docker.out("docker inspect -f '{{.State.Status}} {{.State.ExitCode}}' web") == "exited 137"
    assert [name for name in docker.netns.devices if name.startswith("veth")] == []


def test_a_server_that_handles_the_signal_stops_at_once(docker: DockerHost) -> None:
    docker.runs("docker run -d --name web bb nginx", "docker stop web")
    assert docker.engine.now < 1_000_000_000
    assert docker.out("docker inspect -f '{{.State.ExitCode}}' web") == "0"


def test_ps_filters_by_name_status_and_network(docker: DockerHost) -> None:
    docker.runs("docker network create app", f"docker run -d --name web --network app {SLEEP}", f"docker create --name web2 {SLEEP}")
    assert docker.out("docker ps --format '{{.Names}}' -a --filter name=^/web$") == "web"
    assert docker.out("docker ps --format '{{.Names}} {{.State}}' --filter status=created") == "web2 created"
    assert docker.out("docker ps --filter network=app --format 'table {{.Names}}\t{{.Networks}}'") == "NAMES     NETWORKS\nweb       app"
    assert docker.out("docker ps -aq --no-trunc").splitlines() == [docker.docker.find(name).id for name in ("web2", "web")]


def test_a_container_ends_with_its_program_and_can_be_started_again(docker: DockerHost) -> None:
    docker.runs("docker run -d --name short bb sleep 1")
    docker.engine.run(until_ns=2_000_000_000)
    assert docker.out("docker inspect -f '{{.State.Status}} {{.State.ExitCode}} {{.NetworkSettings.IPAddress}}' short") == "exited 0 "
    docker.runs("docker start short")
    assert docker.docker.find("short").running


def test_a_container_that_sleeps_does_not_keep_the_lab_from_being_quiet(docker: DockerHost) -> None:
    docker.runs(f"docker run -d --name web -p 8080:80 {SLEEP}", "docker run -d bb sh -c 'sleep 5000; sleep 6000'")
    docker.engine.run()
    assert docker.engine.now < 1_000_000_000
    assert docker.run("docker run --rm bb sleep 3").exit_status == 0
    assert docker.engine.now > 3_000_000_000


def test_a_restart_policy_starts_a_container_that_ended_by_itself(docker: DockerHost) -> None:
    docker.runs("docker run -d --name web --restart always bb sleep 1", "docker run -d --name twice --restart on-failure:2 bb false")
    docker.engine.run(until_ns=3_000_000_000)
    assert docker.out("docker inspect -f '{{.State.Status}} {{.RestartCount}}' web twice") == "running 2\nexited 2"
    docker.runs("docker stop -t 0 web")
    docker.engine.run(until_ns=9_000_000_000)
    assert docker.out("docker inspect -f '{{.State.Status}}' web") == "exited"


def test_run_in_the_foreground_gives_the_program_s_output_and_status(docker: DockerHost) -> None:
    process = docker.run("docker run --rm bb sh -c 'echo hello; exit 3'")
    assert (process.stdout, process.exit_status) == ("hello\n", 3)
    assert docker.docker.containers == {}


def test_exec_runs_in_the_container_and_gives_its_status(docker: DockerHost) -> None:
    docker.runs(f"docker run -d --name box {SLEEP}")
    process = docker.run("docker exec -it -e WHO=me box sh -c 'echo $WHO; exit 4'")
    assert (process.stdout, process.exit_status) == ("me\n", 4)
    assert docker.run("docker exec box nosuch").exit_status == 126
    docker.runs("docker kill box")
    assert docker.out("docker exec box true").endswith("is not running")


def test_host_mode_shares_the_host_s_namespace_and_publishes_nothing(docker: DockerHost) -> None:
    process = docker.run(f"docker run -d --name hweb --network host -p 8080:80 {SLEEP}")
    assert process.stderr == "WARNING: Published ports are discarded when using host network mode\n"
    place = docker.docker.find("hweb").place
    assert place is not None
    assert place.netns is docker.netns
    assert place.hostname == "host"
    assert docker.out("docker port hweb") == ""
    docker.runs("docker rm -f hweb")


def test_none_mode_has_only_lo(docker: DockerHost) -> None:
    docker.runs(f"docker run -d --name alone --network none {SLEEP}")
    place = docker.docker.find("alone").place
    assert place is not None
    assert list(place.netns.devices) == ["lo"]


def test_container_mode_shares_a_namespace_that_outlives_its_owner(docker: DockerHost) -> None:
    docker.runs(f"docker run -d --name web {SLEEP}", f"docker run -d --name side --network container:web {SLEEP}")
    web, side = docker.docker.find("web").place, docker.docker.find("side").place
    assert web is not None
    assert side is not None
    assert side.netns is web.netns
    assert side.hostname == web.hostname
    docker.runs("docker stop -t 0 web")
    assert list(side.netns.devices) == ["lo"]
    assert docker.docker.find("side").running


def test_ids_and_names_are_the_same_in_each_run_and_do_not_depend_on_other_containers() -> None:
    first, second = DockerHost(), DockerHost()
    second.runs(f"docker run -d --name other {SLEEP}")
    line = f"docker run -d --name web {SLEEP}"
    assert first.out(line) == second.out(line)
    assert first.out("docker network create app") == second.out("docker network create app")


def test_an_aux_address_can_be_the_containers_gateway(docker: DockerHost) -> None:
    docker.runs(
        "docker network create --subnet 10.5.0.0/24 --aux-address DefaultGatewayIPv4=10.5.0.9 app",
        f"docker run -d --name web --network app {SLEEP}",
    )
    assert default_route(docker, "web") == ("10.5.0.9", "eth0")
    assert docker.out("docker inspect -f '{{.NetworkSettings.Networks.app.Gateway}}' web") == "10.5.0.9"


def test_a_port_in_use_on_the_host_stops_the_start_and_leaves_nothing(docker: DockerHost) -> None:
    docker.netns.tcp.listen(("0.0.0.0", 8080), 1)
    process = docker.run(f"docker run -d --name web -p 8080:80 {SLEEP}")
    assert process.exit_status == 125
    assert "driver failed programming external connectivity on endpoint web (" in process.output
    assert "listen tcp4 0.0.0.0:8080: bind: address already in use." in process.output
    assert [name for name in docker.netns.devices if name.startswith("veth")] == []
    assert docker.out("docker inspect -f '{{.State.Status}}' web") == "created"


def test_a_bridge_that_somebody_deleted_takes_no_container_and_leaves_nothing(docker: DockerHost) -> None:
    docker.out("docker network create -o com.docker.network.bridge.name=gone gone")
    docker.out("ip link del gone")
    before = set(docker.host.netns.devices)
    assert "failed: could not find bridge gone: route ip+net: no such network interface" in docker.out(
        f"docker run -d --network gone {SLEEP}"
    )
    assert set(docker.host.netns.devices) == before
    assert docker.out("docker network rm gone") == "gone"


def test_where_the_host_forwards_nothing_new_containers_are_warned_of(docker: DockerHost) -> None:
    warning = "WARNING: IPv4 forwarding is disabled. Networking will not work.\n"
    assert docker.run("docker run -d bb sleep 99").stderr == ""
    docker.runs("sysctl -w net.ipv4.ip_forward=0")
    said = [docker.run(f"docker {line} bb sleep 99").stderr for line in ("run -d", "create", "run -d --network none")]
    assert said == [warning, warning, ""]
