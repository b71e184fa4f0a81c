"""-j TRACE (xt_TRACE.c): from here on, each rule that the packet matches is written to the kernel's log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from emu.netfilter.table import Passage
from emu.netfilter.target import Target

if TYPE_CHECKING:
    from emu.packet.datagram import Datagram


@dataclass(slots=True)
class Trace(Target):
    """Chooses the packet, by its trace id, in this namespace."""

    name: ClassVar[str] = "TRACE"
    tables: ClassVar[frozenset[str]] = frozenset({"raw"})

    def apply(self, run: Any, datagram: Datagram, passage: Passage) -> None:
        run.traced |= {datagram.trace_id}
        run.watched = True
