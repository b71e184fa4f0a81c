"""-j TTL (xt_HL.c): how many routers a packet may still pass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from emu.netfilter.extension import one_of
from emu.netfilter.table import Passage, Rule
from emu.netfilter.target import Target
from emu.netfilter.words import bounded, usage
from emu.packet import ipv4

if TYPE_CHECKING:
    from emu.packet.datagram import Datagram

ACTIONS = {"--ttl-set": "set to", "--ttl-dec": "decrement by", "--ttl-inc": "increment by"}
MOST = 255


@dataclass(slots=True)
class Ttl(Target):
    """Set, or less or more by so much, not beyond 0 and 255."""

    name: ClassVar[str] = "TTL"
    tables: ClassVar[frozenset[str]] = frozenset({"mangle"})
    OPTIONS: ClassVar[dict[str, int]] = dict.fromkeys(ACTIONS, 1)
    APART: ClassVar[dict[str, tuple[str, ...]]] = one_of(*ACTIONS)
    option: str = ""
    value: int = 0

    def set(self, option: str, values: list[str], inverted: bool, rule: Rule) -> None:
        self.option, self.value = option, bounded(self.name, option, values[0], 0 if option == "--ttl-set" else 1, MOST)

    def check(self, rule: Rule) -> None:
        if not self.option:
            raise usage("TTL: You must specify an action")

    def save(self) -> str:
        return f"{self.option} {self.value}"

    def list(self, numeric: bool) -> str:
        return f"TTL {ACTIONS[self.option]} {self.value}"

    def apply(self, run: Any, datagram: Datagram, passage: Passage) -> None:
        ttl, protocol = datagram.wire[8:10]
        new = self.value if self.option == "--ttl-set" else ttl + self.value if self.option == "--ttl-inc" else ttl - self.value
        new = min(max(new, 0), MOST)
        if new != ttl:
            datagram.wire = ipv4.replace(datagram.wire, slice(8, 10), bytes([new, protocol]))
