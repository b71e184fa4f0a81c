"""The classic capture file, nanosecond variant (draft-ietf-opsawg-pcap): what `tcpdump --nano -w` writes. Read by everything.

Not modelled: frames cut at the snap length; nothing here is longer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from struct import Struct

from emu.errors import EmuError

MAGIC_NANO = 0xA1B23C4D
LINKTYPE_ETHERNET = 1
LINKTYPE_RAW = 101  # IP packets, of devices without a link layer
SNAPLEN = 262144
SECOND = 1_000_000_000

_FILE_HEADER = Struct("<IHHiIII")
_RECORD_HEADER = Struct("<IIII")


def file_header(link_type: int = LINKTYPE_ETHERNET) -> bytes:
    return _FILE_HEADER.pack(MAGIC_NANO, 2, 4, 0, 0, SNAPLEN, link_type)


def recording(epoch_ns: int) -> Callable[[int, bytes], bytes]:
    """What makes a record of a frame and its time, counted from `epoch_ns` after 1970. The seconds end in 2106."""
    pack = _RECORD_HEADER.pack
    second, since_second = divmod(epoch_ns, SECOND)
    second_began = -since_second

    def record(time_ns: int, wire: bytes) -> bytes:
        nonlocal second, second_began
        length = len(wire)
        since_second = time_ns - second_began
        if not 0 <= since_second < SECOND:  # frames come in the order of time: there is little to divide
            second += since_second // SECOND
            since_second %= SECOND
            second_began = time_ns - since_second
        return pack(second, since_second, length, length) + wire

    return record


def check_time(time_ns: int) -> None:
    """Raises EmuError for a time that the format's 32 bits cannot hold."""
    if not 0 <= time_ns < SECOND << 32:
        raise EmuError(f"a pcap file holds times from 1970 to 2106 only, not {time_ns / SECOND:g} s after 1970 (capture: epoch)")


def write(path: Path, frames: Iterable[tuple[int, bytes]], link_type: int = LINKTYPE_ETHERNET) -> int:
    """Write (time from 1970 in ns, frame) pairs; gives their number."""
    count = 0
    record = recording(0)
    with path.open("wb") as file:
        file.write(file_header(link_type))
        for time_ns, wire in frames:
            file.write(record(time_ns, wire))
            count += 1
    return count
