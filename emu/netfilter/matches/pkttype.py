"""-m pkttype (xt_pkttype.c): whom the frame was for that the packet came in. A packet that is made here counts as one for this host.

`otherhost` is taken, and never matches: a frame for another's address gets to these hooks by a bridge only, which makes it the host's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from emu.netfilter.extension import bang
from emu.netfilter.match import Match
from emu.netfilter.table import Rule, Test
from emu.netfilter.words import usage
from emu.packet.address import BROADCAST_MAC, is_multicast

if TYPE_CHECKING:
    from emu.netfilter.netfilter import Netfilter
    from emu.packet.datagram import Datagram

TYPES = ("unicast", "broadcast", "multicast", "otherhost")
ALIASES = {"bcast": "broadcast", "mcast": "multicast", "host": "unicast"}


def type_of(datagram: Datagram) -> str:
    """skb->pkt_type, as eth_type_trans sets it."""
    frame = datagram.frame
    if frame is not None:
        if not frame.wire[0] & 1:
            return "unicast"
        return "broadcast" if frame.wire[:6] == BROADCAST_MAC else "multicast"
    if datagram.iif is not None and datagram.iif.kind == "loopback":  # our own, heard again (PACKET_LOOPBACK)
        return "multicast" if is_multicast(datagram.dst) else "broadcast"
    return "unicast"


@dataclass(slots=True)
class Pkttype(Match):
    """One of the types."""

    name: ClassVar[str] = "pkttype"
    OPTIONS: ClassVar[dict[str, int]] = {"--pkt-type": 1}
    INVERTIBLE: ClassVar[frozenset[str]] = frozenset(OPTIONS)
    REQUIRED: ClassVar[str] = "--pkt-type"
    type: str = ""
    inverted: bool = False

    def set(self, option: str, values: list[str], inverted: bool, rule: Rule) -> None:
        name = values[0].lower()
        self.type, self.inverted = ALIASES.get(name, name), inverted
        if self.type not in TYPES:
            raise usage(f"Bad packet type '{values[0]}'")

    def save(self) -> str:
        return f"{bang(self.inverted)}--pkt-type {self.type}"

    def list(self, numeric: bool) -> str:
        return f"PKTTYPE {'!=' if self.inverted else '='} {self.type}"

    def compile(self, netfilter: Netfilter) -> Test:
        wanted, inverted = self.type, self.inverted

        def test(datagram: Datagram, iif: Any, oif: Any) -> bool:
            return (type_of(datagram) == wanted) is not inverted

        return test
