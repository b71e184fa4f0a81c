"""-m mac (xt_mac.c)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from emu.netfilter.extension import bang
from emu.netfilter.hooks import Hook
from emu.netfilter.match import Match
from emu.netfilter.table import Rule, Test
from emu.netfilter.words import usage
from emu.packet.address import mac, mac_text

if TYPE_CHECKING:
    from emu.netfilter.netfilter import Netfilter
    from emu.packet.datagram import Datagram


@dataclass(slots=True)
class Mac(Match):
    """The source address of the frame that the packet came in; never true of packets made here."""

    name: ClassVar[str] = "mac"
    OPTIONS: ClassVar[dict[str, int]] = {"--mac-source": 1}
    INVERTIBLE: ClassVar[frozenset[str]] = frozenset(OPTIONS)
    hooks: ClassVar[frozenset[Hook]] = frozenset({Hook.PREROUTING, Hook.INPUT, Hook.FORWARD})
    source: bytes = b""
    inverted: bool = False

    def set(self, option: str, values: list[str], inverted: bool, rule: Rule) -> None:
        try:
            self.source, self.inverted = mac(values[0]), inverted
        except ValueError:
            raise usage("Invalid MAC address specified.") from None

    def check(self, rule: Rule) -> None:
        if not self.source:
            raise usage('mac: option "--mac-source" must be specified\n')

    def save(self) -> str:
        return f"{bang(self.inverted)}--mac-source {mac_text(self.source)}"

    def list(self, numeric: bool) -> str:
        return f"MAC {bang(self.inverted)}{mac_text(self.source)}"

    def compile(self, netfilter: Netfilter) -> Test:
        source, inverted = self.source, self.inverted

        def test(datagram: Datagram, iif: Any, oif: Any) -> bool:
            frame = datagram.frame
            return frame is not None and (frame.wire[6:12] == source) is not inverted

        return test
