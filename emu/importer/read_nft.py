"""`nft list ruleset`: what packets meet beside the rules of iptables-save. Nothing of it is modelled; it is read so that it can be told of.

iptables-nft keeps its rules in nft's tables `ip filter`, `ip nat` …; each has a counter and no set. What else stands in those tables
iptables-save leaves out, or prints without the part that it does not understand.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from emu.importer.beside import CONTRADICTED, HOOKS
from emu.importer.model import Beside, Facts, File, Foreign
from emu.netfilter.table import HOOKS_OF
from emu.topology.source import Source

TABLE = re.compile(r"table (\w+) (\S+) \{")
CHAIN = re.compile(r"chain (\S+) \{")
HOOK = re.compile(r"type \S+ hook (\S+) (?:device .* )?priority [^;]*;(?: policy (\w+);)?")
OF_IPTABLES = re.compile(r"\bcounter packets \d+ bytes \d+")
FOREIGN = re.compile(r"@|(?<!port )(?<!port != )\{")  # sets and maps; several ports are what iptables writes for multiport
QUOTED = re.compile(r'"[^"]*"|\bmeter \S+ \{ ')  # texts, and what hashlimit is for nft


@dataclass
class _Chain:
    name: str
    hook: str = ""  # '' if packets come to it from other chains alone
    policy: str = ""
    rules: list[tuple[Source, str]] = field(default_factory=list)

    @property
    def text(self) -> str:
        count = f"{len(self.rules)} rule{'s' if len(self.rules) != 1 else ''}"
        return f"chain {self.name} ({f'hook {self.hook}, ' if self.hook else ''}{count}{', policy drop' if self.policy == 'drop' else ''})"


@dataclass
class _Table:
    family: str
    name: str
    source: Source
    chains: list[_Chain] = field(default_factory=list)

    @property
    def of_iptables(self) -> bool:
        return self.family == "ip" and self.name in HOOKS_OF


def take(file: File, facts: Facts) -> None:
    """Raises Foreign."""
    for table in _tables(file):
        if table.of_iptables:
            _take_iptables(table, facts)
        elif table.family != "ip6":
            _take_own(table, facts)


def _take_iptables(table: _Table, facts: Facts) -> None:
    for chain in table.chains:
        for source, rule in chain.rules:
            if not OF_IPTABLES.search(rule) or FOREIGN.search(QUOTED.sub("", rule)):
                text = f"in {table.name} {chain.name} nft has made a rule, which iptables-save may show otherwise: {rule}"
                facts.remark(source, f"{text}; {CONTRADICTED}")
                if chain.name in HOOKS:
                    facts.beside.append(Beside(chain.name, "", f"nft rule in {table.name} {chain.name}: {rule}"))


def _take_own(table: _Table, facts: Facts) -> None:
    telling = [chain for chain in table.chains if chain.rules or chain.policy == "drop"]
    if not telling:
        return
    text = f"the table '{table.family} {table.name}' is nft's own and not modelled: {', '.join(chain.text for chain in telling)}"
    rules = tuple(f"{source}: {rule}" for chain in telling for source, rule in chain.rules)
    facts.remark(table.source, f"{text}; {CONTRADICTED}", rules)
    for chain in telling:
        hook = {"ingress": "PREROUTING"}.get(chain.hook, chain.hook.upper())
        if hook in HOOKS and table.family in ("ip", "inet", "netdev"):
            facts.beside.append(Beside(hook, "", f"nft table {table.family} {table.name}: {chain.text}"))


def _tables(file: File) -> Iterator[_Table]:
    """With their chains; sets, maps and what else stands in them is passed over."""
    table: _Table | None = None
    inside: list[_Chain | None] = []  # of the table, what is open: a chain, or a set
    for number, raw in enumerate(file.text.splitlines(), 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        if table is None:
            table = _table(line, file.at(number))
        elif line != "}":
            _line(table, inside, line, file.at(number))
        elif inside:
            inside.pop()
        else:
            yield table
            table = None
    if table is not None:
        raise Foreign(file.at(len(file.text.splitlines())), f"is cut short: the table '{table.name}' has no end")


def _table(line: str, source: Source) -> _Table:
    head = TABLE.match(line)
    if head is None:
        raise Foreign(source, f"is not a line of `nft list ruleset`: {line[:60]!r}")
    return _Table(head[1], head[2], source)


def _line(table: _Table, inside: list[_Chain | None], line: str, source: Source) -> None:
    chain = inside[-1] if inside else None
    if chain is not None:
        hook = HOOK.match(line)
        if hook is None:
            chain.rules.append((source, line))
        else:
            chain.hook, chain.policy = hook[1], hook[2] or ""
    elif not inside and (named := CHAIN.match(line)):
        chain = _Chain(named[1])
        table.chains.append(chain)
    if line.endswith("{"):  # within a rule it is a chain without a name
        inside.append(chain)
