"""`--link`: hosts file and environment of the linking container, and what icc=false lets through."""

from __future__ import annotations

import re

import pytest

from emu.docker import links
from tests.docker.conftest import DockerHost

CHAIN = [
    "-A DOCKER -s 172.17.0.3/32 -d 172.17.0.2/32 -i docker0 -o docker0 -p tcp -m tcp --dport 80 -j ACCEPT",
    "-A DOCKER -s 172.17.0.2/32 -d 172.17.0.3/32 -i docker0 -o docker0 -p tcp -m tcp --sport 80 -j ACCEPT",
    "-A DOCKER -s 172.17.0.3/32 -d 172.17.0.2/32 -i docker0 -o docker0 -p udp -m udp --dport 53 -j ACCEPT",
    "-A DOCKER -s 172.17.0.2/32 -d 172.17.0.3/32 -i docker0 -o docker0 -p udp -m udp --sport 53 -j ACCEPT",
]


def last_lines(docker: DockerHost, container: str) -> list[str]:
    return docker.out("cat /etc/hosts", container).splitlines()[6:]


def linked(docker: DockerHost) -> DockerHost:
    docker.runs("docker run -d --name db -e SECRET=x bb:expose sleep 1000", "docker run -d --name app --link db:database bb sleep 1000")
    return docker


def test_the_linking_container_knows_the_linked_one_and_not_the_other_way(docker: DockerHost) -> None:
    linked(docker)
    db, app = docker.docker.find("db").short_id, docker.docker.find("app").short_id
    assert last_lines(docker, "app") == [f"172.17.0.2\tdatabase {db} db", f"172.17.0.3\t{app}"]
    assert last_lines(docker, "db") == [f"172.17.0.2\t{db}"]
    assert docker.out("ping -c 1 app", "db") == "ping: bad address 'app'"


def test_variables_tell_the_exposed_ports(docker: DockerHost) -> None:
    env = linked(docker).out("env", "app").splitlines()
    assert {line for line in env if line.startswith("DATABASE")} == {
        "DATABASE_PORT=udp://172.17.0.2:53",
        "DATABASE_NAME=/app/database",
        "DATABASE_ENV_SECRET=x",
        "DATABASE_PORT_80_TCP=tcp://172.17.0.2:80",
        "DATABASE_PORT_80_TCP_ADDR=172.17.0.2",
        "DATABASE_PORT_80_TCP_PORT=80",
        "DATABASE_PORT_80_TCP_PROTO=tcp",
        "DATABASE_PORT_53_UDP=udp://172.17.0.2:53",
        "DATABASE_PORT_53_UDP_ADDR=172.17.0.2",
        "DATABASE_PORT_53_UDP_PORT=53",
        "DATABASE_PORT_53_UDP_PROTO=udp",
    }


def test_a_run_of_ports_is_told_as_a_range() -> None:
    found = links.variables("/app/my-db", "10.0.0.2", ((80, "tcp"), (81, "tcp"), (82, "tcp")), [("PATH", "/bin"), ("A", "b")])
    assert found["MY_DB_PORT_80_TCP_START"] == "tcp://10.0.0.2:80"
    assert found["MY_DB_PORT_82_TCP_END"] == "tcp://10.0.0.2:82"
    assert found["MY_DB_PORT"] == "tcp://10.0.0.2:80"
    assert "MY_DB_ENV_PATH" not in found
    assert found["MY_DB_ENV_A"] == "b"


def test_a_new_address_comes_into_the_hosts_file_and_into_new_programs(docker: DockerHost) -> None:
    linked(docker)
    main = docker.docker.find("app").process
    docker.runs("docker stop -t 0 db", "docker run -d --name filler bb sleep 1000", "docker start db")
    assert last_lines(docker, "app")[0].startswith("172.17.0.4\tdatabase ")
    assert "DATABASE_PORT_80_TCP=tcp://172.17.0.4:80" in docker.out("env", "app")
    assert main is not None
    assert main.env["DATABASE_PORT_80_TCP"] == "tcp://172.17.0.2:80"


def test_nothing_runs_in_a_container_whose_link_is_down(docker: DockerHost) -> None:
    linked(docker).runs("docker stop -t 0 db")
    text = "Cannot link to a non running container: /db AS /app/database"
    assert text in docker.out("docker exec app env")
    docker.runs("docker stop -t 0 app")
    assert text in docker.out("docker start app")


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("docker run --link nosuch:x bb true", "could not get container for nosuch: No such container: nosuch."),
        ("docker run --link a:b:c bb true", 'invalid argument "a:b:c" for "--link" flag: bad format for links: a:b:c'),
        ("docker run --network host --link db bb true", "links are only supported for user-defined networks."),
        ("docker run --network container:db --link db bb true", "links are only supported for user-defined networks."),
    ],
)
def test_links_that_cannot_be_are_refused(docker: DockerHost, line: str, text: str) -> None:
    process = linked(docker).run(line)
    assert process.exit_status == 125
    assert text in process.output


def test_without_icc_a_link_opens_the_exposed_ports_both_ways(make_docker: type[DockerHost]) -> None:
    docker = linked(make_docker(icc=False))
    chain = [line for line in docker.out("iptables-save").splitlines() if line.startswith("-A DOCKER -s")]
    assert chain == CHAIN
    docker.runs("docker stop -t 0 app")
    assert "-A DOCKER -s" not in docker.out("iptables-save")


def opened(docker: DockerHost) -> list[str]:
    """`PARENT > CHILD` by the ends of their addresses, of the rules for port 80, in their order."""
    rule = r"-A DOCKER -s 172\.17\.0\.(\d+)/32 -d 172\.17\.0\.(\d+)/32 .* --dport 80"
    return [" > ".join(ends) for ends in re.findall(rule, docker.out("iptables-save"))]


def test_a_linked_container_that_starts_anew_opens_nothing_to_those_that_link_to_it(make_docker: type[DockerHost]) -> None:
    """As recorded: Docker takes the container's own last link for each that leads to it."""
    docker = make_docker(icc=False)
    run = "docker run -d --name"
    docker.runs(f"{run} cc bb:expose sleep 99", f"{run} bb --link cc bb:expose sleep 99", f"{run} aa --link bb bb sleep 99")
    assert opened(docker) == ["3 > 2", "4 > 3"]
    docker.runs("docker stop -t 0 bb")
    assert opened(docker) == ["4 > 3"]
    docker.runs(f"{run} filler bb sleep 99", "docker start bb")
    assert opened(docker) == ["4 > 3", "2 > 5", "5 > 2"]
    docker.runs("docker restart -t 0 aa")
    assert opened(docker) == ["4 > 3", "2 > 5", "5 > 2", "4 > 5"]
    docker.runs("docker stop -t 0 cc bb", "docker start cc bb", "docker stop -t 0 aa")
    assert opened(docker) == ["4 > 3", "2 > 5", "5 > 2", "4 > 5"]


def test_proc_shows_the_environment_that_the_main_program_began_with(docker: DockerHost) -> None:
    linked(docker).runs("docker stop -t 0 db", "docker run -d --name filler bb sleep 1000", "docker start db")
    assert "DATABASE_PORT_80_TCP=tcp://172.17.0.2:80\0" in docker.out("cat /proc/1/environ", "app")
    assert docker.run("cat /proc/77777/environ", "app").exit_status == 1
