"""-m iprange (xt_iprange.c, libxt_iprange.c). Not modelled: the warning that a reversed range matches nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from emu.netfilter.extension import bang
from emu.netfilter.match import Match
from emu.netfilter.table import Rule, Test
from emu.netfilter.words import usage
from emu.packet.address import Ip, ip, ip_text

if TYPE_CHECKING:
    from emu.netfilter.netfilter import Netfilter
    from emu.packet.datagram import Datagram

Range = tuple[Ip, Ip, bool]  # first and last address; inverted


def _range(option: str, text: str, inverted: bool) -> Range:
    """`10.0.0.1-10.0.0.9`, or one address."""
    low, dash, high = text.partition("-")
    ends = []
    for word in (low, high if dash else low):
        try:
            ends.append(ip(word))
        except ValueError:
            raise usage(f'iprange: Bad value for "{option}" option: "{word}"') from None
    return ends[0], ends[1], inverted


def _text(ends: Range) -> str:
    return f"{ip_text(ends[0])}-{ip_text(ends[1])}"


@dataclass(slots=True)
class Iprange(Match):
    """An address between two others, both included."""

    name: ClassVar[str] = "iprange"
    OPTIONS: ClassVar[dict[str, int]] = {"--src-range": 1, "--dst-range": 1}
    INVERTIBLE: ClassVar[frozenset[str]] = frozenset(OPTIONS)
    source: Range | None = None
    destination: Range | None = None

    def set(self, option: str, values: list[str], inverted: bool, rule: Rule) -> None:
        if (self.source if option == "--src-range" else self.destination) is not None:
            raise usage(f'iprange: option "{option}" can only be used once.\n')
        ends = _range(option, values[0], inverted)
        if option == "--src-range":
            self.source = ends
        else:
            self.destination = ends

    def check(self, rule: Rule) -> None:
        if self.source is None and self.destination is None:
            raise usage("iprange match: You must specify `--src-range' or `--dst-range'")

    def save(self) -> str:
        named = (("--src-range", self.source), ("--dst-range", self.destination))
        return " ".join(f"{bang(ends[2])}{option} {_text(ends)}" for option, ends in named if ends)

    def list(self, numeric: bool) -> str:
        named = (("source", self.source), ("destination", self.destination))
        return " ".join(f"{which} IP range {bang(ends[2])}{_text(ends)}" for which, ends in named if ends)

    def compile(self, netfilter: Netfilter) -> Test:
        source, destination = self.source, self.destination

        def test(datagram: Datagram, iif: Any, oif: Any) -> bool:
            if source is not None and (source[0] <= datagram.src <= source[1]) is source[2]:
                return False
            return destination is None or (destination[0] <= datagram.dst <= destination[1]) is not destination[2]

        return test
