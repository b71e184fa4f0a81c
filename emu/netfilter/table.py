"""Tables, chains and rules, and how a packet walks them (net/ipv4/netfilter/ip_tables.c).

Not modelled: the tables `security` and `broute`; sets (`-m set`), and counters that a test could see half-updated.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple

from emu.netfilter.hooks import Hook
from emu.packet.address import Ip

if TYPE_CHECKING:
    from emu.netdev.device import NetDevice
    from emu.netfilter.match import Match
    from emu.netfilter.target import Target
    from emu.packet.datagram import Datagram

Test = Callable[["Datagram", Any, Any], bool]  # the packet, the device it came in by, the one it leaves by (None where there is none)
MAX_DEPTH = 64
MAX_IN_PLACE = 64  # steps of another chain: else chains that jump to each other twice would double at each level

HOOKS_OF = {  # which base chains a table has
    "raw": (Hook.PREROUTING, Hook.OUTPUT),
    "mangle": (Hook.PREROUTING, Hook.INPUT, Hook.FORWARD, Hook.OUTPUT, Hook.POSTROUTING),
    "nat": (Hook.PREROUTING, Hook.INPUT, Hook.OUTPUT, Hook.POSTROUTING),
    "filter": (Hook.INPUT, Hook.FORWARD, Hook.OUTPUT),
}


class Verdict(Enum):
    """What a rule or a chain says of a packet. A rule that says nothing (None) lets it go on to the next one."""

    ACCEPT = "ACCEPT"
    DROP = "DROP"
    RETURN = "RETURN"
    STOLEN = "STOLEN"  # it has ended, and that is counted already


ACCEPT, DROP, RETURN = Verdict.ACCEPT, Verdict.DROP, Verdict.RETURN


class Passage(NamedTuple):
    """Where a packet is when a target is applied to it."""

    hook: Hook
    iif: NetDevice | None
    oif: NetDevice | None
    table: str
    chain: str
    number: int  # of the rule, from 1


class Prefix(NamedTuple):
    """`address/mask`, the host bits cleared."""

    address: Ip
    mask: Ip
    inverted: bool


class Name(NamedTuple):
    """An interface by name; `eth+` is every name that begins with `eth`."""

    text: str
    inverted: bool


@dataclass(slots=True)
class Rule:
    """One rule. Two are equal if they say the same; their counters don't count."""

    src: Prefix | None = None
    dst: Prefix | None = None
    iif: Name | None = None
    oif: Name | None = None
    protocol: int = 0
    protocol_inverted: bool = False
    fragment: bool | None = None  # True: `-f`, later fragments only; False: `! -f`
    matches: list[Match] = field(default_factory=list)
    target: Target | None = None
    jump: str = ""  # a user's chain, instead of a target
    goto: bool = False
    packets: int = field(default=0, compare=False)
    octets: int = field(default=0, compare=False)
    tests: tuple[Test, ...] | None = field(default=None, compare=False, repr=False)  # beside its devices; made when first needed
    chain: Chain | None = field(default=None, compare=False, repr=False)  # the chain that `jump` names


class Step(NamedTuple):
    """A rule as a packet between two devices meets it, which the rule's own devices are."""

    rule: Rule
    tests: tuple[Test, ...]
    verdict: Verdict | None  # what is known beforehand
    target: Target | None  # else it is asked
    inner: list[Step] | None  # the chain that it jumps to
    table: str
    chain: str
    number: int  # in its chain, from 1


class Chain:
    """A list of rules, and `ways`: its steps by the names of the devices; a base chain has a hook and a policy."""

    __slots__ = ("hook", "name", "octets", "packets", "policy", "rules", "table", "ways")

    def __init__(self, table: str, name: str, hook: Hook | None = None) -> None:
        self.table = table
        self.name = name
        self.hook = hook
        self.policy = ACCEPT
        self.packets = 0  # of the policy
        self.octets = 0
        self.rules: list[Rule] = []
        self.ways: dict[tuple[str | None, str | None], list[Step]] = {}

    def steps(self, run: Run, way: tuple[str | None, str | None]) -> list[Step]:
        """The rules that a packet between these devices meets, those of chains that it jumps to for certain in their place."""
        known = self.ways.get(way)
        if known is not None:
            return known
        iif, oif = way
        steps: list[Step] = []
        for number, rule in enumerate(self.rules, 1):
            if not (passes(rule.iif, iif) and passes(rule.oif, oif)):
                continue
            tests = rule.tests
            if tests is None:
                tests = rule.tests = run.compile(rule)
            inner = rule.chain.steps(run, way) if rule.chain is not None else None
            verdict = rule.target.verdict if rule.target is not None else None
            target = rule.target if verdict is None else None
            if tests:
                steps.append(Step(rule, tests, verdict, target, inner, self.table, self.name, number))
                continue
            ends = rule.goto or verdict is not None
            if verdict is RETURN:
                verdict = None  # the rest of this chain is left out: that is all
            if inner is None or len(inner) > MAX_IN_PLACE or any(map(_ends_its_chain, inner)):
                steps.append(Step(rule, tests, verdict, target, inner, self.table, self.name, number))
            else:
                steps += [Step(rule, tests, None, None, None, self.table, self.name, number), *inner]
            if ends:
                break
        self.ways[way] = steps
        return steps

    def decide(self, run: Run, datagram: Datagram, hook: Hook, iif: NetDevice | None, oif: NetDevice | None) -> Verdict:
        """A base chain's verdict: that of its rules, else its policy."""
        way = (None if iif is None else iif.name, None if oif is None else oif.name)
        steps = self.ways.get(way)
        if steps is None:
            steps = self.steps(run, way)
        verdict = walk(steps, run, datagram, hook, iif, oif) if steps else None
        if verdict is not None:
            return verdict
        self.packets += 1
        self.octets += len(datagram.wire)
        if run.watched:
            run.watch(datagram, Passage(hook, iif, oif, self.table, self.name, 0), None)
        return self.policy


def _ends_its_chain(step: Step) -> bool:
    """Does it end the chain that it stands in, and not the walk?"""
    return step.verdict is RETURN or (step.rule.goto and step.inner is not None)


def passes(wanted: Name | None, device: str | None) -> bool:
    """Is it the device that a rule wants?"""
    if wanted is None:
        return True
    text = wanted.text
    same = device is not None and (device.startswith(text[:-1]) if text.endswith("+") else device == text)
    return same is not wanted.inverted


def walk(steps: list[Step], run: Run, datagram: Datagram, hook: Hook, iif: NetDevice | None, oif: NetDevice | None) -> Verdict | None:
    """The verdict of the first rule that has one; None: the end, or RETURN."""
    for rule, tests, verdict, target, inner, table, chain, number in steps:
        for test in tests:
            if not test(datagram, iif, oif):
                break
        else:
            rule.packets += 1
            rule.octets += len(datagram.wire)
            if run.watched:
                run.watch(datagram, Passage(hook, iif, oif, table, chain, number), rule)
            said = verdict
            if inner is not None:
                said = walk(inner, run, datagram, hook, iif, oif)
                if rule.goto:
                    return said
            elif target is not None:
                said = target.apply(run, datagram, Passage(hook, iif, oif, table, chain, number))
            if said is not None:
                return None if said is RETURN else said
    return None


class Run:
    """What chains need of their surroundings while a packet walks them; `Netfilter` is one."""

    watched: bool = False

    def compile(self, rule: Rule) -> tuple[Test, ...]:
        raise AssertionError("nobody compiles")

    def watch(self, datagram: Datagram, passage: Passage, rule: Rule | None) -> None:
        raise AssertionError("nobody watches")


class Table:
    """A table with its base chains, in the order of the hooks, and the user's own."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.chains = {hook.name: Chain(name, hook.name, hook) for hook in HOOKS_OF[name]}
        self.base = {chain.hook: chain for chain in self.chains.values() if chain.hook is not None}

    def listed(self) -> list[Chain]:
        """As listings show them: base chains, then the others by name."""
        own = sorted(name for name, chain in self.chains.items() if chain.hook is None)
        return [*self.base.values(), *(self.chains[name] for name in own)]

    def references(self, name: str) -> int:
        return sum(rule.jump == name for chain in self.chains.values() for rule in chain.rules)

    def loops(self, chain: str, target: str) -> bool:
        """Would a jump from `chain` to `target` make a circle, or a way deeper than the kernel's stack?"""
        reached, depth = {target}, 0
        while depth < MAX_DEPTH:
            further = {rule.jump for name in reached for rule in self.chains[name].rules if rule.jump}
            if chain in reached:
                return True
            if not further:
                return False
            reached, depth = further, depth + 1
        return True

    def hooks_of(self, chain: str) -> set[Hook]:
        """The hooks that a packet can come from when it walks the chain."""
        found: set[Hook] = set()
        pending, seen = [chain], {chain}
        while pending:
            name = pending.pop()
            hook = self.chains[name].hook
            if hook is not None:
                found.add(hook)
            callers = {other.name for other in self.chains.values() for rule in other.rules if rule.jump == name}
            pending.extend(callers - seen)
            seen |= callers
        return found
