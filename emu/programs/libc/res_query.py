"""The C library's stub resolver: /etc/resolv.conf, and questions to name servers by UDP.

Source: glibc 2.36, resolv/res_init.c, res_query.c, res_send.c. Not modelled: EDNS0, DNSSEC's flags, TCP from the start (`use-vc`),
`single-request`, sorting by `sortlist`; musl's way of asking all servers at once.
"""

from __future__ import annotations

import errno
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emu.engine import SECOND
from emu.packet import address, dns
from emu.packet.dns import Message, Rcode
from emu.programs.libc.strerror import number

if TYPE_CHECKING:
    from emu.netns.socket import UdpSocket
    from emu.process import Process

MOST_SERVERS, MOST_DOTS, MOST_TIMEOUT, MOST_ATTEMPTS = 3, 15, 30, 5
PASSED_OVER = frozenset({Rcode.SERVFAIL, Rcode.NOTIMP, Rcode.REFUSED})  # the next server may know more


@dataclass
class ResolvConf:
    """resolv.conf(5)."""

    servers: list[str]
    search: list[str]
    ndots: int = 1
    timeout: int = 5
    attempts: int = 2
    rotate: bool = False


def read_resolv_conf(process: Process) -> ResolvConf:
    """Without servers it is the machine itself; without `search` the domain of the host name."""
    files, domain = process.place.files, process.place.hostname.partition(".")[2]
    text = files.read("/etc/resolv.conf") if files.exists("/etc/resolv.conf") else ""
    conf = ResolvConf([], [domain] if domain else [])
    for line in text.splitlines():
        keyword, *words = line.split() or [""]
        if keyword == "nameserver" and words and len(conf.servers) < MOST_SERVERS and _is_address(words[0]):
            conf.servers.append(words[0])
        elif keyword in ("search", "domain") and words:
            conf.search = words if keyword == "search" else words[:1]
        elif keyword == "options":
            _set_options(conf, words)
    conf.servers = conf.servers or ["127.0.0.1"]
    return conf


def _is_address(text: str) -> bool:
    try:
        address.ip(text)
    except ValueError:
        return False
    return True


def _set_options(conf: ResolvConf, words: list[str]) -> None:
    for word in words:
        key, _, value = word.partition(":")
        if key in ("ndots", "timeout", "attempts") and value.isdigit():
            most = {"ndots": MOST_DOTS, "timeout": MOST_TIMEOUT, "attempts": MOST_ATTEMPTS}[key]
            setattr(conf, key, min(int(value), most))
        elif key == "rotate":
            conf.rotate = True


class LookupFailed(Exception):
    """A name did not resolve. `kind` is h_errno's: HOST_NOT_FOUND, NO_DATA, TRY_AGAIN, NO_RECOVERY; `refused`: nobody listens."""

    def __init__(self, kind: str, *, refused: bool = False) -> None:
        super().__init__(kind)
        self.kind = kind
        self.refused = refused


async def search(process: Process, name: str, kinds: tuple[int, ...]) -> list[Message]:
    """res_search: the answers to `name` as it is, or with a domain of the search list. Raises LookupFailed."""
    conf = read_resolv_conf(process)
    whole, dots = name.rstrip("."), name.rstrip(".").count(".")
    first: LookupFailed | None = None
    if dots >= conf.ndots or name.endswith("."):
        try:
            return await query(process, conf, whole, kinds)
        except LookupFailed as failed:
            first = failed
        if name.endswith("."):
            raise first
    for domain in conf.search:
        try:
            return await query(process, conf, f"{whole}.{domain}".rstrip("."), kinds)
        except LookupFailed as failed:
            if failed.refused or failed.kind == "NO_RECOVERY":
                raise
    if first is not None:
        raise first
    return await query(process, conf, whole, kinds)


async def query(process: Process, conf: ResolvConf, name: str, kinds: tuple[int, ...]) -> list[Message]:
    """res_query: the answers for one name, at least one of them with records. Raises LookupFailed."""
    stream = process.engine.stream(f"{process.place.name} {process.pid} res_randomid {name} {process.engine.now}")
    queries = [dns.query(stream.randrange(0x10000), name, kind) for kind in kinds]
    try:
        answers = await _send(process, conf, queries)
    except dns.DnsError:
        raise LookupFailed("NO_RECOVERY") from None
    if any(answer.rcode == Rcode.NOERROR and answer.answers for answer in answers):
        return answers
    failures: dict[int, str] = {Rcode.NXDOMAIN: "HOST_NOT_FOUND", Rcode.NOERROR: "NO_DATA", Rcode.SERVFAIL: "TRY_AGAIN"}
    raise LookupFailed(failures.get(answers[0].rcode, "NO_RECOVERY"))


async def _send(process: Process, conf: ResolvConf, queries: list[Message]) -> list[Message]:
    """res_send: each server in turn, all of them again. A socket stays for the next attempt unless it failed. Raises LookupFailed."""
    sockets: dict[int, UdpSocket] = {}
    silent = False
    try:
        for _ in range(conf.attempts):
            for place, server in enumerate(conf.servers):
                seconds = max((conf.timeout << place) // (len(conf.servers) if place else 1), 1)
                try:
                    if place not in sockets:
                        sockets[place] = process.udp_socket()
                        sockets[place].connect((server, dns.PORT))
                    answers = await _exchange(process, sockets[place], queries, seconds)
                except TimeoutError:
                    silent = True
                    continue
                except OSError as wrong:
                    silent = silent or number(wrong) != errno.ECONNREFUSED
                    sockets.pop(place).close()
                    continue
                if answers is not None:
                    return [await _whole(process, server, *pair) for pair in zip(queries, answers, strict=True)]
                sockets.pop(place).close()
    finally:
        for sock in sockets.values():
            sock.close()
    raise LookupFailed("TRY_AGAIN", refused=not silent)


async def _exchange(process: Process, sock: UdpSocket, queries: list[Message], seconds: int) -> list[Message] | None:
    """send_dg: all questions at once, then the answers; None if the server says that it cannot. Raises OSError, TimeoutError."""
    engine = process.engine
    for each in queries:
        sock.send(dns.build(each))
    deadline_ns = engine.now + seconds * SECOND
    answers: dict[int, Message] = {}
    while len(answers) < len(queries):
        left = deadline_ns - engine.now
        if left <= 0:
            raise TimeoutError
        try:
            answer = dns.parse(await sock.recv(timeout=left / SECOND))
        except dns.DnsError:
            continue
        asked = next((place for place, each in enumerate(queries) if answer.answers_to(each) and place not in answers), None)
        if asked is None:
            continue
        if answer.rcode in PASSED_OVER:
            return None
        answers[asked] = answer
    return [answers[place] for place in range(len(queries))]


async def _whole(process: Process, server: str, asked: Message, answer: Message) -> Message:
    """A truncated answer is asked for again over TCP."""
    if not answer.truncated:
        return answer
    try:
        return await ask_by_tcp(process, server, asked, None)
    except (OSError, dns.DnsError):
        return answer


async def ask_by_tcp(process: Process, server: str, asked: Message, seconds: float | None) -> Message:
    """One question over a connection of its own. Raises OSError, DnsError."""
    sock = await process.tcp_connect(server, dns.PORT, timeout=seconds)
    wire = dns.build(asked)
    await sock.send(len(wire).to_bytes(2, "big") + wire)
    received = b""
    while len(received) < 2 or len(received) < 2 + int.from_bytes(received[:2], "big"):
        more = await sock.recv(timeout=seconds)
        if not more:
            break
        received += more
    sock.close()
    return dns.parse(received[2:])
