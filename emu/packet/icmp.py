"""ICMP messages (RFC 792, RFC 1191 for the next-hop MTU)."""

from __future__ import annotations

from enum import IntEnum

from emu.packet.checksum import checksum

HEADER = 8
TYPE = 0
CODE = 1
CHECKSUM = slice(2, 4)
REST = slice(4, 8)
IDENTIFIER = slice(4, 6)
SEQUENCE = slice(6, 8)


class Type(IntEnum):
    ECHO_REPLY = 0
    DEST_UNREACH = 3
    SOURCE_QUENCH = 4
    REDIRECT = 5
    ECHO = 8
    TIME_EXCEEDED = 11
    PARAMETER_PROBLEM = 12
    TIMESTAMP = 13
    TIMESTAMP_REPLY = 14
    ADDRESS_MASK = 17
    ADDRESS_MASK_REPLY = 18


class Unreachable(IntEnum):
    """Codes of DEST_UNREACH."""

    NET = 0
    HOST = 1
    PROTOCOL = 2
    PORT = 3
    FRAG_NEEDED = 4
    SOURCE_ROUTE_FAILED = 5
    NET_PROHIBITED = 9
    HOST_PROHIBITED = 10
    ADMIN_PROHIBITED = 13


ERRORS = frozenset({Type.DEST_UNREACH, Type.SOURCE_QUENCH, Type.REDIRECT, Type.TIME_EXCEEDED, Type.PARAMETER_PROBLEM})
QUERIES = frozenset({Type.ECHO_REPLY, Type.ECHO, Type.TIMESTAMP, Type.TIMESTAMP_REPLY, Type.ADDRESS_MASK, Type.ADDRESS_MASK_REPLY})


def build(kind: int, code: int, rest: bytes, payload: bytes) -> bytes:
    """A message with its checksum; `rest` is the four bytes after it (identifier and sequence, gateway, or next-hop MTU)."""
    total = checksum(b"%c%c\x00\x00%b%b" % (kind, code, rest, payload))
    return b"%c%c%c%c%b%b" % (kind, code, total >> 8, total & 0xFF, rest, payload)


def is_valid(message: bytes) -> bool:
    return len(message) >= 8 and checksum(message) == 0
