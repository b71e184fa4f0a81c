"""-j CHECKSUM (xt_CHECKSUM.c). Checksums are always filled in here: there is no offload that would leave them open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from emu.netfilter.table import Rule
from emu.netfilter.target import Target
from emu.netfilter.words import usage


@dataclass(slots=True)
class Checksum(Target):
    """`--checksum-fill`."""

    name: ClassVar[str] = "CHECKSUM"
    tables: ClassVar[frozenset[str]] = frozenset({"mangle"})
    OPTIONS: ClassVar[dict[str, int]] = {"--checksum-fill": 0}
    fill: bool = False

    def set(self, option: str, values: list[str], inverted: bool, rule: Rule) -> None:
        self.fill = True

    def check(self, rule: Rule) -> None:
        if not self.fill:
            raise usage("CHECKSUM target: Parameter --checksum-fill is required")

    def save(self) -> str:
        return "--checksum-fill"

    def list(self, numeric: bool) -> str:
        return "CHECKSUM fill"
