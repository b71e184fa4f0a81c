"""Reads captures, emu's and others': pcap of either byte order with micro- or nanoseconds, and pcapng (`pcapng_reader`); gzipped or not.

Source: draft-ietf-opsawg-pcap, draft-ietf-opsawg-pcapng, and the link types of tcpdump.org: Ethernet, raw IP, and the two kinds of
"cooked" frames that `tcpdump -i any` writes. Not modelled: other link types; each is an error that names it, since a comparison with
such a file would say something wrong.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from struct import unpack_from

from emu.errors import EmuError

_PCAP_MAGICS = {  # file's first bytes -> byte order and nanoseconds in a unit of the fraction
    b"\xd4\xc3\xb2\xa1": ("<", 1000),
    b"\xa1\xb2\xc3\xd4": (">", 1000),
    b"\x4d\x3c\xb2\xa1": ("<", 1),
    b"\xa1\xb2\x3c\x4d": (">", 1),
}
_PCAPNG_MAGIC = b"\x0a\x0d\x0d\x0a"
_GZIP_MAGIC = b"\x1f\x8b"
SECOND = 1_000_000_000

ETHERNET = 1
RAW_IP = 101
COOKED = 113
COOKED_V2 = 276
LINK_TYPES = {ETHERNET: "Ethernet", RAW_IP: "raw IP", COOKED: "Linux cooked", COOKED_V2: "Linux cooked v2"}
_ALIKE = {12: RAW_IP, 14: RAW_IP, 228: RAW_IP}  # DLT_RAW as two systems number it, and raw IPv4

Fail = Callable[[str], EmuError]


@dataclass(slots=True)
class CapturedFrame:
    """A frame as a file has it. `interface` is its name, empty in a pcap; `outbound` is None where the file does not say.

    `number` is the one that Wireshark shows. `length` is what the frame had on the wire: more than the bytes that are there if it was cut
    when it was captured.
    """

    time_ns: int
    wire: bytes
    length: int
    number: int
    interface: str = ""
    link: int = ETHERNET
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
    from emu.observe.pcapng_reader import PcapNgReader

    def fail(what: str) -> EmuError:
        return EmuError(f"{path}: {what}")

    try:
        data = path.read_bytes()
    except OSError as error:
        raise fail(error.strerror or str(error)) from error
    if data[:2] == _GZIP_MAGIC:
        try:
            data = gzip.decompress(data)
        except (EOFError, OSError, zlib.error) as error:
            raise fail(f"cannot be unpacked: {str(error)[:1].lower()}{str(error)[1:]}") from error
    if not data:
        raise fail("is empty: no capture file, not even one without frames")
    if data[:4] in _PCAP_MAGICS:
        return Capture(list(_pcap(data, fail)))
    if data[:4] == _PCAPNG_MAGIC:
        return PcapNgReader(data, fail).read()
    raise fail(f"is no pcap or pcapng file (it begins with {data[:4].hex(' ')})")


def link_type(number: int, fail: Fail) -> int:
    """A file's link type, those that mean the same made one."""
    number = _ALIKE.get(number, number)
    if number not in LINK_TYPES:
        raise fail(f"has link type {number}; only Ethernet (1), raw IP (101, 228) and Linux cooked captures (113, 276) can be read")
    return number


def _pcap(data: bytes, fail: Fail) -> Iterator[CapturedFrame]:
    order, unit = _PCAP_MAGICS[data[:4]]
    if len(data) < 24:
        raise fail(f"is cut short in its header: {len(data)} of 24 bytes")
    link = link_type(unpack_from(order + "I", data, 20)[0] & 0x0FFFFFFF, fail)
    position, number = 24, 0
    while position < len(data):
        number += 1
        if position + 16 > len(data):
            raise fail(f"is cut short in the header of frame {number}, at byte {position}")
        seconds, fraction, size, length = unpack_from(order + "IIII", data, position)
        position += 16
        if position + size > len(data):
            raise fail(f"is cut short in frame {number}: {len(data) - position} of {size} bytes")
        yield CapturedFrame(seconds * SECOND + fraction * unit, data[position : position + size], length, number, link=link)
        position += size
