"""Hosts of the real kernel without Docker: what `emu import --commands` collected there, and what their neighbour and they themselves got.

`reached.txt` has a line for each probe (TCP connect, UDP datagram, ping) that was really sent: an answer, the error, or silence. Of
`sysctl -a` the dumps have the lines that are about reaching.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from emu.copies import in_copies
from emu.importer.assemble import import_host
from emu.lab import Lab
from emu.probe import Trace, doubts, probe
from emu.probe_ends import find_origin, find_target
from tests.importer.folders import lab_of, tables, told

HOSTS = sorted(path.parent for path in (Path(__file__).parent / "hosts").glob("*/reached.txt"))
LINE = re.compile(r"(\S+) -> (\S+): (.+)")
NOT_SENT = {"UNREACHABLE_ROUTE": "EHOSTUNREACH", "PROHIBIT_ROUTE": "EACCES", "BLACKHOLE": "EINVAL", "NO_ROUTE": "ENETUNREACH"}
UNSURE = {"nft-table", "nft-rule-in-iptables-table", "legacy-beside-nft", "policy-routing"}  # something there is not modelled


def what_comes(trace: Trace) -> str:
    """What the program that asks gets to know."""
    found = trace.disposition
    if trace.answered:
        return "answered"
    said = str(found.as_data()["text"])
    if found.reason in NOT_SENT and not trace.answers:
        return NOT_SENT[found.reason]
    if "which was" in said or "of which only" in said or "dropped" in said or "not sent" in said:
        return "silence"
    if "RST" in said:
        return "TCP RST"
    error = re.search(r"ICMP (network |host |port |protocol )?(prohibited )?(unreachable|prohibited)", said)
    if error is None:
        return "silence"
    about = {"network ": "net "}.get(error[1] or "", error[1] or "admin ")
    return f"ICMP {about}{'prohibited' if error[2] else error[3]}"


def ask(lab: Lab, origin: str, target: str) -> tuple[str, bool]:
    source = find_origin(lab, origin)
    trace = probe(lab, source, find_target(lab, target, source))[0]
    return what_comes(trace), any(doubts(trace))


@pytest.mark.parametrize("host", HOSTS, ids=lambda host: host.name)
def test_an_imported_host_answers_as_the_real_one_did(host, tmp_path):
    expected = [LINE.fullmatch(line).groups() for line in (host / "reached.txt").read_text().splitlines()]
    with lab_of(import_host(host / "dump"), tmp_path) as lab:
        answers = in_copies([lambda origin=origin, target=target: ask(lab, origin, target) for origin, target, _ in expected])
    wrong = [(line, found) for line, (found, unsure) in zip(expected, answers, strict=True) if found != line[2] and not unsure]
    assert wrong == []
    assert any(unsure for _, unsure in answers) == (host.name in UNSURE)


@pytest.mark.parametrize("host", [host for host in HOSTS if host.name not in UNSURE | {"legacy"}], ids=lambda host: host.name)
def test_the_rules_are_those_of_the_dump(host, tmp_path):
    with lab_of(import_host(host / "dump"), tmp_path) as lab:
        assert tables(lab.run("host", "iptables-save").stdout) == tables((host / "dump" / "iptables-save.txt").read_text())


def dump(name: str) -> list[str]:
    return told(import_host(Path(__file__).parent / "hosts" / name / "dump"))


def test_tables_of_nft_are_told_of_and_traces_pass_what_stands_for_them(tmp_path):
    said = "the table 'inet filter' is nft's own and not modelled: chain input (hook input, 3 rules, policy drop)"
    assert any(line.startswith(f"nft-ruleset.txt:1: {said}") for line in dump("nft-table"))
    with lab_of(import_host(Path(__file__).parent / "hosts" / "nft-table" / "dump"), tmp_path) as lab:
        assert '-A INPUT -m comment --comment "not modelled: nft table inet filter: chain input' in lab.run("host", "iptables-save").stdout


def test_a_rule_that_iptables_save_shows_otherwise_than_it_is_is_told_of():
    assert any("nft-ruleset.txt:9: in filter INPUT nft has made a rule" in line for line in dump("nft-rule-in-iptables-table"))


def test_rules_of_iptables_legacy_are_taken_where_there_are_no_others(tmp_path):
    with lab_of(import_host(Path(__file__).parent / "hosts" / "legacy" / "dump"), tmp_path) as lab:
        assert "-A INPUT -p tcp -m tcp --dport 80 -j DROP" in lab.run("host", "iptables-save").stdout
    assert any("its rules are in force beside those of iptables-save" in line for line in dump("legacy-beside-nft"))


def test_what_policy_routing_is_for_is_told_of():
    said = [line for line in dump("policy-routing") if "policy routing is not modelled: from" in line]
    assert [line.partition(": ")[0] for line in said] == ["ip-rule.txt:2", "ip-rule.txt:3"]
