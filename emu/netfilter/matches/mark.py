"""-m mark (xt_mark.c)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from emu.netfilter.extension import bang
from emu.netfilter.match import Match
from emu.netfilter.table import Rule, Test
from emu.netfilter.words import masked, masked_text

if TYPE_CHECKING:
    from emu.netfilter.netfilter import Netfilter
    from emu.packet.datagram import Datagram


@dataclass(slots=True)
class Mark(Match):
    """The packet's mark, under a mask."""

    name: ClassVar[str] = "mark"
    OPTIONS: ClassVar[dict[str, int]] = {"--mark": 1}
    INVERTIBLE: ClassVar[frozenset[str]] = frozenset(OPTIONS)
    REQUIRED: ClassVar[str] = "--mark"
    value: tuple[int, int] | None = None
    inverted: bool = False

    def set(self, option: str, values: list[str], inverted: bool, rule: Rule) -> None:
        self.value, self.inverted = masked("mark", option, values[0]), inverted

    def save(self) -> str:
        assert self.value is not None
        return f"{bang(self.inverted)}--mark {masked_text(*self.value)}"

    def list(self, numeric: bool) -> str:
        assert self.value is not None
        return f"mark match {bang(self.inverted)}{masked_text(*self.value)}"

    def compile(self, netfilter: Netfilter) -> Test:
        assert self.value is not None
        (value, mask), inverted = self.value, self.inverted

        def test(datagram: Datagram, iif: Any, oif: Any) -> bool:
            return (datagram.mark & mask == value) is not inverted

        return test
