"""The programs iptables, iptables-restore and iptables-save 1.8.9 (nf_tables) as text in and text out (iptables(8), iptables-save(8)).

Not modelled: ip6tables, `-c` on the command line, `-6`, counters given to `-R` and `-I`. `-w` is taken and means nothing: nobody else holds the lock.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from emu.netfilter.listing import list_chains
from emu.netfilter.rule_text import RuleParser, compile_rule, rule_text, split
from emu.netfilter.table import HOOKS_OF, Chain, Rule, Table, Verdict
from emu.netfilter.targets import TARGETS
from emu.netfilter.words import PROGRAM, IptablesError, integer, usage

if TYPE_CHECKING:
    from emu.netfilter.netfilter import Netfilter

VERSION = "iptables v1.8.9 (nf_tables)"
SAVE_ORDER = ("mangle", "raw", "filter", "nat")
MAX_CHAIN_NAME = 28
MAX_LINE = 10_000
# command: how many words it takes at least and at most (a word that begins with - or ! ends them)
COMMANDS = {
    "-A": (1, 1), "-D": (1, 2), "-C": (1, 1), "-I": (1, 2), "-R": (1, 2), "-L": (0, 2), "-S": (0, 2), "-F": (0, 1), "-Z": (0, 2), "-N": (1, 1),
    "-X": (0, 1), "-P": (1, 2), "-E": (2, 2),
}  # fmt: skip
LONG = {
    "--append": "-A", "--delete": "-D", "--check": "-C", "--insert": "-I", "--replace": "-R", "--list": "-L", "--list-rules": "-S",
    "--flush": "-F", "--zero": "-Z", "--new-chain": "-N", "--new": "-N", "--delete-chain": "-X", "--policy": "-P", "--rename-chain": "-E",
    "--table": "-t", "--numeric": "-n", "--verbose": "-v", "--exact": "-x", "--line-numbers": "--line-numbers", "--line-number": "--line-numbers",
    "--line": "--line-numbers", "--wait": "-w", "--ipv4": "-4", "--version": "-V", "--help": "-h",
}  # fmt: skip
WITH_RULE = frozenset({"-A", "-D", "-C", "-I", "-R"})
NO_CHAIN = "iptables: No chain/target/match by that name."
BAD_RULE = "iptables: Bad rule (does a matching rule exist in that chain?)."
WRONG_FOR_BASE = {"-i": ("OUTPUT", "POSTROUTING"), "-o": ("INPUT", "PREROUTING")}


@dataclass
class Command:
    """A command line taken apart."""

    table: str = "filter"
    name: str = ""
    words: list[str] = field(default_factory=list)  # the command's own: chain, number
    rules: list[Rule] = field(default_factory=list)
    has_rule: bool = False
    zero: bool = False  # -Z beside -L
    numeric: bool = False
    verbose: bool = False
    exact: bool = False
    line_numbers: bool = False


# --- the command line


def execute(netfilter: Netfilter, command: str | list[str]) -> str:
    """Run one command; what it prints. Raises IptablesError with iptables' words and status."""
    words = split(command) if isinstance(command, str) else command
    if "-V" in words or "--version" in words:
        return VERSION + "\n"
    return _run(netfilter, parse(words))


def parse(words: list[str]) -> Command:
    command, parser, at = Command(), RuleParser(), 0
    while at < len(words):
        word = LONG.get(words[at], words[at])
        if word in COMMANDS:
            at = _take_command(command, word, words, at + 1)
        elif word == "-t":
            if at + 1 == len(words):
                raise usage('option "-t" requires an argument')
            command.table, at = words[at + 1], at + 2
        elif word in ("-w", "-4"):
            at += 2 if word == "-w" and at + 1 < len(words) and words[at + 1].isdigit() else 1
        elif word == "--line-numbers":
            command.line_numbers, at = True, at + 1
        elif re.fullmatch(r"-[nvx]+", word):
            command.numeric |= "n" in word
            command.verbose |= "v" in word
            command.exact |= "x" in word
            at += 1
        else:
            at = _take_rule_word(parser, words, at)
    if command.table not in HOOKS_OF:
        raise IptablesError(f"{PROGRAM}table '{command.table}' does not exist\nPerhaps iptables or your kernel needs to be upgraded.", 3)
    if not command.name:
        raise usage("no command specified")
    command.has_rule = parser.used
    if command.name in WITH_RULE:
        command.rules = parser.rules()
    return command


def _take_command(command: Command, word: str, words: list[str], at: int) -> int:
    if command.name and {command.name, word} != {"-L", "-Z"}:
        raise usage(f"Cannot use {word} with {command.name}")
    command.zero = command.zero or (bool(command.name) and "-Z" in (command.name, word))
    least, most = COMMANDS[word]
    own: list[str] = []
    while at < len(words) and len(own) < most and not words[at].startswith(("-", "!")):
        own.append(words[at])
        at += 1
    if len(own) < least:
        raise usage(f'option "{word}" requires an argument')
    if not command.name or word == "-L":
        command.name, command.words = word, own or command.words
    return at


def _take_rule_word(parser: RuleParser, words: list[str], at: int) -> int:
    word = words[at]
    after = parser.take(words, at)
    if after is not None:
        return after
    if not word.startswith("-"):
        raise IptablesError(f"Bad argument `{word}'\nTry `iptables -h' or 'iptables --help' for more information.", 2)
    raise usage(f'unknown option "{word}"')


# --- the commands


def _run(netfilter: Netfilter, command: Command) -> str:
    if command.name in ("-L", "-S"):
        return _show(netfilter, command)
    table = netfilter.tables.get(command.table) or Table(command.table)
    action: Callable[[Netfilter, Table, Command], None] = ACTIONS[command.name]
    action(netfilter, table, command)
    if command.name != "-C":
        netfilter.tables[command.table] = table
        netfilter.refresh()
    return ""


def _chain(table: Table, name: str) -> Chain:
    chain = table.chains.get(name)
    if chain is None:
        raise IptablesError(NO_CHAIN, 1)
    return chain


def _number(text: str) -> int:
    value = integer(text, 1, 0xFFFFFFFF)
    if value is None:
        raise usage(f"Invalid rule number `{text}'")
    return value


def _append(netfilter: Netfilter, table: Table, command: Command) -> None:
    chain = _chain(table, command.words[0])
    _check(table, chain, command)
    for rule in command.rules:
        compile_rule(rule, netfilter)
    chain.rules += command.rules


def _insert(netfilter: Netfilter, table: Table, command: Command) -> None:
    number = _number(command.words[1]) if len(command.words) > 1 else 1
    chain = _chain(table, command.words[0])
    _check(table, chain, command)
    if number > len(chain.rules) + 1:
        raise IptablesError("iptables: Index of insertion too big.", 1)
    for rule in command.rules:  # each at the same place: the last one listed comes to stand first
        compile_rule(rule, netfilter)
        chain.rules.insert(number - 1, rule)


def _replace(netfilter: Netfilter, table: Table, command: Command) -> None:
    if len(command.words) < 2:
        raise usage("-R requires a rule number")
    chain, number = _chain(table, command.words[0]), _number(command.words[1])
    if len(command.rules) > 1:
        raise usage("Replacement rule does not specify a single address")
    _check(table, chain, command)
    if number > len(chain.rules):
        raise IptablesError("iptables: Index of replacement too big.", 1)
    compile_rule(command.rules[0], netfilter)
    chain.rules[number - 1] = command.rules[0]


def _delete(netfilter: Netfilter, table: Table, command: Command) -> None:
    if len(command.words) > 1:
        number = _number(command.words[1])
        chain = _chain(table, command.words[0])
        if number > len(chain.rules):
            raise IptablesError("iptables: Index of deletion too big.", 1)
        del chain.rules[number - 1]
        return
    for rule, chain in _find(table, command):
        chain.rules.remove(rule)


def _check_rule(netfilter: Netfilter, table: Table, command: Command) -> None:
    _find(table, command)


def _find(table: Table, command: Command) -> list[tuple[Rule, Chain]]:
    chain = _chain(table, command.words[0])
    _check_jump(table, command)
    for rule in command.rules:
        if rule not in chain.rules:
            raise IptablesError(BAD_RULE, 1)
    return [(rule, chain) for rule in command.rules]


def _flush(netfilter: Netfilter, table: Table, command: Command) -> None:
    for chain in [_chain(table, command.words[0])] if command.words else table.chains.values():
        chain.rules.clear()


def _zero(netfilter: Netfilter, table: Table, command: Command) -> None:
    chains = [_chain(table, command.words[0])] if command.words else list(table.chains.values())
    if len(command.words) > 1:
        number = _number(command.words[1])
        if number > len(chains[0].rules):
            raise IptablesError("iptables: Index of replacement too big.", 1)
        chains[0].rules[number - 1].packets = chains[0].rules[number - 1].octets = 0
        return
    for chain in chains:
        chain.packets = chain.octets = 0
        for rule in chain.rules:
            rule.packets = rule.octets = 0


def _new_chain(netfilter: Netfilter, table: Table, command: Command) -> None:
    name = command.words[0]
    if name in TARGETS:
        raise usage("chain name may not clash with target name")
    if len(name) > MAX_CHAIN_NAME:
        raise usage(f"chain name `{name}' too long (must be under {MAX_CHAIN_NAME + 1} chars)")
    if name in table.chains:
        raise IptablesError("iptables: Chain already exists.", 1)
    table.chains[name] = Chain(table.name, name)


def _delete_chain(netfilter: Netfilter, table: Table, command: Command) -> None:
    names = (
        [_chain(table, command.words[0]).name] if command.words else [name for name, chain in table.chains.items() if chain.hook is None]
    )
    for name in names:
        kept = [chain for other, chain in table.chains.items() if command.words or other not in names]
        busy = table.chains[name].hook is not None or any(rule.jump == name for chain in kept for rule in chain.rules)
        if busy or (command.words and table.chains[name].rules):
            raise IptablesError(f"{PROGRAM} CHAIN_DEL failed (Device or resource busy): chain {name}", 4)
    for name in names:
        del table.chains[name]


def _policy(netfilter: Netfilter, table: Table, command: Command) -> None:
    if len(command.words) < 2:
        raise usage("-P requires a chain and a policy")
    name, policy = command.words
    if policy not in ("ACCEPT", "DROP"):
        raise IptablesError("iptables: Bad policy name. Run `dmesg' for more information.", 1)
    chain = table.chains.get(name)
    if chain is None or chain.hook is None:
        raise IptablesError("iptables: Bad built-in chain name.", 1)
    chain.policy = Verdict(policy)


def _rename_chain(netfilter: Netfilter, table: Table, command: Command) -> None:
    old, new = command.words
    if new in table.chains:
        raise IptablesError("iptables: File exists.", 1)
    chain = _chain(table, old)
    if chain.hook is not None:
        raise IptablesError(f"{PROGRAM} CHAIN_RENAME failed (Device or resource busy): chain {old}", 4)
    table.chains = {new if name == old else name: each for name, each in table.chains.items()}
    chain.name = new
    for each in table.chains.values():
        for rule in each.rules:
            if rule.jump == old:
                rule.jump = new


ACTIONS: dict[str, Callable[[Netfilter, Table, Command], None]] = {
    "-A": _append, "-I": _insert, "-R": _replace, "-D": _delete, "-C": _check_rule, "-F": _flush, "-Z": _zero, "-N": _new_chain,
    "-X": _delete_chain, "-P": _policy, "-E": _rename_chain,
}  # fmt: skip


# --- may the rule stand there?


def _check(table: Table, chain: Chain, command: Command) -> None:
    _check_jump(table, command)
    for rule in command.rules:
        for option, dev in (("-i", rule.iif), ("-o", rule.oif)):
            if dev is not None and chain.name in WRONG_FOR_BASE[option]:
                raise usage(f"Can't use {option} with {chain.name}\n")
        refused = f"{PROGRAM} RULE_{'INSERT' if command.name == '-I' else 'REPLACE' if command.name == '-R' else 'APPEND'} failed"
        hooks = table.hooks_of(chain.name)
        allowed = [part.hooks for part in (rule.target, *rule.matches) if part is not None and part.hooks]
        target = rule.target
        if (target is not None and target.tables and table.name not in target.tables) or any(hooks - places for places in allowed):
            raise IptablesError(f"{refused} (Invalid argument): rule in chain {chain.name}", 4)
        if target is not None and table.name == "nat" and target.name == "DROP":
            raise usage('\nThe "nat" table is not intended for filtering, the use of DROP is therefore inhibited.\n\n')
        if rule.jump and table.loops(chain.name, rule.jump):
            raise IptablesError(f"{refused} (Too many links): rule in chain {chain.name}", 4)


def _check_jump(table: Table, command: Command) -> None:
    for rule in command.rules:
        if not rule.jump:
            continue
        if rule.jump not in table.chains:
            raise usage(f"Chain '{rule.jump}' does not exist")
        if table.chains[rule.jump].hook is not None:
            raise IptablesError(f"{PROGRAM} RULE_APPEND failed (Operation not supported): rule in chain {command.words[0]}", 4)


# --- -L and -S


def _show(netfilter: Netfilter, command: Command) -> str:
    table = netfilter.tables.get(command.table) or Table(command.table)
    chains, number = table.listed(), 0
    if command.words:
        if command.words[0] not in table.chains:
            raise IptablesError(f"{PROGRAM}chain `{command.words[0]}' in table `{command.table}' is incompatible, use 'nft' tool.", 1)
        chains = [table.chains[command.words[0]]]
        number = _number(command.words[1]) if len(command.words) > 1 else 0
    if command.name == "-S":
        text = _rules_text(chains, number, verbose=command.verbose)
    else:
        text = list_chains(
            table, chains, number, numeric=command.numeric, verbose=command.verbose, exact=command.exact, line_numbers=command.line_numbers
        )
    if command.zero:
        _zero(netfilter, table, Command(words=command.words))
    return text


def _rules_text(chains: Iterable[Chain], number: int, *, verbose: bool) -> str:
    chains = list(chains)
    lines: list[str] = []
    for chain in chains if not number else ():
        head = f"-N {chain.name}" if chain.hook is None else f"-P {chain.name} {chain.policy.value}"
        lines.append(head + (f" -c {chain.packets} {chain.octets}" if verbose and chain.hook is not None else ""))
    for chain in chains:
        for index, rule in enumerate(chain.rules, 1):
            if number in (0, index):
                counters = f"-c {rule.packets} {rule.octets}" if verbose else ""
                lines.append(f"-A {chain.name}{rule_text(rule, counters=counters)}")
    return "".join(line + "\n" for line in lines)


# --- iptables-save and iptables-restore


def save(netfilter: Netfilter, tables: Iterable[str] | None = None, *, counters: bool = False) -> str:
    """The tables that there are, in iptables-save's order and words, without its comment lines. `counters`: those of rules; a policy's are always there."""
    names = SAVE_ORDER if tables is None else tables
    text = ""
    for name in names:
        if name not in netfilter.tables:
            continue
        text += f"*{name}\n"
        chains = netfilter.tables[name].listed()
        for chain in chains:
            policy = chain.policy.value if chain.hook is not None else "-"
            text += f":{chain.name} {policy} [{chain.packets}:{chain.octets}]\n"
        for chain in chains:
            for rule in chain.rules:
                text += f"{f'[{rule.packets}:{rule.octets}] ' if counters else ''}-A {chain.name}{rule_text(rule)}\n"
        text += "COMMIT\n"
    return text


def restore(netfilter: Netfilter, text: str, *, noflush: bool = False, counters: bool = False) -> None:
    """Load tables. All of a text or nothing: a table that is wrong changes none."""
    from emu.netfilter.restore import Restore

    tables = Restore(netfilter, noflush=noflush, counters=counters).read(text)
    netfilter.tables.update(tables)
    netfilter.refresh()
