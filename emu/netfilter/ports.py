"""What the matches tcp and udp share: their ports (xt_tcpudp.c)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from emu.netfilter.extension import bang
from emu.netfilter.match import Match
from emu.netfilter.table import Rule, Test
from emu.netfilter.words import port_range, port_range_text, service, usage

if TYPE_CHECKING:
    from emu.netfilter.netfilter import Netfilter
    from emu.packet.datagram import Datagram

Range = tuple[int, int, bool]  # low, high, inverted


WITH_PORTS = frozenset({6, 17, 33, 50, 132, 136})  # and ESP, whose index stands there (proto_ports_offset)
AH, AH_INDEX = 51, 4


def ports_of(wire: bytes) -> tuple[int, int] | None:
    """A packet's ports, 0 where its protocol has none; None: it is cut before them."""
    at = (wire[0] & 15) * 4 + (AH_INDEX if wire[9] == AH else 0)
    if wire[9] not in WITH_PORTS and wire[9] != AH:
        return 0, 0
    return (wire[at] << 8 | wire[at + 1], wire[at + 2] << 8 | wire[at + 3]) if len(wire) >= at + 4 else None


@dataclass(slots=True)
class Ports(Match):
    """Source and destination port ranges."""

    protocol: ClassVar[int]
    OPTIONS: ClassVar[dict[str, int]] = dict.fromkeys(("--sport", "--source-port", "--dport", "--destination-port"), 1)
    INVERTIBLE: ClassVar[frozenset[str]] = frozenset(OPTIONS)
    REPEATABLE: ClassVar[frozenset[str]] = frozenset(OPTIONS)  # iptables has words of its own for it
    ALIASES: ClassVar[dict[str, str]] = {"--sport": "--source-port", "--dport": "--destination-port"}
    source: Range | None = None
    destination: Range | None = None

    def set(self, option: str, values: list[str], inverted: bool, rule: Rule) -> None:
        ports = (*port_range(values[0]), inverted)
        if option in self.given:
            raise usage(f"Only one `{option}' allowed")
        if option == "--source-port":
            self.source = ports
        else:
            self.destination = ports

    def check(self, rule: Rule) -> None:
        if rule.protocol != self.protocol or rule.protocol_inverted:
            raise usage(f"match `{self.name}' needs `-p {self.name}'")

    def save(self) -> str:
        named = (("--sport", self.source), ("--dport", self.destination))
        return " ".join(f"{bang(ports[2])}{option} {port_range_text(ports[:2])}" for option, ports in named if ports)

    def list(self, numeric: bool) -> str:
        words = [self.name]
        for short, ports in (("spt", self.source), ("dpt", self.destination)):
            if ports is None:
                continue
            low, high, inverted = ports
            mark = "!" if inverted else ""
            text = service(low, numeric) if low == high else f"{service(low, numeric)}:{service(high, numeric)}"
            words.append(f"{short}{'' if low == high else 's'}:{mark}{text}")
        return " ".join(words)

    def compile(self, netfilter: Netfilter) -> Test:
        low_src, high_src, not_src = self.source or (0, 65535, False)
        low_dst, high_dst, not_dst = self.destination or (0, 65535, False)
        protocol = self.protocol

        def test(datagram: Datagram, iif: Any, oif: Any) -> bool:
            wire = datagram.wire
            at = (wire[0] & 15) * 4
            if wire[9] != protocol or wire[6] & 0x1F or wire[7] or len(wire) < at + 8:
                return False
            if (low_dst <= (wire[at + 2] << 8 | wire[at + 3]) <= high_dst) is not_dst:
                return False
            return (low_src <= (wire[at] << 8 | wire[at + 1]) <= high_src) is not not_src

        return test
