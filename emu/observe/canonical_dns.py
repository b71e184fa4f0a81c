"""A DNS message in fields (RFC 1035): id, flags, questions, and records with their names written out.

Several addresses of one name are put in order: servers turn them round.
Not modelled: what is in records other than A, AAAA, CNAME, NS and PTR, which are compared as bytes.
"""

from __future__ import annotations

import struct
from struct import unpack_from

from emu.observe.values import Fields, Name
from emu.packet.address import ip_text

_TYPES = {1: "A", 2: "NS", 5: "CNAME", 6: "SOA", 12: "PTR", 15: "MX", 16: "TXT", 28: "AAAA", 33: "SRV", 41: "OPT", 255: "ANY"}
_SECTIONS = ("answer", "authority", "additional")


def dns_fields(message: bytes, where: str, out: Fields) -> tuple[str, str] | None:
    """What it is, and what is asked. None for what is no DNS message, on whatever port: Docker's server has ports of its own choice."""
    if len(message) < 17:
        return None
    identification, flags, *counts = unpack_from(">HHHHHH", message)
    try:
        questions, records, end = _sections(message, counts)
    except (IndexError, struct.error, ValueError):
        return None
    if not questions or end != len(message):
        return None
    out[where + "DNS id"] = Name("DNS id", str(identification))
    out[where + "DNS flags"] = f"0x{flags:04x}"
    out[where + "DNS question"] = ", ".join(questions)
    for section, found in zip(_SECTIONS, records, strict=True):
        out[where + f"DNS {section}"] = ", ".join(_turned_back(found)) or "none"
    return f"DNS {'answer' if flags & 0x8000 else 'question'}", ", ".join(questions)


def _turned_back(records: list[str]) -> list[str]:
    """Records that differ in their value only, in the value's order; the rest as they stand."""
    groups: dict[str, list[str]] = {}
    for record in records:
        groups.setdefault(record.rpartition(" ")[0], []).append(record)
    return [record for group in groups.values() for record in sorted(group)]


def _sections(message: bytes, counts: list[int]) -> tuple[list[str], list[list[str]], int]:
    position, questions = 12, []
    for _ in range(counts[0]):
        name, position = _name(message, position)
        kind = unpack_from(">H", message, position)[0]
        questions.append(f"{name} {_TYPES.get(kind, kind)}{_class(message, position + 2)}")
        position += 4
    records: list[list[str]] = []
    for count in counts[1:]:
        found = []
        for _ in range(count):
            text, position = _record(message, position)
            found.append(text)
        records.append(found)
    return questions, records, position


def _record(message: bytes, position: int) -> tuple[str, int]:
    name, position = _name(message, position)
    kind, life, length = unpack_from(">HxxIH", message, position)
    kind_class = _class(message, position + 2) if kind != 41 else f" class {unpack_from('>H', message, position + 2)[0]}"
    start = position + 10
    data = message[start : start + length]
    if len(data) < length:
        raise ValueError("cut short")
    if kind == 1 and length == 4:
        value = ip_text(data)
    elif kind in (2, 5, 12):
        value = _name(message, start)[0]
    else:
        value = data.hex()
    return f"{name} {_TYPES.get(kind, kind)}{kind_class} ttl {life} {value}", start + length


def _class(message: bytes, position: int) -> str:
    number = unpack_from(">H", message, position)[0]
    return "" if number == 1 else f" class {number}"


def _name(message: bytes, position: int) -> tuple[str, int]:
    """A name with its pointers followed, and where it ends."""
    labels, end, jumps = [], -1, 0
    while length := message[position]:
        if length >= 0xC0:
            if end < 0:
                end = position + 2
            position = unpack_from(">H", message, position)[0] & 0x3FFF
            jumps += 1
            if jumps > 20:
                raise ValueError("a loop of pointers")
        else:
            labels.append(message[position + 1 : position + 1 + length].decode("ascii", "backslashreplace"))
            position += 1 + length
    return ".".join(labels) or ".", end if end >= 0 else position + 1
