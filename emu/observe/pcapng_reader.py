"""Reads pcapng: several sections, each in its own byte order; interfaces with names, link types and clocks; packets of all three kinds.

Source: draft-ietf-opsawg-pcapng. Blocks that hold no packets (names, statistics, secrets, custom ones) are passed over.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from struct import unpack_from

from emu.observe import pcapng
from emu.observe.pcap_reader import SECOND, Capture, CapturedFrame, Fail, link_type

_SECTION = b"\x0a\x0d\x0d\x0a"
_ORDERS = {b"\x4d\x3c\x2b\x1a": "<", b"\x1a\x2b\x3c\x4d": ">"}
_OBSOLETE_PACKET, _SIMPLE_PACKET = 2, 3


@dataclass(slots=True)
class _Interface:
    name: str
    link: int
    cut: int  # the most bytes of a frame that are kept; 0: all
    units: int  # timestamps in a second
    offset_ns: int


class PcapNgReader:
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
        if data[position : position + 4] == _SECTION:
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
        elif kind in (pcapng.ENHANCED_PACKET, _OBSOLETE_PACKET):
            self._packet(body, kind)
        elif kind == _SIMPLE_PACKET:
            self._simple_packet(body)
        return position + length

    def _section(self, magic: bytes) -> None:
        if magic not in _ORDERS:
            raise self._fail(f"a section has the byte order magic {magic.hex(' ')}")
        self._order = _ORDERS[magic]
        self._interfaces = []

    def _interface(self, body: bytes) -> None:
        if len(body) < 8:
            raise self._fail("an interface description is too short")
        link, cut = unpack_from(self._order + "HxxI", body)
        options = dict(self._options(body, 8))
        resolution: int = (options.get(pcapng.IF_TSRESOL) or b"\x06")[0]
        units = 1 << (resolution & 0x7F) if resolution & 0x80 else int(10**resolution)
        offset = options.get(pcapng.IF_TSOFFSET, b"")
        seconds: int = unpack_from(self._order + "q", offset)[0] if len(offset) == 8 else 0
        name = options.get(pcapng.IF_NAME, b"").decode(errors="replace")
        if not name and self._interfaces:
            name = f"interface {len(self._interfaces)}"
        self._interfaces.append(_Interface(name, link_type(link, self._fail), cut, units, seconds * SECOND))
        self._capture.interfaces.append(name)

    def _packet(self, body: bytes, kind: int) -> None:
        if len(body) < 20:
            raise self._fail(f"frame {self._number}: its block is too short")
        index, high, low, size, length = unpack_from(self._order + ("IIIII" if kind == pcapng.ENHANCED_PACKET else "HxxIIII"), body)
        interface = self._interface_of(index)
        if 20 + size > len(body):
            raise self._fail(f"frame {self._number}: its block is shorter than the frame")
        time_ns = (high << 32 | low) * SECOND // interface.units + interface.offset_ns
        frame = CapturedFrame(time_ns, body[20 : 20 + size], length, self._number, interface.name, interface.link)
        for code, value in self._options(body, 20 + size + -size % 4):
            if code == pcapng.COMMENT:
                frame.comments.append(value.decode(errors="replace"))
            elif code == pcapng.EPB_FLAGS and len(value) == 4:
                direction = unpack_from(self._order + "I", value)[0] & 3
                frame.outbound = direction == pcapng.OUTBOUND if direction else None
            elif code == pcapng.EPB_PACKETID and len(value) == 8:
                frame.packet_id = unpack_from(self._order + "Q", value)[0]
        self._capture.frames.append(frame)

    def _simple_packet(self, body: bytes) -> None:
        """Without a time, of the first interface; how much of it is there follows from where that one cuts."""
        if len(body) < 4:
            raise self._fail(f"frame {self._number}: its block is too short")
        interface = self._interface_of(0)
        length: int = unpack_from(self._order + "I", body)[0]
        size = min(length, interface.cut or length)
        if 4 + size > len(body):
            raise self._fail(f"frame {self._number}: its block is shorter than the frame")
        self._capture.frames.append(CapturedFrame(0, body[4 : 4 + size], length, self._number, interface.name, interface.link))

    @property
    def _number(self) -> int:
        return len(self._capture.frames) + 1

    def _interface_of(self, index: int) -> _Interface:
        if index >= len(self._interfaces):
            raise self._fail(f"frame {self._number} is of interface {index}, which the file does not describe")
        return self._interfaces[index]

    def _options(self, body: bytes, position: int) -> Iterator[tuple[int, bytes]]:
        while position + 4 <= len(body):
            code, length = unpack_from(self._order + "HH", body, position)
            if code == 0:
                return
            if position + 4 + length > len(body):
                raise self._fail("an option is longer than its block")
            yield code, body[position + 4 : position + 4 + length]
            position += 4 + length + -length % 4
