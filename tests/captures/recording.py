"""Play a recording's steps in a lab, capturing where the recording did, under its file names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from emu.engine import SECOND
from emu.lab import Lab
from emu.netdev.device import Direction, NetDevice
from emu.netdev.veth import Veth
from emu.observe import pcap
from emu.packet.frame import Frame
from emu.process import Place
from emu.programs import shell
from emu.topology.loader import load_topology

HERE = Path(__file__).parent
RECORDINGS = HERE.parent.parent / "pcaps" / "linux"
# Where the recording's shell does more than emu's does yet, the line that means the same.
MEANS = {"busybox httpd -f -p 80 -h $(dirname $(command -v udp-send))/../www &": "httpd -f -p 80 -h /www &"}
AFTERWARDS_NS = 7 * SECOND  # the recordings wait this long for ARP probes


def scenarios() -> list[str]:
    return sorted(path.parent.name for path in RECORDINGS.glob("*/scenario.yaml"))


class Recording:
    """One scenario: what was done, and what was captured where."""

    def __init__(self, name: str) -> None:
        self.folder = RECORDINGS / name
        self.data: dict[str, Any] = yaml.safe_load((self.folder / "scenario.yaml").read_text())

    def play(self, folder: Path) -> list[str]:
        """Do the same in a lab and write the captures into `folder`; what the steps did otherwise, in words."""
        folder.mkdir(parents=True, exist_ok=True)
        lab = Lab(load_topology(HERE / "lan.yaml"))
        lab.up()
        setup = [step for step in self.data["steps"] if "at" not in step]
        timed = [step for step in self.data["steps"] if "at" in step]
        problems = [problem for step in setup for problem in self._do(lab, step)]
        zero = lab.engine.now
        frames = {capture["file"]: self._tap(lab, capture) for capture in self.data["captures"]}
        for step in timed:
            lab.engine.run(until_ns=max(lab.engine.now, zero + round(step["at"] * SECOND)))
            problems += self._do(lab, step)
        lab.engine.run(until_ns=lab.engine.now + AFTERWARDS_NS)
        for name, seen in frames.items():
            pcap.write(folder / name, ((when, frame.wire) for when, frame in seen))
        lab.down()
        return problems

    def _do(self, lab: Lab, step: dict[str, Any]) -> list[str]:
        line = MEANS.get(step["command"], step["command"])
        place = self._place(lab, step["place"])
        process = shell.start(place, line)
        if line.endswith("&"):
            lab.advance(0.01)
            return []
        lab.engine.run(until=process.exited)
        if process.exit_status != step["exit"]:
            return [f"{step['place']}$ {line}: exit status {process.exit_status}, recorded {step['exit']}\n{process.output}"]
        return []

    @staticmethod
    def _place(lab: Lab, name: str) -> Place:
        if name in lab.hosts:
            return lab.hosts[name].place
        container, _, own_programs = name.partition("/")
        place = lab.place(f"host/{container}")
        if not own_programs:
            return place
        beside = Place(lab.engine, place.name, place.netns, "host", lab.find_program)  # the machine's programs in the container's namespace
        beside.host = lab.hosts["host"]
        return beside

    def _tap(self, lab: Lab, capture: dict[str, Any]) -> list[tuple[int, Frame]]:
        seen: list[tuple[int, Frame]] = []

        def tap(dev: NetDevice, direction: Direction, frame: Frame) -> None:
            seen.append((dev.engine.now, frame))

        self._device(lab, capture["file"].removesuffix(".pcap")).taps.append(tap)
        return seen

    @staticmethod
    def _device(lab: Lab, point: str) -> NetDevice:
        """`host.veth-web`, `host.br-red`, `web.eth0`: the device that a capture file stands for."""
        place, _, interface = point.partition(".")
        if place != "host":
            return (lab.hosts[place].place if place in lab.hosts else lab.place(f"host/{place}")).netns.device(interface)
        host = lab.hosts["host"]
        if interface.startswith("veth-"):
            container, _, name = interface.removeprefix("veth-").partition("-")
            inside = lab.place(f"host/{container}").netns.device(name or "eth0")
            assert isinstance(inside, Veth)
            assert inside.peer is not None
            return inside.peer
        if interface.startswith("br-"):
            network = host.docker.networks.find(interface.removeprefix("br-"))
            return host.netns.device(f"br-{network.id[:12]}")
        return host.netns.device(interface)
