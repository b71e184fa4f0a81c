"""-m addrtype (xt_addrtype.c)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from emu.netfilter.extension import bang, one_of
from emu.netfilter.match import Match
from emu.netfilter.table import Rule, Test
from emu.netfilter.words import usage

if TYPE_CHECKING:
    from emu.netfilter.netfilter import Netfilter
    from emu.packet.datagram import Datagram

TYPES = (
    "UNSPEC",
    "UNICAST",
    "LOCAL",
    "BROADCAST",
    "ANYCAST",
    "MULTICAST",
    "BLACKHOLE",
    "UNREACHABLE",
    "PROHIBIT",
    "THROW",
    "NAT",
    "XRESOLVE",
)
Types = tuple[tuple[str, ...], bool]


def _types(text: str, inverted: bool) -> Types:
    names = text.upper().split(",")
    for name in names:
        if name not in TYPES:
            raise usage(f'addrtype: bad type "{name}"')
    return tuple(kind for kind in TYPES if kind in names), inverted


@dataclass(slots=True)
class Addrtype(Match):
    """What the routing tables say of an address."""

    name: ClassVar[str] = "addrtype"
    OPTIONS: ClassVar[dict[str, int]] = {"--src-type": 1, "--dst-type": 1, "--limit-iface-in": 0, "--limit-iface-out": 0}
    INVERTIBLE: ClassVar[frozenset[str]] = frozenset({"--src-type", "--dst-type"})
    APART: ClassVar[dict[str, tuple[str, ...]]] = one_of("--limit-iface-in", "--limit-iface-out")
    source: Types | None = None
    destination: Types | None = None
    limit: str = ""  # in, out

    def set(self, option: str, values: list[str], inverted: bool, rule: Rule) -> None:
        if option == "--src-type":
            self.source = _types(values[0], inverted)
        elif option == "--dst-type":
            self.destination = _types(values[0], inverted)
        else:
            self.limit = option.rpartition("-")[2]

    def check(self, rule: Rule) -> None:
        if self.source is None and self.destination is None:
            raise usage("addrtype: you must specify --src-type or --dst-type")

    def save(self) -> str:
        named = (("--src-type", self.source), ("--dst-type", self.destination))
        words = [f"{bang(types[1])}{option} {','.join(types[0])}" for option, types in named if types]
        return " ".join(words + ([f"--limit-iface-{self.limit}"] if self.limit else []))

    def list(self, numeric: bool) -> str:
        named = (("src-type", self.source), ("dst-type", self.destination))
        words = [f"{option} {'!' if types[1] else ''}{','.join(types[0])}" for option, types in named if types]
        return " ".join(["ADDRTYPE match", *words, *([f"limit-{self.limit}"] if self.limit else [])])

    def compile(self, netfilter: Netfilter) -> Test:
        source, destination, limit = self.source, self.destination, self.limit

        def test(datagram: Datagram, iif: Any, oif: Any) -> bool:
            dev = iif if limit == "in" else oif if limit == "out" else None
            address_type = netfilter.address_type
            if source is not None and (address_type(datagram.src, dev) in source[0]) is source[1]:
                return False
            return destination is None or (address_type(datagram.dst, dev) in destination[0]) is not destination[1]

        return test
