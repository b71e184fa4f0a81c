"""-m icmp (ip_tables.c; names of iptables' libxt_icmp.h)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from emu.netfilter.extension import bang
from emu.netfilter.match import Match
from emu.netfilter.table import Rule, Test
from emu.netfilter.words import integer, usage

if TYPE_CHECKING:
    from emu.netfilter.netfilter import Netfilter
    from emu.packet.datagram import Datagram

ANY_TYPE = 255
TYPES: dict[str, tuple[int, int | None]] = {
    "any": (ANY_TYPE, None), "echo-reply": (0, None), "pong": (0, None), "destination-unreachable": (3, None),
    "network-unreachable": (3, 0), "host-unreachable": (3, 1), "protocol-unreachable": (3, 2), "port-unreachable": (3, 3),
    "fragmentation-needed": (3, 4), "source-route-failed": (3, 5), "network-unknown": (3, 6), "host-unknown": (3, 7),
    "network-prohibited": (3, 9), "host-prohibited": (3, 10), "TOS-network-unreachable": (3, 11),
    "TOS-host-unreachable": (3, 12), "communication-prohibited": (3, 13), "host-precedence-violation": (3, 14),
    "precedence-cutoff": (3, 15), "source-quench": (4, None), "redirect": (5, None), "network-redirect": (5, 0),
    "host-redirect": (5, 1), "TOS-network-redirect": (5, 2), "TOS-host-redirect": (5, 3), "echo-request": (8, None),
    "ping": (8, None), "router-advertisement": (9, None), "router-solicitation": (10, None), "time-exceeded": (11, None),
    "ttl-exceeded": (11, None), "ttl-zero-during-transit": (11, 0), "ttl-zero-during-reassembly": (11, 1),
    "parameter-problem": (12, None), "ip-header-bad": (12, 0), "required-option-missing": (12, 1),
    "timestamp-request": (13, None), "timestamp-reply": (14, None), "address-mask-request": (17, None),
    "address-mask-reply": (18, None),
}  # fmt: skip


def _parse(text: str) -> tuple[int, int | None]:
    near = [value for name, value in TYPES.items() if name == text] or [
        value for name, value in TYPES.items() if name.startswith(text.lower())
    ]
    if near and not text[0].isdigit():
        if len(set(near)) > 1:
            raise usage(f"Ambiguous ICMP type `{text}': it begins several names")
        return near[0]
    kind, slash, code = text.partition("/")
    number, detail = integer(kind, 0, 255), integer(code, 0, 255) if slash else None
    if number is None:
        raise usage(f"Unknown ICMP type `{text}'" if not text[:1].isdigit() else f"Invalid ICMP type `{kind}'\n")
    if slash and detail is None:
        raise usage(f"Invalid ICMP code `{code}'\n")
    return number, detail


@dataclass(slots=True)
class Icmp(Match):
    """Type, and code."""

    name: ClassVar[str] = "icmp"
    OPTIONS: ClassVar[dict[str, int]] = {"--icmp-type": 1}
    INVERTIBLE: ClassVar[frozenset[str]] = frozenset(OPTIONS)
    type: int = ANY_TYPE
    code: int | None = None
    inverted: bool = False

    def set(self, option: str, values: list[str], inverted: bool, rule: Rule) -> None:
        self.type, self.code = _parse(values[0])
        self.inverted = inverted

    def check(self, rule: Rule) -> None:
        if rule.protocol != 1 or rule.protocol_inverted:
            raise usage("match `icmp' needs `-p icmp'")

    def save(self) -> str:
        kind = "any" if self.type == ANY_TYPE else str(self.type)
        return f"{bang(self.inverted)}--icmp-type {kind}" + (f"/{self.code}" if self.code is not None else "")

    def list(self, numeric: bool) -> str:
        mark = "!" if self.inverted else ""
        if not numeric:
            name = next((name for name, value in TYPES.items() if value == (self.type, self.code)), None)
            if name is not None:
                return f"icmp {mark}{name}"
        code = f" code {self.code}" if self.code is not None else ""
        return f"icmp {mark}type {self.type}{code}" if mark or not numeric else f"icmptype {self.type}{code}"

    def compile(self, netfilter: Netfilter) -> Test:
        kind, code, inverted = self.type, self.code, self.inverted

        def test(datagram: Datagram, iif: Any, oif: Any) -> bool:
            wire = datagram.wire
            at = (wire[0] & 15) * 4
            if wire[9] != 1 or wire[6] & 0x1F or wire[7] or len(wire) < at + 4:
                return False
            return (kind == ANY_TYPE or (wire[at] == kind and (code is None or wire[at + 1] == code))) is not inverted

        return test
