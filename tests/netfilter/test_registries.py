"""A match or target is a file and a line in its dictionary, and prints what it reads."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import emu.netfilter.matches
import emu.netfilter.targets
from emu.netfilter.matches import MATCHES
from emu.netfilter.rule_text import RuleParser, rule_text, split, split_saved
from emu.netfilter.targets import TARGETS

PORT = st.integers(0, 65535)
PORTS = st.one_of(PORT.map(str), st.tuples(PORT, PORT).map(sorted).map(lambda pair: f"{pair[0]}:{pair[1]}"))
ADDRESS = st.tuples(*[st.integers(1, 255)] * 4).map(lambda parts: ".".join(map(str, parts)))
NETWORK = st.tuples(ADDRESS, st.integers(0, 32)).map(lambda pair: f"{pair[0]}/{pair[1]}")
BANG = st.sampled_from(["", "! "])
WORD = st.text("abc \"'\\$;!-_0", min_size=1, max_size=12)
STATES = st.lists(st.sampled_from(["NEW", "ESTABLISHED", "RELATED", "INVALID", "UNTRACKED"]), min_size=1, unique=True).map(",".join)


def optional(option, value):
    return st.one_of(st.just(""), st.tuples(BANG, value).map(lambda pair: f" {pair[0]}{option} {pair[1]}"))


def quote(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


MATCH = st.one_of(
    STATES.map(lambda states: f" -m conntrack --ctstate {states}"),
    STATES.map(lambda states: f" -m state ! --state {states}"),
    st.tuples(BANG, st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1)).map(lambda t: f" -m mark {t[0]}--mark {t[1]}/{t[2]}"),
    WORD.map(lambda text: f" -m comment --comment {quote(text)}"),
    st.tuples(st.integers(1, 9999), st.sampled_from(["sec", "min", "hour", "day"]), st.integers(1, 100)).map(
        lambda t: f" -m limit --limit {t[0]}/{t[1]} --limit-burst {t[2]}"
    ),
    st.tuples(BANG, st.integers(1, 99)).map(lambda t: f" -m statistic --mode nth {t[0]}--every {t[1] + 1} --packet {t[1]}"),
    st.floats(0, 1).map(lambda p: f" -m statistic --mode random --probability {p:.12f}"),
    BANG.map(lambda bang: f" -m addrtype {bang}--dst-type LOCAL,BROADCAST"),
    st.tuples(BANG, ADDRESS, ADDRESS).map(lambda t: f" -m iprange {t[0]}--src-range {t[1]}-{t[2]} --dst-range {t[1]}"),
    BANG.map(lambda bang: f" -m mac {bang}--mac-source 02:42:ac:11:00:02"),
    BANG.map(lambda bang: f" -m physdev {bang}--physdev-in veth+ --physdev-is-bridged"),
    st.tuples(BANG, st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1)).map(lambda t: f" -m connmark {t[0]}--mark {t[1]}/{t[2]}"),
    st.tuples(BANG, PORT, PORT).map(lambda t: f" -m length {t[0]}--length {t[1]}:{t[2]}"),
    st.tuples(BANG, st.integers(0, 63)).map(lambda t: f" -m dscp {t[0]}--dscp {t[1]}"),
    st.tuples(BANG, st.integers(0, 255), st.integers(0, 255)).map(lambda t: f" -m tos {t[0]}--tos {t[1]}/{t[2]}"),
    st.tuples(st.sampled_from(["--ttl-lt", "--ttl-gt", "! --ttl-eq", "--ttl"]), st.integers(0, 255)).map(
        lambda t: f" -m ttl {t[0]} {t[1]}"
    ),
    st.tuples(BANG, st.sampled_from(["host", "bcast", "Multicast"])).map(lambda t: f" -m pkttype {t[0]}--pkt-type {t[1]}"),
    st.lists(st.sampled_from(["--loose", "--validmark", "--accept-local", "--invert"]), unique=True).map(
        lambda t: f" -m rpfilter {' '.join(t)}"
    ),
    st.tuples(BANG, st.sampled_from(["upto", "above"]), st.integers(0, 2**32 - 1), st.integers(0, 32), st.sampled_from("sd")).map(
        lambda t: f" -m connlimit {t[0]}--connlimit-{t[1]} {t[2]} --connlimit-mask {t[3]} --connlimit-{t[4]}addr"
    ),
    st.tuples(BANG, NETWORK, st.integers(0, 2**32 - 1)).map(
        lambda t: (
            f" -m policy --dir in --pol ipsec --strict {t[0]}--reqid {t[2]} --next --mode tunnel {t[0]}--tunnel-src {t[1]} --spi {t[2]}"
        )
    ),
    st.tuples(st.integers(1, 99), st.sampled_from(["sec", "min", "hour"]), st.integers(1, 20), st.integers(0, 32)).map(
        lambda t: f" -m hashlimit --hashlimit-upto {t[0]}/{t[1]} --hashlimit-burst {t[2]} --hashlimit-name a --hashlimit-srcmask {t[3]}"
    ),
    WORD.map(lambda text: f" -m helper --helper {quote(text)}"),
)
L4 = st.one_of(
    st.just(""),
    st.tuples(optional("--sport", PORTS), optional("--dport", PORTS)).map(lambda t: f" -p udp{t[0]}{t[1]}"),
    st.tuples(optional("--dport", PORTS), optional("--tcp-flags", st.just("SYN,ACK,RST SYN"))).map(lambda t: f" -p tcp{t[0]}{t[1]}"),
    st.tuples(BANG, st.lists(PORTS, min_size=1, max_size=5)).map(lambda t: f" -p tcp -m multiport {t[0]}--dports {','.join(t[1])}"),
    st.tuples(BANG, st.integers(0, 254), st.integers(0, 255)).map(lambda t: f" -p icmp {t[0]}--icmp-type {t[1]}/{t[2]}"),
    st.integers(1, 255).map(lambda number: f" ! -p {number}"),
)
TARGET = st.one_of(
    st.sampled_from(["", " -j ACCEPT", " -j DROP", " -j REJECT", " -j web", " -g web", " -j REJECT --reject-with icmp-net-unreachable"]),
    WORD.map(lambda text: f" -j LOG --log-prefix {quote(text)} --log-level 6 --log-uid"),
    st.integers(0, 2**32 - 1).map(lambda value: f" -j MARK --or-mark {value}"),
    st.tuples(ADDRESS, ADDRESS).map(lambda pair: f" -j SNAT --to-source {pair[0]}-{pair[1]} --random-fully"),
    st.just(" -j MASQUERADE --random-fully"),
    st.integers(0, 65515).map(lambda mss: f" -j TCPMSS --set-mss {mss}"),
    st.tuples(st.sampled_from(["set", "inc", "dec"]), st.integers(1, 255)).map(lambda t: f" -j TTL --ttl-{t[0]} {t[1]}"),
    st.tuples(st.sampled_from(["and", "or", "xor"]), st.integers(0, 255)).map(lambda t: f" -j TOS --{t[0]}-tos {t[1]}"),
    st.integers(0, 63).map(lambda value: f" -j DSCP --set-dscp {value}"),
    NETWORK.map(lambda network: f" -j NETMAP --to {network}"),
    st.tuples(WORD, PORT, PORT).map(lambda t: f" -j NFLOG --nflog-prefix {quote(t[0])} --nflog-group {t[1]} --nflog-threshold {t[2]}"),
    st.tuples(st.sampled_from(["save", "restore"]), st.integers(0, 2**32 - 1), st.integers(0, 31)).map(
        lambda t: f" -j CONNMARK --{t[0]}-mark --nfmask {t[1]} --right-shift-mark {t[2]}"
    ),
)
RULE = st.tuples(
    optional("-s", NETWORK), optional("-d", NETWORK), optional("-i", st.just("eth+")), optional("-o", st.just("docker0")), L4,
    st.lists(MATCH, max_size=2).map("".join), TARGET,
).map("".join)  # fmt: skip


def parse(words):
    parser, at = RuleParser(), 0
    while at < len(words):
        at = parser.take(words, at)
    return parser.rules()[0]


@given(RULE)
def test_a_rule_that_is_printed_and_read_again_is_the_same(text):
    rule = parse(split(text))
    printed = rule_text(rule)
    again = parse(split_saved(printed))
    assert rule_text(again) == printed
    assert "limit " in text or again == rule  # a rate is printed rounded


@pytest.mark.parametrize(("package", "registry"), [(emu.netfilter.matches, MATCHES), (emu.netfilter.targets, TARGETS)])
def test_the_registry_lists_exactly_the_files_of_its_folder(package, registry):
    files = {path.stem for path in Path(package.__path__[0]).glob("*.py")} - {"__init__"}
    assert {each.__module__.rpartition(".")[2] for each in registry.values()} == files
    assert all(each.name == name for name, each in registry.items())
