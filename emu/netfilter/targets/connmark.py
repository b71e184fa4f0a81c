"""-j CONNMARK (xt_connmark.c): the mark of the packet's connection, set, or carried over from the packet or to it.

Not modelled: that `conntrack -E` tells of a packet once that changes a connection's state and its mark; here it does of both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from emu.netfilter import marks
from emu.netfilter.conntrack import ConntrackEntry
from emu.netfilter.extension import INVALID, one_of
from emu.netfilter.hooks import Hook
from emu.netfilter.marks import ALL
from emu.netfilter.table import Passage, Rule
from emu.netfilter.target import Target
from emu.netfilter.words import bounded, usage

if TYPE_CHECKING:
    from emu.packet.datagram import Datagram

ACTIONS = (*marks.OPTIONS, "--save-mark", "--restore-mark")
MASKS = ("--ctmask", "--nfmask", "--mask")
SHIFTS = ("--left-shift-mark", "--right-shift-mark")
WIDEST_SHIFT = 31


@dataclass(slots=True)
class Connmark(Target):
    """Where marks are masked: `ctmask` is the connection's, `nfmask` the packet's."""

    name: ClassVar[str] = "CONNMARK"
    needs_conntrack: ClassVar[bool] = True
    OPTIONS: ClassVar[dict[str, int]] = {
        **dict.fromkeys((*marks.OPTIONS, *MASKS, *SHIFTS), 1), "--save-mark": 0, "--restore-mark": 0,
    }  # fmt: skip
    APART: ClassVar[dict[str, tuple[str, ...]]] = {**one_of(*ACTIONS), "--ctmask": ("--mask",), "--nfmask": ("--mask",)}
    action: str = ""  # set, save, restore
    value: int = 0
    ctmask: int = ALL
    nfmask: int = ALL
    shift: int = 0  # to the left; negative: to the right

    def set(self, option: str, values: list[str], inverted: bool, rule: Rule) -> None:
        if option in marks.OPTIONS:
            self.action = "set"
            self.value, self.ctmask = marks.change(self.name, option, values[0])
        elif option in SHIFTS:
            width = bounded(self.name, option, values[0], 0, WIDEST_SHIFT + 1)
            self.shift = width if option == SHIFTS[0] else -width
        elif option in MASKS:
            mask = bounded(self.name, option, values[0], 0, ALL)
            self.ctmask = self.ctmask if option == "--nfmask" else mask
            self.nfmask = self.nfmask if option == "--ctmask" else mask
        else:
            self.action = option[2:].removesuffix("-mark")

    def check(self, rule: Rule) -> None:
        if not self.action:
            raise usage("CONNMARK target: No operation specified")

    def kernel_refuses(self, rule: Rule, hook: Hook | None) -> str:
        return INVALID if abs(self.shift) > WIDEST_SHIFT else ""

    def save(self) -> str:
        if self.action == "set":
            text = f"--set-xmark {self.value:#x}/{self.ctmask:#x}"
        else:
            text = f"--{self.action}-mark --nfmask {self.nfmask:#x} --ctmask {self.ctmask:#x}"
        return text + self._shift_text(" --")

    def list(self, numeric: bool) -> str:
        return f"CONNMARK {self._action_text()}{self._shift_text(' ')}"

    def _action_text(self) -> str:
        if self.action == "set":
            return marks.change_text(self.value, self.ctmask)
        if self.nfmask == self.ctmask:
            return self.action + ("" if self.nfmask == ALL else f" mask {self.nfmask:#x}")
        if self.action == "save":
            return f"save nfmask {self.nfmask:#x} ctmask ~{self.ctmask:#x}"
        return f"restore ctmask {self.ctmask:#x} nfmask ~{self.nfmask:#x}"

    def _shift_text(self, dashes: str) -> str:
        return f"{dashes}{'left' if self.shift > 0 else 'right'}-shift-mark {abs(self.shift)}" if self.shift else ""

    def apply(self, run: Any, datagram: Datagram, passage: Passage) -> None:
        entry: ConntrackEntry | None = datagram.ct
        if entry is None:
            return
        if self.action == "set":
            self._change(run, entry, self._shifted((entry.mark & ~self.ctmask) ^ self.value))
        elif self.action == "save":
            self._change(run, entry, (entry.mark & ~self.ctmask) ^ self._shifted(datagram.mark & self.nfmask))
        else:
            datagram.mark = (datagram.mark & ~self.nfmask) ^ self._shifted(entry.mark & self.ctmask)

    def _shifted(self, mark: int) -> int:
        return mark << self.shift & ALL if self.shift >= 0 else mark >> -self.shift

    @staticmethod
    def _change(run: Any, entry: ConntrackEntry, mark: int) -> None:
        if entry.mark != mark:
            entry.mark = mark
            run.conntrack.marked(entry)
