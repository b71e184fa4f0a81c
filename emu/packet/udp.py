"""UDP headers (RFC 768)."""

from __future__ import annotations

from emu.packet.checksum import pseudo_checksum
from emu.packet.ipv4 import UDP

HEADER = 8
SOURCE_PORT = slice(0, 2)
DESTINATION_PORT = slice(2, 4)
LENGTH = slice(4, 6)
CHECKSUM = slice(6, 8)


def build(src: bytes, dst: bytes, source_port: int, destination_port: int, payload: bytes, *, with_checksum: bool = True) -> bytes:
    """A datagram; its checksum is sent as 0xffff where it computes to 0, which on the wire means "none"."""
    length = 8 + len(payload)
    ports = (source_port << 16 | destination_port).to_bytes(4, "big")
    size = length.to_bytes(2, "big")
    if not with_checksum:
        return b"%b%b\x00\x00%b" % (ports, size, payload)
    total = pseudo_checksum(src, dst, UDP, b"%b%b\x00\x00%b" % (ports, size, payload)) or 0xFFFF
    return b"%b%b%c%c%b" % (ports, size, total >> 8, total & 0xFF, payload)


def is_valid(src: bytes, dst: bytes, segment: bytes) -> bool:
    """Length and checksum (a zero checksum is accepted), as udp_rcv checks them."""
    if len(segment) < 8:
        return False
    length = segment[4] << 8 | segment[5]
    if not 8 <= length <= len(segment):
        return False
    if not (segment[6] or segment[7]):
        return True
    return pseudo_checksum(src, dst, UDP, segment[:length]) == 0
