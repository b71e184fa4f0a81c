"""What becomes of neighbours when a carrier goes, as seen on Linux 6.18: a bridge whose last port is down, taken away or deleted."""

from __future__ import annotations

from pathlib import Path

import pytest

from emu.lab import Lab
from tests.labs import lab, ok

SET_UP = """
ip netns add a; ip netns add b
ip -n a link add br0 type bridge; ip -n a addr add 10.1.0.1/24 dev br0; ip -n a link set br0 up
ip -n a link add v0 type veth peer name e0 netns b; ip -n a link set v0 master br0 up
ip -n b addr add 10.1.0.2/24 dev e0; ip -n b link set e0 up
ip netns exec a ping -c 1 10.1.0.2
ip -n a neigh add 10.1.0.9 lladdr 02:00:00:00:00:09 dev br0 nud permanent
"""


@pytest.fixture
def made(tmp_path: Path) -> Lab:
    made = lab(tmp_path, "hosts: { h: {} }\n")
    for line in SET_UP.split("\n")[1:-1]:
        ok(made.run("h", line))
    return made


def neighbours(made: Lab, place: str) -> list[str]:
    return [line.split()[0] for line in made.run("h", f"ip -n {place} neigh").stdout.splitlines()]


def learned(made: Lab) -> list[str]:
    """What `bridge fdb` shows of v0 but for its own address."""
    lines = ok(made.run("h", "ip netns exec a bridge fdb show br br0")).splitlines()
    return sorted(line.strip() for line in lines if "dev v0 master br0" in line and "permanent" not in line)


@pytest.mark.parametrize("line", ["ip -n b link set e0 down", "ip -n a link set v0 down"])
def test_a_bridge_without_carrier_keeps_the_neighbours_that_were_set_by_hand(made: Lab, line: str) -> None:
    assert neighbours(made, "a") == ["10.1.0.2", "10.1.0.9"]
    ok(made.run("h", line))
    assert (neighbours(made, "a"), neighbours(made, "b")) == (["10.1.0.9"], [])


@pytest.mark.parametrize("line", ["ip -n a link set v0 nomaster", "ip -n a link del v0"])
def test_a_bridge_whose_address_went_with_its_last_port_forgets_all_neighbours(made: Lab, line: str) -> None:
    ok(made.run("h", line))
    assert neighbours(made, "a") == []


@pytest.mark.parametrize("line", ["ip -n a link set v0 nomaster", "ip -n a link del v0"])
def test_a_bridge_with_an_address_of_its_own_keeps_those_that_were_set_by_hand(made: Lab, line: str) -> None:
    ok(made.run("h", "ip -n a link set br0 address 02:00:00:00:00:01"))
    ok(made.run("h", "ip netns exec a ping -c 1 10.1.0.2; ip -n a neigh add 10.1.0.9 lladdr 02:00:00:00:00:09 dev br0 nud permanent"))
    ok(made.run("h", line))
    assert neighbours(made, "a") == ["10.1.0.9"]


@pytest.mark.parametrize("line", ["ip -n b link set e0 down", "ip -n a link set v0 down"])
def test_a_bridge_forgets_what_it_learned_at_a_port_that_lost_its_carrier(made: Lab, line: str) -> None:
    ok(made.run("h", "ip netns exec a bridge fdb add 02:00:00:00:00:77 dev v0 master static"))
    assert len(learned(made)) == 2
    ok(made.run("h", line))
    assert learned(made) == ["02:00:00:00:00:77 dev v0 master br0 static"]


def test_neighbours_stay_where_the_sysctl_says_so(made: Lab) -> None:
    ok(made.run("h", "ip netns exec a sysctl -w net.ipv4.conf.br0.arp_evict_nocarrier=0; ip -n b link set e0 down"))
    assert neighbours(made, "a") == ["10.1.0.2", "10.1.0.9"]


def test_a_bridge_tells_of_its_carrier_when_its_only_port_comes_and_goes(made: Lab) -> None:
    ok(made.run("h", "ip -n a link set br0 address 02:00:00:00:00:01"))
    ok(made.run("h", "ip netns exec a ip monitor link > /seen & sleep 1; ip -n a link set v0 nomaster; ip -n a link set v0 master br0"))
    seen = [line for line in made.run("h", "cat /seen").stdout.splitlines() if " br0: " in line]
    assert ["NO-CARRIER" in line for line in seen] == [True, False]
