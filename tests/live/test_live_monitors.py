"""The programs that watch, beside the real ones: the same changes, the same lines. Needs root; see conftest.py."""

from __future__ import annotations

import shutil

import pytest

from tests.live.both import Both

needs_conntrack = pytest.mark.skipif(shutil.which("conntrack") is None, reason="conntrack is not installed")


def watched(program: str, *lines: str) -> str:
    """One command line: the program in the background, then the others, each with time for what it causes."""
    return f"timeout 4 {program} & sleep 0.5; " + "".join(f"{line} > /dev/null; sleep 0.2; " for line in lines) + "wait"


@pytest.fixture
def pair(both: Both) -> Both:
    both.wire("left:eth0", "right:eth0")
    both.run("right", "ip addr add 10.0.0.2/24 dev eth0")
    return both


def test_ip_monitor_tells_of_addresses_and_their_routes(pair: Both) -> None:
    lines = ["ip addr add 10.0.0.1/24 dev eth0", "ip addr add 10.0.0.7/24 dev eth0", "ip route add 10.9.0.0/16 via 10.0.0.2"]
    lines += [
        "ip route replace 10.9.0.0/16 via 10.0.0.2 src 10.0.0.1",
        "ip route add blackhole 10.6.0.0/16",
        "ip addr del 10.0.0.1/24 dev eth0",
    ]
    pair.run("left", watched("ip monitor address route label", *lines))


def test_ip_monitor_tells_of_neighbours(pair: Both) -> None:
    pair.run("left", "ip addr add 10.0.0.1/24 dev eth0")
    lines = ["ping -c 1 10.0.0.2", "ip neigh add 10.0.0.5 lladdr 02:00:00:00:00:05 dev eth0", "ip neigh del 10.0.0.5 dev eth0"]
    lines += ["ip neigh replace 10.0.0.6 lladdr 02:00:00:00:00:06 nud stale dev eth0", "ip neigh flush to 10.0.0.6 dev eth0"]
    pair.run("left", watched("ip monitor neigh", *lines))
    pair.run("left", watched("ip monitor neigh route", "ip link set eth0 down"))


def test_ip_monitor_tells_of_a_link_s_changes(pair: Both) -> None:
    lines = ["ip link set eth0 mtu 1400", "ip link set eth0 promisc on", "ip link set eth0 down", "ip link set eth0 name lan0"]
    pair.run("left", f"({watched('ip monitor link dev eth0', *lines)}) | sed 's/ link-netns.*//'")


@pytest.mark.usefixtures("bridge_support")
def test_bridge_monitor_tells_of_what_is_learned_and_set(pair: Both) -> None:
    pair.run("left", "ip link add br0 address 02:00:00:00:00:b0 type bridge", "ip link set br0 up")
    lines = [
        "ip link set eth0 master br0",
        "bridge fdb add 02:00:00:00:00:77 dev eth0 master",
        "bridge fdb del 02:00:00:00:00:77 dev eth0 master",
    ]
    pair.run("left", watched("bridge monitor fdb", *lines))


@needs_conntrack
@pytest.mark.usefixtures("iptables_support")
def test_conntrack_tells_of_the_same_events(pair: Both) -> None:
    pair.run("left", "ip addr add 10.0.0.1/24 dev eth0", "iptables -A INPUT -m conntrack --ctstate NEW,ESTABLISHED -j ACCEPT")
    pair.serve("right", "tcp-echo 0.0.0.0 7")
    lines = ["ping -c 1 10.0.0.2", "tcp-send --hold 0.2 10.0.0.2 7 hello", "tcp-send 10.0.0.2 9 hello"]
    # A time is one second less when the kernel's clock ticks between the packet and the event.
    ticks = "-e 's/ 119 / 120 /' -e 's/ 59 / 60 /' -e 's/ 29 / 30 /' -e 's/ 431999 / 432000 /'"
    names = f"sed -e 's/id=[0-9]*/id=N/g' -e 's/port=[0-9][0-9][0-9][0-9]*/port=N/g' {ticks}"
    pair.run("left", f"({watched('conntrack -E', *lines)}) | {names}")
