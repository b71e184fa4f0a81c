"""Rules compiled for two devices are the rules: whatever the chains, the same ones are met in the same order as by walking them all."""

from itertools import pairwise
from typing import NamedTuple

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.netfilter.conftest import Router

FROM, TO = ("10.0.0.1", 5000), ("10.0.0.2", 80)
CONDITIONS = {  # does a packet between the devices meet it?
    "": lambda iif, oif, protocol: True,
    "-i eth0": lambda iif, oif, protocol: iif == "eth0",
    "! -i eth0": lambda iif, oif, protocol: iif != "eth0",
    "-o eth0": lambda iif, oif, protocol: oif == "eth0",
    "-i dock+ ! -o lo": lambda iif, oif, protocol: iif == "docker0" and oif != "lo",
    "-p udp": lambda iif, oif, protocol: protocol == "udp",
    "-i eth0 ! -p udp": lambda iif, oif, protocol: iif == "eth0" and protocol != "udp",
}
DEEPER = {"FORWARD": ("one", "two", "three"), "one": ("two", "three"), "two": ("three",), "three": ()}


class Line(NamedTuple):
    condition: str
    end: str  # "", a verdict, or a chain
    goto: bool


@st.composite
def chains(draw):
    """The rules of FORWARD and three chains that it may jump to."""
    return {
        name: draw(
            st.lists(
                st.builds(Line, st.sampled_from([*CONDITIONS]), st.sampled_from(["", "ACCEPT", "RETURN", "RETURN", *deeper]), st.booleans())
            )
        )
        for name, deeper in DEEPER.items()
    }


def met(rules, name, iif, oif, protocol, seen):
    """Walk the rules one by one, noting those that match; the verdict."""
    for number, line in enumerate(rules[name], 1):
        if not CONDITIONS[line.condition](iif, oif, protocol):
            continue
        seen.append((name, number))
        if line.end in DEEPER:
            verdict = met(rules, line.end, iif, oif, protocol, seen)
            if verdict or line.goto:
                return verdict
        elif line.end:
            return None if line.end == "RETURN" else line.end
    return None


@pytest.mark.parametrize("condition", ["-s 10.9.9.9", ""])
def test_chains_that_jump_to_each_other_twice_do_not_double_at_each_level(router, condition):
    levels = [f"level{number}" for number in range(40)]
    router.iptables(*(f"-N {name}" for name in levels), f"-A {levels[-1]} -j DROP", f"-A FORWARD -j {levels[0]}")
    for name, deeper in pairwise(levels):
        router.iptables(*[f"-A {name} {condition} -j {deeper}"] * 2)
    assert router.pass_hooks(router.udp(FROM, TO), "eth0", "docker0") is bool(condition)


BACK_FROM_A_GOTO = {
    "FORWARD": [Line("", "one", False), Line("", "ACCEPT", False)], "one": [Line("-p udp", "two", True), Line("", "RETURN", False)],
    "two": [], "three": [],
}  # fmt: skip


@example(BACK_FROM_A_GOTO, False)
@given(chains(), st.booleans())
def test_the_same_rules_are_met_as_by_walking_all_of_them(rules, watched):
    router = Router()
    router.iptables("-P FORWARD DROP", "-N one", "-N two", "-N three")
    for name, lines in rules.items():
        for line in lines:
            way = f"{'-g' if line.goto and line.end in DEEPER else '-j'} {line.end}" if line.end else ""
            router.iptables(f"-A {name} {line.condition} {way}")
    events, expected = [], []
    if watched:
        router.netfilter.traces.append(lambda event: events.append((event.chain, event.number)))
    for iif, oif, protocol in (("eth0", "docker0", "udp"), ("docker0", "eth0", "udp"), ("eth0", "docker0", "tcp"), ("eth0", "lo", "tcp")):
        seen = []
        verdict = met(rules, "FORWARD", iif, oif, protocol, seen)
        datagram = router.udp(FROM, TO) if protocol == "udp" else router.tcp(FROM, TO, 2)
        assert router.pass_hooks(datagram, iif, oif) is (verdict == "ACCEPT")
        expected += seen if verdict else [*seen, ("FORWARD", 0)]
    if watched:
        assert events == expected
    counted = {
        (name, number): rule.packets
        for name in rules
        for number, rule in enumerate(router.netfilter.tables["filter"].chains[name].rules, 1)
    }
    assert counted == {place: expected.count(place) for place in counted}
