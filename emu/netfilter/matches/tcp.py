"""-m tcp (xt_tcpudp.c)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from emu.netfilter.extension import bang
from emu.netfilter.ports import Ports
from emu.netfilter.table import Rule, Test
from emu.netfilter.words import integer, usage

if TYPE_CHECKING:
    from emu.netfilter.netfilter import Netfilter
    from emu.packet.datagram import Datagram

FLAGS = ("FIN", "SYN", "RST", "PSH", "ACK", "URG")
SYN_MASK, SYN_FLAGS = 0x17, 0x02


def flags(text: str) -> int:
    """`SYN,ACK`, `ALL`, `NONE`."""
    value = 0
    for word in text.upper().split(","):
        if word == "ALL":
            value |= 0x3F
        elif word in FLAGS:
            value |= 1 << FLAGS.index(word)
        elif word != "NONE":
            raise usage(f"Unknown TCP flag `{word}'")
    return value


def flags_text(value: int) -> str:
    return ",".join(name for bit, name in enumerate(FLAGS) if value & 1 << bit) or "NONE"


def has_option(segment: bytes, wanted: int) -> bool:
    """Is there a TCP option of the kind?"""
    options, at = segment[20 : (segment[12] >> 4) * 4], 0
    while at < len(options):
        if options[at] == wanted:
            return True
        at += 1 if options[at] < 2 else max(options[at + 1] if at + 1 < len(options) else 1, 1)
    return False


@dataclass(slots=True)
class Tcp(Ports):
    """Ports, flags and options of TCP."""

    name: ClassVar[str] = "tcp"
    protocol: ClassVar[int] = 6
    OPTIONS: ClassVar[dict[str, int]] = {**Ports.OPTIONS, "--tcp-flags": 2, "--syn": 0, "--tcp-option": 1}
    INVERTIBLE: ClassVar[frozenset[str]] = frozenset(OPTIONS)
    REPEATABLE: ClassVar[frozenset[str]] = frozenset(OPTIONS)
    flags: tuple[int, int, bool] | None = None  # mask, wanted, inverted
    option: tuple[int, bool] | None = None

    def set(self, option: str, values: list[str], inverted: bool, rule: Rule) -> None:
        if self.flags is not None and option in ("--syn", "--tcp-flags"):
            raise usage("Only one of `--syn' or `--tcp-flags'  allowed")
        if option == "--syn":
            self.flags = SYN_MASK, SYN_FLAGS, inverted
        elif option == "--tcp-flags":
            self.flags = flags(values[0]), flags(values[1]), inverted
        elif option == "--tcp-option":
            kind = integer(values[0], 1, 255)
            if kind is None:
                raise usage(f'Bad TCP option "{values[0]}"')
            self.option = kind, inverted
        else:
            Ports.set(self, option, values, inverted, rule)

    def save(self) -> str:
        words = [Ports.save(self)] if self.source or self.destination else []
        if self.option:
            words.append(f"{bang(self.option[1])}--tcp-option {self.option[0]}")
        if self.flags:
            words.append(f"{bang(self.flags[2])}--tcp-flags {flags_text(self.flags[0])} {flags_text(self.flags[1])}")
        return " ".join(words)

    def list(self, numeric: bool) -> str:
        words = [Ports.list(self, numeric)]
        if self.option:
            words.append(f"option={'!' if self.option[1] else ''}{self.option[0]}")
        if self.flags:
            mask, wanted, inverted = self.flags
            texts = (f"0x{mask:02X}", f"0x{wanted:02X}") if numeric else (flags_text(mask), flags_text(wanted))
            words.append(f"flags:{'!' if inverted else ''}{texts[0]}/{texts[1]}")
        return " ".join(words)

    def compile(self, netfilter: Netfilter) -> Test:
        ports = Ports.compile(self, netfilter)
        if self.flags is None and self.option is None:
            return ports
        mask, wanted, inverted = self.flags or (0, 0, False)
        option = self.option

        def test(datagram: Datagram, iif: Any, oif: Any) -> bool:
            segment = datagram.wire[(datagram.wire[0] & 15) * 4 :]
            if len(segment) < 20 or (segment[13] & mask == wanted) is inverted:
                return False
            return ports(datagram, iif, oif) and (option is None or has_option(segment, option[0]) is not option[1])

        return test
