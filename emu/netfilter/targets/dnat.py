"""-j DNAT (xt_nat.c): another destination."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from emu.netfilter.hooks import Hook
from emu.netfilter.nat import Manip
from emu.netfilter.nat_target import NatTarget
from emu.netfilter.table import Rule
from emu.netfilter.words import usage


@dataclass(slots=True)
class Dnat(NatTarget):
    """`--to-destination`."""

    name: ClassVar[str] = "DNAT"
    hooks: ClassVar[frozenset[Hook]] = frozenset({Hook.PREROUTING, Hook.OUTPUT})
    manip: ClassVar[Manip] = Manip.DST
    RANGE_OPTION: ClassVar[str] = "--to-destination"
    OPTIONS: ClassVar[dict[str, int]] = {"--to-destination": 1, "--random": 0, "--persistent": 0}

    def check(self, rule: Rule) -> None:
        if self.wanted.low is None and self.wanted.ports is None:
            raise usage('DNAT: option "--to-destination" must be specified\n')
        NatTarget.check(self, rule)
