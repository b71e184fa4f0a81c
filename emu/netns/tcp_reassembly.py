"""What has arrived out of order, and the SACK blocks that tell of it (tcp_data_queue_ofo, net/ipv4/tcp_input.c; RFC 2018, RFC 2883)."""

from __future__ import annotations

from bisect import bisect_left

from emu.netns.tcp_segment import WRAP


class Reassembly:
    """Pieces of the stream beyond a hole. Sequence numbers are absolute; a FIN counts one at the end of its piece."""

    def __init__(self) -> None:
        self._pieces: dict[int, tuple[bytes, bool]] = {}  # by first number, with "ends in FIN"
        self._ranges: list[list[int]] = []  # [start, end) of what is there, merged and sorted
        self._latest: list[list[int]] = []  # the same, latest arrival first
        self.duplicate: tuple[int, int] | None = None  # what arrived twice: the next ACK tells it
        self.size = 0  # bytes kept

    def __bool__(self) -> bool:
        return bool(self._ranges)

    def add(self, start: int, payload: bytes, fin: bool) -> bool:
        """Keep what is not there yet; False if all was."""
        end = start + len(payload) + fin
        index = stop = bisect_left(self._ranges, start, key=lambda known: known[1])
        merged = [start, end]
        at, is_new = start, False
        while stop < len(self._ranges) and self._ranges[stop][0] <= end:
            known = self._ranges[stop]
            is_new |= self._keep(at, min(known[0], end), start, payload, fin)
            at = max(at, known[1])
            merged = [min(merged[0], known[0]), max(merged[1], known[1])]
            self._latest.remove(known)
            stop += 1
        is_new |= self._keep(at, end, start, payload, fin)
        self._ranges[index:stop] = [merged]
        self._latest.insert(0, merged)
        if not is_new:
            self.duplicate = (start, end)
        return is_new

    def _keep(self, at: int, until: int, start: int, payload: bytes, fin: bool) -> bool:
        """Keep [at, until) of a segment that begins at `start`."""
        if at >= until:
            return False
        ends_in_fin = fin and until == start + len(payload) + 1
        piece = payload[at - start : until - start - ends_in_fin]
        self._pieces[at] = (piece, ends_in_fin)
        self.size += len(piece)
        return True

    def take(self, nxt: int) -> tuple[list[bytes], bool]:
        """What has become in order at `nxt`: chunks, and whether a FIN follows them."""
        chunks: list[bytes] = []
        while self._ranges and self._ranges[0][0] <= nxt:
            first = self._ranges.pop(0)
            self._latest.remove(first)
            at, end = first
            while at < end:
                payload, fin = self._pieces.pop(at)
                self.size -= len(payload)
                old = nxt - at
                at += len(payload) + fin
                if at > nxt:
                    chunks.append(payload[old:] if old else payload)
                    nxt = at
                    if fin:
                        self.clear()
                        return chunks, True
        return chunks, False

    def clear(self) -> None:
        self._pieces.clear()
        self._ranges.clear()
        self._latest.clear()
        self.size = 0

    def block_count(self, limit: int) -> int:
        return min(limit, len(self._latest) + (self.duplicate is not None))

    def blocks(self, limit: int) -> list[tuple[int, int]]:
        """SACK blocks as on the wire, at most `limit`: a duplicate first, told once, then the latest arrivals."""
        blocks = [] if self.duplicate is None else [self.duplicate]
        self.duplicate = None
        blocks += [(start, end) for start, end in self._latest[: limit - len(blocks)]]
        return [(start & WRAP, end & WRAP) for start, end in blocks]
