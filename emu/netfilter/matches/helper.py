"""-m helper (xt_helper.c): connections that another one has announced, as FTP's data connections are. No helper watches connections here
(-j CT --helper is refused, and no kernel since 4.7 attaches one by itself), so there are none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from emu.netfilter.extension import bang
from emu.netfilter.match import Match
from emu.netfilter.table import Rule, Test
from emu.netfilter.words import quoted

if TYPE_CHECKING:
    from emu.netfilter.netfilter import Netfilter

LONGEST_NAME = 29


@dataclass(slots=True)
class Helper(Match):
    """By the helper's name: never, or always if inverted."""

    name: ClassVar[str] = "helper"
    needs_conntrack: ClassVar[bool] = True
    OPTIONS: ClassVar[dict[str, int]] = {"--helper": 1}
    INVERTIBLE: ClassVar[frozenset[str]] = frozenset(OPTIONS)
    REQUIRED: ClassVar[str] = "--helper"
    helper: str = ""
    inverted: bool = False

    def set(self, option: str, values: list[str], inverted: bool, rule: Rule) -> None:
        self.helper, self.inverted = values[0][:LONGEST_NAME], inverted

    def save(self) -> str:
        return f"{bang(self.inverted)}--helper {quoted(self.helper)}"

    def list(self, numeric: bool) -> str:
        return f'helper match {bang(self.inverted)}"{self.helper}"'

    def compile(self, netfilter: Netfilter) -> Test:
        inverted = self.inverted
        return lambda datagram, iif, oif: inverted
