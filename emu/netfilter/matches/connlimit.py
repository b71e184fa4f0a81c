"""-m connlimit (xt_connlimit.c, nf_conncount.c): how many connections there are from an address, or a network of them.

Each rule counts the connections of the packets that come to it, as long as conntrack knows them and TCP has not ended.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from emu.netfilter.conntrack import Conntrack, ConntrackEntry, flow_of
from emu.netfilter.extension import one_of
from emu.netfilter.match import Match
from emu.netfilter.table import Rule, Test
from emu.netfilter.words import bounded, mask_length, usage
from emu.packet.address import netmask, number

if TYPE_CHECKING:
    from emu.netfilter.netfilter import Netfilter
    from emu.packet.datagram import Datagram

LIMITS = ("--connlimit-upto", "--connlimit-above")
SIDES = ("--connlimit-saddr", "--connlimit-daddr")
ENDED = frozenset({"TIME_WAIT", "CLOSE"})
MOST_FORGOTTEN = 8  # CONNCOUNT_GC_MAX_NODES: a look at the list ends when it has found more dead ones


@dataclass(slots=True)
class Connlimit(Match):
    """More than so many, or (inverted) up to so many, this packet's own connection included."""

    name: ClassVar[str] = "connlimit"
    needs_conntrack: ClassVar[bool] = True
    OPTIONS: ClassVar[dict[str, int]] = {**dict.fromkeys((*LIMITS, "--connlimit-mask"), 1), **dict.fromkeys(SIDES, 0)}
    INVERTIBLE: ClassVar[frozenset[str]] = frozenset(LIMITS)
    APART: ClassVar[dict[str, tuple[str, ...]]] = {**one_of(*LIMITS), **one_of(*SIDES)}
    limit: int = -1
    inverted: bool = False
    mask: int = 32
    by_destination: bool = False

    def set(self, option: str, values: list[str], inverted: bool, rule: Rule) -> None:
        if option in LIMITS:
            self.limit = bounded(self.name, option, values[0], 0, 0xFFFFFFFF)
            self.inverted = inverted is (option == "--connlimit-above")
        elif option in SIDES:
            self.by_destination = option == "--connlimit-daddr"
        else:
            self.mask = min(mask_length(self.name, option, values[0]), 32)  # what is longer than an address is all of it

    def check(self, rule: Rule) -> None:
        if self.limit < 0:
            raise usage('You must specify "--connlimit-above" or "--connlimit-upto".')

    def save(self) -> str:
        option = LIMITS[not self.inverted]
        return f"{option} {self.limit} --connlimit-mask {self.mask} {SIDES[self.by_destination]}"

    def list(self, numeric: bool) -> str:
        return f"#conn {'dst' if self.by_destination else 'src'}/{self.mask} {'<=' if self.inverted else '>'} {self.limit}"

    def compile(self, netfilter: Netfilter) -> Test:
        conntrack, mask, limit, inverted, by_destination = (
            netfilter.conntrack, netmask(self.mask), self.limit, self.inverted, self.by_destination,
        )  # fmt: skip
        counted: dict[int, list[bytes]] = {}  # by address under the mask: the first packets' flow tuples

        def test(datagram: Datagram, iif: Any, oif: Any) -> bool:
            entry: ConntrackEntry | None = datagram.ct
            flow = entry.original if entry is not None else flow_of(datagram.wire)
            if flow is None:
                return False
            key = number(datagram.dst if by_destination else datagram.src) & mask
            return (_count(conntrack, counted.setdefault(key, []), flow) > limit) is not inverted

        return test


def _count(conntrack: Conntrack, flows: list[bytes], flow: bytes) -> int:
    """The connection is added to those that live still; how many they are (__nf_conncount_add)."""
    forgotten = 0
    for other in list(flows):
        if forgotten > MOST_FORGOTTEN:
            break
        entry = conntrack.find(other)
        if entry is not None and other == flow:
            return len(flows)
        if entry is None or (entry.tcp is not None and entry.tcp.name in ENDED):
            flows.remove(other)
            forgotten += 1
    flows.append(flow)
    return len(flows)
