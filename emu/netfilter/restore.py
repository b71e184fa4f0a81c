"""Reading what iptables-save wrote (iptables-restore(8)): tables are made anew, and put in place when the whole text is right."""

from __future__ import annotations

import re
from copy import copy
from typing import TYPE_CHECKING

from emu.netfilter.commands import ACTIONS
from emu.netfilter.iptables import parse
from emu.netfilter.rule_text import split_saved
from emu.netfilter.table import HOOKS_OF, Chain, Table, Verdict
from emu.netfilter.words import IptablesError

if TYPE_CHECKING:
    from emu.netfilter.netfilter import Netfilter

CHAIN_LINE = re.compile(r":(\S+) (ACCEPT|DROP|-)(?: \[(\d+):(\d+)\])?$")
COUNTED_LINE = re.compile(r"(?:\[(\d+):(\d+)\] )?(-\S+ .*)$")
HINT = "\nTry `iptables-restore -h' or 'iptables-restore --help' for more information."


class Restore:
    """One reading."""

    def __init__(self, netfilter: Netfilter, *, noflush: bool, counters: bool) -> None:
        self._netfilter = netfilter
        self._noflush = noflush
        self._counters = counters
        self._tables: dict[str, Table] = {}
        self._table: Table | None = None

    def read(self, text: str) -> dict[str, Table]:
        """The new tables. Raises IptablesError with the number of the line."""
        number = 0
        for number, raw in enumerate(text.splitlines(), 1):
            line = raw.strip()
            if line and not line.startswith("#"):
                self._line(line, number)
        if self._table is not None:
            raise IptablesError(f"iptables-restore: COMMIT expected at line {number + 1}", 1)
        return self._tables

    def _line(self, line: str, number: int) -> None:
        if line.startswith("*"):
            self._begin(line[1:], number)
        elif self._table is None:
            raise IptablesError(f"iptables-restore: line {number} failed", 1)
        elif line == "COMMIT":
            self._tables[self._table.name] = self._table
            self._table = None
        elif line.startswith(":"):
            self._chain(self._table, line, number)
        else:
            self._rule(self._table, line, number)

    def _begin(self, name: str, number: int) -> None:
        if name not in HOOKS_OF or self._table is not None:
            raise IptablesError(
                f"iptables-restore v1.8.9 (nf_tables): iptables-restore: line {number} table name '{name}' invalid{HINT}", 2
            )
        there = self._tables.get(name) or self._netfilter.tables.get(name)
        self._table = _copy(there) if there is not None and self._noflush else Table(name)

    def _chain(self, table: Table, line: str, number: int) -> None:
        found = CHAIN_LINE.match(line)
        if found is None:
            raise IptablesError(f"iptables-restore: line {number} failed", 1)
        name, policy, packets, octets = found.groups()
        chain = table.chains.get(name)
        if chain is None:
            if policy != "-":
                raise IptablesError(f"iptables-restore: line {number} failed: Bad built-in chain name.", 1)
            chain = table.chains[name] = Chain(table.name, name)
        elif self._noflush and chain.hook is None:
            chain.rules = []
        if policy != "-" and chain.hook is not None:
            chain.policy = Verdict(policy)
        if self._counters and packets is not None:
            chain.packets, chain.octets = int(packets), int(octets)

    def _rule(self, table: Table, line: str, number: int) -> None:
        found = COUNTED_LINE.match(line)
        if found is None:
            raise IptablesError(f"iptables-restore: line {number} failed", 1)
        packets, octets, text = found.groups()
        try:
            command = parse(["-t", table.name, *split_saved(text)])
            if command.name not in ACTIONS or command.table != table.name:
                raise IptablesError(f"iptables-restore: line {number} failed", 1)
            ACTIONS[command.name](table, command)
        except IptablesError as error:
            raise _at_line(error, number) from None
        if self._counters and packets is not None:
            for rule in command.rules:
                rule.packets, rule.octets = int(packets), int(octets)


def _at_line(error: IptablesError, number: int) -> IptablesError:
    """iptables-restore's own words around those of iptables."""
    text = str(error)
    if text.startswith("iptables: "):
        return IptablesError(f"iptables-restore: line {number} failed: {text.removeprefix('iptables: ')}", error.status)
    first = text.split("\nTry `", maxsplit=1)[0].rstrip("\n").replace("iptables v", "iptables-restore v", 1)
    return IptablesError(f"{first}\nError occurred at line: {number}{HINT}", error.status)


def _copy(table: Table) -> Table:
    """A table with chains and rules of its own; what the rules' matches remember is theirs together."""
    new = Table(table.name)
    for name, chain in table.chains.items():
        new.chains[name] = copy(chain)
        new.chains[name].rules = [copy(rule) for rule in chain.rules]
    new.base = {chain.hook: chain for chain in new.chains.values() if chain.hook is not None}
    return new
