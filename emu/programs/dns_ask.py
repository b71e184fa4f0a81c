"""dns-ask [--sport N] [--port N] SERVER NAME: one question for an address, one answer. A small program of emu's own, for labs."""

from __future__ import annotations

from emu.packet import dns
from emu.packet.address import ip_text
from emu.process import Process, UsageError
from emu.programs.libc.getaddrinfo import resolve
from emu.programs.libc.getopt import getopt
from emu.programs.libc.resolver import UnknownName
from emu.programs.udp_echo import is_port
from emu.programs.udp_send import answer

TIMEOUT_S = 2.0


async def main(process: Process, argv: list[str]) -> int:
    options = getopt(argv, "", {"sport": "sport:", "port": "port:"}, status=2)
    source, port = options.text("sport", "0"), options.text("port", "53")
    if len(options.words) != 2 or not is_port(source) or not is_port(port):
        raise UsageError("usage: dns-ask [--sport N] [--port N] SERVER NAME", 2)
    server, name = options.words
    identifier = process.engine.stream(f"{process.place.name} {process.pid} dns-ask").randrange(0x10000)

    async def ask() -> str:
        sock = process.udp_socket()
        sock.bind(("0.0.0.0", int(source)))
        sock.connect((await resolve(process, server), int(port)))
        sock.send(dns.build(dns.query(identifier, name, dns.Type.A)))
        got = dns.parse(await sock.recv(timeout=TIMEOUT_S))
        addresses = [record.data for record in got.answers if record.type == dns.Type.A and isinstance(record.data, bytes)]
        return f"rcode {got.rcode} {ip_text(addresses[-1]) if addresses else ''}"

    try:
        return await answer(process, ask())
    except (UnknownName, dns.DnsError) as wrong:
        raise UsageError(f"dns-ask: {wrong}", 1) from None
