"""What a trace says of a hop stands in the order in which it happened, and is what the kernel decided there."""

from __future__ import annotations

from pathlib import Path

import pytest

from emu.errors import EmuError
from emu.lab import Lab
from emu.observe.journey import Bridged, Encapsulated, Hop, Journey, Routed, Size, Step, Translated
from emu.observe.journey_text import journey_lines, step_text
from emu.observe.reconstruct import reconstruct
from emu.probe import Trace
from emu.probe_ends import find_origin
from emu.topology.loader import load_topology
from emu.trace import trace_text
from tests.labs import UP, docker_lab, lab
from tests.paths.test_dispositions import run, traced
from tests.paths.test_drop_reasons import net, watched

TOPOLOGIES = Path(__file__).parents[2] / "topologies"
WEB = "{ web: { image: nginx, ports: ['8080:80'], network_mode: bridge }, box: { image: busybox, network_mode: bridge, tty: true } }"
NO_PROXY = "{ userland-proxy: false }"


def hop_at(journey: Journey, at: str, direction: str = "in") -> Hop:
    return next(hop for hop in journey.hops if (hop.at, hop.direction) == (at, direction))


def kinds(steps: list[Step]) -> list[str]:
    return [step.kind for step in steps if step.kind not in ("link", "ttl")]


def texts(hop: Hop) -> list[str]:
    return [step_text(step) for step in hop.steps]


def port_of(made, container: str) -> str:
    """The host's end of the container's veth."""
    peer = made.find(f"docker1/{container}/eth0").peer
    return peer.label


def test_a_bridge_decides_behind_prerouting(tmp_path):
    made = docker_lab(tmp_path, WEB)
    told = traced(made, "box", "client")
    hop = hop_at(told.probe, port_of(made, "box"))
    assert kinds(hop.steps) == ["conntrack", "chain", "bridge"]
    assert texts(hop)[-1] == "bridge docker0: to the host"


def turned(made) -> Trace:
    told = traced(made, "box", "192.168.50.10:8080")
    assert told.answered
    assert not any(hop.device == "docker0" and hop.direction == "in" and not hop.copy for hop in told.probe.hops)
    return told


def test_dnat_turns_a_bridged_frame_to_the_container_s_port(tmp_path):
    made = docker_lab(tmp_path, WEB, docker=NO_PROXY)
    made.run("docker1", "ping -c 1 172.17.0.2")  # its MAC address is known
    hop = hop_at(turned(made).probe, port_of(made, "box"))
    assert kinds(hop.steps)[:6] == ["conntrack", "chain", "nat", "route", "bridge", "chain"]
    assert Bridged("docker0", "forward", [port_of(made, "web").rpartition("/")[2]]) in hop.steps
    assert Routed("unicast", "172.17.0.2", "", "docker0", "172.17.0.0/16") in hop.steps


def test_a_frame_that_dnat_turns_waits_for_the_neighbour_at_the_bridge(tmp_path):
    made = docker_lab(tmp_path, WEB, docker=NO_PROXY)
    made.run("docker1", "ip neigh flush dev docker0")
    probe = turned(made).probe
    hop = hop_at(probe, port_of(made, "box"))
    assert kinds(hop.steps) == ["conntrack", "chain", "nat", "route", "neighbour"]
    assert [step.dst for step in hop.steps if isinstance(step, Routed)] == ["172.17.0.2"]
    assert any(isinstance(step, Bridged) for step in hop_at(probe, "docker1/docker0", "out").steps)


def test_a_bridge_s_decision_about_what_the_host_sends_is_told(tmp_path):
    made = docker_lab(tmp_path, WEB)
    made.run("docker1", "ping -c 1 172.17.0.2")
    told = traced(made, "docker1", "172.17.0.2")
    assert texts(hop_at(told.probe, "docker1/docker0", "out"))[-1] == f"bridge docker0: to {port_of(made, 'web').rpartition('/')[2]}"


def test_dnat_in_output_has_a_route_before_and_one_behind(tmp_path):
    made = docker_lab(tmp_path, WEB, docker=NO_PROXY)
    told = traced(made, "docker1", "127.0.0.1:8080")
    steps = hop_at(told.probe, "docker1/docker0", "out").steps
    assert [step.dst for step in steps if isinstance(step, Routed)] == ["127.0.0.1", "172.17.0.2"]
    assert kinds(steps)[:5] == ["route", "conntrack", "chain", "nat", "route"]


def test_the_nat_of_an_error_stands_where_it_is_translated(tmp_path):
    made = docker_lab(tmp_path, WEB)
    told = traced(made, "box", "client:9/udp")
    (error,) = told.answers
    assert kinds(hop_at(error, "docker1/eth0").steps)[:3] == ["conntrack", "nat", "route"]
    assert [step.before for _, step in error.steps() if isinstance(step, Translated)] == ["192.168.50.10"]


def test_translations_that_change_nothing_are_not_told(tmp_path):
    made = net(tmp_path)
    run(made, ("left$ iptables -t nat -A OUTPUT -p tcp --dport 80 -j REDIRECT --to-ports 8080", "left$ httpd -f -p 8080 &"))
    told = traced(made, "left", "right:80")
    translated = [(step.before, step.after) for _, step in told.probe.steps() if isinstance(step, Translated)]
    assert translated == [("10.0.2.2:80", "127.0.0.1:8080")]
    assert [step.dst for _, step in told.probe.steps() if isinstance(step, Routed)][:2] == ["10.0.2.2", "127.0.0.1"]


def test_a_macvlan_s_parent_chooses_no_route(tmp_path):
    made = docker_lab(tmp_path, WEB)
    for line in (
        "ip netns add pod", "ip link add m link eth0 netns pod type macvlan mode bridge", "ip -n pod addr add 192.168.50.77/24 dev m",
        "ip -n pod link set m up",
    ):  # fmt: skip
        assert made.run("docker1", line).exit_status == 0, line
    told = traced(made, "client", "192.168.50.77")
    assert told.answered
    assert kinds(hop_at(told.probe, "docker1/eth0").steps) == []


def test_a_route_has_the_name_that_its_device_had_at_that_moment(tmp_path):
    made = net(tmp_path)
    recorder = watched(made)
    for line in ("ping -c 1 10.0.1.2", "ip link set eth0 down", "ip link set eth0 name lan", "ip link set lan up", "ping -c 1 10.0.1.2"):
        run(made, (f"router$ {line}",))
    recorder.stop()
    routed = {(hop.at, step.dev) for each in reconstruct(recorder) for hop, step in each.steps() if isinstance(step, Routed)}
    assert {each for each in routed if each[0].startswith("router/")} >= {("router/eth0", "eth0"), ("router/lan", "lan")}
    assert ("router/eth0", "lan") not in routed


def test_a_route_that_a_router_has_redirected_is_told(tmp_path):
    made = net(tmp_path)
    run(made, ("left$ ping -c 1 10.0.1.1",))
    made.namespaces()["left"].ipv4.routing.redirect(b"\x0a\x00\x02\x02", b"\x0a\x00\x01\x09")
    assert "route 10.0.2.2 via 10.0.1.9 dev eth0 (redirected)" in [
        step_text(step) for _, step in traced(made, "left", "right").probe.steps()
    ]


@pytest.mark.parametrize(
    ("before", "target", "route"),
    [
        (("router$ ip link set eth1 mtu 1000",), "right", "route 10.0.2.2 dev eth1 (10.0.2.0/24)"),
        (("router$ ip route add blackhole 10.3.0.0/16",), "10.3.0.1", "route blackhole 10.3.0.1 (10.3.0.0/16)"),
        ((), "10.0.1.255", "route broadcast 10.0.1.255 dev eth0"),
        ((), "255.255.255.255", "route broadcast 255.255.255.255 dev eth0"),
        ((), "224.0.0.1", "route multicast 224.0.0.1 dev eth0"),
    ],
)
def test_what_ended_behind_the_routing_decision_tells_the_route(before, target, route, tmp_path):
    made = net(tmp_path)
    run(made, before)
    told = traced(made, "left", target, size=1200)
    steps = hop_at(told.probe, "router/eth0").steps
    assert [step.kind for step in steps if step.kind in ("route", "drop")] == ["route", "drop"]
    assert route in [step_text(step) for step in steps]


def test_fragments_say_who_cut_them_and_who_put_them_together(tmp_path):
    told = traced(net(tmp_path), "left", "right", size=3000)
    assert [(hop.at, step.what) for hop, step in told.probe.steps() if isinstance(step, Size)] == [
        ("left/eth0", "fragmented"), ("right/eth0", "reassembled"),
    ]  # fmt: skip


def test_a_packet_of_which_a_fragment_is_lost_has_not_arrived(tmp_path):
    made = net(tmp_path)
    run(made, ("left$ ping -c 1 10.0.2.2", "router$ iptables -t raw -A PREROUTING -f -j DROP"))
    told = traced(made, "left", "right", size=3000)
    assert told.disposition.sentence.startswith("dropped at router/eth0 by raw PREROUTING: #1 DROP")
    assert Size("reassembled") not in [step for _, step in told.probe.steps()]
    assert hop_at(told.probe, "right/eth0").steps[-1] == Size("fragments are missing")


def test_a_flooded_frame_s_outer_packet_belongs_to_the_tunnel_and_not_to_the_bridge_s_own_copy(tmp_path):
    made = net(tmp_path)
    made.run("left", "ip link add br0 type bridge")
    tunnels(made, (VXLAN[0], "ip link set v master br0 up"))
    run(made, ("left$ ip link add a type veth peer name b", "left$ ip link set a master br0 up", "left$ ip link set br0 up"))
    run(made, ("left$ ip netns add c", "left$ ip link set b netns c", "left$ ip netns exec c ip addr add 10.8.0.1/24 dev b"))
    run(made, ("left$ ip netns exec c ip link set b up", "left$ ip neigh flush dev eth0"))
    told = traced(made, "left/netns/c", "10.8.0.2")
    asked = next(each for each in told.related.values() if each.hops[0].place == "left/netns/c")
    hop = hop_at(asked, "left/v", "out")
    assert kinds(hop.steps)[:3] == ["encapsulate", "route", "neighbour"]
    assert kinds(hop_at(asked, "left/br0").steps) == ["drop"]


def tunnels(made, lines) -> None:
    for place, own, other, number in (("left", "10.0.1.2", "10.0.2.2", 1), ("right", "10.0.2.2", "10.0.1.2", 2)):
        for line in lines:
            made.run(place, line.format(own=own, other=other, number=number, peer=3 - number))


VXLAN = (
    "ip link add v type vxlan id 42 local {own} remote {other} dstport 4789",
    "ip addr add 10.8.0.{number}/24 dev v",
    "ip link set v up",
)
NESTED = (
    "ip link add i type ipip local {own} remote {other}", "ip addr add 10.7.0.{number}/24 dev i", "ip link set i up",
    "ip link add v type vxlan id 42 local 10.7.0.{number} remote 10.7.0.{peer} dstport 4789", "ip addr add 10.8.0.{number}/24 dev v",
    "ip link set v up",
)  # fmt: skip


def test_what_befalls_an_outer_packet_stands_behind_the_tunnel(tmp_path):
    made = net(tmp_path)
    tunnels(made, VXLAN)
    run(made, ("left$ ping -c 1 10.8.0.2", "left$ iptables -A OUTPUT -p udp --dport 4789 -j DROP"))
    hop = hop_at(traced(made, "left", "10.8.0.2").probe, "left/v", "out")
    assert kinds(hop.steps)[-4:] == ["encapsulate", "route", "chain", "drop"]
    assert texts(hop)[-4:-2] == ["into vxlan vni 42 10.0.1.2 > 10.0.2.2", "route 10.0.2.2 via 10.0.1.1 dev eth0 (default)"]


def test_a_tunnel_in_a_tunnel_tells_both(tmp_path):
    made = net(tmp_path)
    tunnels(made, NESTED)
    told = traced(made, "left", "10.8.0.2")
    assert told.answered
    assert [(step.kind, step.how, step.dst) for _, step in told.probe.steps() if step.kind in ("encapsulate", "decapsulate")] == [
        ("encapsulate", "vxlan", "10.7.0.2"), ("encapsulate", "ipip", "10.0.2.2"),
        ("decapsulate", "ipip", "10.0.2.2"), ("decapsulate", "vxlan", "10.7.0.2"),
    ]  # fmt: skip


def test_a_drop_that_no_rule_made_is_blamed_on_none(tmp_path):
    from emu.observe.follow import _blamed
    from emu.observe.journey import Chain, Dropped, RuleHit

    accepted = Chain("FORWARD", "filter", [RuleHit("FORWARD", 0, "ACCEPT")])
    assert _blamed(Dropped("router/eth1", "NETFILTER"), [accepted]).rule is None


def test_a_rule_without_a_target_is_told_as_one(tmp_path):
    made = net(tmp_path)
    run(made, ("router$ iptables -A FORWARD -p icmp",))
    lines = journey_lines(traced(made, "left", "right").probe)
    assert any(line.endswith("filter FORWARD: #1 (no target), policy ACCEPT") for line in lines)


DETOUR = """
name: detour
lans: { a: { subnet: 10.0.1.0/24 }, b: { subnet: 10.0.2.0/24 } }
hosts:
  left:
    interfaces: { eth0: { lan: a, address: 10.0.1.2/24 } }
    routes: [default via 10.0.1.3]
  wrong:
    interfaces: { eth0: { lan: a, address: 10.0.1.3/24 } }
    routes: [default via 10.0.1.1]
    sysctls: { net.ipv4.ip_forward: 1 }
  router:
    interfaces: { eth0: { lan: a, address: 10.0.1.1/24 }, eth1: { lan: b, address: 10.0.2.1/24 } }
    sysctls: { net.ipv4.ip_forward: 1 }
  right:
    interfaces: { eth0: { lan: b, address: 10.0.2.2/24 } }
    routes: [default via 10.0.2.1]
steps: []
"""


def test_a_redirect_is_no_answer_and_stands_beside_it(tmp_path):
    made = lab(tmp_path, DETOUR)
    made.run("right", "tc qdisc add dev eth0 root netem delay 200ms")  # the redirect comes long before the answer
    told = traced(made, "left", "right")
    assert told.disposition.sentence == "answered by right: ICMP echo reply"
    lines = trace_text(told).splitlines()
    back = lines.index(f"the way back, #{told.answers[-1].id}")
    assert "ICMP echo reply" in lines[back + 1]
    assert [line for line in lines if line.startswith("besides")] == [
        (
            f"besides, #{told.answers[0].id} from wrong: 10.0.1.3 > 10.0.1.2 ICMP redirect to 10.0.1.1 ttl 64: "
            "dropped at left/eth0: ICMP that is not acted upon"
        )
    ]


def test_an_error_that_only_another_one_hears_of_says_so():
    made = Lab(load_topology(TOPOLOGIES / "flannel-dead-peer.yaml"))
    UP.append(made)
    made.up_with_steps()
    assert traced(made, "c1", "c3").disposition.sentence == (
        "dropped at h1/eth0: the neighbour does not answer ARP; ICMP host unreachable from h1, of which only h1 hears"
    )


def test_a_probe_of_a_port_that_docker_proxy_holds_says_who_answers(tmp_path):
    made = docker_lab(tmp_path, WEB)
    told = traced(made, "docker1", "127.0.0.1:8080")
    assert told.notes == ["docker-proxy answers there; from it to docker1/web:80 goes a connection of its own"]


def test_a_broadcast_that_nobody_takes_names_all_and_no_address_is_proposed(tmp_path):
    made = net(tmp_path)
    told = traced(made, "left", "10.0.1.255")
    assert told.disposition.sentence == ("dropped at router/eth0: echo requests to groups are ignored (icmp_echo_ignore_broadcasts)")
    assert told.notes == []
    assert traced(made, "left", "10.0.1.255:9/udp").disposition.reason == "NO_LISTENER"


def test_an_address_of_two_places_is_no_origin(tmp_path):
    made = net(tmp_path)
    made.run("left", "ip addr add 10.0.2.1/32 dev lo")
    with pytest.raises(EmuError, match=r"10\.0\.2\.1 is an address of left and router: which one\?"):
        find_origin(made, "10.0.2.1")


def test_an_encapsulation_is_one_step_for_all_packets_between_two_ends(tmp_path):
    made = net(tmp_path)
    tunnels(made, VXLAN)
    there = [next(step for _, step in traced(made, "left", "10.8.0.2").probe.steps() if isinstance(step, Encapsulated)) for _ in range(2)]
    assert there[0] is there[1]


def test_what_inner_and_outer_packet_meet_alike_is_said_of_both(tmp_path):
    made = net(tmp_path)
    tunnels(made, VXLAN)
    run(made, ("left$ ping -c 1 10.8.0.2", "left$ iptables -A OUTPUT -p tcp"))
    lines = journey_lines(traced(made, "left", "10.8.0.2").probe)
    assert sum("filter OUTPUT: policy ACCEPT" in line for line in lines) == 2


def test_on_lo_what_is_met_going_out_is_not_said_again_coming_in(tmp_path):
    made = net(tmp_path)
    run(made, ("left$ iptables -A INPUT -m conntrack --ctstate INVALID -j DROP",))
    lines = [line.strip() for line in journey_lines(traced(made, "left", "left").probe)]
    assert lines[1:] == ["route local 10.0.1.2 dev lo", "conntrack NEW", "filter OUTPUT: policy ACCEPT", "filter INPUT: policy ACCEPT"]
