"""Every `docker` line of the recordings of one host, on a host of their kind: what it prints, and its exit status."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from emu.docker.model import Image
from tests.docker.conftest import DockerHost
from tests.docker.dialogue import shape

RECORDINGS = Path(__file__).parent.parent.parent / "pcaps" / "linux"
NAMES = sorted(path.parent.name for path in RECORDINGS.glob("*/scenario.yaml") if "phase: " not in path.read_text(encoding="utf-8"))
NEEDS_A_WIRE = ("docker exec",)  # what containers do on the wire is compared frame by frame elsewhere


@pytest.mark.parametrize("name", NAMES)
def test_docker_prints_what_was_recorded(name: str) -> None:
    docker = DockerHost()
    ports = ((53, "udp"), (80, "tcp"))
    docker.docker.images.described = {"bb:1": Image("bb:1"), "bb:expose": Image("bb:expose", ports)}
    scenario = yaml.safe_load((RECORDINGS / name / "scenario.yaml").read_text(encoding="utf-8"))
    for step in scenario["steps"]:
        line = step["command"]
        if step["place"] != "host" or not line.startswith("docker ") or any(word in line for word in NEEDS_A_WIRE):
            continue
        process = docker.run(line)
        recorded = shape(step.get("output", ""))
        ours = shape(process.output)
        if line.startswith("docker network prune"):  # in the order of a Go map
            recorded, ours = "\n".join(sorted(recorded.split("\n"))), "\n".join(sorted(ours.split("\n")))
        assert (ours, process.exit_status) == (recorded, step.get("exit", 0)), line
