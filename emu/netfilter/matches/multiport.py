"""-m multiport (xt_multiport.c)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from emu.netfilter.extension import bang, one_of
from emu.netfilter.match import Match
from emu.netfilter.table import Rule, Test
from emu.netfilter.words import port, port_range_text, service, usage

if TYPE_CHECKING:
    from emu.netfilter.netfilter import Netfilter
    from emu.packet.datagram import Datagram

MAX_PORTS = 15
WHICH = {"--source-ports": "sports", "--destination-ports": "dports", "--ports": "ports"}
ALIASES = {"--sports": "--source-ports", "--dports": "--destination-ports", "--port": "--ports"}
WITH_PORTS = frozenset({6, 17, 132, 33, 136})


def _ports(text: str) -> tuple[tuple[int, int], ...]:
    found: list[tuple[int, int]] = []
    for word in text.split(","):
        low, colon, high = word.partition(":")
        found.append((port(low), port(high if colon else low)))
        if found[-1][0] > found[-1][1]:
            raise usage("invalid portrange specified")
    if sum(1 if low == high else 2 for low, high in found) > MAX_PORTS:
        raise usage("too many ports specified")
    return tuple(found)


@dataclass(slots=True)
class Multiport(Match):
    """Up to fifteen ports, a range counting as two."""

    name: ClassVar[str] = "multiport"
    OPTIONS: ClassVar[dict[str, int]] = dict.fromkeys((*WHICH, *ALIASES), 1)
    ALIASES: ClassVar[dict[str, str]] = ALIASES
    INVERTIBLE: ClassVar[frozenset[str]] = frozenset(OPTIONS)
    APART: ClassVar[dict[str, tuple[str, ...]]] = one_of(*WHICH)
    which: str = ""
    ports: tuple[tuple[int, int], ...] = ()
    inverted: bool = False

    def set(self, option: str, values: list[str], inverted: bool, rule: Rule) -> None:
        if rule.protocol not in WITH_PORTS or rule.protocol_inverted:
            raise usage("multiport needs `-p tcp', `-p udp', `-p udplite', `-p sctp' or `-p dccp'")
        self.which, self.ports, self.inverted = WHICH[option], _ports(values[0]), inverted

    def check(self, rule: Rule) -> None:
        if not self.which:
            raise usage("multiport expection an option")

    def save(self) -> str:
        return f"{bang(self.inverted)}--{self.which} {','.join(map(port_range_text, self.ports))}"

    def list(self, numeric: bool) -> str:
        texts = [service(low, numeric) if low == high else f"{service(low, numeric)}:{service(high, numeric)}" for low, high in self.ports]
        return f"multiport {self.which} {' !' if self.inverted else ''}{','.join(texts)}"

    def compile(self, netfilter: Netfilter) -> Test:
        wanted = frozenset(number for low, high in self.ports for number in range(low, high + 1))
        source, destination, inverted = self.which != "dports", self.which != "sports", self.inverted

        def test(datagram: Datagram, iif: Any, oif: Any) -> bool:
            wire = datagram.wire
            at = (wire[0] & 15) * 4
            if wire[6] & 0x1F or wire[7] or len(wire) < at + 4:
                return False
            found = (source and (wire[at] << 8 | wire[at + 1]) in wanted) or (destination and (wire[at + 2] << 8 | wire[at + 3]) in wanted)
            return found is not inverted

        return test
