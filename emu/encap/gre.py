"""GRE headers (RFC 2784, RFC 2890): protocol type, with or without a key. Not modelled: sending checksums and sequence numbers; a
received header that has them is taken apart, the checksum verified.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from emu.packet.checksum import checksum

IPV4 = 0x0800
ETHERNET = 0x6558  # transparent Ethernet bridging: the inner packet is a whole frame

CHECKSUM_PRESENT = 0x8000
KEY_PRESENT = 0x2000
SEQUENCE_PRESENT = 0x1000
_KNOWN = CHECKSUM_PRESENT | KEY_PRESENT | SEQUENCE_PRESENT


class Gre(NamedTuple):
    """What a header says, and what it carries. `key` is None where the header has none."""

    protocol: int
    key: int | None
    inner: bytes


class Fault(Enum):
    """Why a payload is no GRE packet."""

    SHORT = "shorter than its header"
    FLAGS = "a version or flags that are not GRE version 0"
    CHECKSUM = "bad checksum"


def header_length(key: int | None) -> int:
    return 4 if key is None else 8


def encapsulate(protocol: int, key: int | None, inner: bytes) -> bytes:
    """The IP payload that carries `inner`."""
    if key is None:
        return b"\x00\x00%b%b" % (protocol.to_bytes(2, "big"), inner)
    return b"\x20\x00%b%b%b" % (protocol.to_bytes(2, "big"), key.to_bytes(4, "big"), inner)


def decapsulate(payload: bytes) -> Gre | Fault:
    """Take an IP payload apart (gre_parse_header in net/ipv4/gre_demux.c)."""
    if len(payload) < 4:
        return Fault.SHORT
    flags = payload[0] << 8 | payload[1]
    if flags & ~_KNOWN:
        return Fault.FLAGS
    length = 4 + 4 * bool(flags & CHECKSUM_PRESENT) + 4 * bool(flags & KEY_PRESENT) + 4 * bool(flags & SEQUENCE_PRESENT)
    if len(payload) < length:
        return Fault.SHORT
    at = 4
    if flags & CHECKSUM_PRESENT:
        if checksum(payload):
            return Fault.CHECKSUM
        at = 8
    key = int.from_bytes(payload[at : at + 4], "big") if flags & KEY_PRESENT else None
    return Gre(int.from_bytes(payload[2:4], "big"), key, payload[length:])
