"""UDP headers (RFC 768)."""

from __future__ import annotations

from struct import Struct

from emu.packet.ipv4 import UDP

HEADER = 8
SOURCE_PORT = slice(0, 2)
DESTINATION_PORT = slice(2, 4)
LENGTH = slice(4, 6)
CHECKSUM = slice(6, 8)

HEADER_FIELDS = Struct(">HHHH")
_number = int.from_bytes


def build(src: bytes, dst: bytes, source_port: int, destination_port: int, payload: bytes, *, with_checksum: bool = True) -> bytes:
    """A datagram; its checksum is sent as 0xffff where it computes to 0, which on the wire means "none"."""
    length = 8 + len(payload)
    if not with_checksum:
        return HEADER_FIELDS.pack(source_port, destination_port, length, 0) + payload
    # Pseudo header and header are summed as numbers (see checksum.py); the length stands in both.
    words = src + dst + payload if not length & 1 else b"%b%b%b\x00" % (src, dst, payload)
    rest = (_number(words) + UDP + 2 * length + source_port + destination_port) % 0xFFFF
    return HEADER_FIELDS.pack(source_port, destination_port, length, 0xFFFF - rest) + payload


def is_valid(src: bytes, dst: bytes, segment: bytes) -> bool:
    """Length and checksum (a zero checksum is accepted), as udp_rcv checks them."""
    if len(segment) < 8:
        return False
    length = segment[4] << 8 | segment[5]
    if length != len(segment):
        if not 8 <= length <= len(segment):
            return False
        segment = segment[:length]
    if not (segment[6] or segment[7]):
        return True
    words = src + dst + segment if not length & 1 else b"%b%b%b\x00" % (src, dst, segment)
    return (_number(words) + UDP + length) % 0xFFFF == 0
