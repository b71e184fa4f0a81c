"""How packets are related that name each other: an answer, an error about another packet, a question for an address that it needs."""

from __future__ import annotations

from emu.packet import ethernet, icmp


def is_arp_request(wire: bytes) -> bool:
    return wire[12:14] == ethernet.ARP and wire[20:22] == b"\x00\x01"


def is_error(wire: bytes) -> bool:
    """Is it an ICMP error?"""
    return wire[12:14] == ethernet.IPV4 and len(wire) > 34 and wire[23] == 1 and wire[14 + (wire[14] & 15) * 4] in icmp.ERRORS


def relation(wire: bytes) -> str:
    """Of a packet to the one that caused it."""
    return "asks for" if is_arp_request(wire) else "about" if is_error(wire) else "answers"


def consequence(wire: bytes) -> str:
    """Of a packet to one that it caused; empty for an ARP request: it says itself that it waited."""
    return {"asks for": "", "about": "error", "answers": "answered by"}[relation(wire)]
