"""How packets are related that name each other: an answer, an error about another packet, a question for an address that it needs, a
router's word on a nearer one.
"""

from __future__ import annotations

from emu.packet import ethernet, icmp


def is_arp_request(wire: bytes) -> bool:
    return wire[12:14] == ethernet.ARP and wire[20:22] == b"\x00\x01"


def _icmp_type(wire: bytes) -> int | None:
    is_icmp = wire[12:14] == ethernet.IPV4 and len(wire) > 34 and wire[23] == 1
    return wire[14 + (wire[14] & 15) * 4] if is_icmp else None


def relation(wire: bytes) -> str:
    """Of a packet to the one that caused it."""
    if is_arp_request(wire):
        return "asks for"
    kind = _icmp_type(wire)
    return "redirects" if kind == icmp.Type.REDIRECT else "about" if kind in icmp.ERRORS else "answers"


def consequence(wire: bytes) -> str:
    """Of a packet to one that it caused; empty for an ARP request: it says itself that it waited."""
    return {"asks for": "", "about": "error", "redirects": "redirected by", "answers": "answered by"}[relation(wire)]
