"""TCP headers and options (RFC 9293 §3.1; window scale and timestamps RFC 7323; SACK RFC 2018)."""

from __future__ import annotations

from struct import Struct
from typing import NamedTuple

from emu.packet.checksum import pseudo_checksum
from emu.packet.ipv4 import TCP

HEADER = 20
SOURCE_PORT = slice(0, 2)
DESTINATION_PORT = slice(2, 4)
SEQUENCE = slice(4, 8)
ACKNOWLEDGMENT = slice(8, 12)
OFFSET = 12
FLAGS = 13
WINDOW = slice(14, 16)
CHECKSUM = slice(16, 18)

NOP, MSS, MSS_LENGTH = 1, 2, 4  # options: kinds, and the length of one

FIN, SYN, RST, PSH, ACK, URG, ECE, CWR = (1 << bit for bit in range(8))

_FIXED = Struct(">HHIIBBHHH")


class Segment(NamedTuple):
    """A segment's header fields; `options` as on the wire, `payload` without padding."""

    source_port: int
    destination_port: int
    sequence: int
    acknowledgment: int
    flags: int
    window: int
    options: bytes
    payload: bytes


def parse(wire: bytes) -> Segment | None:
    """None if the header is cut short or its length is wrong. The checksum is not looked at: see `is_valid`."""
    if len(wire) < 20:
        return None
    source, destination, sequence, acknowledgment, offset, flags, window, _, _ = _FIXED.unpack_from(wire)
    length = (offset >> 4) * 4
    if not 20 <= length <= len(wire):
        return None
    return Segment(source, destination, sequence, acknowledgment, flags, window, wire[20:length], wire[length:])


def build(src: bytes, dst: bytes, segment: Segment) -> bytes:
    """The segment's bytes with a valid checksum; `options` must be a multiple of four bytes."""
    offset = (20 + len(segment.options)) << 2
    head = segment[:4]
    wire = _FIXED.pack(*head, offset, segment.flags, segment.window, 0, 0) + segment.options + segment.payload
    return wire[:16] + pseudo_checksum(src, dst, TCP, wire).to_bytes(2, "big") + wire[18:]


def mss_place(options: bytes) -> int | None:
    """Where the value of the MSS option stands among them; None: there is none."""
    at = 0
    while at <= len(options) - MSS_LENGTH:
        if options[at] == MSS and options[at + 1] == MSS_LENGTH:
            return at + 2
        at += 1 if options[at] <= NOP else options[at + 1] or 1
    return None


def is_valid(src: bytes, dst: bytes, wire: bytes) -> bool:
    return len(wire) >= 20 and pseudo_checksum(src, dst, TCP, wire) == 0
