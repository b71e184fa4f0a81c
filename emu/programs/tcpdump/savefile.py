"""tcpdump's files: classic pcap with microseconds, Ethernet or cooked (LINUX_SLL2, what `-i any` writes). A file of a host is text: one
character a byte.
"""

from __future__ import annotations

from struct import Struct
from typing import NamedTuple

from emu.netdev.device import Direction, NetDevice

ETHERNET, COOKED = 1, 276
NAMES = {ETHERNET: "EN10MB (Ethernet)", COOKED: "LINUX_SLL2 (Linux cooked v2)"}
SNAPLEN = 262144
LETTERS = {0: "In", 1: "B", 2: "M", 3: "P", 4: "Out"}  # of packet types
_MAGICS = {b"\xd4\xc3\xb2\xa1": ("<", 1000), b"\xa1\xb2\xc3\xd4": (">", 1000), b"\x4d\x3c\xb2\xa1": ("<", 1), b"\xa1\xb2\x3c\x4d": (">", 1)}
_COOKED = Struct(">HHIHBB8s")


class Packet(NamedTuple):
    """`wire` begins with the link's header; `length` is what it had before it was cut."""

    time_ns: int
    wire: bytes
    length: int


class BadFile(ValueError):
    """In tcpdump's words."""


def header(link: int) -> str:
    return Struct("<IHHiIII").pack(0xA1B2C3D4, 2, 4, 0, 0, SNAPLEN, link).decode("latin-1")


def record(packet: Packet) -> str:
    seconds, rest = divmod(packet.time_ns, 10**9)
    return (Struct("<IIII").pack(seconds, rest // 1000, len(packet.wire), packet.length) + packet.wire).decode("latin-1")


def read(text: str) -> tuple[int, int, list[Packet]]:
    """Link type, snap length, packets. Raises BadFile."""
    try:
        data = text.encode("latin-1")
    except UnicodeEncodeError:
        raise BadFile("unknown file format") from None
    if len(data) < 24 or data[:4] not in _MAGICS:
        raise BadFile("unknown file format")
    order, unit = _MAGICS[data[:4]]
    snaplen, link = Struct(f"{order}II").unpack_from(data, 16)
    fields, packets, at = Struct(f"{order}IIII"), [], 24
    while at < len(data):
        if at + 16 > len(data):
            raise BadFile(f"truncated dump file; tried to read 16 header bytes, only got {len(data) - at}")
        seconds, fraction, size, length = fields.unpack_from(data, at)
        at += 16
        if at + size > len(data):
            raise BadFile(f"truncated dump file; tried to read {size} captured bytes, only got {len(data) - at}")
        packets.append(Packet(seconds * 10**9 + fraction * unit, data[at : at + size], length))
        at += size
    return link, snaplen, packets


def cook(dev: NetDevice, direction: Direction, wire: bytes) -> bytes:
    """The header that stands in for Ethernet's where frames of several devices are seen (packet(7), SLL2)."""
    if direction is Direction.TX:
        kind = 4
    elif wire[0] & 1:
        kind = 1 if wire[:6] == b"\xff" * 6 else 2
    else:
        kind = 0 if wire[:6] == dev.mac or dev.kind == "loopback" else 3
    hardware = 772 if dev.kind == "loopback" else 1
    ethertype = int.from_bytes(wire[12:14], "big")
    return _COOKED.pack(ethertype, 0, dev.ifindex, hardware, kind, 6, wire[6:12] + b"\0\0") + wire[14:]


class Cooked(NamedTuple):
    ethertype: int
    ifindex: int
    kind: str
    hardware: bytes
    payload: bytes


def uncook(wire: bytes) -> Cooked:
    ethertype, _, ifindex, _, kind, length, hardware = _COOKED.unpack_from(wire)
    return Cooked(ethertype, ifindex, LETTERS.get(kind, "?"), hardware[:length], wire[20:])


def as_ethernet(link: int, wire: bytes) -> bytes:
    """What a filter looks at: a cooked packet gets a header without destination."""
    if link == ETHERNET:
        return wire
    cooked = uncook(wire)
    return bytes(6) + cooked.hardware + cooked.ethertype.to_bytes(2, "big") + cooked.payload
