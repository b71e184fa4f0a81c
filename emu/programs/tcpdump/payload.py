"""DNS and HTTP in tcpdump's words (print-domain.c, print-http.c at 4.99.3)."""

from __future__ import annotations

import re

from emu.packet.address import ip_text
from emu.packet.dns import (
    AUTHENTIC,
    AUTHORITATIVE,
    CHECKING_DISABLED,
    RECURSION_AVAILABLE,
    RECURSION_DESIRED,
    RESPONSE,
    TRUNCATED,
    DnsError,
    Message,
    Record,
    parse,
)

TYPES = {
    1: "A", 2: "NS", 5: "CNAME", 6: "SOA", 12: "PTR", 13: "HINFO", 15: "MX", 16: "TXT", 28: "AAAA", 33: "SRV", 35: "NAPTR", 41: "OPT",
    43: "DS", 46: "RRSIG", 48: "DNSKEY", 64: "SVCB", 65: "HTTPS", 252: "AXFR", 255: "ANY",
}  # fmt: skip
RCODES = ("", " FormErr", " ServFail", " NXDomain", " NotImp", " Refused")
OPCODES = ("", " inv_q", " stat")
METHODS = frozenset(
    b"GET PUT COPY HEAD LOCK MOVE POLL POST BCOPY BMOVE MKCOL TRACE LABEL MERGE DELETE SEARCH UNLOCK REPORT UPDATE NOTIFY BDELETE CONNECT "
    b"OPTIONS CHECKIN PROPFIND CHECKOUT CCM_POST SUBSCRIBE PROPPATCH BPROPFIND BPROPPATCH UNCHECKOUT MKACTIVITY MKWORKSPACE UNSUBSCRIBE "
    b"RPC_CONNECT VERSION-CONTROL BASELINE-CONTROL".split()
)


# --- DNS


def dns_text(wire: bytes, length: int, *, verbose: int) -> str:
    """domain_print: a query as `id+ A? name. (length)`, a response with its counts and records."""
    try:
        message = parse(wire)
    except DnsError:
        return f"[|domain] ({length})" if len(wire) < 12 else _head(wire) + f"[|domain] ({length})"
    opcode = message.flags >> 11 & 15
    operation = OPCODES[opcode] if opcode < 3 else f" op{opcode}"
    if message.flags & RESPONSE:
        return _response(message, operation, verbose) + f" ({length})"
    text = f"{message.id}{operation}" + ("+" if message.flags & RECURSION_DESIRED else "")
    text += ("$" if message.flags & AUTHENTIC else "") + ("%" if message.flags & CHECKING_DISABLED else "")
    if len(message.questions) != 1:
        text += f" [{len(message.questions)}q]"
    for records, letters in ((message.answers, "a"), (message.authority, "n"), (message.additional, "au")):
        text += f" [{len(records)}{letters}]" if records else ""
    text += "".join(f" {_type(each.type)}?{_class(each.klass)} {_name(each.name)}" for each in message.questions)
    if message.additional and verbose:
        text += " ar: " + ", ".join(_record(each, verbose) for each in message.additional)
    return f"{text} ({length})"


def _head(wire: bytes) -> str:
    return f"{int.from_bytes(wire[:2], 'big')} "


def _response(message: Message, operation: str, verbose: int) -> str:
    flags = message.flags
    rcode = RCODES[message.rcode] if message.rcode < len(RCODES) else f" Resp{message.rcode}"
    text = f"{message.id}{operation}{rcode}"
    text += ("*" if flags & AUTHORITATIVE else "") + ("" if flags & RECURSION_AVAILABLE else "-")
    text += ("|" if flags & TRUNCATED else "") + ("$" if flags & AUTHENTIC else "")
    if len(message.questions) != 1:
        text += f" [{len(message.questions)}q]"
    if verbose > 1:
        text += "".join(f" q: {_type(each.type)}?{_class(each.klass)} {_name(each.name)}" for each in message.questions)
    text += f" {len(message.answers)}/{len(message.authority)}/{len(message.additional)}"
    if message.answers:
        text += " " + ", ".join(_record(each, verbose) for each in message.answers)
    if verbose:
        for records, title in ((message.authority, "ns"), (message.additional, "ar")):
            text += f" {title}: " + ", ".join(_record(each, verbose) for each in records) if records else ""
    return text


def _record(record: Record, verbose: int) -> str:
    text = f"{_name(record.name)} " if verbose else ""
    if verbose > 2 and record.type != 41:
        text += f"[{_duration(record.ttl)}] "
    if record.type == 41:
        return f"{text}OPT UDPsize={record.klass}"
    return (
        f"{text}{_type(record.type)}{_class(record.klass)}{_data(record)}".lstrip()
        if not verbose
        else text + _type(record.type) + _data(record)
    )


def _data(record: Record) -> str:
    data = record.data
    if isinstance(data, str):
        return f" {_name(data)}"
    if record.type == 1 and len(data) == 4:
        return f" {ip_text(data)}"
    if record.type == 28 and len(data) == 16:
        return f" {_ipv6(data)}"
    if record.type == 16:
        strings, at = "", 0
        while at < len(data):
            strings += f' "{data[at + 1 : at + 1 + data[at]].decode("latin-1")}"'
            at += 1 + data[at]
        return strings
    return ""


def _duration(seconds: int) -> str:
    """unsigned_relts_print: 1h2m3s."""
    text = ""
    for unit, size in (("w", 604800), ("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, seconds = divmod(seconds, size)
        text += f"{count}{unit}" if count else ""
    return text or "0s"


def _ipv6(data: bytes) -> str:
    groups = [f"{data[at] << 8 | data[at + 1]:x}" for at in range(0, 16, 2)]
    text = ":".join(groups)
    runs = sorted(re.finditer(r"(?:^|:)0(?::0)+(?=:|$)", text), key=lambda run: -len(run.group()))
    if not runs:
        return text
    run = runs[0]
    return f"{text[: run.start()]}::{text[run.end() :].removeprefix(':')}"


def _name(name: str) -> str:
    return f"{name}."


def _type(kind: int) -> str:
    return TYPES.get(kind, f"Type{kind}")


def _class(klass: int) -> str:
    return "" if klass == 1 else {3: " CHAOS", 255: " ANY"}.get(klass, f" Class {klass}")


# --- HTTP


def http_text(data: bytes, *, verbose: bool) -> str:
    """txtproto_print: the first line if it is a request or a response; with -v all lines of the head."""
    words = data.split(maxsplit=2)
    request = bool(words) and words[0] in METHODS and data[len(words[0]) : len(words[0]) + 1] in b" \t\r\n"
    response = (
        len(words) > 1 and data.startswith(b"HTTP/") and re.fullmatch(rb"\d{3}", words[1][:3] if len(words[1]) >= 3 else b"") is not None
    )
    if not (request or response):
        return "HTTP"
    lines = _lines(data)
    if not verbose:
        return f"HTTP: {lines[0] if lines else ''}"
    return f"HTTP, length: {len(data)}" + "".join(f"\n\t{line}" for line in lines)


def _lines(data: bytes) -> list[str]:
    """Lines of printable characters, up to and with the empty one; what follows is shown while it is text."""
    lines = []
    for line in data.split(b"\n"):
        text = line.removesuffix(b"\r")
        if re.search(rb"[^\x20-\x7e\t]", text):
            break
        lines.append(text.decode("ascii"))
    if lines and not data.split(b"\n")[len(lines) - 1] and len(lines) == len(data.split(b"\n")):
        lines.pop()
    return lines
