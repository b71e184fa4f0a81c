"""busybox's nslookup (networking/nslookup.c, 1.35, the big one): A and AAAA at once over one socket, again after 2.5 s, given up after 5.

/etc/hosts is not read, and a name with a dot is never completed from the search list.
"""

from __future__ import annotations

from emu.engine import MILLISECOND, SECOND
from emu.netns.socket import UdpSocket
from emu.packet import dns
from emu.packet.address import ip
from emu.packet.dns import Message, Record, Type
from emu.process import Process, UsageError
from emu.programs.bind.ask import is_address
from emu.programs.bind.text import rcode_text, soa, strings
from emu.programs.libc.getaddrinfo import resolve
from emu.programs.libc.res_query import read_resolv_conf
from emu.programs.libc.resolver import UnknownName
from emu.programs.libc.strerror import strerror

USAGE = """BusyBox v1.35.0 multi-call binary.

Usage: nslookup [-type=QUERY_TYPE] [-debug] HOST [DNS_SERVER]

Query DNS about HOST

QUERY_TYPE: soa,ns,a,aaaa,cname,mx,txt,ptr,srv,any"""
TYPES = ("SOA", "NS", "A", "AAAA", "CNAME", "MX", "TXT", "PTR", "SRV", "ANY")
PHRASES = {Type.NS: "nameserver", Type.CNAME: "canonical name", Type.PTR: "name"}


async def main(process: Process, argv: list[str]) -> int:
    kinds, words, debug = _arguments(argv)
    conf = read_resolv_conf(process)
    servers = [(server, server, dns.PORT) for server in conf.servers]
    if len(words) == 2:
        name, _, port = words[1].partition(":")
        try:
            servers = [(words[1], await resolve(process, name), int(port) if port.isdigit() else dns.PORT)]
        except UnknownName:
            raise UsageError(f"nslookup: bad address '{words[1]}'", 1) from None
    for server, address, number in servers:
        run = _Run(process, server, address, number, _queries(process, words[0], kinds, conf.search))
        run.debug = debug
        if await run.send(conf.timeout, conf.attempts):
            return run.status
    process.print(";; connection timed out; no servers could be reached\n")
    return 1


def _arguments(argv: list[str]) -> tuple[list[int], list[str], bool]:
    """Raises UsageError."""
    kinds: list[int] = []
    words, debug = [], False
    for word in argv[1:]:
        key, equals, value = word.partition("=")
        if key in ("-type", "-querytype", "-t", "-ty") and equals:
            if value.upper() not in TYPES:
                raise UsageError(f'nslookup: invalid query type "{value}"', 1)
            kinds.append(Type[value.upper()])
        elif word == "-debug":
            debug = True
        elif word.startswith("-"):
            raise UsageError(USAGE, 1)
        else:
            words.append(word)
    if not 1 <= len(words) <= 2:
        raise UsageError(USAGE, 1)
    return kinds, words, debug


def _queries(process: Process, host: str, kinds: list[int], search: list[str]) -> list[Message]:
    """Raises UsageError for a name that cannot be asked for."""
    stream = process.engine.stream(f"{process.place.name} {process.pid} nslookup {process.engine.now}")
    if is_address(host) and not kinds:
        host, kinds = dns.reverse_name(ip(host)), [Type.PTR]
    queries = []
    for kind in kinds or [Type.A, Type.AAAA]:
        names = [host] if kind == Type.PTR or "." in host or not search else [f"{host}.{domain}" for domain in search]
        queries += [dns.query(stream.randrange(0x10000), name, kind) for name in names]
    try:
        for query in queries:
            dns.build(query)
    except dns.DnsError:
        raise UsageError(f"nslookup: invalid query: '{host}'", 1) from None
    return queries


class _Run:
    """One server, asked all questions."""

    def __init__(self, process: Process, name: str, address: str, port: int, queries: list[Message]) -> None:
        self.process = process
        self.name = name
        self.server = address, port
        self.open = list(queries)
        self.count = len(queries)
        self.status = 0
        self.debug = False
        self.greeted = False

    async def send(self, timeout: int, attempts: int) -> int:
        """The number of replies; 0 if this server is of no use."""
        engine = self.process.engine
        sock = self.process.udp_socket()
        began = sent = engine.now
        interval = timeout * SECOND // max(attempts, 1)
        try:
            sock.connect(self.server)
            self._write(sock)
            while engine.now < began + timeout * SECOND and self.open:
                if engine.now >= sent + interval:
                    sent = engine.now
                    self._write(sock)
                try:
                    await self._read(sock, sent + interval - engine.now, began)
                except TimeoutError:
                    continue
        except OSError as error:
            self.process.error(f"nslookup: write to '{self.name}': {strerror(error)}")
            return 0
        finally:
            sock.close()
        return self.count - len(self.open)

    def _write(self, sock: UdpSocket) -> None:
        for query in self.open:
            sock.send(dns.build(query))

    async def _read(self, sock: UdpSocket, left_ns: int, began: int) -> None:
        """Raises TimeoutError."""
        try:
            answer = dns.parse(await sock.recv(timeout=left_ns / SECOND))
        except TimeoutError:
            raise
        except OSError as error:
            self.process.error(f"nslookup: read: {strerror(error)}")
            return
        except dns.DnsError:
            return
        query = next((each for each in self.open if each.id == answer.id), None)
        if query is None:
            return
        place = self.count - len(self.open)
        self.open.remove(query)
        if not self.greeted:
            self.greeted = True
            self.process.print(f"Server:\t\t{self.name}\nAddress:\t{self.server[0]}:{self.server[1]}\n")
        if self.debug:
            self.process.print(f"Query #{place} completed in {(self.process.engine.now - began) // MILLISECOND}ms:")
        self._show(query, answer)
        self.process.print()

    def _show(self, query: Message, answer: Message) -> None:
        if answer.rcode:
            self.process.print(f"** server can't find {query.questions[0].name}: {rcode_text(answer.rcode)}")
            self.status = 1
            return
        if not answer.flags & dns.AUTHORITATIVE:
            self.process.print("Non-authoritative answer:")
        for record in answer.answers:
            try:
                self._show_record(record)
            except (IndexError, ValueError):
                self.process.print(f"*** Can't find {query.questions[0].name}: Parse error")
                return

    def _show_record(self, record: Record) -> None:
        """Raises IndexError, ValueError."""
        data, show = record.data, self.process.print
        if isinstance(data, str):
            show(f"{record.name}\t{PHRASES[Type(record.type)]} = {data}")
        elif record.type == Type.A:
            show(f"Name:\t{record.name}\nAddress: {'.'.join(map(str, data))}")
        elif record.type == Type.MX:
            show(f"{record.name}\tmail exchanger = {int.from_bytes(data[:2], 'big')} {dns.expand(data, 2)[0]}")
        elif record.type == Type.TXT:
            for text in strings(data):
                show(f'{record.name}\ttext = "{text}"')
        elif record.type == Type.SOA:
            server, mail, numbers = soa(data)
            names = ("serial", "refresh", "retry", "expire", "minimum")
            lines = [
                f"origin = {server}",
                f"mail addr = {mail}",
                *(f"{name} = {value}" for name, value in zip(names, numbers, strict=True)),
            ]
            show("\n\t".join([record.name, *lines]))
