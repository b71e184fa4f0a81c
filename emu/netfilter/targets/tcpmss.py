"""-j TCPMSS (xt_TCPMSS.c): the largest segment that a connection's two ends take, lowered where the packets of a handshake pass.

As over nf_tables, the kernel asks for `-p tcp` only: a rule without --syn puts the option into every segment that has neither it nor data.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from emu.netfilter.extension import INVALID
from emu.netfilter.hooks import Hook
from emu.netfilter.table import Passage, Rule, Verdict
from emu.netfilter.target import Target
from emu.netfilter.words import bounded, usage
from emu.packet import ipv4, tcp
from emu.packet.checksum import update

if TYPE_CHECKING:
    from emu.netdev.device import NetDevice
    from emu.packet.datagram import Datagram

HEADERS = 40
LARGEST = 65515
DEFAULT = 536  # what who names no size has to be taken for (RFC 1122)
LONGEST_HEADER = 60
CLAMPED_AT = frozenset({Hook.FORWARD, Hook.OUTPUT, Hook.POSTROUTING})


@dataclass(slots=True)
class Tcpmss(Target):
    """A size, or (None) what the path's MTU leaves in both directions."""

    name: ClassVar[str] = "TCPMSS"
    OPTIONS: ClassVar[dict[str, int]] = {"--set-mss": 1, "--clamp-mss-to-pmtu": 0}
    mss: int | None = None

    def set(self, option: str, values: list[str], inverted: bool, rule: Rule) -> None:
        self.mss = bounded(self.name, option, values[0], 0, LARGEST) if option == "--set-mss" else None

    def check(self, rule: Rule) -> None:
        if not self.given:
            raise usage("TCPMSS target: At least one parameter is required")

    def kernel_refuses(self, rule: Rule, hook: Hook | None) -> str:
        clamped_at_wrong_hook = self.mss is None and hook is not None and hook not in CLAMPED_AT
        return INVALID if rule.protocol != ipv4.TCP or rule.protocol_inverted or clamped_at_wrong_hook else ""

    def save(self) -> str:
        return "--clamp-mss-to-pmtu" if self.mss is None else f"--set-mss {self.mss}"

    def list(self, numeric: bool) -> str:
        return "TCPMSS clamp to PMTU" if self.mss is None else f"TCPMSS set {self.mss}"

    def apply(self, run: Any, datagram: Datagram, passage: Passage) -> Verdict | None:
        wire = datagram.wire
        if ipv4.fragment_offset(wire):
            return None
        at = ipv4.header_length(wire)
        segment = wire[at:]
        header = (segment[tcp.OFFSET] >> 4) * 4 if len(segment) >= tcp.HEADER else 0
        if not tcp.HEADER <= header <= len(segment):
            return Verdict.DROP
        mss = self.mss if self.mss is not None else _mss_of_path(run, datagram, passage.oif)
        if mss <= 0:
            return Verdict.DROP
        place = tcp.mss_place(segment[tcp.HEADER : header])
        if place is not None:
            place += tcp.HEADER
            if int.from_bytes(segment[place : place + 2], "big") > mss:
                datagram.wire = wire[:at] + _lowered(segment, place, mss.to_bytes(2, "big"))
        elif len(segment) == header < LONGEST_HEADER:
            longer = wire[:at] + _with_option(segment, min(mss, DEFAULT))
            datagram.wire = ipv4.replace(longer, ipv4.LENGTH, len(longer).to_bytes(2, "big"))
        return None


def _mss_of_path(run: Any, datagram: Datagram, oif: NetDevice | None) -> int:
    """The way back and the way on, where a bridged packet has the bridge's MTU. At PREROUTING, by a user's chain, there is no way on yet:
    the kernel crashes, here it does not count.
    """
    on = run.path_mtu(datagram.dst, datagram.route) if datagram.route is not None else oif.mtu if oif is not None else None
    ways = [mtu for mtu in (run.path_mtu(datagram.src, None), on) if mtu is not None]
    return int(min(ways, default=LARGEST + HEADERS)) - HEADERS


def _lowered(segment: bytes, place: int, value: bytes) -> bytes:
    """The checksum is updated as if the value stood at an even place, as the kernel does it even where it does not."""
    total = update(int.from_bytes(segment[tcp.CHECKSUM], "big"), segment[place : place + 2], value)
    return segment[:16] + total.to_bytes(2, "big") + segment[18:place] + value + segment[place + 2 :]


def _with_option(segment: bytes, mss: int) -> bytes:
    """The option goes before those that are there; the checksum also covers the segment's length."""
    option = bytes([tcp.MSS, tcp.MSS_LENGTH]) + mss.to_bytes(2, "big")
    offset = bytes([segment[tcp.OFFSET] + 0x10, segment[tcp.FLAGS]])
    before = len(segment).to_bytes(2, "big") + segment[tcp.OFFSET : tcp.OFFSET + 2] + bytes(tcp.MSS_LENGTH)
    after = (len(segment) + tcp.MSS_LENGTH).to_bytes(2, "big") + offset + option
    total = update(int.from_bytes(segment[tcp.CHECKSUM], "big"), before, after)
    return segment[:12] + offset + segment[14:16] + total.to_bytes(2, "big") + segment[18:20] + option + segment[20:]
