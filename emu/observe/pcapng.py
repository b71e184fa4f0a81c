"""pcapng (draft-ietf-opsawg-pcapng): one file for all interfaces, with names, directions, packet ids and comments.

Options that Wireshark 4.0 shows: `frame.interface_name`, `frame.interface_description`, `frame.packet_id`, `frame.comment` and the
direction in `frame.packet_flags_direction`. Not modelled: compressed or encrypted blocks, statistics, secrets.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from struct import Struct
from typing import BinaryIO

SECTION_HEADER = 0x0A0D0D0A
INTERFACE = 1
NAME_RESOLUTION = 4
ENHANCED_PACKET = 6
BYTE_ORDER_MAGIC = 0x1A2B3C4D
LINKTYPE_ETHERNET = 1
SNAPLEN = 262144

COMMENT = 1
SHB_HARDWARE, SHB_OS, SHB_USERAPPL = 2, 3, 4
IF_NAME, IF_DESCRIPTION, IF_MAC, IF_SPEED, IF_TSRESOL, IF_OS, IF_TSOFFSET = 2, 3, 6, 8, 9, 12, 14
EPB_FLAGS, EPB_PACKETID = 2, 5
INBOUND, OUTBOUND = 1, 2
NRB_IPV4 = 1
OPTION_LIMIT = 0xFFFF

_BLOCK = Struct("<II")
_OPTION = Struct("<HH")
_PACKET = Struct("<IIIIIII")
_PACKET_OPTIONS = Struct("<HHIHHQ")  # epb_flags and epb_packetid, which every packet has
_LENGTH = Struct("<I")
_PADDING = (b"", b"\x00\x00\x00", b"\x00\x00", b"\x00")


@dataclass(frozen=True, slots=True)
class InterfaceDescription:
    """What the file says of one interface before its first packet; `mac` is empty where there is none."""

    name: str
    description: str = ""
    mac: bytes = b""
    speed_bps: int = 0
    link_type: int = LINKTYPE_ETHERNET


def option(code: int, value: bytes) -> bytes:
    return _OPTION.pack(code, len(value)) + value + _PADDING[len(value) & 3]


@lru_cache(maxsize=4096)
def text_option(code: int, text: str) -> bytes:
    """UTF-8; what does not fit in the option's 65,535 bytes is left out at a character's border. An empty text gives no option."""
    wire = text.encode()
    if len(wire) > OPTION_LIMIT:
        wire = wire[:OPTION_LIMIT].decode(errors="ignore").encode()
    return option(code, wire) if wire else b""


def block(kind: int, body: bytes) -> bytes:
    length = len(body) + 12
    return _BLOCK.pack(kind, length) + body + _LENGTH.pack(length)


def section_header(*, application: str = "emu", system: str = "", comments: Iterable[str] = ()) -> bytes:
    """The file's first block; the section's length is left open, as streaming writers do."""
    options = b"".join(text_option(COMMENT, text) for text in comments)
    options += text_option(SHB_OS, system) + text_option(SHB_USERAPPL, application) + option(0, b"")
    return block(SECTION_HEADER, Struct("<IHHq").pack(BYTE_ORDER_MAGIC, 1, 0, -1) + options)


def interface(description: InterfaceDescription) -> bytes:
    """An interface description block. Times are in nanoseconds."""
    options = text_option(IF_NAME, description.name) + text_option(IF_DESCRIPTION, description.description)
    if description.mac:
        options += option(IF_MAC, description.mac)
    if description.speed_bps:
        options += option(IF_SPEED, description.speed_bps.to_bytes(8, "little"))
    options += option(IF_TSRESOL, b"\x09") + option(0, b"")
    return block(INTERFACE, Struct("<HHI").pack(description.link_type, 0, SNAPLEN) + options)


def name_resolution(names: Mapping[bytes, Sequence[str]]) -> bytes:
    """What names stand for which IPv4 addresses: Wireshark shows them when name resolution is on."""
    records = b"".join(option(NRB_IPV4, address + b"".join(name.encode() + b"\x00" for name in texts)) for address, texts in names.items())
    return block(NAME_RESOLUTION, records + option(0, b""))


def packet(index: int, time_ns: int, wire: bytes, outbound: bool, packet_id: int, comments: Iterable[str] = ()) -> bytes:
    """An enhanced packet block: interface by its place in the file, time from 1970, direction, trace id, comments."""
    size = len(wire)
    notes = b"".join([text_option(COMMENT, text) for text in comments]) if comments else b""
    padding = _PADDING[size & 3]
    length = 32 + size + len(padding) + len(notes) + 24
    return b"".join(
        (
            _PACKET.pack(ENHANCED_PACKET, length, index, time_ns >> 32, time_ns & 0xFFFFFFFF, size, size),
            wire,
            padding,
            notes,
            _PACKET_OPTIONS.pack(EPB_FLAGS, 4, OUTBOUND if outbound else INBOUND, EPB_PACKETID, 8, packet_id),
            b"\x00\x00\x00\x00",
            _LENGTH.pack(length),
        )
    )


class PcapNgWriter:
    """Writes to an open binary file. Interfaces first, then packets."""

    def __init__(self, file: BinaryIO, interfaces: Iterable[InterfaceDescription], comments: Iterable[str] = ()) -> None:
        self._file = file
        file.write(section_header(comments=comments))
        file.writelines(map(interface, interfaces))

    def names(self, names: Mapping[bytes, Sequence[str]]) -> None:
        if names:
            self._file.write(name_resolution(names))

    def write(self, index: int, time_ns: int, wire: bytes, outbound: bool, packet_id: int, comments: Iterable[str] = ()) -> None:
        self._file.write(packet(index, time_ns, wire, outbound, packet_id, comments))
