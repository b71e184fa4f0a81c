"""-m connmark (xt_connmark.c): the mark of the packet's connection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from emu.netfilter.conntrack import ConntrackEntry
from emu.netfilter.extension import bang
from emu.netfilter.match import Match
from emu.netfilter.table import Rule, Test
from emu.netfilter.words import masked, masked_text

if TYPE_CHECKING:
    from emu.netfilter.netfilter import Netfilter
    from emu.packet.datagram import Datagram


@dataclass(slots=True)
class Connmark(Match):
    """The mark under a mask. A packet that belongs to no connection never matches, not even inverted."""

    name: ClassVar[str] = "connmark"
    needs_conntrack: ClassVar[bool] = True
    OPTIONS: ClassVar[dict[str, int]] = {"--mark": 1}
    INVERTIBLE: ClassVar[frozenset[str]] = frozenset(OPTIONS)
    REQUIRED: ClassVar[str] = "--mark"
    value: tuple[int, int] = 0, 0
    inverted: bool = False

    def set(self, option: str, values: list[str], inverted: bool, rule: Rule) -> None:
        self.value, self.inverted = masked(self.name, option, values[0]), inverted

    def save(self) -> str:
        return f"{bang(self.inverted)}--mark {masked_text(*self.value)}"

    def list(self, numeric: bool) -> str:
        return f"connmark match {'!' if self.inverted else ''} {masked_text(*self.value)}"

    def compile(self, netfilter: Netfilter) -> Test:
        (value, mask), inverted = self.value, self.inverted

        def test(datagram: Datagram, iif: Any, oif: Any) -> bool:
            entry: ConntrackEntry | None = datagram.ct
            return entry is not None and (entry.mark & mask == value) is not inverted

        return test
