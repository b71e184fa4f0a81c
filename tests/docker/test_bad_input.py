"""Whatever is typed after `docker`: a status and a text, never an exception."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.docker.conftest import DockerHost

COMMANDS = ["run -d", "create", "ps", "inspect", "port", "logs", "start", "stop -t 0", "restart -t 0", "kill", "rm", "exec"]
NETWORK = ["ls", "inspect", "create", "rm", "connect", "disconnect", "prune -f"]
FLAGS = [
    "-p", "-P", "-e", "-f", "-a", "-q", "-s", "-h", "-x", "--", "--name", "--network", "--net=app", "--ip", "--mac-address",
    "--expose", "--rm", "--format", "--filter", "--subnet", "--gateway", "--ip-range", "--aux-address", "-o", "--internal",
    "--add-host", "--dns", "--sysctl", "--restart", "--link", "--network-alias",
]  # fmt: skip
WORDS = [
    "bb", "sleep", "100", "true", "box", "web", "app", "bridge", "host", "none", "container:box", "container:", "8080:80", "80", "0",
    "99999", "127.0.0.1::53/udp", "1:2/sctp", "7000-7010", "9-8", "10.1.0.0/24", "10.1.0.0/33", "10.1.0.1", "300.0.0.1", "x=y", "=",
    "", " ", "é", "{{.Name}}", "{{json .}}", "{{range .}}", "{{", "table {{.ID}}", "name=(", "net.ipv4.ip_forward=x",
    "com.docker.network.driver.mtu=-3", "com.docker.network.bridge.enable_icc=maybe", "com.docker.network.bridge.name=docker0",
    "on-failure:2", "a:host-gateway",
]  # fmt: skip
LINES = st.tuples(
    st.sampled_from([*COMMANDS, *(f"network {name}" for name in NETWORK)]).map(str.split),
    st.lists(st.sampled_from(FLAGS + WORDS), max_size=6),
).map(lambda pair: ["docker", *pair[0], *pair[1]])


@settings(max_examples=60)
@given(st.lists(LINES, max_size=8))
def test_no_command_line_breaks_the_engine(lines: list[list[str]]) -> None:
    docker = DockerHost()
    docker.runs("docker network create app", "docker run -d --name box --network app bb sleep 1000")
    for argv in lines:
        process = docker.host.place.start(argv)
        docker.engine.run(until=process.exited, until_ns=docker.engine.now + 1_000_000_000)
        if process.exit_status not in (0, None):
            assert process.stderr or process.stdout or argv[1] in ("exec", "run")
    docker.docker.down()
