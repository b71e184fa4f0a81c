"""An ARP request that goes through a tunnel and is not answered: a trace names the tunnel that it went into."""

from __future__ import annotations

import pytest

from emu.trace import trace_text
from tests.labs import lab
from tests.paths.test_dispositions import run, traced

BRIDGED = """
name: bridged
lans: { lan: { subnet: 192.168.60.0/24 } }
hosts:
  h1: { interfaces: { eth0: { lan: lan, address: 192.168.60.11/24 } } }
  h2: { interfaces: { eth0: { lan: lan, address: 192.168.60.12/24 } } }
steps: []
"""


def containers_on(tmp_path, remote: str, number: int):
    """A container on a bridge of each host; VXLAN 42 joins h1's to the remote, h2's has the number given."""
    made = lab(tmp_path, BRIDGED)
    for host, end, vni, dst in (("h1", 1, 42, remote), ("h2", 2, number, "192.168.60.11")):
        run(made, (
            f"{host}$ ip netns add c", f"{host}$ ip link add vc type veth peer name eth0 netns c", f"{host}$ ip link add br type bridge",
            f"{host}$ ip link set vc master br up", f"{host}$ ip link set br up",
            f"{host}$ ip netns exec c ip link set eth0 up", f"{host}$ ip netns exec c ip addr add 10.3.0.{end}/24 dev eth0",
            f"{host}$ ip link add v type vxlan id {vni} dstport 4789 local 192.168.60.1{end} dev eth0",
            f"{host}$ ip link set v master br up",
            f"{host}$ bridge fdb append 00:00:00:00:00:00 dev v dst {dst}",
        ))  # fmt: skip
    return made


@pytest.mark.parametrize(
    ("remote", "number", "ending"),
    [
        ("192.168.60.12", 43, "dropped at h2/eth0: no VXLAN device with this VNI and port"),
        ("192.168.60.99", 42, "dropped at h1/eth0: the neighbour does not answer ARP"),
    ],
)
def test_a_question_that_died_in_a_tunnel_names_the_tunnel(remote, number, ending, tmp_path):
    text = trace_text(traced(containers_on(tmp_path, remote, number), "h1/netns/c", "10.3.0.2"))
    assert f"who has 10.3.0.2? tell 10.3.0.1; into vxlan vni 42 192.168.60.11 > {remote}; no answer; {ending}" in text


def test_a_question_that_was_answered_through_a_tunnel_is_told_without_it(tmp_path):
    text = trace_text(traced(containers_on(tmp_path, "192.168.60.12", 42), "h1/netns/c", "10.3.0.2"))
    assert "who has 10.3.0.2? tell 10.3.0.1; #" in text
