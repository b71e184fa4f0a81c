"""-m length (xt_length.c): the packet's length, IP header and all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from emu.netfilter.extension import bang
from emu.netfilter.match import Match
from emu.netfilter.table import Rule, Test
from emu.netfilter.words import bounded_pair, port_range_text

if TYPE_CHECKING:
    from emu.netfilter.netfilter import Netfilter
    from emu.packet.datagram import Datagram

LONGEST = 65535


@dataclass(slots=True)
class Length(Match):
    """From, to, both included; none is where the second is lower."""

    name: ClassVar[str] = "length"
    OPTIONS: ClassVar[dict[str, int]] = {"--length": 1}
    INVERTIBLE: ClassVar[frozenset[str]] = frozenset(OPTIONS)
    REQUIRED: ClassVar[str] = "--length"
    wanted: tuple[int, int] = 0, LONGEST
    inverted: bool = False

    def set(self, option: str, values: list[str], inverted: bool, rule: Rule) -> None:
        self.wanted, self.inverted = bounded_pair(self.name, option, values[0], LONGEST), inverted

    def save(self) -> str:
        return f"{bang(self.inverted)}--length {port_range_text(self.wanted)}"

    def list(self, numeric: bool) -> str:
        return f"length {'!' if self.inverted else ''}{port_range_text(self.wanted)}"

    def compile(self, netfilter: Netfilter) -> Test:
        (low, high), inverted = self.wanted, self.inverted

        def test(datagram: Datagram, iif: Any, oif: Any) -> bool:
            return (low <= len(datagram.wire) <= high) is not inverted

        return test
