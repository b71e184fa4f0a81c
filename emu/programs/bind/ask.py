"""One question to one name server, as the programs of BIND 9.18 ask it: UDP with retries, TCP for what does not fit."""

from __future__ import annotations

from dataclasses import dataclass

from emu.engine import MILLISECOND, SECOND
from emu.packet import dns
from emu.packet.dns import Message
from emu.process import Process
from emu.programs.libc.res_query import ResolvConf, ask_by_tcp

COOKIE = 10  # the EDNS option
UDP_SIZE = 1232
STEP = "communications error to"


class Unreachable(Exception):
    """No server answered; what was said on the way has been printed."""


@dataclass(frozen=True)
class Answer:
    message: Message
    wire: bytes
    server: str
    milliseconds: int
    transport: str = "UDP"


@dataclass
class Asker:
    """Whom a program asks, and how patiently. `edns`: with a cookie and room for 1232 bytes, as dig has it."""

    process: Process
    servers: list[str]
    port: int = dns.PORT
    seconds: int = 5
    tries: int = 3
    flags: int = dns.RECURSION_DESIRED
    edns: bool = False
    tcp: bool = False

    async def ask(self, name: str, kind: int) -> Answer:
        """Raises Unreachable, DnsError."""
        stream = self.process.engine.stream(f"{self.process.place.name} {self.process.pid} {name} {kind} {self.process.engine.now}")
        query = dns.query(stream.randrange(0x10000), name, kind, self.flags)
        if self.edns:
            cookie = COOKIE.to_bytes(2, "big") + b"\0\x08" + stream.randbytes(8)
            query.additional.append(dns.Record("", dns.Type.OPT, 0, cookie, UDP_SIZE))
        for _ in range(self.tries):
            for server in self.servers:
                try:
                    answer = await (self._by_tcp if self.tcp else self._by_udp)(server, query)
                except TimeoutError:
                    self.process.print(f";; {STEP} {server}#{self.port}: timed out")
                    continue
                except OSError as wrong:
                    text = "connection refused" if isinstance(wrong, ConnectionRefusedError) else "network unreachable"
                    self.process.print(f";; {STEP} {server}#{self.port}: {text}")
                    continue
                if answer.message.truncated and not self.tcp:
                    self.process.print(";; Truncated, retrying in TCP mode.")
                    return await self._by_tcp(server, query)
                return answer
        raise Unreachable

    async def _by_udp(self, server: str, query: Message) -> Answer:
        engine = self.process.engine
        sock = self.process.udp_socket()
        try:
            sock.connect((server, self.port))
            began = engine.now
            sock.send(dns.build(query))
            while True:
                left = began + self.seconds * SECOND - engine.now
                if left <= 0:
                    raise TimeoutError
                wire = await sock.recv(timeout=left / SECOND)
                try:
                    message = dns.parse(wire)
                except dns.DnsError:
                    continue
                if message.answers_to(query):
                    return Answer(message, wire, server, (engine.now - began) // MILLISECOND)
        finally:
            sock.close()

    async def _by_tcp(self, server: str, query: Message) -> Answer:
        began = self.process.engine.now
        message = await ask_by_tcp(self.process, server, query, float(self.seconds))
        return Answer(message, dns.build(message), server, (self.process.engine.now - began) // MILLISECOND, "TCP")


def candidates(name: str, conf: ResolvConf) -> list[str]:
    """The names that are asked for in turn: with enough dots as it is first, else with the domains of the search list first."""
    if name.endswith("."):
        return [name.rstrip(".")]
    with_domain = [f"{name}.{domain}".rstrip(".") for domain in conf.search]
    return [name, *with_domain] if name.count(".") >= conf.ndots else [*with_domain, name]


def is_address(text: str) -> bool:
    parts = text.split(".")
    return len(parts) == 4 and all(part.isascii() and part.isdigit() and int(part) < 256 for part in parts)
