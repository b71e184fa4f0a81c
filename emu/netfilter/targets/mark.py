"""-j MARK (xt_mark.c): a number that the packet carries inside this namespace."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from emu.netfilter.table import Passage, Rule
from emu.netfilter.target import Target
from emu.netfilter.words import masked, usage

if TYPE_CHECKING:
    from emu.packet.datagram import Datagram

ALL = 0xFFFFFFFF


@dataclass(slots=True)
class Mark(Target):
    """The mark's bits in `mask` are cleared, then those in `value` flipped."""

    name: ClassVar[str] = "MARK"
    OPTIONS: ClassVar[dict[str, int]] = dict.fromkeys(("--set-mark", "--set-xmark", "--and-mark", "--or-mark", "--xor-mark"), 1)
    value: int = 0
    mask: int = -1  # none given

    def set(self, option: str, values: list[str], inverted: bool, rule: Rule) -> None:
        kind = option[2:]
        value, mask = masked(kind, values[0])
        if kind in ("and-mark", "or-mark", "xor-mark") and "/" in values[0]:
            raise usage(f'MARK: bad integer value for option "{option}", or out of range.\n')
        self.value, self.mask = {
            "set-mark": (value, value | mask),
            "set-xmark": (value, mask),
            "and-mark": (0, ~value & ALL),
            "or-mark": (value, value),
            "xor-mark": (value, 0),
        }[kind]

    def check(self, rule: Rule) -> None:
        if self.mask < 0:
            raise usage("MARK: One of the --set-xmark, --{and,or,xor,set}-mark options is required")

    def save(self) -> str:
        return f"--set-xmark {self.value:#x}/{self.mask:#x}"

    def list(self, numeric: bool) -> str:
        value, mask = self.value, self.mask
        if value == 0:
            return f"MARK and {~mask & ALL:#x}"
        if value == mask:
            return f"MARK or {value:#x}"
        if mask == 0:
            return f"MARK xor {value:#x}"
        if mask == ALL:
            return f"MARK set {value:#x}"
        return f"MARK xset {value:#x}/{mask:#x}"

    def apply(self, run: Any, datagram: Datagram, passage: Passage) -> None:
        datagram.mark = (datagram.mark & ~self.mask & ALL) ^ self.value
