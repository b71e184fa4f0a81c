"""flanneld's firewall rules (flannel, network/iptables.go; from 0.20 on pkg/… with chains of their own).

Every few seconds it looks whether they are all there; if one is missing, all are deleted and appended anew.
"""

from __future__ import annotations

from operator import is_

from emu.errors import EmuError
from emu.flannel.config import Subnet
from emu.netfilter.table import Rule
from emu.netns.namespace import Netns

RESYNC_S = 5
_MASQ = '-m comment --comment "flanneld masq"'
_FORWARD = '-m comment --comment "flanneld forward"'
_MULTICAST = "224.0.0.0/4"


class Rules:
    """A table's rules in their order, appended to `chain`; with a chain of its own that `jump` leads to."""

    def __init__(self, netns: Netns, table: str, chain: str, rules: list[str], jump: str = "") -> None:
        self.netns = netns
        self.table = table
        self.chain = chain
        self.rules = rules
        self.jump = jump  # `POSTROUTING -m comment … -j FLANNEL-POSTRTG`
        self._seen: list[Rule] = []  # when they were all there

    def ensure(self) -> None:
        """Put them there unless they all are."""
        there = self._rules()
        if there and len(there) == len(self._seen) and all(map(is_, there, self._seen)):
            return  # nobody has changed anything
        if self.jump and not self._made():
            self.netns.iptables(f"-t {self.table} -N {self.chain}")
        lines = [f"{self.chain} {rule}" for rule in self.rules]
        if self.jump:
            lines.append(self.jump)
        if all(self._there(line) for line in lines):
            self._seen = self._rules()
            return
        for line in lines:
            if self._there(line):
                self.netns.iptables(f"-t {self.table} -D {line}")
        for line in lines:
            self.netns.iptables(f"-t {self.table} -A {line}")
        self._seen = self._rules()

    def _rules(self) -> list[Rule]:
        """All of the chains that ours are in."""
        table = self.netns.netfilter.tables.get(self.table)
        if table is None:
            return []
        names = dict.fromkeys([self.chain, *self.jump.split()[:1]])
        return [rule for name in names if name in table.chains for rule in table.chains[name].rules]

    def _made(self) -> bool:
        return self._accepted(f"-S {self.chain}")

    def _there(self, line: str) -> bool:
        return self._accepted(f"-C {line}")

    def _accepted(self, command: str) -> bool:
        try:
            self.netns.iptables(f"-t {self.table} {command}")
        except EmuError:
            return False
        return True


def masquerade(netns: Netns, whole: Subnet, own: Subnet, *, own_chains: bool) -> Rules:
    """`--ip-masq`: what leaves the network takes the host's address; what comes into our subnet from outside keeps its own."""
    rules = [
        f"-s {whole} -d {whole}|RETURN",
        f"-s {whole} ! -d {_MULTICAST}|MASQUERADE --random-fully",
        f"! -s {whole} -d {own}|RETURN",
        f"! -s {whole} -d {whole}|MASQUERADE --random-fully",
    ]
    if not own_chains:
        return Rules(netns, "nat", "POSTROUTING", [rule.replace("|", " -j ") for rule in rules])
    rules = ["-m mark --mark 0x4000/0x4000|RETURN", *rules]
    chain = "FLANNEL-POSTRTG"
    return Rules(netns, "nat", chain, [rule.replace("|", f" {_MASQ} -j ") for rule in rules], f"POSTROUTING {_MASQ} -j {chain}")


def forward(netns: Netns, whole: Subnet, *, own_chains: bool) -> Rules:
    """What the network's containers send and get may pass."""
    rules = [f"-s {whole}|ACCEPT", f"-d {whole}|ACCEPT"]
    if not own_chains:
        return Rules(netns, "filter", "FORWARD", [rule.replace("|", " -j ") for rule in rules])
    return Rules(
        netns, "filter", "FLANNEL-FWD", [rule.replace("|", f" {_FORWARD} -j ") for rule in rules], f"FORWARD {_FORWARD} -j FLANNEL-FWD"
    )
