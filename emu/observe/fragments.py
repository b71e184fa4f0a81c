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
        self._first: dict[tuple[str, bytes], bytes] = {}

    def add(self, place: str, wire: bytes) -> None:
        field, size = wire[20] << 8 | wire[21], (wire[16] << 8 | wire[17]) - (wire[14] & 15) * 4
        begin = (field & OFFSET) * 8
        key = place, datagram_of(wire)
        self._spans.setdefault(key, set()).add((begin, begin + size, bool(field & MORE)))
        if not begin:
            self._first[key] = wire

    def first(self, place: str, wire: bytes) -> bytes:
        """The first fragment of the packet that `wire` is a fragment of, if it has come; else `wire`."""
        return self._first.get((place, datagram_of(wire)), wire) if is_fragment(wire) else wire

    def are_whole(self, place: str, wire: bytes) -> bool:
        """Of the packet that `wire` is a fragment of: from its beginning to its end, without a hole."""
        reached = 0
        for begin, end, more in sorted(self._spans.get((place, datagram_of(wire)), ())):
            if begin > reached:
                return False
            reached = max(reached, end)
            if not more:
                return True
        return False


def datagram_of(wire: bytes) -> bytes:
    """What all of its fragments have in common: addresses, identification and protocol (RFC 791)."""
    return wire[18:20] + wire[23:24] + wire[26:34]
