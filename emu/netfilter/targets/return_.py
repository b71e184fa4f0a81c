"""-j RETURN (ip_tables.c)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from emu.netfilter.table import Verdict
from emu.netfilter.target import Target


@dataclass(slots=True)
class Return(Target):
    """Back to the rule after the jump; in a base chain, to the policy."""

    name: ClassVar[str] = "RETURN"
    verdict: ClassVar[Verdict] = Verdict.RETURN
