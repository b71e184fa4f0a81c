"""Labs from text, for tests that tell one story each."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent
from typing import Any

from emu.lab import Lab
from emu.netdev.device import NetDevice
from emu.process import Process
from emu.topology.loader import load_topology
from tests.wires import Seen

TOPOLOGIES = Path(__file__).parent.parent / "topologies"
UP: list[Lab] = []  # of the present test

DOCKER_AND_CLIENT = """
lans:
  lan: { subnet: 192.168.50.0/24 }
hosts:
  docker1:
    interfaces: { eth0: { lan: lan, address: 192.168.50.10/24 } }
    docker: %(docker)s
    compose:
      services: %(services)s
  client:
    interfaces: { eth0: { lan: lan, address: 192.168.50.20/24 } }
"""


def lab(tmp_path: Path, text: str) -> Lab:
    """A lab that is up; conftest.py takes it down when the test has ended."""
    path = tmp_path / "lab.yaml"
    path.write_text(dedent(text))
    made = Lab(load_topology(path))
    UP.append(made)
    made.up()
    return made


def changed(lesson: str, tmp_path: Path, old: str, new: str) -> Lab:
    """A lab of topologies/ with something changed, not up yet."""
    text = (TOPOLOGIES / lesson).read_text()
    assert old in text
    file = tmp_path / "lab.yaml"
    file.write_text(text.replace(old, new))
    return Lab(load_topology(file))


def docker_lab(tmp_path: Path, services: str, docker: str = "{}") -> Lab:
    """`docker1` (192.168.50.10) with these compose services, and `client` (192.168.50.20)."""
    return lab(tmp_path, DOCKER_AND_CLIENT % {"services": services, "docker": docker})


def tap(made: Lab, name: str) -> Seen:
    found = made.find(name)
    assert isinstance(found, NetDevice)
    return Seen(found)


def ok(process: Process) -> str:
    """What it printed; it must have ended well."""
    assert process.exit_status == 0, process.output
    return process.stdout


def layers(seen: Seen, kind: Any) -> list[Any]:
    return [packet[kind] for packet in seen.packets if kind in packet]
