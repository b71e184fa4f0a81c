"""-j SNAT (xt_nat.c): another source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from emu.netfilter.hooks import Hook
from emu.netfilter.nat import Manip
from emu.netfilter.nat_target import NatTarget
from emu.netfilter.table import Rule
from emu.netfilter.words import usage


@dataclass(slots=True)
class Snat(NatTarget):
    """`--to-source`."""

    name: ClassVar[str] = "SNAT"
    hooks: ClassVar[frozenset[Hook]] = frozenset({Hook.POSTROUTING, Hook.INPUT})
    manip: ClassVar[Manip] = Manip.SRC
    RANGE_OPTION: ClassVar[str] = "--to-source"
    OPTIONS: ClassVar[dict[str, int]] = {"--to-source": 1, "--random": 0, "--random-fully": 0, "--persistent": 0}

    def check(self, rule: Rule) -> None:
        if self.wanted.low is None and self.wanted.ports is None:
            raise usage('SNAT: option "--to-source" must be specified\n')
        NatTarget.check(self, rule)
