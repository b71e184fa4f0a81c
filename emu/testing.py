"""For tests of your own, with pytest: a lab as a fixture, and assertions that say in words what is not as recorded.

    from emu.testing import assert_matches_reference, assert_same_capture

    def test_the_published_port(emu_lab):
        lab = emu_lab("published-port.yaml")
        assert lab.run("client", "curl -s http://192.168.50.10:8080/").exit_status == 0

    def test_nothing_has_changed_on_the_wire():
        assert_matches_reference("published-port.yaml")
        assert_same_capture("new/host.eth0.pcap", "recorded/host.eth0.pcap")

Files count from the folder of the test that names them; what is not there, from the working directory.
pytest finds the fixture by itself once emu is installed: this module is its plugin.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from emu.lab import Lab

File = str | PathLike[str]


def _beside(folder: Path, file: File) -> Path:
    """The file in a folder, if it is there."""
    return folder / file if (folder / file).exists() else Path(file)


def _beside_caller(file: File) -> Path:
    """The file beside that of the test which called the function that asks."""
    return _beside(Path(sys._getframe(2).f_code.co_filename).parent, file)


@pytest.fixture
def emu_lab(request: pytest.FixtureRequest) -> Iterator[Callable[[File], Lab]]:
    """Gives labs that are up, from topology files, beside the test's or by their paths; they are ended after the test."""
    from emu.lab import Lab
    from emu.topology.loader import load_topology

    labs: list[Lab] = []

    def make(topology: File) -> Lab:
        lab = Lab(load_topology(_beside(request.path.parent, topology)))
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

    comparison = compare(_beside_caller(ours), _beside_caller(reference))
    if not comparison.equal:
        pytest.fail(comparison.report(), pytrace=False)


def assert_matches_reference(topology: File) -> None:
    """A run of the topology is as its reference, as `emu check` says."""
    __tracebackhide__ = True
    from emu.check import check
    from emu.topology.loader import load_topology

    result = check(load_topology(_beside_caller(topology)))
    if not result.ok:
        pytest.fail(result.report(), pytrace=False)
