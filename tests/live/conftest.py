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
def routed(both: Both) -> Both:
    """left 10.0.1.2 - router - 10.0.2.2 right, where the router's right side takes 1400 bytes; captured at both ends."""
    both.wire("left:eth0", "router:eth0")
    both.wire("router:eth1", "right:eth0", mtu=1400)
    both.run("left", "ip addr add 10.0.1.2/24 dev eth0", "ip route add default via 10.0.1.1")
    both.run("router", "ip addr add 10.0.1.1/24 dev eth0", "ip addr add 10.0.2.1/24 dev eth1", "sysctl -w net.ipv4.ip_forward=1")
    both.run("right", "ip addr add 10.0.2.2/24 dev eth0", "ip route add default via 10.0.2.1")
    both.capture("left:eth0", "right:eth0")
    return both


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
