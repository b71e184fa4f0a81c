"""-j RETURN (ip_tables.c)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from emu.netfilter.table import Passage, Verdict
from emu.netfilter.target import Target

if TYPE_CHECKING:
    from emu.packet.datagram import Datagram


@dataclass(slots=True)
class Return(Target):
    """Back to the rule after the jump; in a base chain, to the policy."""

    name: ClassVar[str] = "RETURN"

    def apply(self, run: Any, datagram: Datagram, passage: Passage) -> Verdict:
        return Verdict.RETURN
