"""-j MARK (xt_mark.c): a number that the packet carries inside this namespace."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from emu.netfilter import marks
from emu.netfilter.extension import one_of
from emu.netfilter.table import Passage, Rule
from emu.netfilter.target import Target
from emu.netfilter.words import usage

if TYPE_CHECKING:
    from emu.packet.datagram import Datagram


@dataclass(slots=True)
class Mark(Target):
    """The mark's bits in `mask` are cleared, then those in `value` flipped."""

    name: ClassVar[str] = "MARK"
    OPTIONS: ClassVar[dict[str, int]] = dict.fromkeys(marks.OPTIONS, 1)
    APART: ClassVar[dict[str, tuple[str, ...]]] = one_of(*OPTIONS)
    value: int = 0
    mask: int = 0

    def set(self, option: str, values: list[str], inverted: bool, rule: Rule) -> None:
        self.value, self.mask = marks.change(self.name, option, values[0])

    def check(self, rule: Rule) -> None:
        if not self.given:
            raise usage("MARK: One of the --set-xmark, --{and,or,xor,set}-mark options is required")

    def save(self) -> str:
        return f"--set-xmark {self.value:#x}/{self.mask:#x}"

    def list(self, numeric: bool) -> str:
        return f"MARK {marks.change_text(self.value, self.mask)}"

    def apply(self, run: Any, datagram: Datagram, passage: Passage) -> None:
        datagram.mark = (datagram.mark & ~self.mask & marks.ALL) ^ self.value
