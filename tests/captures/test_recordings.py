"""emu against captures and state dumps of real Linux and Docker: every topology that has a reference, every capture point, every frame."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
import yaml

from emu.check import CheckResult, check
from emu.observe.accepted import read_accepted
from emu.topology.loader import load_topology

ROOT = Path(__file__).parent.parent.parent
TOPOLOGIES = sorted(path for path in (ROOT / "topologies").rglob("*.yaml") if "\nreference:" in path.read_text(encoding="utf-8"))
RECORDINGS = ROOT / "pcaps" / "linux"


@cache
def checked(path: Path) -> CheckResult:
    return check(load_topology(path))


@pytest.mark.parametrize("path", TOPOLOGIES, ids=lambda path: path.stem)
def test_a_recording_is_reproduced_frame_by_frame_and_state_by_state(path):
    result = checked(path)
    assert result.ok, result.report()


def test_every_recording_has_a_topology():
    compared = {Path(load_topology(path).reference.folder).resolve() for path in TOPOLOGIES}
    assert compared >= {path.parent.resolve() for path in RECORDINGS.glob("*/scenario.yaml")}


def test_a_recording_is_compared_at_all_its_capture_points():
    for path in TOPOLOGIES:
        reference = load_topology(path).reference
        recorded = yaml.safe_load((Path(reference.folder) / "scenario.yaml").read_text(encoding="utf-8"))["captures"] or []
        assert set(reference.captures) == {each["file"].removesuffix(".pcap") for each in recorded}, path


def test_what_all_recordings_may_differ_in_does_occur():
    occurred = {entry.source for path in TOPOLOGIES for _, entry in checked(path).comparison.accepted}
    shared = [entry for entry in read_accepted(RECORDINGS / "bridge-ping") if entry.shared]
    assert len(shared) > 3
    assert [entry.source for entry in shared if entry.source not in occurred] == []
