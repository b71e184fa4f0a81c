"""`both` is an empty network on the machine and in emu; without root or the tools the test is skipped, and says why."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live import machine
from tests.live.both import Both


def _need(reason: str) -> None:
    if reason:
        pytest.skip(reason)


@pytest.fixture
def both(tmp_path: Path) -> Iterator[Both]:
    _need(machine.missing())
    with machine.Machine() as here:
        yield Both(here, tmp_path)


@pytest.fixture
def bridge_support() -> None:
    _need(machine.missing() or machine.missing_bridge())


@pytest.fixture
def macvlan_support() -> None:
    _need(machine.missing() or machine.missing_macvlan())


@pytest.fixture
def vxlan_support() -> None:
    _need(machine.missing() or machine.missing_bridge() or machine.missing_vxlan())


@pytest.fixture
def iptables_support() -> None:
    _need(machine.missing() or machine.missing_iptables())
