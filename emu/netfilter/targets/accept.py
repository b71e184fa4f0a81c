"""-j ACCEPT (ip_tables.c)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from emu.netfilter.table import Verdict
from emu.netfilter.target import Target


@dataclass(slots=True)
class Accept(Target):
    """The packet goes on to the next table."""

    name: ClassVar[str] = "ACCEPT"
    verdict: ClassVar[Verdict] = Verdict.ACCEPT
