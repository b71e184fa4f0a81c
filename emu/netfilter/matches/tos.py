"""-m tos (xt_dscp.c)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from emu.netfilter import dsfield
from emu.netfilter.extension import bang
from emu.netfilter.match import Match
from emu.netfilter.table import Rule, Test
from emu.packet import ipv4

if TYPE_CHECKING:
    from emu.netfilter.netfilter import Netfilter
    from emu.packet.datagram import Datagram


@dataclass(slots=True)
class Tos(Match):
    """The byte under a mask; a name's is 0x3f, without the ECN bits as they were once placed."""

    name: ClassVar[str] = "tos"
    OPTIONS: ClassVar[dict[str, int]] = {"--tos": 1}
    INVERTIBLE: ClassVar[frozenset[str]] = frozenset(OPTIONS)
    REQUIRED: ClassVar[str] = "--tos"
    value: int = 0
    mask: int = 0
    inverted: bool = False

    def set(self, option: str, values: list[str], inverted: bool, rule: Rule) -> None:
        (self.value, self.mask), self.inverted = dsfield.tos(values[0]), inverted

    def save(self) -> str:
        return f"{bang(self.inverted)}--tos 0x{self.value:02x}/0x{self.mask:02x}"

    def list(self, numeric: bool) -> str:
        name = "" if numeric else dsfield.tos_name(self.value, self.mask)
        return f"tos match{'!' if self.inverted else ''}{f' {name}' if name else f'0x{self.value:02x}/0x{self.mask:02x}'}"

    def compile(self, netfilter: Netfilter) -> Test:
        value, mask, inverted = self.value, self.mask, self.inverted

        def test(datagram: Datagram, iif: Any, oif: Any) -> bool:
            return (datagram.wire[ipv4.TOS] & mask == value) is not inverted

        return test
