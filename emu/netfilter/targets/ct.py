"""-j CT (xt_CT.c). Not modelled: all but --notrack (helpers, zones, events)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from emu.netfilter.conntrack import UNTRACKED
from emu.netfilter.table import Passage, Rule
from emu.netfilter.target import Target
from emu.netfilter.words import usage

if TYPE_CHECKING:
    from emu.packet.datagram import Datagram


@dataclass(slots=True)
class Ct(Target):
    """`--notrack`: the packet will belong to no connection."""

    name: ClassVar[str] = "CT"
    tables: ClassVar[frozenset[str]] = frozenset({"raw"})
    needs_conntrack: ClassVar[bool] = True
    OPTIONS: ClassVar[dict[str, int]] = {"--notrack": 0}
    notrack: bool = False

    def set(self, option: str, values: list[str], inverted: bool, rule: Rule) -> None:
        self.notrack = True

    def check(self, rule: Rule) -> None:
        if not self.notrack:
            raise usage("CT: only --notrack is modelled")

    def save(self) -> str:
        return "--notrack"

    def list(self, numeric: bool) -> str:
        return "CT notrack"

    def apply(self, run: Any, datagram: Datagram, passage: Passage) -> None:
        if datagram.ct is None:
            datagram.ct_info = UNTRACKED
