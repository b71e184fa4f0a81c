"""Address translation (net/netfilter/nf_nat_core.c, nf_nat_proto.c, nf_nat_masquerade.c).

A connection's mapping is chosen once, by the rules that its first packet meets (or none: a null binding keeps the address but may change
a port that clashes), and kept as the difference between the entry's two tuples. Every packet is then rewritten from that alone,
checksums by difference.

Not modelled: ports of SCTP, DCCP and UDP-Lite, GRE keys, helpers, netmap; a range's address is chosen by another hash than the kernel's.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from emu.netfilter.conntrack import CONFIRMED, ICMP, REPLIES, TCP, UDP, WITH_PORTS, Conntrack, ConntrackEntry, Status, invert
from emu.netfilter.hooks import Hook
from emu.packet import icmp
from emu.packet.address import Ip, from_number, number
from emu.packet.checksum import checksum
from emu.packet.datagram import Datagram

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_TRIES = 128
MIN_TRIES = 16


class Manip(Enum):
    """Which end of a packet is rewritten."""

    __hash__ = object.__hash__

    SRC = "src"
    DST = "dst"


SRC, DST = Manip.SRC, Manip.DST
MANIP_OF = {Hook.PREROUTING: DST, Hook.OUTPUT: DST, Hook.POSTROUTING: SRC, Hook.INPUT: SRC}
NAT_BIT = {SRC: int(Status.SRC_NAT), DST: int(Status.DST_NAT)}
DONE_BIT = {SRC: int(Status.SRC_NAT_DONE), DST: int(Status.DST_NAT_DONE)}
OTHER = {SRC: DST, DST: SRC}
BOTH_DONE = DONE_BIT[SRC] | DONE_BIT[DST]
CHANGED = NAT_BIT[SRC] | NAT_BIT[DST]


@dataclass(frozen=True, slots=True)
class NatRange:
    """What a rule allows: addresses from `low` to `high` (None: as it is) and ports (None: any that suits)."""

    low: Ip | None = None
    high: Ip | None = None
    ports: tuple[int, int] | None = None
    base: int | None = None  # `--to-destination :1000-1100/2000`: offsets count from here
    random: bool = False  # --random, --random-fully
    persistent: bool = False


# --- choosing a mapping


class Nat:
    """Chooses mappings in one namespace, and applies them."""

    def __init__(self, conntrack: Conntrack, draw: Callable[[int], int]) -> None:
        self._conntrack = conntrack
        self._draw = draw
        self._by_source: dict[bytes, list[ConntrackEntry]] = {}  # protocol, address, port
        conntrack.on_destroy = self._forget

    def is_set(self, entry: ConntrackEntry, manip: Manip) -> bool:
        return bool(entry.status & DONE_BIT[manip])

    def bind_null(self, entry: ConntrackEntry, manip: Manip) -> None:
        """No rule: the address stays, and the port unless it clashes."""
        address = Ip(entry.reply[5:9] if manip is SRC else entry.reply[1:5])
        self.bind(entry, NatRange(address, address), manip)

    def bind(self, entry: ConntrackEntry, wanted: NatRange, manip: Manip) -> None:
        """nf_nat_setup_info: a connection that was one before there were rules for it stays as it is."""
        if entry.status & CONFIRMED:
            return
        current = invert(entry.reply)
        chosen = self._unique(current, wanted, entry, manip)
        if chosen != current:
            entry.reply = invert(chosen)
            entry.status |= NAT_BIT[manip]
        if manip is SRC:
            self._by_source.setdefault(_source(entry.original), []).append(entry)
        entry.status |= DONE_BIT[manip]

    def _forget(self, entry: ConntrackEntry) -> None:
        same = self._by_source.get(_source(entry.original))
        if same and entry in same:
            same.remove(entry)
            if not same:
                del self._by_source[_source(entry.original)]

    def _is_used(self, flow: bytes, entry: ConntrackEntry) -> bool:
        return self._conntrack.is_taken(invert(flow), entry)

    def _unique(self, original: bytes, wanted: NatRange, entry: ConntrackEntry, manip: Manip) -> bytes:
        """get_unique_tuple: the least change that makes the answer's tuple one that nobody has."""
        if manip is SRC and not wanted.random:
            if _fits(original, wanted, SRC):
                if not self._is_used(original, entry):
                    return original
            else:
                for other in self._by_source.get(_source(original), ()):
                    mapped = invert(other.reply)
                    candidate = original[:1] + mapped[1:5] + original[5:9] + mapped[9:11] + original[11:]
                    if _fits(candidate, wanted, SRC) and not self._is_used(candidate, entry):
                        return candidate
        flow = _with_address(original, _best_address(original, wanted, manip), manip)
        if not wanted.random:
            if wanted.ports is not None:
                low, high = wanted.ports
                if wanted.base is None and low <= _port(flow, manip) <= high and (low == high or not self._is_used(flow, entry)):
                    return flow
            elif not self._is_used(flow, entry):
                return flow
        return self._unique_port(flow, wanted, entry, manip)

    def _unique_port(self, flow: bytes, wanted: NatRange, entry: ConntrackEntry, manip: Manip) -> bytes:
        """nf_nat_l4proto_unique_tuple: from a random place on; fewer tries each time that all were taken."""
        protocol = flow[0]
        if protocol not in (TCP, UDP, ICMP):
            return flow
        port = _port(flow, manip)
        if wanted.ports is not None:
            low, high = wanted.ports
        elif protocol == ICMP:
            low, high = 0, 0xFFFF
        elif manip is DST:
            return flow
        else:
            low, high = (1, 511) if port < 512 else (600, 1023) if port < 1024 else (1024, 65535)
        size = high - low + 1
        if wanted.base is not None:
            offset = port - wanted.base
        elif wanted.random or manip is SRC:
            offset = self._draw(0x10000)
        else:
            offset = 0
        tries = min(size, MAX_TRIES)
        while True:
            for _ in range(tries):
                flow = _with_port(flow, low + offset % size, manip)
                if not self._is_used(flow, entry):
                    return flow
                offset += 1
            if tries >= size or tries < MIN_TRIES:
                return flow
            tries //= 2
            offset = self._draw(0x10000)

    # --- applying it

    def translate(self, datagram: Datagram, manip: Manip) -> None:
        """Rewrite a packet of the connection as its entry says: nf_nat_packet."""
        entry: ConntrackEntry = datagram.ct
        is_reply = datagram.ct_info in REPLIES
        if not entry.status & NAT_BIT[OTHER[manip] if is_reply else manip]:
            return
        key = is_reply, manip is SRC
        translation = entry.translations.get(key)
        if translation is None:
            translation = entry.translations[key] = Translation(invert(entry.original if is_reply else entry.reply), manip)
        datagram.wire = translation.apply(datagram.wire)

    def translate_error(self, datagram: Datagram, manip: Manip) -> bool:
        """Rewrite an ICMP error: its own address, and in the packet that it quotes the other one (nf_nat_icmp_reply_translation).

        False: it must not go on (a redirect to a translated connection).
        """
        entry: ConntrackEntry = datagram.ct
        is_reply = datagram.ct_info in REPLIES
        wire = datagram.wire
        at = (wire[0] & 15) * 4
        if wire[at] == icmp.Type.REDIRECT and (entry.status & BOTH_DONE != BOTH_DONE or entry.status & CHANGED):
            return False
        if not entry.status & NAT_BIT[OTHER[manip] if is_reply else manip]:
            return True
        opposite = entry.original if is_reply else entry.reply
        quoted = Translation(opposite, OTHER[manip]).apply(wire[at + 8 :])
        message = wire[at : at + 2] + b"\0\0" + wire[at + 4 : at + 8] + quoted
        message = message[:2] + checksum(message).to_bytes(2, "big") + message[4:]
        datagram.wire = Translation(invert(opposite), manip).apply(wire[:at] + message)
        return True


def _source(flow: bytes) -> bytes:
    return flow[:5] + flow[9:11]


def _port(flow: bytes, manip: Manip) -> int:
    """The port that may change; for ICMP always the identifier."""
    at = 9 if manip is SRC or flow[0] == ICMP else 11
    return flow[at] << 8 | flow[at + 1]


def _with_port(flow: bytes, port: int, manip: Manip) -> bytes:
    at = 9 if manip is SRC or flow[0] == ICMP else 11
    return flow[:at] + port.to_bytes(2, "big") + flow[at + 2 :]


def _with_address(flow: bytes, address: bytes, manip: Manip) -> bytes:
    return flow[:1] + address + flow[5:] if manip is SRC else flow[:5] + address + flow[9:]


def _fits(flow: bytes, wanted: NatRange, manip: Manip) -> bool:
    address = flow[1:5] if manip is SRC else flow[5:9]
    if wanted.low is not None and wanted.high is not None and not wanted.low <= address <= wanted.high:
        return False
    return wanted.ports is None or wanted.ports[0] <= _port(flow, manip) <= wanted.ports[1]


def _best_address(flow: bytes, wanted: NatRange, manip: Manip) -> bytes:
    """The one address, or one of the range, the same for each pair of hosts (with `--persistent` for each source)."""
    if wanted.low is None or wanted.high is None:
        return flow[1:5] if manip is SRC else flow[5:9]
    count = number(wanted.high) - number(wanted.low) + 1
    if count == 1:
        return wanted.low
    return from_number(number(wanted.low) + zlib.crc32(flow[1:5] if wanted.persistent else flow[1:9]) % count)


# --- rewriting bytes


class Translation:
    """One end of a packet replaced: address and port, or ICMP identifier, of `target`'s same end.

    All packets of a flow have the same old values, so the checksums' differences are made once, from the first.
    """

    __slots__ = ("_address", "_address_delta", "_address_old", "_at", "_port", "_port_delta")

    def __init__(self, target: bytes, manip: Manip) -> None:
        self._at = 12 if manip is SRC else 16
        self._address = target[1:5] if manip is SRC else target[5:9]
        self._port = target[9:11] if manip is SRC or target[0] == ICMP else target[11:13]
        self._address_old = b""
        self._address_delta = 0
        self._port_delta: dict[bytes, int] = {}

    def apply(self, wire: bytes) -> bytes:
        """nf_nat_manip_pkt, also of a packet cut short."""
        at = self._at
        old = wire[at : at + 4]
        if old != self._address_old:
            self._address_old = old
            self._address_delta = int.from_bytes(self._address, "big") - int.from_bytes(old, "big")
        header = (wire[0] & 15) * 4
        total = _changed(wire[10:12], self._address_delta)
        before = wire[12:16] if at == 16 else self._address
        after = wire[16:20] if at == 12 else self._address
        head = b"%b%b%b%b%b" % (wire[:10], total, before, after, wire[20:header])
        if wire[6] & 0x1F or wire[7]:
            return head + wire[header:]
        return head + self._segment(wire[9], wire[header:])

    def _segment(self, protocol: int, segment: bytes) -> bytes:
        if protocol in WITH_PORTS:
            at = 0 if self._at == 12 else 2
            sum_at = 16 if protocol == TCP else 6
            delta = self._delta(segment[at : at + 2]) + self._address_delta
        elif protocol == ICMP and segment[0] in icmp.QUERIES:
            at, sum_at = 4, 2
            delta = self._delta(segment[4:6])
        else:
            return segment
        old_sum = segment[sum_at : sum_at + 2]
        moved = b"%b%b%b" % (segment[:at], self._port, segment[at + 2 :])
        if len(old_sum) < 2 or (protocol == UDP and old_sum == b"\0\0"):
            return moved
        new_sum = _changed(old_sum, delta)
        if protocol == UDP and new_sum == b"\0\0":
            new_sum = b"\xff\xff"
        return b"%b%b%b" % (moved[:sum_at], new_sum, moved[sum_at + 2 :])

    def _delta(self, old: bytes) -> int:
        delta = self._port_delta.get(old)
        if delta is None:
            delta = self._port_delta[old] = int.from_bytes(self._port, "big") - int.from_bytes(old, "big")
        return delta


def _changed(old_sum: bytes, delta: int) -> bytes:
    """The checksum after its data grew by `delta` (RFC 1624)."""
    rest = (0xFFFF - (old_sum[0] << 8 | old_sum[1]) + delta) % 0xFFFF
    return (0xFFFF - rest if rest else 0).to_bytes(2, "big")
