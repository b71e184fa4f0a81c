"""-m tcpmss (xt_tcpmss.c): the MSS option of a TCP segment. Not modelled: that a segment whose header is cut short is dropped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from emu.netfilter.extension import INVALID, bang
from emu.netfilter.hooks import Hook
from emu.netfilter.match import Match
from emu.netfilter.table import Rule, Test
from emu.netfilter.words import bounded_pair, port_range_text, usage
from emu.packet import ipv4, tcp

if TYPE_CHECKING:
    from emu.netfilter.netfilter import Netfilter
    from emu.packet.datagram import Datagram

LARGEST = 65535


@dataclass(slots=True)
class Tcpmss(Match):
    """A size, or from one to another. What has no such option matches only inverted."""

    name: ClassVar[str] = "tcpmss"
    OPTIONS: ClassVar[dict[str, int]] = {"--mss": 1}
    INVERTIBLE: ClassVar[frozenset[str]] = frozenset(OPTIONS)
    REQUIRED: ClassVar[str] = "--mss"
    wanted: tuple[int, int] = 0, LARGEST
    inverted: bool = False

    def set(self, option: str, values: list[str], inverted: bool, rule: Rule) -> None:
        self.wanted, self.inverted = bounded_pair(self.name, option, values[0], LARGEST), inverted
        if self.wanted[0] > self.wanted[1]:
            raise usage("tcpmss: invalid range given")

    def kernel_refuses(self, rule: Rule, hook: Hook | None) -> str:
        return "" if rule.protocol == ipv4.TCP and not rule.protocol_inverted else INVALID

    def save(self) -> str:
        return f"{bang(self.inverted)}--mss {port_range_text(self.wanted)}"

    def list(self, numeric: bool) -> str:
        return f"tcpmss match {'!' if self.inverted else ''}{port_range_text(self.wanted)}"

    def compile(self, netfilter: Netfilter) -> Test:
        (low, high), inverted = self.wanted, self.inverted

        def test(datagram: Datagram, iif: Any, oif: Any) -> bool:
            segment = None if ipv4.fragment_offset(datagram.wire) else tcp.parse(datagram.payload)
            if segment is None:
                return False
            options, place = segment.options, tcp.mss_place(segment.options)
            return (place is not None and low <= options[place] << 8 | options[place + 1] <= high) is not inverted

        return test
