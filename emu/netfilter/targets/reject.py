"""-j REJECT (ipt_REJECT.c): the packet ends, and the sender is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from emu.netdev.drop import DropReason
from emu.netfilter.hooks import Hook
from emu.netfilter.table import Passage, Rule, Verdict
from emu.netfilter.target import Target
from emu.netfilter.words import IptablesError, usage

if TYPE_CHECKING:
    from emu.packet.datagram import Datagram

TYPES = (
    "icmp-net-unreachable", "icmp-host-unreachable", "icmp-proto-unreachable", "icmp-port-unreachable", "icmp-net-prohibited",
    "icmp-host-prohibited", "tcp-reset", "icmp-admin-prohibited",
)  # fmt: skip
ALIASES = {
    "net-unreach": TYPES[0], "host-unreach": TYPES[1], "proto-unreach": TYPES[2], "port-unreach": TYPES[3], "net-prohib": TYPES[4],
    "host-prohib": TYPES[5], "tcp-rst": TYPES[6], "admin-prohib": TYPES[7],
}  # fmt: skip


@dataclass(slots=True)
class Reject(Target):
    """`--reject-with` says how."""

    name: ClassVar[str] = "REJECT"
    tables: ClassVar[frozenset[str]] = frozenset({"filter"})
    hooks: ClassVar[frozenset[Hook]] = frozenset({Hook.INPUT, Hook.FORWARD, Hook.OUTPUT})
    OPTIONS: ClassVar[dict[str, int]] = {"--reject-with": 1}
    how: str = "icmp-port-unreachable"

    def set(self, option: str, values: list[str], inverted: bool, rule: Rule) -> None:
        text = values[0].lower()
        near = [kind for kind in TYPES if kind.startswith(text)] + [kind for alias, kind in ALIASES.items() if alias.startswith(text)]
        if not near:
            raise usage(f'unknown reject type "{values[0]}"')
        self.how = near[0]

    def check(self, rule: Rule) -> None:
        if self.how == "tcp-reset" and (rule.protocol != 6 or rule.protocol_inverted):
            raise IptablesError("iptables: Invalid argument: --reject-with tcp-reset needs -p tcp", 4)

    def save(self) -> str:
        return f"--reject-with {self.how}"

    def list(self, numeric: bool) -> str:
        return f"reject-with {self.how}"

    def apply(self, run: Any, datagram: Datagram, passage: Passage) -> Verdict:
        run.on_drop(datagram, DropReason.NETFILTER, passage.iif or passage.oif)
        run.reject(datagram, self.how)
        return Verdict.STOLEN
