"""Every lab in topologies/: its expectations hold, two runs give the same bytes, and tshark finds nothing wrong in its captures."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from emu.run import run
from emu.topology.loader import load_topology
from tests.tshark import TSHARK, complaints

TOPOLOGIES = sorted(path for path in (Path(__file__).parent.parent / "topologies").rglob("*.yaml") if not path.name.startswith("_"))
LABS = [path for path in TOPOLOGIES if path.parent.name == "topologies"]


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("path", LABS, ids=lambda path: path.stem)
def test_a_lab_does_what_it_says_and_twice_the_same(path: Path, tmp_path: Path) -> None:
    first = run(load_topology(path), tmp_path / "first")
    assert first.ok, first.problems or first.stopped
    run(load_topology(path), tmp_path / "second")
    one, two = contents(tmp_path / "first"), contents(tmp_path / "second")
    assert one.keys() == two.keys()
    assert [name for name in one if one[name] != two[name]] == []


@pytest.mark.skipif(shutil.which(TSHARK) is None, reason="tshark is not installed")
@pytest.mark.parametrize("path", LABS, ids=lambda path: path.stem)
def test_tshark_finds_nothing_wrong_in_any_capture(path: Path, tmp_path: Path) -> None:
    result = run(load_topology(path), tmp_path / "run")
    captures = sorted((result.folder / "captures").glob("*.pcap*"))
    assert captures
    assert {capture.name: found for capture in captures if (found := complaints(capture))} == {}
