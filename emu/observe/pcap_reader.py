"""Reads captures, emu's and others': pcap of either byte order with micro- or nanoseconds, and pcapng with several sections and interfaces.

Not modelled: link types other than Ethernet, pcapng's simple and obsolete packet blocks; each is an error that names it, since a
comparison with such a file would say something wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from struct import unpack_from

from emu.errors import EmuError
from emu.observe import pcapng

_PCAP_MAGICS = {  # file's first bytes -> byte order and nanoseconds in a unit of the fraction
    b"\xd4\xc3\xb2\xa1": ("<", 1000),
    b"\xa1\xb2\xc3\xd4": (">", 1000),
    b"\x4d\x3c\xb2\xa1": ("<", 1),
    b"\xa1\xb2\x3c\x4d": (">", 1),
}
SECOND = 1_000_000_000
ETHERNET = 1


@dataclass(slots=True)
class CapturedFrame:
    """A frame as a file has it. `interface` is its name, empty in a pcap; `outbound` is None where the file does not say.

    `length` is what it had on the wire: more than the bytes that are there if it was cut when it was captured.
    """

    time_ns: int
    wire: bytes
    length: int
    interface: str = ""
    outbound: bool | None = None
    packet_id: int | None = None
    comments: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Capture:
    """A file's frames in their order; `interfaces` are the names that a pcapng declares, also those without frames."""

    frames: list[CapturedFrame] = field(default_factory=list)
    interfaces: list[str] = field(default_factory=list)


def read(path: Path) -> Capture:
    """Raises EmuError for a file that is no capture, or is cut short: the message says where."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise EmuError(f"{path}: {error.strerror or error}") from error

    def fail(what: str) -> EmuError:
        return EmuError(f"{path}: {what}")

    if not data:
        raise fail("is empty: no capture file, not even one without frames")
    if data[:4] in _PCAP_MAGICS:
        return Capture(list(_pcap(data, fail)))
    if data[:4] == b"\x0a\x0d\x0d\x0a":
        return _PcapNg(data, fail).read()
    raise fail(f"is no pcap or pcapng file (it begins with {data[:4].hex(' ')})")


Fail = Callable[[str], EmuError]


def _pcap(data: bytes, fail: Fail) -> Iterator[CapturedFrame]:
    order, unit = _PCAP_MAGICS[data[:4]]
    if len(data) < 24:
        raise fail(f"is cut short in its header: {len(data)} of 24 bytes")
    link = unpack_from(order + "I", data, 20)[0] & 0x0FFFFFFF
    if link != ETHERNET:
        raise fail(f"has link type {link}; only Ethernet (1) can be read")
    position, number = 24, 0
    while position < len(data):
        number += 1
        if position + 16 > len(data):
            raise fail(f"is cut short in the header of frame {number}, at byte {position}")
        seconds, fraction, size, length = unpack_from(order + "IIII", data, position)
        position += 16
        if position + size > len(data):
            raise fail(f"is cut short in frame {number}: {len(data) - position} of {size} bytes")
        yield CapturedFrame(seconds * SECOND + fraction * unit, data[position : position + size], length)
        position += size


@dataclass(slots=True)
class _Interface:
    name: str
    units: int  # timestamps in a second
    offset_ns: int


class _PcapNg:
    """One pass over the blocks of a file."""

    def __init__(self, data: bytes, fail: Fail) -> None:
        self._data = data
        self._fail = fail
        self._order = "<"
        self._interfaces: list[_Interface] = []
        self._capture = Capture()

    def read(self) -> Capture:
        position = 0
        while position < len(self._data):
            position = self._block(position)
        return self._capture

    def _block(self, position: int) -> int:
        data, fail = self._data, self._fail
        if position + 12 > len(data):
            raise fail(f"is cut short in a block's header, at byte {position}")
        is_section = data[position : position + 4] == b"\x0a\x0d\x0d\x0a"
        if is_section:
            self._section(data[position + 8 : position + 12])
        kind: int
        length: int
        kind, length = unpack_from(self._order + "II", data, position)
        if length < 12 or length % 4:
            raise fail(f"a block at byte {position} has the length {length}")
        if position + length > len(data):
            raise fail(f"is cut short in the block at byte {position}: {len(data) - position} of {length} bytes")
        if unpack_from(self._order + "I", data, position + length - 4)[0] != length:
            raise fail(f"the two lengths of the block at byte {position} differ")
        body = data[position + 8 : position + length - 4]
        if kind == pcapng.INTERFACE:
            self._interface(body)
        elif kind == pcapng.ENHANCED_PACKET:
            self._packet(body)
        elif kind in (2, 3):
            raise fail(f"has a packet block of kind {kind}, which cannot be read; `editcap -F pcapng` makes enhanced ones of them")
        return position + length

    def _section(self, magic: bytes) -> None:
        orders = {b"\x4d\x3c\x2b\x1a": "<", b"\x1a\x2b\x3c\x4d": ">"}
        if magic not in orders:
            raise self._fail(f"a section has the byte order magic {magic.hex(' ')}")
        self._order = orders[magic]
        self._interfaces = []

    def _interface(self, body: bytes) -> None:
        if len(body) < 8:
            raise self._fail("an interface description is too short")
        link = unpack_from(self._order + "H", body)[0]
        if link != ETHERNET:
            raise self._fail(f"has link type {link}; only Ethernet (1) can be read")
        options = dict(self._options(body, 8))
        resolution: int = options.get(pcapng.IF_TSRESOL, b"\x06")[0]
        units = 1 << (resolution & 0x7F) if resolution & 0x80 else int(10**resolution)
        offset = options.get(pcapng.IF_TSOFFSET)
        seconds: int = unpack_from(self._order + "q", offset)[0] if offset else 0
        name = options.get(pcapng.IF_NAME, b"").decode(errors="replace")
        self._interfaces.append(_Interface(name, units, seconds * SECOND))
        self._capture.interfaces.append(name)

    def _packet(self, body: bytes) -> None:
        number = len(self._capture.frames) + 1
        if len(body) < 20:
            raise self._fail(f"frame {number}: its block is too short")
        index, high, low, size, length = unpack_from(self._order + "IIIII", body)
        if index >= len(self._interfaces):
            raise self._fail(f"frame {number} is of interface {index}, which the file does not describe")
        if 20 + size > len(body):
            raise self._fail(f"frame {number}: its block is shorter than the frame")
        interface = self._interfaces[index]
        time_ns = (high << 32 | low) * SECOND // interface.units + interface.offset_ns
        frame = CapturedFrame(time_ns, body[20 : 20 + size], length, interface.name)
        for code, value in self._options(body, 20 + size + -size % 4):
            if code == pcapng.COMMENT:
                frame.comments.append(value.decode(errors="replace"))
            elif code == pcapng.EPB_FLAGS and len(value) == 4:
                direction = unpack_from(self._order + "I", value)[0] & 3
                frame.outbound = direction == pcapng.OUTBOUND if direction else None
            elif code == pcapng.EPB_PACKETID and len(value) == 8:
                frame.packet_id = unpack_from(self._order + "Q", value)[0]
        self._capture.frames.append(frame)

    def _options(self, body: bytes, position: int) -> Iterator[tuple[int, bytes]]:
        while position + 4 <= len(body):
            code, length = unpack_from(self._order + "HH", body, position)
            if code == 0:
                return
            if position + 4 + length > len(body):
                raise self._fail("an option is longer than its block")
            yield code, body[position + 4 : position + 4 + length]
            position += 4 + length + -length % 4
