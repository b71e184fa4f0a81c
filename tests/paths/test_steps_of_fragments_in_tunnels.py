"""Fragments that go into a tunnel, and outer packets that are cut themselves: each is told where it happened, once."""

from __future__ import annotations

from emu.lab import Lab
from emu.observe.journey import Decapsulated, Encapsulated, Hop, Journey, Size, Step
from emu.observe.journey_text import step_text
from emu.topology.loader import load_topology
from tests.labs import UP
from tests.paths.test_dispositions import run, traced
from tests.paths.test_drop_reasons import net
from tests.paths.test_steps_in_order import NESTED, TOPOLOGIES, VXLAN, tunnels
from tests.paths.test_steps_of_routers import CONNTRACK, words

INTO = "into vxlan vni 42 10.0.1.2 > 10.0.2.2"
OUT_OF = "out of vxlan vni 42 10.0.1.2 > 10.0.2.2"


def told_of(journey: Journey, *kinds: type[Step]) -> list[tuple[str, str, str]]:
    return [(hop.at, hop.direction, step_text(step)) for hop, step in journey.steps() if isinstance(step, kinds)]


def hops_at(journey: Journey, at: str) -> list[Hop]:
    return [hop for hop in journey.hops if hop.at == at]


def test_fragments_that_wait_for_the_neighbour_below_the_tunnel_go_into_it_each(tmp_path):
    made = net(tmp_path)
    tunnels(made, (*VXLAN, "ip link set v mtu 1450"))
    run(made, ("left$ ping -c 1 10.8.0.2", "left$ ip neigh flush dev eth0", f"left$ {CONNTRACK}"))
    probe = traced(made, "left", "10.8.0.2", size=2000).probe
    assert told_of(probe, Encapsulated, Size) == [
        ("left/v", "out", "fragmented"), ("left/v", "out", INTO), ("left/v", "out", INTO), ("right/v", "in", "reassembled"),
    ]  # fmt: skip
    first, second = hops_at(probe, "left/v")
    assert [step_text(step).split()[0] for step in first.steps] == [
        "route", "conntrack", "filter", "fragmented", "into", "route", "conntrack", "filter", "waits",
    ]  # fmt: skip
    assert words(second) == ["route", "conntrack", "filter"]
    assert told_of(probe, Decapsulated) == [("right/v", "in", OUT_OF)] * 2


def test_a_packet_that_was_put_together_and_goes_into_a_tunnel_is_cut_once_and_not_put_together_there(tmp_path):
    made = net(tmp_path)
    tunnels(made, (*VXLAN, "ip link set v mtu 1450"))
    run(made, (
        f"left$ {CONNTRACK}", "left$ sysctl -w net.ipv4.ip_forward=1", "left$ ip netns add c",
        "left$ ip link add a type veth peer name b", "left$ ip link set b netns c", "left$ ip addr add 10.9.0.1/24 dev a",
        "left$ ip link set a up", "left$ ip netns exec c ip addr add 10.9.0.2/24 dev b", "left$ ip netns exec c ip link set b up",
        "left$ ip netns exec c ip route add default via 10.9.0.1", "right$ ip route add 10.9.0.0/24 via 10.8.0.1",
    ))  # fmt: skip
    told = traced(made, "left/netns/c", "10.8.0.2", size=2000)
    assert told.answered
    sizes = [each for each in told_of(told.probe, Size, Encapsulated) if each[0].startswith("left/") and "netns" not in each[0]]
    assert sizes == [("left/a", "in", "reassembled"), ("left/v", "out", "fragmented"), *[("left/v", "out", INTO)] * 2]


def test_fragments_that_a_program_takes_from_a_tunnel_one_after_the_other_have_one_route_into_it(tmp_path):
    made = Lab(load_topology(TOPOLOGIES / "flannel-udp.yaml"))
    UP.append(made)
    made.up_with_steps()
    first, second = hops_at(traced(made, "c1", "c2", size=1460).probe, "h1/flannel0")
    assert words(first) == []
    assert words(second)[:2] == ["route", "conntrack"]


def test_an_outer_packet_that_is_cut_is_told_once_and_has_its_vni_on_both_sides(tmp_path):
    made = net(tmp_path)
    tunnels(made, (*VXLAN, "ip link set v mtu 3000"))
    probe = traced(made, "left", "10.8.0.2", size=2000).probe
    assert told_of(probe, Encapsulated, Decapsulated) == [("left/v", "out", INTO), ("right/v", "in", OUT_OF)]
    assert told_of(probe, Size) == [("left/eth0", "out", "fragmented"), ("right/eth0", "in", "reassembled")]


def test_fragments_in_a_tunnel_in_a_tunnel_tell_both_at_their_devices(tmp_path):
    made = net(tmp_path)
    tunnels(made, (*NESTED, "ip link set v mtu 1430"))
    told = traced(made, "left", "10.8.0.2", size=2000)
    assert told.answered
    inner, outer = "into vxlan vni 42 10.7.0.1 > 10.7.0.2", "into ipip 10.0.1.2 > 10.0.2.2"
    assert sorted(told_of(told.probe, Encapsulated)) == [("left/i", "out", outer)] * 2 + [("left/v", "out", inner)] * 2
