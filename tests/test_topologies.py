"""Every lab in topologies/: its expectations hold, two runs give the same bytes, and tshark finds nothing wrong in its captures."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from emu import run
from emu.topology.loader import load_topology
from tests import tshark

LABS = sorted((Path(__file__).parent.parent / "topologies").glob("*.yaml"))

# What tshark's TCP analysis may say of a lab, because the lab is about it.
EXPLAINED = {
    "docker-user-firewall": ("a rule drops the SYN, which is sent again", re.compile(r"SYN.*retransmission")),
    "docker-user-too-wide": ("a rule drops the SYN ACK: both it and the SYN are sent again", re.compile(r"SYN.*retransmission")),
    "flannel-mtu-mismatch": (
        "what is too large is sent again, smaller",
        re.compile("retransmission|Duplicate ACK|[Pp]revious|out-of-order"),
    ),
    "input-firewall": ("a rule drops the SYN, which is sent again", re.compile(r"SYN.*retransmission")),
    "link": ("icc=false drops the SYN, which is sent again", re.compile(r"SYN.*retransmission")),
    "lossy-link": ("segments are lost on purpose", re.compile("retransmission|Duplicate ACK|[Pp]revious segment|out-of-order")),
}


def unexplained(lab: str, findings: tshark.Findings) -> list[str]:
    _, allowed = EXPLAINED.get(lab, ("", None))
    return [*findings.malformed, *findings.checksums, *(line for line in findings.tcp if allowed is None or not allowed.search(line))]


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


@tshark.needs_tshark
@pytest.mark.parametrize("path", LABS, ids=lambda path: path.stem)
def test_tshark_finds_nothing_wrong_in_any_capture(path: Path, tmp_path: Path) -> None:
    result = run(load_topology(path), tmp_path / "run")
    captures = sorted((result.folder / "captures").glob("*.pcap*"))
    assert captures
    found = {capture.name: tshark.check(capture, tcp_analysis=capture.suffix == ".pcap") for capture in captures}
    assert {name: lines for name, findings in found.items() if (lines := unexplained(path.stem, findings))} == {}
