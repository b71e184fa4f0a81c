"""Addresses: the wire's own bytes on the path, text at the edges."""

from __future__ import annotations

from functools import lru_cache
from typing import NewType

Mac = NewType("Mac", bytes)  # 6 bytes
Ip = NewType("Ip", bytes)  # 4 bytes

BROADCAST_MAC = Mac(b"\xff" * 6)
ZERO_MAC = Mac(b"\x00" * 6)
ANY = Ip(b"\x00" * 4)
BROADCAST = Ip(b"\xff" * 4)


@lru_cache(maxsize=65536)
def ip(text: str) -> Ip:
    """Four bytes from dotted text. Raises ValueError for anything but four decimal numbers."""
    parts = text.split(".")
    if len(parts) != 4 or not all(part.isascii() and part.isdigit() and len(part) <= 3 and int(part) < 256 for part in parts):
        raise ValueError(f"{text!r} is not an IPv4 address")
    return Ip(bytes(int(part) for part in parts))


@lru_cache(maxsize=65536)
def ip_text(address: bytes) -> str:
    return "%d.%d.%d.%d" % tuple(address)


def mac(text: str) -> Mac:
    """Six bytes from `02:42:ac:11:00:02`. Raises ValueError."""
    parts = text.split(":")
    try:
        wire = bytes(int(part, 16) for part in parts if 0 < len(part) <= 2)
    except ValueError:
        wire = b""
    if len(parts) != 6 or len(wire) != 6:
        raise ValueError(f"{text!r} is not a MAC address")
    return Mac(wire)


def mac_text(address: bytes) -> str:
    return address.hex(":")


def is_multicast_mac(address: bytes) -> bool:
    """Multicast or broadcast: the group bit is set."""
    return bool(address[0] & 1)


def is_multicast(address: bytes) -> bool:
    """224.0.0.0/4."""
    return address[0] & 0xF0 == 0xE0


def group_mac(group: bytes) -> Mac:
    """The Ethernet address of an IP multicast group (RFC 1112)."""
    return Mac(bytes([1, 0, 0x5E, group[1] & 0x7F]) + group[2:4])


def netmask(length: int) -> int:
    return (0xFFFFFFFF << (32 - length)) & 0xFFFFFFFF


def number(address: bytes) -> int:
    return int.from_bytes(address, "big")


def from_number(value: int) -> Ip:
    return Ip(value.to_bytes(4, "big"))


def network(address: bytes, length: int) -> Ip:
    """The address with its host bits cleared."""
    return from_number(number(address) & netmask(length))


def broadcast(address: bytes, length: int) -> Ip:
    """The last address of the network."""
    return from_number(number(address) | ~netmask(length) & 0xFFFFFFFF)


def prefix(text: str, default_length: int = 32) -> tuple[Ip, int]:
    """`10.0.0.1/24` as address (host bits kept) and length. Raises ValueError."""
    address, slash, length = text.partition("/")
    if not slash:
        return ip(address), default_length
    if not (length.isascii() and length.isdigit() and int(length) <= 32):
        raise ValueError(f"{text!r}: '/{length}' is not a prefix length from 0 to 32")
    return ip(address), int(length)
