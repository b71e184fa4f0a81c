"""-m rpfilter (ipt_rpfilter.c): would the answer leave by the device that the packet came in by? Not modelled: --validmark beyond its
text, since no routing table here depends on marks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from emu.netfilter.hooks import Hook
from emu.netfilter.match import Match
from emu.netfilter.table import Rule, Test
from emu.packet.address import BROADCAST

if TYPE_CHECKING:
    from emu.netfilter.netfilter import Netfilter
    from emu.packet.datagram import Datagram

FLAGS = ("--loose", "--validmark", "--accept-local", "--invert")


@dataclass(slots=True)
class Rpfilter(Match):
    """`--loose`: some way back is enough; `--accept-local`: the host's own addresses are, too."""

    name: ClassVar[str] = "rpfilter"
    tables: ClassVar[frozenset[str]] = frozenset({"raw", "mangle"})
    hooks: ClassVar[frozenset[Hook]] = frozenset({Hook.PREROUTING})
    OPTIONS: ClassVar[dict[str, int]] = dict.fromkeys(FLAGS, 0)
    flags: frozenset[str] = frozenset()

    def set(self, option: str, values: list[str], inverted: bool, rule: Rule) -> None:
        self.flags |= {option}

    def save(self) -> str:
        return " ".join(flag for flag in FLAGS if flag in self.flags)

    def list(self, numeric: bool) -> str:
        return " ".join([self.name, *(flag[2:] for flag in FLAGS if flag in self.flags)])

    def compile(self, netfilter: Netfilter) -> Test:
        inverted, loose = "--invert" in self.flags, "--loose" in self.flags
        kinds = ("unicast", "local") if "--accept-local" in self.flags else ("unicast",)

        def test(datagram: Datagram, iif: Any, oif: Any) -> bool:
            if iif.kind == "loopback" or _asks_a_group(datagram):
                return not inverted
            route = netfilter.way_to(datagram.src)
            return (route is not None and route.kind in kinds and (loose or route.dev is iif)) is not inverted

        return test


def _asks_a_group(datagram: Datagram) -> bool:
    """Who has no address yet asks everybody (DHCP)."""
    return datagram.src[0] == 0 and (datagram.dst == BROADCAST or datagram.dst[:3] == b"\xe0\0\0")
