"""DNS messages (RFC 1035): names with compression, and the records that a container network meets.

Names are text without the last dot, as people write them: a backslash stands before a dot or backslash inside a label, and before the three
digits of any other unusual byte. The data of NS, CNAME and PTR is a name; that of others is bytes, names in them uncompressed.
Not modelled: DNSSEC records and EDNS options beyond their bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from struct import Struct, error

PORT = 53
MOST_UDP = 512  # bytes, without EDNS0
RESPONSE, AUTHORITATIVE, TRUNCATED, RECURSION_DESIRED, RECURSION_AVAILABLE = 0x8000, 0x0400, 0x0200, 0x0100, 0x0080
CHECKING_DISABLED, AUTHENTIC = 0x0010, 0x0020
IN = 1
REVERSE = ".in-addr.arpa"
LONGEST_NAME, LONGEST_LABEL, MOST_JUMPS = 255, 63, 128

_HEADER = Struct(">HHHHHH")
_QUESTION = Struct(">HH")
_RECORD = Struct(">HHIH")


class Type(IntEnum):
    A = 1
    NS = 2
    CNAME = 5
    SOA = 6
    PTR = 12
    MX = 15
    TXT = 16
    AAAA = 28
    SRV = 33
    OPT = 41
    ANY = 255


class Rcode(IntEnum):
    NOERROR = 0
    FORMERR = 1
    SERVFAIL = 2
    NXDOMAIN = 3
    NOTIMP = 4
    REFUSED = 5


NAMED = frozenset({Type.NS, Type.CNAME, Type.PTR})  # whose data is a name
NAMES_WITHIN = {Type.MX: (2, 1), Type.SRV: (6, 1), Type.SOA: (0, 2)}  # how many bytes and then how many names the data begins with


class DnsError(ValueError):
    """These bytes are no DNS message, or this name cannot stand in one."""


@dataclass(frozen=True, slots=True)
class Question:
    name: str
    type: int
    klass: int = IN


@dataclass(frozen=True, slots=True)
class Record:
    """`data` is a name for NS, CNAME and PTR, bytes for others (four of an address)."""

    name: str
    type: int
    ttl: int
    data: bytes | str
    klass: int = IN


@dataclass(slots=True)
class Message:
    id: int
    flags: int = RECURSION_DESIRED
    questions: list[Question] = field(default_factory=list)
    answers: list[Record] = field(default_factory=list)
    authority: list[Record] = field(default_factory=list)
    additional: list[Record] = field(default_factory=list)

    @property
    def rcode(self) -> int:
        return self.flags & 15

    @property
    def truncated(self) -> bool:
        return bool(self.flags & TRUNCATED)

    def answers_to(self, query: Message) -> bool:
        """Is it a response to that query: same id, same question?"""
        same = [_same(one) for one in self.questions] == [_same(one) for one in query.questions]
        return bool(self.flags & RESPONSE) and self.id == query.id and same


def _same(question: Question) -> tuple[str, int, int]:
    return question.name.lower(), question.type, question.klass


def query(identifier: int, name: str, kind: int, flags: int = RECURSION_DESIRED) -> Message:
    return Message(identifier, flags, [Question(name, kind)])


def reply(query: Message, rcode: int = Rcode.NOERROR, flags: int = RECURSION_AVAILABLE) -> Message:
    """An answer without records yet: the first question alone, and what the asker wished."""
    kept = query.flags & (0x7800 | RECURSION_DESIRED | CHECKING_DISABLED)
    return Message(query.id, RESPONSE | kept | flags | rcode, query.questions[:1])


def reverse_name(address: bytes) -> str:
    """The name under which an address's PTR record stands."""
    return ".".join(str(byte) for byte in reversed(address)) + REVERSE


# --- writing


def build(message: Message, *, compress: bool = False) -> bytes:
    """The message as it goes on the wire. Raises DnsError for a name that is too long or has an empty label."""
    sections = (message.answers, message.authority, message.additional)
    out = bytearray(_HEADER.pack(message.id, message.flags, len(message.questions), *(len(section) for section in sections)))
    known: dict[bytes, int] | None = {} if compress else None
    for question in message.questions:
        _write_name(out, question.name, known)
        out += _QUESTION.pack(question.type, question.klass)
    for section in sections:
        for record in section:
            _write_record(out, record, known)
    return bytes(out)


def _write_record(out: bytearray, record: Record, known: dict[bytes, int] | None) -> None:
    _write_name(out, record.name, known)
    at = len(out)
    out += _RECORD.pack(record.type, record.klass, record.ttl, 0)
    if isinstance(record.data, str):
        _write_name(out, record.data, known)
    else:
        out += record.data
    length = len(out) - at - _RECORD.size
    if length > 0xFFFF:
        raise DnsError("a record is too long")
    out[at + 8 : at + 10] = length.to_bytes(2, "big")


def _write_name(out: bytearray, name: str, known: dict[bytes, int] | None) -> None:
    """With `known`, an ending that stands in the message already is pointed to."""
    rest = wire_name(name)
    at = 0
    while rest[at]:
        ending = rest[at:]
        if known is not None and ending in known:
            out += (0xC000 | known[ending]).to_bytes(2, "big")
            return
        if known is not None and len(out) < 0x4000:
            known[ending] = len(out)
        label = rest[at : at + 1 + rest[at]]
        out += label
        at += len(label)
    out.append(0)


def wire_name(name: str) -> bytes:
    """A name uncompressed. Raises DnsError."""
    wire = b"".join(bytes([len(label)]) + label for label in labels(name)) + b"\0"
    if len(wire) > LONGEST_NAME:
        raise DnsError(f"the name {name[:20]}… is too long")
    return wire


def labels(name: str) -> list[bytes]:
    """The labels of a name as text. Raises DnsError for an empty one, or one of more than 63 bytes."""
    found: list[bytes] = []
    label = bytearray()
    text = name.encode("utf-8", "surrogateescape")
    at = 0
    while at < len(text):
        byte, at = text[at : at + 1], at + 1
        if byte == b".":
            found.append(bytes(label))
            label.clear()
        elif byte == b"\\" and text[at : at + 3].isdigit() and len(text[at : at + 3]) == 3 and int(text[at : at + 3]) < 256:
            label.append(int(text[at : at + 3]))
            at += 3
        elif byte == b"\\":
            label += text[at : at + 1]
            at += 1
        else:
            label += byte
    if label:
        found.append(bytes(label))
    if any(not 0 < len(each) <= LONGEST_LABEL for each in found) and text != b".":
        raise DnsError(f"{name[:70]!r} is not a name")
    return [each for each in found if each]


# --- reading


def parse(wire: bytes) -> Message:
    """Raises DnsError for anything that is no whole message; bytes after it are ignored."""
    try:
        return _parse(wire)
    except (error, IndexError) as wrong:
        raise DnsError(f"the message is cut short: {wrong}") from None


def _parse(wire: bytes) -> Message:
    identifier, flags, questions, *counts = _HEADER.unpack_from(wire)
    message = Message(identifier, flags)
    at = _HEADER.size
    for _ in range(questions):
        name, at = expand(wire, at)
        message.questions.append(Question(name, *_QUESTION.unpack_from(wire, at)))
        at += _QUESTION.size
    for section, count in zip((message.answers, message.authority, message.additional), counts, strict=True):
        for _ in range(count):
            record, at = _read_record(wire, at)
            section.append(record)
    return message


def _read_record(wire: bytes, at: int) -> tuple[Record, int]:
    name, at = expand(wire, at)
    kind, klass, ttl, length = _RECORD.unpack_from(wire, at)
    at += _RECORD.size
    data: bytes | str = wire[at : at + length]
    if len(data) < length:
        raise DnsError("a record is cut short")
    if kind in NAMED and length:
        data, end = expand(wire, at)
        if end != at + length:
            raise DnsError("a name and its record are not of one length")
    elif kind in NAMES_WITHIN and length:
        data = _uncompressed(wire, at, at + length, *NAMES_WITHIN[Type(kind)])
    return Record(name, kind, ttl, data, klass), at + length


def _uncompressed(wire: bytes, at: int, end: int, before: int, names: int) -> bytes:
    """A record's data with the names in it written out."""
    data, at = wire[at : at + before], at + before
    for _ in range(names):
        name, at = expand(wire, at)
        data += wire_name(name)
    if at > end:
        raise DnsError("a name is longer than its record")
    return data + wire[at:end]


def expand(wire: bytes, at: int) -> tuple[str, int]:
    """The name at a place of a message, and where what follows it begins. Raises DnsError, IndexError."""
    found: list[bytes] = []
    end, length, jumps = -1, 1, 0
    while size := wire[at]:
        if size >= 0xC0:
            end = end if end >= 0 else at + 2
            at, jumps = (size & 0x3F) << 8 | wire[at + 1], jumps + 1
            if jumps > MOST_JUMPS:
                raise DnsError("a name points to itself")
            continue
        length += 1 + size
        if size > LONGEST_LABEL or length > LONGEST_NAME or at + 1 + size > len(wire):
            raise DnsError("a name is too long")
        found.append(wire[at + 1 : at + 1 + size])
        at += 1 + size
    return ".".join(map(_label_text, found)), end if end >= 0 else at + 1


def _label_text(label: bytes) -> str:
    if label.isalnum():
        return label.decode("ascii")
    return "".join(_byte_text(byte) for byte in label)


def _byte_text(byte: int) -> str:
    if byte in b".\\":
        return "\\" + chr(byte)
    return chr(byte) if 0x20 < byte < 0x7F else f"\\{byte:03}"
