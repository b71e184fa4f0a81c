"""The classic capture file, nanosecond variant (draft-ietf-opsawg-pcap): what `tcpdump --nano -w` writes. Read by everything.

Not modelled: frames cut at the snap length; nothing here is longer.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from struct import Struct

from emu.errors import EmuError

MAGIC_NANO = 0xA1B23C4D
LINKTYPE_ETHERNET = 1
SNAPLEN = 262144
SECOND = 1_000_000_000

_FILE_HEADER = Struct("<IHHiIII")
_RECORD_HEADER = Struct("<IIII")


def file_header() -> bytes:
    return _FILE_HEADER.pack(MAGIC_NANO, 2, 4, 0, 0, SNAPLEN, LINKTYPE_ETHERNET)


def record(time_ns: int, wire: bytes) -> bytes:
    """One frame, `time_ns` counted from 1970. The seconds end in 2106."""
    length = len(wire)
    return _RECORD_HEADER.pack(time_ns // SECOND, time_ns % SECOND, length, length) + wire


def check_time(time_ns: int) -> None:
    """Raises EmuError for a time that the format's 32 bits cannot hold."""
    if not 0 <= time_ns < SECOND << 32:
        raise EmuError(f"a pcap file holds times from 1970 to 2106 only, not {time_ns / SECOND:g} s after 1970 (capture: epoch)")


def write(path: Path, frames: Iterable[tuple[int, bytes]]) -> int:
    """Write (time from 1970 in ns, frame) pairs; gives their number."""
    count = 0
    with path.open("wb") as file:
        file.write(file_header())
        for time_ns, wire in frames:
            file.write(record(time_ns, wire))
            count += 1
    return count
