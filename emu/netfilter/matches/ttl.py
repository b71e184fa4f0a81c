"""-m ttl (xt_hl.c)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from emu.netfilter.extension import bang, one_of
from emu.netfilter.match import Match
from emu.netfilter.table import Rule, Test
from emu.netfilter.words import bounded, usage

if TYPE_CHECKING:
    from emu.netfilter.netfilter import Netfilter
    from emu.packet.datagram import Datagram

SIGNS = {"--ttl-lt": "<", "--ttl-gt": ">", "--ttl-eq": "=="}


@dataclass(slots=True)
class Ttl(Match):
    """Equal, less or greater."""

    name: ClassVar[str] = "ttl"
    OPTIONS: ClassVar[dict[str, int]] = dict.fromkeys((*SIGNS, "--ttl"), 1)
    ALIASES: ClassVar[dict[str, str]] = {"--ttl": "--ttl-eq"}
    INVERTIBLE: ClassVar[frozenset[str]] = frozenset({"--ttl-eq"})
    APART: ClassVar[dict[str, tuple[str, ...]]] = one_of(*SIGNS)
    option: str = ""
    value: int = 0
    inverted: bool = False

    def set(self, option: str, values: list[str], inverted: bool, rule: Rule) -> None:
        self.option, self.value, self.inverted = option, bounded(self.name, option, values[0], 0, 255), inverted

    def check(self, rule: Rule) -> None:
        if not self.option:
            raise usage("TTL match: You must specify one of `--ttl-eq', `--ttl-lt', `--ttl-gt")

    def save(self) -> str:
        return f"{bang(self.inverted)}{self.option} {self.value}"

    def list(self, numeric: bool) -> str:
        return f"TTL match TTL {'!=' if self.inverted else SIGNS[self.option]} {self.value}"

    def compile(self, netfilter: Netfilter) -> Test:
        value, inverted = self.value, self.inverted
        if self.option == "--ttl-eq":
            return lambda datagram, iif, oif: (datagram.wire[8] == value) is not inverted
        low, high = (-1, value) if self.option == "--ttl-lt" else (value, 256)

        def test(datagram: Datagram, iif: Any, oif: Any) -> bool:
            return low < datagram.wire[8] < high

        return test
