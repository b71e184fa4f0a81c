"""What decides about packets on the host beside the rules of iptables-save: nft's own tables, iptables-legacy, policy routing.

None of it is modelled. In the lab a rule without a target stands for each, at the end of mangle's chain of the same hook, so that a trace
which passes it says that nobody knows what would have happened.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from itertools import pairwise

from emu.errors import EmuError
from emu.importer.model import Beside, Facts, File
from emu.netfilter import iptables
from emu.netfilter.rule_text import split_saved
from emu.netfilter.words import UNKNOWN_RULE
from emu.topology.source import Source

LONGEST = 240  # a comment has up to 255 characters
HOOKS = ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING")  # mangle has them all
CONTRADICTED = "packets may end otherwise than in the lab"


def stand_in(text: str, *matches: str) -> str:
    """The part of a rule after its chain: matches, and what it stands for in a comment."""
    shown = (UNKNOWN_RULE + text).replace('"', "'").replace("\\", "")[:LONGEST]
    return " ".join([*matches, f'-m comment --comment "{shown}"'])


def refusal(table: str, line: str) -> str | None:
    """Why emu's iptables does not take a rule by itself; None: it does."""
    try:
        iptables.parse(["-t", table, *split_saved(line)])
    except EmuError as error:
        return reason(error)
    return None


def reason(error: EmuError) -> str:
    first = str(error).partition("\nTry `")[0].partition("\nError occurred")[0].partition("\n")[0]
    return re.sub(r"^iptables(-restore)? ?(v[\d.]+ \(nf_tables\))?: (iptables-restore: )?", "", first)


def take_legacy(file: File, facts: Facts) -> None:
    """Rules of iptables-legacy are in force beside those of iptables-nft."""
    table, counts = "", Counter[tuple[str, str]]()
    for line in file.text.splitlines():
        table = line[1:].strip() if line.startswith("*") else table
        if rule := re.match(r"(?:\[\d+:\d+\] )?-A (\S+)|:(\S+) DROP\b", line):
            counts[table, rule[1] or rule[2]] += 1
    for (table, chain), count in counts.items():
        if chain in HOOKS:
            what = "a rule or policy" if count == 1 else f"{count} rules or a policy"
            facts.beside.append(Beside(chain, "", f"iptables-legacy has {what} in {table} {chain}"))
    facts.remark(file.at(), f"its rules are in force beside those of iptables-save: not modelled; {CONTRADICTED}")


def take_policy_rule(words: list[str], source: Source, facts: Facts) -> None:
    """A line of `ip rule`, without its number: which packets it is for, as far as iptables can say that."""
    text = " ".join(words)
    facts.remark(source, f"policy routing is not modelled: {text}; {CONTRADICTED}")
    after = dict(pairwise(words))
    matches = []
    if words[0] != "not":
        matches = [f"{option} {after[word]}" for word, option in (("from", "-s"), ("to", "-d")) if after.get(word, "all") != "all"]
        matches += [f"-m mark --mark {after['fwmark']}"] if "fwmark" in after else []
        matches = [match for match in matches if refusal("mangle", f"-A PREROUTING {match}") is None]
    iif = after.get("iif", "")
    if "oif" in after:  # of sockets that are bound to a device: no program here is
        return
    if iif in ("", "lo"):
        facts.beside.append(Beside("OUTPUT", " ".join(matches), f"ip rule: {text}"))
    if iif != "lo":
        inward = [f"-i {iif}"] if iif and refusal("mangle", f"-A PREROUTING -i {iif}") is None else []
        facts.beside.append(Beside("PREROUTING", " ".join([*matches, *inward]), f"ip rule: {text}"))


def added(rules: str, beside: Iterable[Beside]) -> str:
    """iptables-save's text with what stands in for them."""
    lines = [f"-A {each.hook} {stand_in(each.text, *filter(None, [each.matches]))}" for each in dict.fromkeys(beside)]
    if not lines:
        return rules
    found = re.search(r"^\*mangle\n(?:.+\n)*?(?=COMMIT$)", rules, re.MULTILINE)
    if found is not None:
        return rules[: found.end()] + "\n".join(lines) + "\n" + rules[found.end() :]
    return rules + "\n".join(["*mangle", *(f":{hook} ACCEPT [0:0]" for hook in HOOKS), *lines, "COMMIT"]) + "\n"
