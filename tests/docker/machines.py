"""Hosts h1, h2 … on one segment, 192.168.60.11 and on, each with a Docker engine; they share a store."""

from __future__ import annotations

from typing import Any

from emu import programs
from emu.docker.drivers.overlay import OverlayState
from emu.docker.engine import DockerEngine
from emu.docker.model import Image
from emu.engine import Engine
from emu.host import Host
from emu.netdev.cable import LanSegment
from emu.netdev.nic import Nic
from emu.packet.address import ip, mac
from emu.process import Process
from emu.programs.shell import start
from emu.store.store import Store

SLEEPER = "bb sleep 100000"


class Machines:
    def __init__(self, count: int = 2, **daemon: Any) -> None:
        self.engine = Engine()
        self.store = Store(self.engine)
        self.lan = LanSegment(self.engine, "lan")
        self.hosts: dict[str, Host] = {}
        for number in range(1, count + 1):
            host = self.hosts[f"h{number}"] = Host(self.engine, f"h{number}", programs.find)
            host.store, host.peers = self.store, self.hosts
            nic = Nic(self.engine, "eth0", mac(f"02:00:00:00:60:1{number}"))
            self.lan.plug(nic)
            host.netns.add_device(nic)
            host.netns.set_up(nic)
            host.netns.add_address(nic, ip(f"192.168.60.1{number}"), 24)
        keys = {key.replace("_", "-"): value for key, value in daemon.items()}
        for host in self.hosts.values():
            DockerEngine(host, keys, {"bb": Image("bb")})

    def run(self, place: str, line: str) -> Process:
        """On a host, in a container (`h1/c1`), or in a namespace of Docker's (`h1/sbox-ov1`)."""
        name, _, inner = place.partition("/")
        host = self.hosts[name]
        where = host.place
        if inner:
            sandboxes = {place.name: place for place in host.docker.sandboxes.values()}
            where = sandboxes.get(place) or host.docker.find(inner).place
        process = start(where, line)
        self.engine.run(until=process.exited)
        return process

    def out(self, place: str, line: str) -> str:
        """Everything that it printed, without the last end of line."""
        return self.run(place, line).output.rstrip("\n")

    def does(self, place: str, *lines: str) -> None:
        for line in lines:
            process = self.run(place, line)
            assert process.exit_status == 0, f"{place}$ {line}: {process.output}"

    def swarm(self) -> None:
        """h1 is its manager."""
        self.does("h1", "docker swarm init")
        token = self.out("h1", "docker swarm join-token -q worker")
        for name in list(self.hosts)[1:]:
            self.does(name, f"docker swarm join --token {token} 192.168.60.11:2377")

    def state(self, host: str, network: str) -> OverlayState | None:
        """What a host has of a network, apart from the list entry."""
        found: OverlayState | None = self.hosts[host].docker.networks.find(network).state
        return found

    def close(self) -> None:
        for host in self.hosts.values():
            host.docker.down()
