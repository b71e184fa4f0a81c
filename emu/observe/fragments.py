"""Fragments of IPv4 packets as taps see them, and whether all of a packet have come to a place."""

from __future__ import annotations

from emu.packet import ethernet

OFFSET, MORE = 0x1FFF, 0x2000


def is_fragment(wire: bytes) -> bool:
    """Of an IPv4 packet."""
    return len(wire) >= 34 and wire[12:14] == ethernet.IPV4 and bool((wire[20] << 8 | wire[21]) & (MORE | OFFSET))


def is_first_fragment(wire: bytes) -> bool:
    return is_fragment(wire) and not (wire[20] << 8 | wire[21]) & OFFSET


class Pieces:
    """The fragments that have come to each place, by the packet that they are of."""

    def __init__(self) -> None:
        self._spans: dict[tuple[str, bytes], set[tuple[int, int, bool]]] = {}

    def add(self, place: str, wire: bytes) -> None:
        field, size = wire[20] << 8 | wire[21], (wire[16] << 8 | wire[17]) - (wire[14] & 15) * 4
        begin = (field & OFFSET) * 8
        self._spans.setdefault((place, _packet(wire)), set()).add((begin, begin + size, bool(field & MORE)))

    def are_whole(self, place: str, wire: bytes) -> bool:
        """Of the packet that `wire` is a fragment of: from its beginning to its end, without a hole."""
        reached = 0
        for begin, end, more in sorted(self._spans.get((place, _packet(wire)), ())):
            if begin > reached:
                return False
            reached = max(reached, end)
            if not more:
                return True
        return False


def _packet(wire: bytes) -> bytes:
    """Addresses, identification and protocol (RFC 791)."""
    return wire[18:20] + wire[23:24] + wire[26:34]
