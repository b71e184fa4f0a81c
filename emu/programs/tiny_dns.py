"""tiny-dns ADDRESS ZONE: a name server with a fixed zone, NXDOMAIN for the rest. A small program of emu's own, for labs.

ZONE is a file of lines `NAME TYPE DATA` (`printer.lan A 192.168.50.20`), TYPE one of A, CNAME, PTR.
"""

from __future__ import annotations

from emu.packet import dns
from emu.packet.address import ip
from emu.packet.dns import Type
from emu.process import Process, UsageError
from emu.programs.libc.strerror import strerror

TTL = 300

Zone = dict[tuple[str, int], bytes | str]


async def main(process: Process, argv: list[str]) -> int:
    if len(argv) != 3:
        raise UsageError("usage: tiny-dns ADDRESS ZONE", 2)
    zone = _zone(_read(process, argv[2]))
    sock = process.udp_socket()
    try:
        sock.bind((argv[1], dns.PORT))
    except (OSError, ValueError) as error:
        raise UsageError(f"tiny-dns: {strerror(error) if isinstance(error, OSError) else error}", 1) from None
    while True:
        wire, peer = await sock.recvfrom()
        try:
            query = dns.parse(wire)
        except dns.DnsError:
            continue
        if not query.questions:
            continue
        asked = query.questions[0]
        process.print(f"query {asked.name.lower()} type {asked.type} from {peer[0]}:{peer[1]}")
        sock.sendto(dns.build(_answer(zone, query), compress=True), peer)


def _read(process: Process, path: str) -> str:
    try:
        return process.place.files.read(path)
    except OSError as error:
        raise UsageError(f"tiny-dns: {path}: {strerror(error)}", 1) from None


def _zone(text: str) -> Zone:
    """Raises UsageError."""
    zone: Zone = {}
    for line in text.splitlines():
        words = line.partition("#")[0].split()
        if not words:
            continue
        try:
            name, kind, data = words
            zone[name.lower(), Type[kind]] = ip(data) if kind == "A" else {"CNAME": data, "PTR": data}[kind]
        except (ValueError, KeyError):
            raise UsageError(f"tiny-dns: {line!r} is not NAME TYPE DATA with TYPE A, CNAME or PTR", 1) from None
    return zone


def _answer(zone: Zone, query: dns.Message) -> dns.Message:
    asked = query.questions[0]
    name = asked.name.lower()
    known = any(name == each for each, _ in zone)
    answer = dns.reply(query, dns.Rcode.NOERROR if known else dns.Rcode.NXDOMAIN)
    for kind in (asked.type, Type.CNAME):
        if (name, kind) in zone:
            answer.answers.append(dns.Record(asked.name, kind, TTL, zone[name, kind]))
            break
    return answer
