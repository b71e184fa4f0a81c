"""-j TOS (xt_DSCP.c): the whole second byte of the IP header, bit by bit. No routing table here has rules that ask for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from emu.netfilter import dsfield
from emu.netfilter.extension import one_of
from emu.netfilter.marks import bitwise, bitwise_text
from emu.netfilter.table import Passage, Rule
from emu.netfilter.target import Target
from emu.netfilter.words import bounded, usage

if TYPE_CHECKING:
    from emu.packet.datagram import Datagram

ACTIONS = ("--set-tos", "--and-tos", "--or-tos", "--xor-tos")
ALL = 0xFF


@dataclass(slots=True)
class Tos(Target):
    """The bits in `mask` are cleared, then those in `value` flipped."""

    name: ClassVar[str] = "TOS"
    tables: ClassVar[frozenset[str]] = frozenset({"mangle"})
    OPTIONS: ClassVar[dict[str, int]] = dict.fromkeys(ACTIONS, 1)
    APART: ClassVar[dict[str, tuple[str, ...]]] = one_of(*ACTIONS)
    value: int = 0
    mask: int = 0

    def set(self, option: str, values: list[str], inverted: bool, rule: Rule) -> None:
        if option == "--set-tos":
            self.value, self.mask = dsfield.tos(values[0])
            return
        self.value, self.mask = bitwise(option, bounded(self.name, option, values[0], 0, ALL), ALL)

    def check(self, rule: Rule) -> None:
        if not self.given:
            raise usage("TOS: An action is required")

    def save(self) -> str:
        return f"--set-tos 0x{self.value:02x}/0x{self.mask:02x}"

    def list(self, numeric: bool) -> str:
        value, mask = self.value, self.mask
        if not numeric:
            name = dsfield.tos_name(value, mask)
            if name:
                return f" TOS set{name}"
            said = bitwise_text(value, mask, ALL, "#04x")
            if said:
                return f"TOS {said}"
        return f"TOS set 0x{value:02x}/0x{mask:02x}"

    def apply(self, run: Any, datagram: Datagram, passage: Passage) -> None:
        datagram.wire = dsfield.changed(datagram.wire, ~self.mask & ALL, self.value)
