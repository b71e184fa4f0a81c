"""How a probe can end, and what `emu trace` says of it."""

from __future__ import annotations

import pytest

from emu.observe.dispositions import WORDS
from emu.observe.journey import Chain, Decapsulated, Encapsulated, Journey, Routed, Translated
from emu.probe import Trace, probe
from emu.probe_ends import find_origin, find_target
from emu.trace import trace_text
from tests.labs import docker_lab, lab
from tests.paths.test_drop_reasons import net

WEB = "{ web: { image: nginx, ports: ['8080:80'], network_mode: bridge } }"
CASES = {  # what is done before, the probe, its end
    "answered": ((), "right", "answered by right: ICMP echo reply"),
    "answered a SYN": (("right$ httpd -f -p 80 &",), "right:80", "answered by right: TCP SYN ACK"),
    "answered a datagram": (("right$ udp-echo 53 &",), "right:53/udp", "answered by right: UDP"),
    "delivered": (("right$ nc -u -l -p 53 &",), "right:53/udp", "delivered to right: without an answer"),
    "delivered, but silent": (
        ("right$ sysctl -w net.ipv4.icmp_echo_ignore_all=1",),
        "right",
        "dropped at right/eth0: echo requests are ignored (icmp_echo_ignore_all)",
    ),
    "delivered, no way back": (
        ("right$ ip route del default",),
        "right",
        "delivered to right: its answer to 10.0.1.2 was not sent: no route to the destination",
    ),
    "delivered a SYN, no way back": (
        ("right$ httpd -f -p 80 &", "right$ ip route del default"),
        "right:80",
        "delivered to right: its answer to 10.0.1.2 was not sent: no route to the destination",
    ),
    "delivered, the answer lost": (
        ("router$ iptables -A FORWARD -p icmp --icmp-type echo-reply -j DROP",),
        "right",
        (
            "delivered to right: its answer #{answer} was dropped at router/eth1 by filter FORWARD: #1 DROP "
            "(-p icmp -m icmp --icmp-type 0 -j DROP)"
        ),
    ),
    "refused with a RST": ((), "right:80", "refused by right: TCP RST ACK"),
    "refused with an error": ((), "right:53/udp", "refused by right: ICMP port unreachable"),
    "refused, but nobody hears it": (
        ("right$ ip neigh replace 10.0.2.1 lladdr 02:00:00:00:00:99 nud permanent dev eth0",),
        "right:80",
        (
            "dropped at right/eth0: no socket listens on the port; its answer #{answer} was dropped at router/eth1: "
            "not addressed to this host; the frame is for 02:00:00:00:00:99"
        ),
    ),
    "dropped by all, as the frame is for nobody": (
        ("left$ ip neigh replace 10.0.1.1 lladdr 02:00:00:00:00:99 nud permanent dev eth0",),
        "right",
        "dropped at router/eth0: not addressed to this host; the frame is for 02:00:00:00:00:99",
    ),
    "rejected": (
        ("router$ iptables -A FORWARD -d 10.0.2.2 -j REJECT",),
        "right",
        (
            "rejected at router/eth0 by filter FORWARD: #1 REJECT (-d 10.0.2.2/32 -j REJECT --reject-with icmp-port-unreachable); "
            "ICMP port unreachable"
        ),
    ),
    "rejected with a RST": (
        ("right$ iptables -A INPUT -p tcp -j REJECT --reject-with tcp-reset",),
        "right:80",
        "rejected at right/eth0 by filter INPUT: #1 REJECT (-p tcp -j REJECT --reject-with tcp-reset); TCP RST ACK",
    ),
    "dropped by a rule": (
        ("router$ iptables -N WALL", "router$ iptables -A WALL -p udp -j DROP", "router$ iptables -A FORWARD -j WALL"),
        "right:53/udp",
        "dropped at router/eth0 by filter FORWARD: WALL #1 DROP (-p udp -j DROP)",
    ),
    "dropped by a policy": (("right$ iptables -P INPUT DROP",), "right", "dropped at right/eth0 by filter INPUT: policy DROP"),
    "dropped at home": (
        ("left$ iptables -A OUTPUT -p icmp -j DROP",),
        "right",
        "dropped at left/eth0 by filter OUTPUT: #1 DROP (-p icmp -j DROP)",
    ),
    "dropped, and told": (
        ("router$ ip route add unreachable 10.3.0.0/16",),
        "10.3.0.1",
        "dropped at router/eth0: unreachable route; ICMP host unreachable from router",
    ),
    "dropped, never sent": (("left$ ip route del default",), "right", "dropped at left: no route to the destination"),
    "dropped for want of a neighbour": (
        (),
        "10.0.2.9",
        "dropped at router/eth1: the neighbour does not answer ARP; ICMP host unreachable from router",
    ),
    "dropped as too large": (
        ("router$ ip link set eth1 mtu 1000",),
        "right",
        "dropped at router/eth0: larger than the MTU, and DF is set; ICMP fragmentation needed (mtu 1000) from router",
    ),
    "dropped as too large, and nobody hears of it": (
        ("router$ ip link set eth1 mtu 1000", "router$ iptables -A OUTPUT -p icmp -j DROP"),
        "right",
        (
            "dropped at router/eth0: larger than the MTU, and DF is set; ICMP fragmentation needed (mtu 1000) from router, "
            "which was dropped at router/eth0 by filter OUTPUT: #1 DROP (-p icmp -j DROP)"
        ),
    ),
    "unfinished": (
        ("left$ ping -c 1 10.0.2.2", "router$ tc qdisc add dev eth1 root netem delay 60s"),
        "right",
        "unfinished at router/eth0",
    ),
}


def traced(made, origin: str, target: str, size: int | None = None) -> Trace:
    source = find_origin(made, origin)
    return probe(made, source, find_target(made, target, source), size)[0]


def run(made, lines) -> None:
    for line in lines:
        place, _, command = line.partition("$ ")
        if command.endswith(" &"):
            made.start(place, command.removesuffix(" &"))
            made.advance(0.1)
        else:
            made.run(place, command)


@pytest.mark.parametrize(("before", "target", "end"), CASES.values(), ids=CASES)
def test_every_disposition_can_be_brought_about_and_is_told(before, target, end, tmp_path):
    made = net(tmp_path)
    run(made, before)
    told = traced(made, "left", target, size=1200 if "DF is set" in end else None)
    assert told.disposition.sentence == end.format(answer=told.answers[0].id if told.answers else "")
    assert told.answered == end.startswith("answered")
    assert told.disposition.word.upper() in trace_text(told).splitlines()[0]


def test_no_disposition_is_without_a_case():
    assert {end.split()[0] for _, _, end in CASES.values()} == set(WORDS)


def steps(journey: Journey, kind: type) -> list:
    return [(hop.place, step) for hop, step in journey.steps() if isinstance(step, kind)]


def test_a_published_port_is_told_rule_by_rule(tmp_path):
    made = docker_lab(tmp_path, WEB)
    made.run("docker1", "iptables -A INPUT -p tcp --dport 8080 -j DROP")
    told = traced(made, "client", "docker1:8080")
    assert told.disposition.where == "docker1/web"
    walked = [(step.hook, [(hit.chain, hit.number, hit.verdict) for hit in step.rules]) for _, step in steps(told.probe, Chain)]
    assert walked == [
        ("PREROUTING", [("PREROUTING", 1, "DOCKER"), ("DOCKER", 2, "DNAT")]),
        ("FORWARD", [
            ("FORWARD", 1, "DOCKER-USER"), ("DOCKER-USER", 1, "RETURN"),
            ("FORWARD", 2, "DOCKER-ISOLATION-STAGE-1"), ("DOCKER-ISOLATION-STAGE-1", 2, "RETURN"),
            ("FORWARD", 4, "DOCKER"), ("DOCKER", 1, "ACCEPT"),
        ]),
        ("POSTROUTING", [("POSTROUTING", 0, "ACCEPT")]),
    ]  # fmt: skip
    assert steps(told.probe, Translated) == [("docker1", Translated("destination", "192.168.50.10:8080", "172.17.0.2:80", "PREROUTING"))]
    assert [step for place, step in steps(told.probe, Routed) if place == "docker1"] == [
        Routed("unicast", "172.17.0.2", "", "docker0", "172.17.0.0/16")
    ]
    back = told.answers[0]
    assert [step.before for _, step in steps(back, Translated)] == ["172.17.0.2:80"]
    assert (back.hops[0].at, back.hops[-1].at) == ("docker1/web/eth0", "client/eth0")


def test_the_arp_that_a_probe_needs_is_told_with_it(tmp_path):
    told = traced(net(tmp_path), "left", "right")
    asked = [journey for journey in told.related.values() if journey.cause == told.probe.id]
    assert [journey.hops[0].packet for journey in asked] == [
        "ARP who has 10.0.1.1? tell 10.0.1.2", "ARP who has 10.0.2.2? tell 10.0.2.1",
    ]  # fmt: skip
    assert "ARP 10.0.2.2 is at 02:00:00:00:02:02" in trace_text(told)


def test_a_tunnel_is_told_with_its_outer_addresses_and_vni(tmp_path):
    made = net(tmp_path)
    for place, own, other, number in (("left", "10.0.1.2", "10.0.2.2", 1), ("right", "10.0.2.2", "10.0.1.2", 2)):
        for line in (f"ip link add t type vxlan id 42 local {own} remote {other} dstport 4789",
                     f"ip addr add 10.8.0.{number}/24 dev t", "ip link set t up"):  # fmt: skip
            made.run(place, line)
    told = traced(made, "left", "10.8.0.2")
    assert told.answered
    assert [step for _, step in steps(told.probe, Encapsulated)] == [Encapsulated("vxlan", "10.0.1.2", "10.0.2.2", 42)]
    assert [step for _, step in steps(told.probe, Decapsulated)] == [Decapsulated("vxlan", "10.0.1.2", "10.0.2.2", 42)]
    assert {(step.dst, step.matched) for _, step in steps(told.probe, Routed)} >= {("10.8.0.2", "10.8.0.0/24"), ("10.0.2.2", "default")}


def test_a_rule_that_is_too_wide_kills_the_answers_to_what_containers_ask(tmp_path):
    made = docker_lab(tmp_path, WEB)
    made.run("docker1", "iptables -I DOCKER-USER -i eth0 -j DROP")
    inward, outward = traced(made, "client", "docker1:8080"), traced(made, "web", "client")
    rule = "filter FORWARD: DOCKER-USER #1 DROP (-i eth0 -j DROP)"
    assert inward.disposition.sentence == f"dropped at docker1/eth0 by {rule}"
    assert outward.disposition.sentence == f"delivered to client: its answer #{outward.answers[0].id} was dropped at docker1/eth0 by {rule}"


BLACK_HOLE = """
name: black-hole
lans: { lan: { subnet: 192.168.60.0/24 } }
hosts:
  h1:
    interfaces: { eth0: { lan: lan, address: 192.168.60.11/24 } }
    docker: { mtu: 1500 }
    flannel: { subnet: 10.1.15.0/24 }
    compose: { services: { c1: { image: busybox, network_mode: bridge, tty: true } } }
  h2:
    interfaces: { eth0: { lan: lan, address: 192.168.60.12/24 } }
    docker: {}
    flannel: { subnet: 10.1.20.0/24 }
    compose: { services: { c2: { image: nginx, network_mode: bridge } } }
flannel: { network: 10.1.0.0/16, backend: { type: vxlan } }
steps:
  - h1$ ip link set docker0 mtu 1500
  - { on: h1/c1, programs: host, run: "ip link set eth0 mtu 1500" }
  - h1$ iptables -A OUTPUT -p icmp -j DROP
"""


def test_a_black_hole_over_vxlan_is_told_with_the_error_that_nobody_gets(tmp_path):
    made = lab(tmp_path, BLACK_HOLE)
    made.run_steps()
    assert traced(made, "c1", "c2", size=1400).answered
    assert traced(made, "c1", "c2", size=1472).disposition.sentence == (
        "dropped at h1/docker0: larger than the MTU, and DF is set; ICMP fragmentation needed (mtu 1450) from h1, "
        "which was dropped at h1/docker0 by filter OUTPUT: #1 DROP (-p icmp -j DROP)"
    )


def test_a_probe_leaves_nothing_behind_in_the_lab(tmp_path):
    made = net(tmp_path)
    watchers = [len(watched) for watched in _watch_points(made)]
    for target in ("right", "right:80", "right:53/udp"):
        traced(made, "left", target)
    assert [len(watched) for watched in _watch_points(made)] == watchers


def _watch_points(made):
    yield made.on_netns
    yield made.engine.now_and_then
    for netns in made.namespaces().values():
        yield from (netns.on_device, netns.on_drop, netns.on_unanswered, netns.netfilter.traces, netns.fib.on_change)
        for dev in netns.devices.values():
            yield from (dev.taps, dev.on_drop)


def test_places_have_short_names_and_addresses_are_places_too(tmp_path):
    made = docker_lab(tmp_path, WEB)
    for origin, target in (("client", "web"), ("192.168.50.20", "172.17.0.2"), ("web", "client"), ("docker1/web", "192.168.50.20")):
        assert find_target(made, target, find_origin(made, origin)).netns is not None


@pytest.mark.parametrize(
    ("origin", "target", "message"),
    [
        ("cleint", "web", "no host or container 'cleint', did you mean 'client'?"),
        ("client", "wbe", "no host or container 'wbe', did you mean 'web'?"),
        ("client", "192.168.50.300", "no host or container '192.168.50.300', did you mean '192.168.50.20'?"),
        ("192.168.50.21", "web", "no place of the lab has the address 192.168.50.21, did you mean '192.168.50.20'?"),
        ("client", "docker1:80800", "'80800' is no TCP port (1 to 65535, or a service's name), did you mean '8080'?"),
        ("client", "docker1:8080/tpc", "'docker1:8080/tpc': 'tpc' is no protocol that a port has, did you mean 'tcp'?"),
    ],
)
def test_what_is_not_there_is_told_with_what_is_near(origin, target, message, tmp_path):
    from emu.errors import EmuError

    made = docker_lab(tmp_path, WEB)
    with pytest.raises(EmuError) as mistake:
        find_target(made, target, find_origin(made, origin))
    assert str(mistake.value) == message


def test_a_port_that_nobody_has_is_told_with_those_that_are_there(tmp_path):
    made = docker_lab(tmp_path, WEB)
    assert "note: docker1 listens on 8080 (tcp)" in trace_text(traced(made, "client", "docker1:8081"))


def test_containers_of_one_name_must_be_told_apart(tmp_path):
    from emu.errors import EmuError

    host = "{ interfaces: { eth0: { lan: a, address: 10.0.0.%d/24 } }, docker: {}, compose: { services: { web: { image: nginx } } } }"
    made = lab(tmp_path, f"name: two\nlans: {{ a: {{ subnet: 10.0.0.0/24 }} }}\nhosts:\n  h1: {host % 1}\n  h2: {host % 2}\nsteps: []\n")
    with pytest.raises(EmuError, match="'web' may be h1/web or h2/web"):
        find_origin(made, "web")
