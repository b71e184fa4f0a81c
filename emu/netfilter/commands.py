"""The commands of iptables(8) that change a table, and what they refuse."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from emu.netfilter.extension import INVALID
from emu.netfilter.hooks import Hook
from emu.netfilter.table import Chain, Rule, Table, Verdict
from emu.netfilter.targets import TARGETS
from emu.netfilter.words import PROGRAM, IptablesError, integer, usage

MAX_CHAIN_NAME = 28
NO_CHAIN = "iptables: No chain/target/match by that name."
BAD_RULE = "iptables: Bad rule (does a matching rule exist in that chain?)."
NO_DROP_IN_NAT = '\nThe "nat" table is not intended for filtering, the use of DROP is therefore inhibited.\n\n'
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


def _chain(table: Table, name: str) -> Chain:
    chain = table.chains.get(name)
    if chain is None:
        raise IptablesError(NO_CHAIN, 1)
    return chain


def rule_number(text: str) -> int:
    value = integer(text, 1, 0xFFFFFFFF)
    if value is None:
        raise usage(f"Invalid rule number `{text}'")
    return value


def _append(table: Table, command: Command) -> None:
    chain = _chain(table, command.words[0])
    _check(table, chain, command)
    chain.rules += command.rules


def _insert(table: Table, command: Command) -> None:
    number = rule_number(command.words[1]) if len(command.words) > 1 else 1
    chain = _chain(table, command.words[0])
    _check(table, chain, command)
    if number > len(chain.rules) + 1:
        raise IptablesError("iptables: Index of insertion too big.", 1)
    for rule in command.rules:  # each at the same place: the last one listed comes to stand first
        chain.rules.insert(number - 1, rule)


def _replace(table: Table, command: Command) -> None:
    if len(command.words) < 2:
        raise usage("-R requires a rule number")
    chain, number = _chain(table, command.words[0]), rule_number(command.words[1])
    if len(command.rules) > 1:
        raise usage("Replacement rule does not specify a single address")
    _check(table, chain, command)
    if number > len(chain.rules):
        raise IptablesError("iptables: Index of replacement too big.", 1)
    chain.rules[number - 1] = command.rules[0]


def _delete(table: Table, command: Command) -> None:
    if len(command.words) > 1:
        number = rule_number(command.words[1])
        chain = _chain(table, command.words[0])
        if number > len(chain.rules):
            raise IptablesError("iptables: Index of deletion too big.", 1)
        del chain.rules[number - 1]
        return
    chain = _chain(table, command.words[0])
    _check_jump(table, command)
    left = list(chain.rules)
    for rule in command.rules:
        if rule not in left:
            raise IptablesError(BAD_RULE, 1)
        left.remove(rule)
    chain.rules = left


def _check_rule(table: Table, command: Command) -> None:
    chain = _chain(table, command.words[0])
    _check_jump(table, command)
    if any(rule not in chain.rules for rule in command.rules):
        raise IptablesError(BAD_RULE, 1)


def _flush(table: Table, command: Command) -> None:
    for chain in [_chain(table, command.words[0])] if command.words else table.chains.values():
        chain.rules.clear()


def zero(table: Table, command: Command) -> None:
    chains = [_chain(table, command.words[0])] if command.words else list(table.chains.values())
    if len(command.words) > 1:
        number = rule_number(command.words[1])
        if number > len(chains[0].rules):
            raise IptablesError("iptables: Index of replacement too big.", 1)
        chains[0].rules[number - 1].packets = chains[0].rules[number - 1].octets = 0
        return
    for chain in chains:
        chain.packets = chain.octets = 0
        for rule in chain.rules:
            rule.packets = rule.octets = 0


def _new_chain(table: Table, command: Command) -> None:
    name = command.words[0]
    if name in TARGETS:
        raise usage("chain name may not clash with target name")
    if len(name) > MAX_CHAIN_NAME:
        raise usage(f"chain name `{name}' too long (must be under {MAX_CHAIN_NAME + 1} chars)")
    if name in table.chains:
        raise IptablesError("iptables: Chain already exists.", 1)
    table.chains[name] = Chain(table.name, name)


def _delete_chain(table: Table, command: Command) -> None:
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


def _policy(table: Table, command: Command) -> None:
    if len(command.words) < 2:
        raise usage("-P requires a chain and a policy")
    name, policy = command.words
    if policy not in ("ACCEPT", "DROP"):
        raise IptablesError("iptables: Bad policy name. Run `dmesg' for more information.", 1)
    if table.name == "nat" and policy == "DROP":
        raise usage(NO_DROP_IN_NAT)
    chain = table.chains.get(name)
    if chain is None or chain.hook is None:
        raise IptablesError("iptables: Bad built-in chain name.", 1)
    chain.policy = Verdict(policy)


def _rename_chain(table: Table, command: Command) -> None:
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


ACTIONS: dict[str, Callable[[Table, Command], None]] = {
    "-A": _append, "-I": _insert, "-R": _replace, "-D": _delete, "-C": _check_rule, "-F": _flush, "-Z": zero, "-N": _new_chain,
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
        target = rule.target
        reason = _kernel_refuses(table, chain, rule)
        if reason:
            raise IptablesError(f"{refused} ({reason}): rule in chain {chain.name}", 4)
        if target is not None and table.name == "nat" and target.name == "DROP":
            raise usage(NO_DROP_IN_NAT)
        if rule.jump and table.loops(chain.name, rule.jump):
            raise IptablesError(f"{refused} (Too many links): rule in chain {chain.name}", 4)


def _kernel_refuses(table: Table, chain: Chain, rule: Rule) -> str:
    parts = (*rule.matches, rule.target) if rule.target is not None else rule.matches
    for part in parts:
        reason = INVALID if part.tables and table.name not in part.tables else part.kernel_refuses(rule, chain.hook)
        if reason:
            return reason
    return "" if table.hooks_of(chain.name) <= _hooks_for(table, rule, set()) else INVALID


def _hooks_for(table: Table, rule: Rule, seen: set[str]) -> frozenset[Hook]:
    """The hooks that the rule may be reached from, by what it says and what the chains that it leads to say (nft_chain_validate)."""
    found = frozenset(Hook)
    for part in (rule.target, *rule.matches):
        if part is not None and part.hooks:
            found &= part.hooks
    if rule.jump in table.chains and rule.jump not in seen:
        seen.add(rule.jump)
        for further in table.chains[rule.jump].rules:
            found &= _hooks_for(table, further, seen)
    return found


def _check_jump(table: Table, command: Command) -> None:
    for rule in command.rules:
        if not rule.jump:
            continue
        if rule.jump not in table.chains:
            raise usage(f"Chain '{rule.jump}' does not exist")
        if table.chains[rule.jump].hook is not None:
            raise IptablesError(f"{PROGRAM} RULE_APPEND failed (Operation not supported): rule in chain {command.words[0]}", 4)
