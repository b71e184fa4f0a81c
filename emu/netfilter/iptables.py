"""The programs iptables, iptables-restore and iptables-save 1.8.9 (nf_tables) as text in and text out (iptables(8), iptables-save(8)).

Not modelled: ip6tables, `-c` on the command line, `-6`, counters given to `-R` and `-I`. `-w` is taken and means nothing: nobody else
holds the lock.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from emu.netfilter.commands import ACTIONS, Command, rule_number, zero
from emu.netfilter.listing import list_chains
from emu.netfilter.rule_text import RuleParser, rule_text, split
from emu.netfilter.table import HOOKS_OF, Chain, Table
from emu.netfilter.words import PROGRAM, IptablesError, usage

if TYPE_CHECKING:
    from emu.netfilter.netfilter import Netfilter

VERSION = "iptables v1.8.9 (nf_tables)"
SAVE_ORDER = ("mangle", "raw", "filter", "nat")
# command: how many words it takes at least and at most (a word that begins with - or ! ends them)
COMMANDS = {
    "-A": (1, 1), "-D": (1, 2), "-C": (1, 1), "-I": (1, 2), "-R": (1, 2), "-L": (0, 2), "-S": (0, 2), "-F": (0, 1), "-Z": (0, 2),
    "-N": (1, 1), "-X": (0, 1), "-P": (1, 2), "-E": (2, 2),
}  # fmt: skip
LONG = {
    "--append": "-A", "--delete": "-D", "--check": "-C", "--insert": "-I", "--replace": "-R", "--list": "-L",
    "--list-rules": "-S", "--flush": "-F", "--zero": "-Z", "--new-chain": "-N", "--new": "-N", "--delete-chain": "-X",
    "--policy": "-P", "--rename-chain": "-E", "--table": "-t", "--numeric": "-n", "--verbose": "-v", "--exact": "-x",
    "--line-numbers": "--line-numbers", "--line-number": "--line-numbers", "--line": "--line-numbers", "--wait": "-w",
    "--ipv4": "-4", "--version": "-V", "--help": "-h",
}  # fmt: skip
MAKE_A_TABLE = frozenset({"-A", "-I", "-R", "-N", "-P"})  # if it is not there yet
WITH_RULE = frozenset({"-A", "-D", "-C", "-I", "-R"})


# --- the command line


def execute(netfilter: Netfilter, command: str | list[str]) -> str:
    """Run one command; what it prints. Raises IptablesError with iptables' words and status."""
    words = split(command) if isinstance(command, str) else command
    if "-V" in words or "--version" in words:
        return VERSION + "\n"
    return _run(netfilter, parse(words))


def parse(words: list[str]) -> Command:
    command, parser, at = Command(), RuleParser(), 0
    words = [part for word in words for part in _apart(word)]
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


def _apart(word: str) -> list[str]:
    """`-vnL` is `-vn -L`: a command may end a row of options that take no value."""
    if re.fullmatch(r"-[nvx]+[A-Z]", word) and f"-{word[-1]}" in COMMANDS:
        return [word[:-1], f"-{word[-1]}"]
    return [word]


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
    action: Callable[[Table, Command], None] = ACTIONS[command.name]
    action(table, command)
    if command.name in MAKE_A_TABLE:
        netfilter.tables[command.table] = table
    if command.name != "-C":
        netfilter.refresh()
    return ""


# --- -L and -S


def _show(netfilter: Netfilter, command: Command) -> str:
    table = netfilter.tables.get(command.table) or Table(command.table)
    chains, number = table.listed(), 0
    if command.words:
        if command.words[0] not in table.chains:
            raise IptablesError(f"{PROGRAM}chain `{command.words[0]}' in table `{command.table}' is incompatible, use 'nft' tool.", 1)
        chains = [table.chains[command.words[0]]]
        number = rule_number(command.words[1]) if len(command.words) > 1 else 0
    if command.name == "-S":
        text = _rules_text(chains, number, verbose=command.verbose)
    else:
        text = list_chains(
            table, chains, number, numeric=command.numeric, verbose=command.verbose, exact=command.exact, line_numbers=command.line_numbers
        )
    if command.zero:
        zero(table, Command(words=command.words))
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
    """The tables that there are, in iptables-save's order and words, without its comment lines.

    `counters`: those of rules; a chain's own are always there.
    """
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
