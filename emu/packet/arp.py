"""ARP for IPv4 over Ethernet (RFC 826): 28 bytes, no padding (veths and tap devices add none)."""

from __future__ import annotations

from typing import NamedTuple

from emu.packet.address import Ip, Mac

LENGTH = 28
REQUEST = 1
REPLY = 2
_FIXED = b"\x00\x01\x08\x00\x06\x04"  # Ethernet, IPv4, address lengths 6 and 4


class Arp(NamedTuple):
    """The fields that vary."""

    operation: int
    sender_mac: Mac
    sender_ip: Ip
    target_mac: Mac
    target_ip: Ip


def parse(wire: bytes) -> Arp | None:
    """None if `wire` is not ARP for IPv4 over Ethernet. Trailing padding is allowed."""
    if len(wire) < LENGTH or wire[:6] != _FIXED:
        return None
    return Arp(int.from_bytes(wire[6:8], "big"), Mac(wire[8:14]), Ip(wire[14:18]), Mac(wire[18:24]), Ip(wire[24:28]))


def build(arp: Arp) -> bytes:
    return b"%b%b%b%b%b%b" % (_FIXED, arp.operation.to_bytes(2, "big"), arp.sender_mac, arp.sender_ip, arp.target_mac, arp.target_ip)
