"""Records as text (RFC 1035 §5.1), with names that end in a dot or not."""

from __future__ import annotations

from struct import unpack

from emu.packet import dns
from emu.packet.address import ip_text
from emu.packet.dns import Record, Type

RCODES = ("NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN", "YXRRSET", "NXRRSET", "NOTAUTH", "NOTZONE")
CLASSES = {1: "IN", 3: "CH", 4: "HS", 255: "ANY"}
TAB = 8


def rcode_text(rcode: int) -> str:
    return RCODES[rcode] if rcode < len(RCODES) else f"RESERVED{rcode}"


def type_text(kind: int) -> str:
    return Type(kind).name if kind in list(Type) else f"TYPE{kind}"


def type_of(word: str) -> int | None:
    """The number of `A`, `mx`, `TYPE257`; None for any other word."""
    name = word.upper()
    if name in Type.__members__:
        return Type[name].value
    return int(name[4:]) if name.startswith("TYPE") and name[4:].isdigit() and int(name[4:]) < 65536 else None


def whole(name: str) -> str:
    return f"{name}."


def data_text(record: Record) -> str:
    """As zone files have it; a type that is not known in the form of RFC 3597."""
    data = record.data
    if isinstance(data, str):
        return whole(data)
    try:
        return _bytes_text(record.type, data)
    except (IndexError, ValueError):
        return f"\\# {len(data)} {data.hex().upper()}".rstrip()


def _bytes_text(kind: int, data: bytes) -> str:
    """Raises ValueError, IndexError for data that is not what its type says."""
    if kind == Type.A and len(data) == 4:
        return ip_text(data)
    if kind == Type.AAAA and len(data) == 16:
        return ":".join(f"{int.from_bytes(data[at : at + 2], 'big'):x}" for at in range(0, 16, 2))
    if kind == Type.MX:
        return f"{int.from_bytes(data[:2], 'big')} {whole(dns.expand(data, 2)[0])}"
    if kind == Type.TXT:
        return " ".join(f'"{text}"' for text in strings(data))
    if kind == Type.SRV and len(data) > 6:
        return "{} {} {} ".format(*unpack(">HHH", data[:6])) + whole(dns.expand(data, 6)[0])
    if kind == Type.SOA:
        server, mail, numbers = soa(data)
        return f"{whole(server)} {whole(mail)} " + " ".join(map(str, numbers))
    raise ValueError


def strings(data: bytes) -> list[str]:
    """A TXT record's. Raises IndexError."""
    found, at = [], 0
    while at < len(data):
        found.append(data[at + 1 : at + 1 + data[at]].decode("latin-1"))
        at += 1 + data[at]
    return found


def soa(data: bytes) -> tuple[str, str, tuple[int, ...]]:
    """Server, mailbox and the five numbers. Raises ValueError, IndexError."""
    server, at = dns.expand(data, 0)
    mail, at = dns.expand(data, at)
    if len(data) != at + 20:
        raise ValueError("a SOA record of the wrong length")
    return server, mail, unpack(">IIIII", data[at:])


def indented(text: str, column: int) -> str:
    """The text and then tabs up to a column, or a space if it is there already: dns_masterdump's."""
    at = len(text.expandtabs(TAB))
    column = max(column, at + 1)
    tabs = column // TAB - at // TAB
    at = column // TAB * TAB if tabs else at
    return text + "\t" * tabs + " " * (column - at)


def record_line(record: Record) -> str:
    line = indented(indented(whole(record.name), 24) + str(record.ttl), 32)
    line = indented(line + CLASSES.get(record.klass, f"CLASS{record.klass}"), 40) + type_text(record.type)
    return indented(line, 48) + data_text(record)
