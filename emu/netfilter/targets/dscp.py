"""-j DSCP (xt_DSCP.c): the six bits that say how a packet is to be treated; those of ECN stay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from emu.netfilter.dsfield import changed, dscp_class
from emu.netfilter.extension import one_of
from emu.netfilter.table import Passage, Rule
from emu.netfilter.target import Target
from emu.netfilter.words import bounded, usage

if TYPE_CHECKING:
    from emu.packet.datagram import Datagram

ECN = 0x03


@dataclass(slots=True)
class Dscp(Target):
    """A number, or a class by its name."""

    name: ClassVar[str] = "DSCP"
    tables: ClassVar[frozenset[str]] = frozenset({"mangle"})
    OPTIONS: ClassVar[dict[str, int]] = {"--set-dscp": 1, "--set-dscp-class": 1}
    APART: ClassVar[dict[str, tuple[str, ...]]] = one_of(*OPTIONS)
    value: int = 0

    def set(self, option: str, values: list[str], inverted: bool, rule: Rule) -> None:
        self.value = bounded(self.name, option, values[0], 0, 63) if option == "--set-dscp" else dscp_class(values[0])

    def check(self, rule: Rule) -> None:
        if not self.given:
            raise usage("DSCP target: Parameter --set-dscp is required")

    def save(self) -> str:
        return f"--set-dscp 0x{self.value:02x}"

    def list(self, numeric: bool) -> str:
        return f"DSCP set 0x{self.value:02x}"

    def apply(self, run: Any, datagram: Datagram, passage: Passage) -> None:
        datagram.wire = changed(datagram.wire, ECN, self.value << 2)
