"""-j DROP (ip_tables.c)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from emu.netfilter.table import Verdict
from emu.netfilter.target import Target


@dataclass(slots=True)
class Drop(Target):
    """The packet ends, and nobody is told."""

    name: ClassVar[str] = "DROP"
    verdict: ClassVar[Verdict] = Verdict.DROP
