"""What a packet meets at each hook of one namespace (net/netfilter/core.c; ip_tables.c, nf_conntrack_proto.c, nf_nat_proto.c).

Conntrack is on once something needs it: a nat table, a match on connection states, a target that speaks of connections (nf_ct_netns_get).
Not modelled: ip6tables, arptables, ebtables, nft; offload of flows; queues to user space.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakValueDictionary

from emu.engine import SECOND, Engine
from emu.netdev.drop import DropReason
from emu.netfilter.conntrack import CONFIRMED, NEW, RELATED, RELATED_REPLY, REPLIES, SECONDS, Conntrack, ConntrackEntry, unpack
from emu.netfilter.hooks import Hook
from emu.netfilter.nat import BOTH_DONE, CHANGED, DST, MANIP_OF, Manip, Nat
from emu.netfilter.table import Chain, Passage, Rule, Run, Table, Test, Verdict
from emu.packet import ipv4
from emu.packet.address import ip_text
from emu.packet.datagram import Datagram

if TYPE_CHECKING:
    from random import Random

    from emu.netdev.device import NetDevice
    from emu.netfilter.matches.hashlimit import HashTable
    from emu.netfilter.matches.recent import RecentList

Step = Callable[[Datagram, Hook, Any, Any], Verdict]
ACCEPT, DROP, STOLEN = Verdict.ACCEPT, Verdict.DROP, Verdict.STOLEN
DONE_OR_CHANGED = BOTH_DONE | CHANGED
SYSCTLS = "net.netfilter.nf_conntrack_"

# At each hook, in the kernel's priority order: a table, or conntrack's `track` and `confirm`.
STEPS = {
    Hook.PREROUTING: ("raw", "track", "mangle", "nat"),
    Hook.INPUT: ("mangle", "filter", "nat", "confirm"),
    Hook.FORWARD: ("mangle", "filter"),
    Hook.OUTPUT: ("raw", "track", "mangle", "nat", "filter"),
    Hook.POSTROUTING: ("mangle", "nat", "confirm"),
}

# Of a namespace without rules: nearly all of a lab's have none, so they share these.
INACTIVE = dict.fromkeys(Hook, False)
NO_STEPS: dict[Hook, tuple[Step, ...]] = dict.fromkeys(Hook, ())


class TraceEvent(NamedTuple):
    """Something that befell a packet in netfilter, for who watches."""

    datagram: Datagram
    hook: Hook
    table: str  # or "conntrack", "nat"
    chain: str
    number: int  # of the rule; 0: the chain's policy, or none
    verdict: str  # a target's or chain's name, a connection's state, or `src 172.17.0.2:5 > 192.168.0.1:5`
    rule: Rule | None


class Netfilter(Run):
    """The tables, connections and mappings of a namespace. Its callbacks are set by the namespace."""

    def __init__(self, engine: Engine, name: str) -> None:
        self.engine = engine
        self.name = name
        self.address_type: Callable[[bytes, NetDevice | None], str] = lambda address, dev: "UNICAST"
        self.masquerade_address: Callable[[Datagram, NetDevice], bytes | None] = lambda datagram, oif: None
        self.primary_address: Callable[[NetDevice], bytes | None] = _first_address
        self.way_to: Callable[[bytes], Any] = lambda address: None  # the route that the tables have, if they have one
        self.path_mtu: Callable[[bytes, Any], int | None] = lambda address, route: None  # by a route, or by what is found
        self.reject: Callable[[Datagram, str], None] = lambda datagram, how: None
        self.on_drop: Callable[[Datagram, DropReason, NetDevice | None], None] = lambda datagram, reason, dev: None
        self.devices: Callable[[], Iterable[str]] = lambda: ()
        self.traces: list[Callable[[TraceEvent], None]] = []
        self.kernel_log: list[tuple[int, str]] = []  # virtual time in ns, text
        self.tables: dict[str, Table] = {}
        self.conntrack = Conntrack(engine)
        self.nat = Nat(self.conntrack, self._draw)
        self.traced: frozenset[int] = frozenset()  # trace ids that `-j TRACE` has chosen
        self.defrag = False  # fragments are put together before the hooks, as conntrack needs them whole
        self.active = INACTIVE
        self._steps = NO_STEPS

    @cached_property
    def random(self) -> Random:
        return self.engine.stream(f"netfilter {self.name}")

    @cached_property
    def recent(self) -> WeakValueDictionary[str, RecentList]:
        """Those that rules hold, by name."""
        return WeakValueDictionary()

    @cached_property
    def hashlimits(self) -> WeakValueDictionary[str, HashTable]:
        """The same."""
        return WeakValueDictionary()

    def _draw(self, limit: int) -> int:
        return self.random.randrange(limit)

    # --- a packet passes a hook

    def run(self, hook: Hook, datagram: Datagram, iif: NetDevice | None, oif: NetDevice | None) -> bool:
        """True: the packet goes on, perhaps rewritten. False: it has ended here."""
        self.watched = bool(self.traces or self.traced)
        for step in self._steps[hook]:
            verdict = step(datagram, hook, iif, oif)
            if verdict is not ACCEPT:
                if verdict is DROP:
                    self.on_drop(datagram, DropReason.NETFILTER, iif or oif)
                return False
        return True

    def _track(self, datagram: Datagram, hook: Hook, iif: Any, oif: Any) -> Verdict:
        self.conntrack.track(datagram)
        if self.watched:
            self._note(datagram, hook, "conntrack", "", 0, datagram.ct_info.value)
        return ACCEPT

    def _translate(self, datagram: Datagram, hook: Hook, iif: Any, oif: Any) -> Verdict:
        """The nat table: its rules for a connection's first packet only, then the mapping (nf_nat_inet_fn)."""
        entry: ConntrackEntry | None = datagram.ct
        if entry is None or (entry.status & DONE_OR_CHANGED == BOTH_DONE and entry.masquerade_dev is None):
            return ACCEPT  # INVALID or UNTRACKED; or a connection whose mappings change nothing
        manip = MANIP_OF[hook]
        info = datagram.ct_info
        if (info is RELATED or info is RELATED_REPLY) and datagram.protocol == ipv4.ICMP:  # else REJECT's RST, translated as a segment
            return self._translate_error(datagram, hook, manip, iif or oif)
        nat = self.nat
        if info is NEW and not nat.is_set(entry, manip):
            verdict = self.tables["nat"].base[hook].decide(self, datagram, hook, iif, oif)
            if verdict is not ACCEPT:
                return verdict
            if not nat.is_set(entry, manip):
                nat.bind_null(entry, manip)
        elif entry.masquerade_dev is not None and oif is not None and hook is Hook.POSTROUTING and not self._same_way(datagram, entry, oif):
            self.conntrack.delete(entry)
            self.on_drop(datagram, DropReason.NAT_MISFIT, oif)
            return STOLEN
        before = datagram.wire
        nat.translate(datagram, manip)
        if self.watched and before != datagram.wire:
            self._note(datagram, hook, "nat", "", 0, _rewrite_text(before, datagram.wire, manip))
        return ACCEPT

    def _translate_error(self, datagram: Datagram, hook: Hook, manip: Manip, dev: NetDevice | None) -> Verdict:
        before = datagram.wire
        if not self.nat.translate_error(datagram, manip):
            self.on_drop(datagram, DropReason.NAT_MISFIT, dev)
            return STOLEN
        if self.watched and before[12:20] != datagram.wire[12:20]:  # else only what it quotes
            self._note(datagram, hook, "nat", "", 0, _rewrite_text(before, datagram.wire, manip))
        return ACCEPT

    @staticmethod
    def _same_way(datagram: Datagram, entry: ConntrackEntry, oif: NetDevice) -> bool:
        """A masqueraded connection that now leaves by another device has the wrong address: it ends (nf_nat_oif_changed)."""
        return datagram.ct_info.name.endswith("REPLY") or entry.masquerade_dev is oif

    def _confirm(self, datagram: Datagram, hook: Hook, iif: Any, oif: Any) -> Verdict:
        entry: ConntrackEntry | None = datagram.ct
        if entry is None or entry.status & CONFIRMED or datagram.ct_info in REPLIES or self.conntrack.confirm(datagram):
            return ACCEPT  # an error about a connection's first packet goes the other way, and confirms nothing
        self.on_drop(datagram, DropReason.NAT_CLASH, iif or oif)
        return STOLEN

    # --- what there is to do at a hook

    def table(self, name: str) -> Table:
        """The table, made when it is first asked for, as the kernel does."""
        if name not in self.tables:
            self.tables[name] = Table(name)
        return self.tables[name]

    def refresh(self) -> None:
        """The rules have changed: compile what each hook does."""
        rules = [rule for table in self.tables.values() for chain in table.chains.values() for rule in chain.rules]
        needed = "nat" in self.tables or any(_needs_conntrack(rule) for rule in rules)
        self.defrag = needed
        for table in self.tables.values():
            for chain in table.chains.values():
                chain.ways.clear()
                for rule in chain.rules:
                    rule.chain = table.chains[rule.jump] if rule.jump else None
        self._steps = {
            hook: tuple(self._step(hook, name) for name in names if self._is_there(name, hook, needed)) for hook, names in STEPS.items()
        }
        self.active = {hook: bool(steps) for hook, steps in self._steps.items()}

    def _is_there(self, name: str, hook: Hook, conntrack: bool) -> bool:
        if name in ("track", "confirm"):
            return conntrack
        return name in self.tables and hook in self.tables[name].base

    def _step(self, hook: Hook, name: str) -> Step:
        if name == "track":
            return self._track
        if name == "confirm":
            return self._confirm
        if name == "nat":
            return self._translate
        base: Chain = self.tables[name].base[hook]

        def filtered(datagram: Datagram, hook: Hook, iif: Any, oif: Any) -> Verdict:
            return base.decide(self, datagram, hook, iif, oif)

        return filtered

    # --- for those who watch

    def watch(self, datagram: Datagram, passage: Passage, rule: Rule | None) -> None:
        """A rule has matched, or (rule None) a chain's policy decides."""
        base = self.tables[passage.table].chains[passage.chain]
        verdict = base.policy.value if rule is None else rule.jump or (rule.target.name if rule.target else "")
        self._note(datagram, passage.hook, passage.table, passage.chain, passage.number, verdict, rule)
        if datagram.trace_id in self.traced:
            from emu.netfilter.targets.log import line

            kind = "policy" if rule is None else "rule"
            number = passage.number or len(base.rules) + 1
            self.log(line(self, datagram, passage, f"TRACE: {passage.table}:{passage.chain}:{kind}:{number} "))

    def log(self, text: str) -> None:
        """A line of the kernel's, for `dmesg`."""
        self.kernel_log.append((self.engine.now, text))

    def _note(self, datagram: Datagram, hook: Hook, table: str, chain: str, number: int, verdict: str, rule: Rule | None = None) -> None:
        event = TraceEvent(datagram, hook, table, chain, number, verdict, rule)
        for listener in self.traces:
            listener(event)

    # --- what else changes connections

    def device_down(self, dev: NetDevice) -> None:
        """Connections that borrow the device's address end with it (masq_device_event)."""
        self.conntrack.flush(lambda entry: entry.masquerade_dev is dev)

    def address_removed(self, address: Any) -> None:
        """As `device_down`, for one address (`.ip`)."""
        self.conntrack.flush(lambda entry: entry.masquerade_dev is not None and entry.reply[5:9] == address.ip)

    def flush_conntrack(self, *, address: bytes | None = None) -> int:
        """Delete all connections, or those whose answers come from or go to the address (`conntrack -D --any-nat`). How many."""
        if address is None:
            return self.conntrack.flush()
        return self.conntrack.flush(lambda entry: address in (unpack(entry.reply).src, unpack(entry.reply).dst))

    def tune(self, key: str, value: str) -> None:
        """A sysctl below net.netfilter has changed: timeouts are taken over, others are not modelled beyond their text."""
        name = key.removeprefix(SYSCTLS)
        if name in SECONDS:
            self.conntrack.set_timeout(name, int(value) * SECOND)

    # --- iptables' text

    def compile(self, rule: Rule) -> tuple[Test, ...]:
        from emu.netfilter.rule_text import compile_rule

        return compile_rule(rule, self)

    def command(self, command: str | list[str]) -> str:
        """One iptables command line without the program's name; what it prints. Raises IptablesError."""
        from emu.netfilter import iptables

        return iptables.execute(self, command)

    def restore(self, text: str, *, noflush: bool = False, counters: bool = False) -> None:
        """Load what iptables-save wrote. Raises IptablesError, and then nothing has changed."""
        from emu.netfilter import iptables

        iptables.restore(self, text, noflush=noflush, counters=counters)

    def save(self, tables: Iterable[str] | None = None, *, counters: bool = False) -> str:
        """As iptables-save prints it, without its comment lines (they hold the date)."""
        from emu.netfilter import iptables

        return iptables.save(self, tables, counters=counters)


def _first_address(dev: NetDevice) -> bytes | None:
    addresses = dev.netns.addresses(dev) if dev.netns is not None else []
    return addresses[0].ip if addresses else None


def _needs_conntrack(rule: Rule) -> bool:
    return any(match.needs_conntrack for match in rule.matches) or (rule.target is not None and rule.target.needs_conntrack)


def _rewrite_text(before: bytes, after: bytes, manip: Manip) -> str:
    return f"{manip.value} {_end_text(before, manip)} > {_end_text(after, manip)}"


def _end_text(wire: bytes, manip: Manip) -> str:
    address = ip_text(wire[16:20] if manip is DST else wire[12:16])
    at = (wire[0] & 15) * 4 + (2 if manip is DST else 0)
    return f"{address}:{wire[at] << 8 | wire[at + 1]}" if wire[9] in (6, 17) else address
