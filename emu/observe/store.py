"""Where captured frames wait for the end of a run: a list in memory, and a temporary file for what a long run has more."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from struct import Struct
from typing import BinaryIO

from emu.netdev.device import RX, TX, Direction
from emu.packet.frame import Frame

Record = tuple[int, int, Direction, Frame]  # virtual time in ns, number of the interface, direction, frame

SAMPLE = 8  # of so many records one is measured
MEMORY_LIMIT = 256_000_000
RECORD_OVERHEAD = 200  # bytes of a tuple, a Frame and its bytes object beside the frame's own bytes

_HEADER = Struct("<QIBQQI")


class RecordStore:
    """Records in the order of their time. `recent` is what is in memory: taps append to it, the engine calls `check` now and then."""

    def __init__(self, folder: Path | None = None, memory_limit: int = MEMORY_LIMIT) -> None:
        self.recent: list[Record] = []
        self.spilled = 0
        self._folder = folder
        self._limit = memory_limit
        self._bytes = 0
        self._measured = 0  # of `recent`
        self._file: BinaryIO | None = None

    def __len__(self) -> int:
        return self.spilled + len(self.recent)

    def check(self) -> None:
        """What is beyond the limit goes to disk. Raises OSError."""
        sizes = [len(record[3].wire) for record in self.recent[self._measured :: SAMPLE]]
        self._bytes += sum(sizes) * SAMPLE + len(sizes) * SAMPLE * RECORD_OVERHEAD
        self._measured = len(self.recent)
        if self._bytes > self._limit:
            self._spill()

    def _spill(self) -> None:
        if self._file is None:
            self._file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 (closed by close)
        pack, write = _HEADER.pack, self._file.write
        for now, index, direction, frame in self.recent:
            wire = frame.wire
            write(pack(now, index, direction is TX, frame.trace_id, frame.cause, len(wire)) + wire)
        self.spilled += len(self.recent)
        self.recent.clear()
        self._bytes = self._measured = 0

    def __iter__(self) -> Iterator[Record]:
        """All records; none may be added meanwhile."""
        if self._file is not None:
            self._file.seek(0)
            read, unpack, size = self._file.read, _HEADER.unpack, _HEADER.size
            for _ in range(self.spilled):
                now, index, outbound, trace_id, cause, length = unpack(read(size))
                yield now, index, TX if outbound else RX, Frame(read(length), trace_id, cause)
        yield from self.recent

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
