"""-m dscp (xt_dscp.c)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from emu.netfilter.dsfield import dscp_class
from emu.netfilter.extension import bang, one_of
from emu.netfilter.match import Match
from emu.netfilter.table import Rule, Test
from emu.netfilter.words import bounded, usage
from emu.packet import ipv4

if TYPE_CHECKING:
    from emu.netfilter.netfilter import Netfilter
    from emu.packet.datagram import Datagram


@dataclass(slots=True)
class Dscp(Match):
    """A number, or a class by its name."""

    name: ClassVar[str] = "dscp"
    OPTIONS: ClassVar[dict[str, int]] = {"--dscp": 1, "--dscp-class": 1}
    INVERTIBLE: ClassVar[frozenset[str]] = frozenset(OPTIONS)
    APART: ClassVar[dict[str, tuple[str, ...]]] = one_of(*OPTIONS)
    value: int = 0
    inverted: bool = False

    def set(self, option: str, values: list[str], inverted: bool, rule: Rule) -> None:
        self.value = bounded(self.name, option, values[0], 0, 63) if option == "--dscp" else dscp_class(values[0])
        self.inverted = inverted

    def check(self, rule: Rule) -> None:
        if not self.given:
            raise usage("DSCP match: Parameter --dscp is required")

    def save(self) -> str:
        return f"{bang(self.inverted)}--dscp 0x{self.value:02x}"

    def list(self, numeric: bool) -> str:
        return f"DSCP match {'!' if self.inverted else ''}0x{self.value:02x}"

    def compile(self, netfilter: Netfilter) -> Test:
        value, inverted = self.value, self.inverted

        def test(datagram: Datagram, iif: Any, oif: Any) -> bool:
            return (datagram.wire[ipv4.TOS] >> 2 == value) is not inverted

        return test
