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
    rest = (_number(words) + (UDP + 2 * length + source_port + destination_port)) % 0xFFFF  # small numbers first: adding is cheaper
    return HEADER_FIELDS.pack(source_port, destination_port, length, 0xFFFF - rest) + payload


def is_valid(packet: bytes, start: int) -> bool:
    """Length and checksum (a zero checksum is accepted) of the datagram that begins at `start` of an IP packet, as udp_rcv checks them."""
    room = len(packet) - start
    if room < 8:
        return False
    length = packet[start + 4] << 8 | packet[start + 5]
    if length != room:
        if not 8 <= length <= room:
            return False
        packet = packet[: start + length]
    if packet[start + 6 : start + 8] == b"\x00\x00":
        return True
    words = packet[12:] if start == 20 else packet[12:20] + packet[start:]  # addresses and datagram
    if length & 1:
        words += b"\x00"
    return (_number(words) + (UDP + length)) % 0xFFFF == 0
