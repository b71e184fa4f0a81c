"""dig(1) of BIND 9.18: one question after the other, and the answer as it came.

Options: @SERVER -x -t -p -4 +[no]short all cmd comments question answer authority additional stats recurse adflag edns tcp, +time +tries.
Not modelled: +trace and the other + words, -f, keys; the search list (+search).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from emu.packet import dns
from emu.packet.address import ip
from emu.packet.dns import Message, Type
from emu.process import Process, UsageError
from emu.programs.bind.ask import Answer, Asker, Unreachable, is_address
from emu.programs.bind.text import data_text, indented, rcode_text, record_line, type_of, type_text, whole
from emu.programs.libc.clock import DAYS, MONTHS, civil, gettimeofday
from emu.programs.libc.getaddrinfo import resolve
from emu.programs.libc.res_query import read_resolv_conf
from emu.programs.libc.resolver import UnknownName

VERSION = "9.18.49-1~deb12u3-Debian"
PARTS = ("cmd", "comments", "question", "answer", "authority", "additional", "stats")
SWITCHES = {*PARTS, "short", "recurse", "adflag", "edns", "tcp", "all"}
SAME = {"vc": "tcp", "rec": "recurse", "ad": "adflag"}
FLAGS = (("qr", dns.RESPONSE), ("aa", dns.AUTHORITATIVE), ("tc", dns.TRUNCATED), ("rd", dns.RECURSION_DESIRED),
         ("ra", dns.RECURSION_AVAILABLE), ("ad", dns.AUTHENTIC), ("cd", dns.CHECKING_DISABLED))  # fmt: skip
UNREACHED = 9


@dataclass
class _Wish:
    """What the command line asks for."""

    server: str = ""
    server_first: bool = False
    names: list[tuple[str, int]] = field(default_factory=list)
    port: int = dns.PORT
    seconds: int = 5
    tries: int = 3
    switches: dict[str, bool] = field(default_factory=dict)

    def on(self, switch: str) -> bool:
        return self.switches.get(switch, switch not in ("short", "tcp"))

    def shows(self, part: str) -> bool:
        return self.on(part) and not self.on("short")


async def main(process: Process, argv: list[str]) -> int:
    wish = _read(argv)
    servers = read_resolv_conf(process).servers
    if wish.server:
        try:
            servers = [await resolve(process, wish.server)]
        except UnknownName:
            raise UsageError(f"dig: couldn't get address for '{wish.server}': failure", 1) from None
    flags = dns.RECURSION_DESIRED * wish.on("recurse") | dns.AUTHENTIC * wish.on("adflag")
    asker = Asker(process, servers, wish.port, wish.seconds, wish.tries, flags, wish.on("edns"), wish.on("tcp"))
    status = 0
    for place, (name, kind) in enumerate(wish.names):
        try:
            answer = await asker.ask(name, kind)
        except Unreachable:
            _greet(process, wish, argv, place)
            process.print(";; no servers could be reached")
            status = UNREACHED
        except dns.DnsError:
            raise UsageError(f"dig: '{name}' is not a legal name (empty label)", 10) from None
        else:
            _greet(process, wish, argv, place)
            _show(process, wish, answer)
    return status


def _read(argv: list[str]) -> _Wish:
    """Raises UsageError."""
    wish = _Wish()
    name, kind = "", 0
    words = list(argv[1:])
    while words:
        word = words.pop(0)
        if word.startswith("@"):
            wish.server, wish.server_first = word[1:], not name
        elif word.startswith("+"):
            _set(wish, word[1:].lower())
        elif word in ("-x", "-t", "-p", "-q"):
            if not words:
                raise UsageError(f"dig: option requires an argument -- '{word[1]}'", 1)
            value = words.pop(0)
            if word == "-p":
                wish.port = _number(value, "port number", 65535)
            elif word == "-t":
                kind = type_of(value) or _wrong_type(value)
            else:
                wish.names += [(name, kind or Type.A)] if name else []
                name, kind = (value, kind) if word == "-q" else (_reverse(value), Type.PTR)
        elif word.startswith("-") and word != "-4":
            raise UsageError(f"dig: '{word}' is not modelled", 1)
        elif type_of(word) is not None and not kind:
            kind = type_of(word) or 0
        elif word.upper() not in ("IN", "-4"):
            wish.names += [(name, kind or Type.A)] if name else []
            name, kind = word, 0 if name else kind
    wish.names += [(name.rstrip("."), kind or Type.A)] if name else [] if wish.names else [("", kind or Type.NS)]
    return wish


def _wrong_type(value: str) -> int:
    raise UsageError(f";; Warning, ignoring invalid type {value}", 1)


def _reverse(text: str) -> str:
    if not is_address(text):
        raise UsageError(f"dig: Invalid IP address {text}", 1)
    return dns.reverse_name(ip(text))


def _number(text: str, what: str, most: int) -> int:
    if not text.isdigit() or int(text) > most:
        raise UsageError(f"dig: invalid {what}: {text}", 1)
    return int(text)


def _set(wish: _Wish, word: str) -> None:
    key, equals, value = word.partition("=")
    if key in ("time", "timeout", "tries", "retry") and equals:
        amount = max(_number(value, key, 0xFFFF), 1 if key != "retry" else 0)
        if key.startswith("time"):
            wish.seconds = amount
        else:
            wish.tries = amount + (key == "retry")
        return
    on = not word.startswith("no")
    switch = SAME.get(word.removeprefix("no"), word.removeprefix("no"))
    if switch not in SWITCHES:
        raise UsageError(f"dig: '+{word}' is not modelled", 1)
    for each in PARTS if switch == "all" else (switch,):
        wish.switches[each] = on


def _greet(process: Process, wish: _Wish, argv: list[str], place: int) -> None:
    if place or not wish.shows("cmd"):
        return
    process.print(f"\n; <<>> DiG {VERSION} <<>> {' '.join(argv[1:])}")
    if wish.server_first:
        process.print("; (1 server found)")
    process.print(";; global options: +cmd")


def _show(process: Process, wish: _Wish, answer: Answer) -> None:
    message = answer.message
    if wish.on("short"):
        for record in message.answers:
            process.print(data_text(record))
        return
    if wish.on("comments"):
        _header(process, message)
    if wish.on("question"):
        _section(process, wish, "question", [_question(asked) for asked in message.questions])
        if not wish.on("comments"):
            process.print()
    additional = [record for record in message.additional if record.type != Type.OPT]
    for title, records in (("answer", message.answers), ("authority", message.authority), ("additional", additional)):
        if records and wish.on(title):
            _section(process, wish, title, [record_line(record) for record in records])
    if wish.on("stats"):
        _statistics(process, answer)


def _question(asked: dns.Question) -> str:
    return f";{indented(indented(whole(asked.name), 32) + 'IN', 40)}{type_text(asked.type)}"


def _section(process: Process, wish: _Wish, title: str, lines: list[str]) -> None:
    if wish.on("comments"):
        lines = [f";; {title.upper()} SECTION:", *lines, ""]
    for line in lines:
        process.print(line)


def _header(process: Process, message: Message) -> None:
    flags = "".join(f" {name}" for name, bit in FLAGS if message.flags & bit)
    counts = (len(message.questions), len(message.answers), len(message.authority), len(message.additional))
    process.print(";; Got answer:")
    process.print(f";; ->>HEADER<<- opcode: QUERY, status: {rcode_text(message.rcode)}, id: {message.id}")
    process.print(";; flags:{}; QUERY: {}, ANSWER: {}, AUTHORITY: {}, ADDITIONAL: {}".format(flags, *counts))
    if message.flags & dns.RECURSION_DESIRED and not message.flags & dns.RECURSION_AVAILABLE:
        process.print(";; WARNING: recursion requested but not available")
    process.print()
    options = [record for record in message.additional if record.type == Type.OPT]
    if options:
        process.print(f";; OPT PSEUDOSECTION:\n; EDNS: version: 0, flags:; udp: {options[0].klass}")


def _statistics(process: Process, answer: Answer) -> None:
    year, month, day, hour, minute, second, weekday = civil(gettimeofday(process.engine)[0])
    process.print(f";; Query time: {answer.milliseconds} msec")
    process.print(f";; SERVER: {answer.server}#{dns.PORT}({answer.server}) ({answer.transport})")
    process.print(f";; WHEN: {DAYS[weekday]} {MONTHS[month - 1]} {day:02} {hour:02}:{minute:02}:{second:02} UTC {year}")
    process.print(f";; MSG SIZE  rcvd: {len(answer.wire)}\n")
