"""A host with eth0 192.168.50.10/24 that runs Docker, and its command line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from emu import programs
from emu.docker.engine import DockerEngine
from emu.docker.model import Image
from emu.engine import Engine
from emu.host import Host
from emu.netdev.cable import LanSegment
from emu.netdev.nic import Nic
from emu.packet.address import ip, mac
from emu.process import Process
from emu.programs.shell import start

if TYPE_CHECKING:
    from collections.abc import Iterator

DATA = Path(__file__).parent / "data"


ALL: list[DockerHost] = []


class DockerHost:
    """`run` runs a command line on the host (or in a container) to its end."""

    def __init__(self, **daemon: Any) -> None:
        self.engine = Engine()
        self.host = Host(self.engine, "host", programs.find)
        nic = Nic(self.engine, "eth0", mac("02:00:00:00:50:10"))
        LanSegment(self.engine, "lan").plug(nic)
        self.netns = self.host.netns
        self.netns.add_device(nic)
        self.netns.set_up(nic)
        self.netns.add_address(nic, ip("192.168.50.10"), 24)
        self.host.place.files.write("/etc/resolv.conf", "nameserver 192.168.50.1\n")
        images = {"bb": Image("bb"), "bb:expose": Image("bb:expose", expose=((80, "tcp"), (53, "udp")))}
        ALL.append(self)
        self.docker = DockerEngine(self.host, {key.replace("_", "-"): value for key, value in daemon.items()}, images)

    def run(self, line: str, container: str = "") -> Process:
        place = self.docker.find(container).place if container else self.host.place
        assert place is not None
        process = start(place, line)
        self.engine.run(until=process.exited)
        return process

    def out(self, line: str, container: str = "") -> str:
        """Everything that it printed, without the last end of line."""
        return self.run(line, container).output.removesuffix("\n")

    def runs(self, *lines: str) -> None:
        for line in lines:
            process = self.run(line)
            assert process.exit_status == 0, f"{line}: {process.output}"


@pytest.fixture(autouse=True)
def power_off() -> Iterator[None]:
    """At the end of each test: nothing is left running."""
    yield
    while ALL:
        ALL.pop().docker.down()


@pytest.fixture
def docker() -> DockerHost:
    return DockerHost()


@pytest.fixture
def make_docker() -> type[DockerHost]:
    """For a daemon.json of one's own: `make_docker(icc=False)`."""
    return DockerHost
