"""IPv4 headers (RFC 791): named offsets into a packet's bytes, building and rewriting."""

from __future__ import annotations

from struct import Struct

from emu.packet.checksum import checksum, update

HEADER = 20
TOS = 1
LENGTH = slice(2, 4)
IDENTIFICATION = slice(4, 6)
FRAGMENT = slice(6, 8)  # flags (3 bits) and offset in units of 8 bytes (13 bits)
TTL = 8
PROTOCOL = 9
CHECKSUM = slice(10, 12)
SRC = slice(12, 16)
DST = slice(16, 20)

DONT_FRAGMENT = 0x4000
MORE_FRAGMENTS = 0x2000
OFFSET_MASK = 0x1FFF

ICMP = 1
IGMP = 2
IPIP = 4
TCP = 6
UDP = 17
GRE = 47
ESP = 50
SCTP = 132

_FIXED = Struct(">BBHHHBBH4s4s")
_number = int.from_bytes


def build(
    src: bytes,
    dst: bytes,
    protocol: int,
    payload: bytes,
    ttl: int = 64,
    tos: int = 0,
    identification: int = 0,
    fragment: int = 0,
    options: bytes = b"",
) -> bytes:
    """A packet with a valid header checksum. `fragment` is the flags-and-offset word; `options` are padded to four bytes."""
    if not options:
        total = 20 + len(payload)
        # The header's words summed as one number: see checksum.py.
        rest = ((0x4500 | tos) + total + identification + fragment + (ttl << 8 | protocol) + _number(src + dst)) % 0xFFFF
        return _FIXED.pack(0x45, tos, total, identification, fragment, ttl, protocol, 0xFFFF - rest if rest else 0, src, dst) + payload
    options += b"\x00" * (-len(options) % 4)
    words = 5 + len(options) // 4
    header = _FIXED.pack(0x40 | words, tos, words * 4 + len(payload), identification, fragment, ttl, protocol, 0, src, dst) + options
    return header[:10] + checksum(header).to_bytes(2, "big") + header[12:] + payload


def is_valid(packet: bytes) -> bool:
    """Version, header length, total length and header checksum, as ip_rcv_core checks them (net/ipv4/ip_input.c)."""
    size = len(packet)
    if size < 20:
        return False
    first = packet[0]
    length = 20 if first == 0x45 else (first & 15) * 4
    if first >> 4 != 4 or not 20 <= length <= (packet[2] << 8 | packet[3]) <= size:
        return False
    return _number(packet[:length]) % 0xFFFF == 0


def header_length(packet: bytes) -> int:
    return (packet[0] & 15) * 4


def fragment_word(packet: bytes) -> int:
    return packet[6] << 8 | packet[7]


def is_fragment(packet: bytes) -> bool:
    """Any fragment, first or later."""
    return (packet[6] << 8 | packet[7]) & 0x3FFF != 0


def fragment_offset(packet: bytes) -> int:
    """In bytes."""
    return ((packet[6] << 8 | packet[7]) & OFFSET_MASK) * 8


def decrement_ttl(packet: bytes) -> bytes:
    """TTL less one, checksum updated as ip_decrease_ttl does."""
    total = (packet[10] << 8 | packet[11]) + 0x0100
    total = (total & 0xFFFF) + (total >> 16)
    if total == 0xFFFF:
        total = 0
    return b"%b%c%c%c%c%b" % (packet[:8], packet[8] - 1, packet[9], total >> 8, total & 0xFF, packet[12:])


def replace(packet: bytes, where: slice, new: bytes) -> bytes:
    """The packet with `new` at an even header offset, and its header checksum updated."""
    total = update(packet[10] << 8 | packet[11], packet[where], new)
    changed = packet[: where.start] + new + packet[where.stop :]
    return changed[:10] + total.to_bytes(2, "big") + changed[12:]
