"""For tests of your own, with pytest: a lab as a fixture, and assertions that say in words what is not as recorded.

    from emu.testing import assert_matches_reference, assert_same_capture

    def test_the_published_port(emu_lab):
        lab = emu_lab("topologies/published-port.yaml")
        assert lab.run("client", "curl -s http://192.168.50.10:8080/").exit_status == 0

    def test_nothing_has_changed_on_the_wire():
        assert_matches_reference("topologies/published-port.yaml")
        assert_same_capture("new/host.eth0.pcap", "recorded/host.eth0.pcap")

pytest finds the fixture by itself once emu is installed: this module is its plugin.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from emu.lab import Lab

File = str | PathLike[str]


@pytest.fixture
def emu_lab() -> Iterator[Callable[[File], Lab]]:
    """Gives labs that are up, from topology files; they are ended after the test."""
    from emu.lab import Lab
    from emu.topology.loader import load_topology

    labs: list[Lab] = []

    def make(topology: File) -> Lab:
        lab = Lab(load_topology(topology))
        labs.append(lab)
        lab.up()
        return lab

    yield make
    for lab in labs:
        lab.down()


def assert_same_capture(ours: File, reference: File) -> None:
    """Two captures, or two folders of them, are equal as `emu diff` says."""
    __tracebackhide__ = True
    from emu.observe.compare import compare

    comparison = compare(Path(ours), Path(reference))
    if not comparison.equal:
        pytest.fail(comparison.report(), pytrace=False)


def assert_matches_reference(topology: File) -> None:
    """A run of the topology is as its reference, as `emu check` says."""
    __tracebackhide__ = True
    from emu.check import check
    from emu.topology.loader import load_topology

    result = check(load_topology(topology))
    if not result.ok:
        pytest.fail(result.report(), pytrace=False)
