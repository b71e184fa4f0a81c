"""A route is chosen behind PREROUTING and before POSTROUTING, and first of all for what a host sends itself."""

from __future__ import annotations

import pytest

from emu.observe.journey import Hop
from emu.observe.journey_text import journey_lines, step_text
from tests.paths.test_dispositions import run, traced
from tests.paths.test_drop_reasons import net
from tests.paths.test_steps_in_order import hop_at, kinds

MASQUERADE = "router$ iptables -t nat -A POSTROUTING -o eth1 -j MASQUERADE"
CONNTRACK = "iptables -A INPUT -m conntrack --ctstate INVALID -j DROP"


def words(hop: Hop) -> list[str]:
    """The first word of each step of netfilter's and routing's."""
    return [step_text(step).split()[0] for step in hop.steps if step.kind in ("conntrack", "chain", "nat", "route")]


def test_a_router_chooses_the_route_before_masquerade(tmp_path):
    made = net(tmp_path)
    run(made, (MASQUERADE,))
    there = traced(made, "left", "right")
    assert words(hop_at(there.probe, "router/eth0")) == ["conntrack", "nat", "route", "nat", "source"]
    assert words(hop_at(there.answers[0], "router/eth1")) == ["conntrack", "destination", "route"]


def test_a_router_chooses_the_route_between_dnat_and_snat_both_ways(tmp_path):
    made = net(tmp_path)
    dnat = "router$ iptables -t nat -A PREROUTING -d 10.0.1.1 -p udp --dport 7 -j DNAT --to-destination 10.0.2.2:9"
    run(made, (MASQUERADE, dnat, "right$ nc -u -l -p 9 -e cat &"))
    told = traced(made, "left", "router:7/udp")
    assert words(hop_at(told.probe, "router/eth0")) == ["conntrack", "nat", "destination", "route", "nat", "source"]
    assert words(hop_at(told.answers[0], "router/eth1")) == ["conntrack", "destination", "route", "source"]


def test_a_router_chooses_the_route_of_fragments_that_it_has_put_together_before_masquerade(tmp_path):
    made = net(tmp_path)
    run(made, (MASQUERADE,))
    second = [hop for hop in traced(made, "left", "right", size=2000).probe.hops if (hop.at, hop.direction) == ("router/eth0", "in")][1]
    assert kinds(second.steps)[:1] == ["size"]
    assert words(second) == ["conntrack", "nat", "route", "nat", "source"]


@pytest.mark.parametrize(("target", "born"), [("right", "left"), ("right:9/udp", "right"), ("right:9", "right")])
def test_a_host_chooses_a_route_before_conntrack_sees_what_it_sends(target, born, tmp_path):
    """What a socket sends, an ICMP error and an RST."""
    made = net(tmp_path)
    run(made, (f"{born}$ {CONNTRACK}",))
    told = traced(made, "left", target)
    sent = told.probe if born == "left" else told.answers[0]
    assert words(sent.hops[0])[:2] == ["route", "conntrack"]
    assert sent.hops[0].place == born


def test_an_rst_that_a_rule_sends_has_its_route_before_conntrack(tmp_path):
    made = net(tmp_path)
    run(made, ("right$ iptables -A INPUT -p tcp -j REJECT --reject-with tcp-reset",
               "right$ iptables -A OUTPUT -m conntrack --ctstate INVALID -j DROP"))  # fmt: skip
    reset = traced(made, "left", "right:9").answers[0]
    assert words(reset.hops[0])[:2] == ["route", "conntrack"]


def test_a_packet_to_a_group_has_its_route_before_conntrack_too(tmp_path):
    made = net(tmp_path)
    run(made, (f"left$ {CONNTRACK}",))
    assert words(traced(made, "left", "255.255.255.255").probe.hops[0])[:2] == ["route", "conntrack"]


def test_a_datagram_is_cut_before_its_fragments_wait_for_the_neighbour(tmp_path):
    made = net(tmp_path)
    run(made, ("left$ ip neigh flush dev eth0",))
    assert kinds(traced(made, "left", "right", size=2000).probe.hops[0].steps) == ["route", "size", "neighbour"]


def test_rules_that_change_a_packet_and_let_it_go_on_are_told_with_their_text(tmp_path):
    made = net(tmp_path)
    run(made, (
        "router$ iptables -t mangle -N MARKS", "router$ iptables -t mangle -A PREROUTING -p icmp -j MARKS",
        "router$ iptables -t mangle -A MARKS -s 10.0.1.2 -j MARK --set-mark 7", "router$ iptables -t mangle -A MARKS -j RETURN",
        "router$ iptables -t mangle -A PREROUTING -i eth0 -j TTL --ttl-set 1",
    ))  # fmt: skip
    lines = [line.strip() for line in journey_lines(traced(made, "left", "right").probe)]
    at = next(number for number, line in enumerate(lines) if "mangle PREROUTING" in line)
    assert lines[at].endswith("mangle PREROUTING: #1 → MARKS #1 MARK, MARKS #2 RETURN, #2 TTL, policy ACCEPT")
    assert lines[at + 1 : at + 3] == ["-s 10.0.1.2/32 -j MARK --set-xmark 0x7/0xffffffff", "-i eth0 -j TTL --ttl-set 1"]
    assert not lines[at + 3].startswith("-")
