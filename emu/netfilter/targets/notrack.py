"""-j NOTRACK, the older form of -j CT --notrack (xt_CT.c)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from emu.netfilter.conntrack import UNTRACKED
from emu.netfilter.table import Passage
from emu.netfilter.target import Target

if TYPE_CHECKING:
    from emu.packet.datagram import Datagram


@dataclass(slots=True)
class Notrack(Target):
    """The packet will belong to no connection."""

    name: ClassVar[str] = "NOTRACK"
    listed_as: ClassVar[str] = "CT"
    tables: ClassVar[frozenset[str]] = frozenset({"raw"})
    needs_conntrack: ClassVar[bool] = True

    def list(self, numeric: bool) -> str:
        return "NOTRACK"

    def apply(self, run: Any, datagram: Datagram, passage: Passage) -> None:
        if datagram.ct is None:
            datagram.ct_info = UNTRACKED
