"""What a program has written and TCP has not sent yet, in the order in which it goes out (sk_write_queue)."""

from __future__ import annotations

from collections import deque


class SendQueue:
    """`unsent` bytes wait here; `held` bytes count against the send buffer: those, and what is sent and not acknowledged."""

    def __init__(self, start: int) -> None:
        self.unsent = 0
        self.held = 0
        self._chunks: deque[bytes] = deque()
        self._offset = 0  # into the first chunk
        self._end = start  # the sequence number after the last byte
        self._pushes: deque[int] = deque()  # where a write ended

    def write(self, data: bytes) -> None:
        self._chunks.append(data)
        self.unsent += len(data)
        self.held += len(data)
        self._end += len(data)
        self._pushes.append(self._end)

    def take(self, size: int) -> bytes:
        """The next `size` bytes."""
        self.unsent -= size
        parts: list[bytes] = []
        while size:
            chunk, offset = self._chunks[0], self._offset
            part = chunk[offset : offset + size]
            parts.append(part)
            size -= len(part)
            self._offset = offset + len(part)
            if self._offset == len(chunk):
                self._chunks.popleft()
                self._offset = 0
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def is_end_of_write(self, end: int) -> bool:
        """Does a write end at this sequence number? Such a segment has PSH."""
        while self._pushes and self._pushes[0] < end:
            self._pushes.popleft()
        return bool(self._pushes) and self._pushes[0] == end
