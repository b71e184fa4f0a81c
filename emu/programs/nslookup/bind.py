"""BIND's nslookup (bin/dig/nslookup.c, 9.18): A, then AAAA; names are completed from the search list. The one option is -type=."""

from __future__ import annotations

from emu.packet import dns
from emu.packet.address import ip
from emu.packet.dns import Message, Record, Type
from emu.process import Process, UsageError
from emu.programs.bind.ask import Answer, Asker, Unreachable, candidates, is_address
from emu.programs.bind.text import data_text, rcode_text, type_of
from emu.programs.libc.getaddrinfo import addresses_in, resolve
from emu.programs.libc.res_query import ResolvConf, read_resolv_conf
from emu.programs.libc.resolver import UnknownName

PHRASES = {Type.NS: "nameserver", Type.CNAME: "canonical name", Type.PTR: "name", Type.MX: "mail exchanger", Type.TXT: "text"}


async def main(process: Process, argv: list[str]) -> int:
    kind, words = 0, []
    for word in argv[1:]:
        key, equals, value = word.partition("=")
        if key in ("-type", "-querytype", "-q", "-t") and equals:
            found = type_of(value)
            if found is None:
                process.print(f"unknown query type: {value}")
            kind = found or kind
        elif word.startswith("-"):
            raise UsageError(f"nslookup: '{word}' is not modelled", 1)
        else:
            words.append(word)
    if not 1 <= len(words) <= 2:
        raise UsageError("nslookup: the interactive mode is not modelled; usage: nslookup [-type=TYPE] NAME [SERVER]", 1)
    conf = read_resolv_conf(process)
    if len(words) == 2:
        try:
            conf.servers = [await resolve(process, words[1])]
        except UnknownName:
            raise UsageError(f"nslookup: couldn't get address for '{words[1]}': not found", 1) from None
    try:
        return await _look_up(Asker(process, conf.servers), conf, words[0], kind)
    except Unreachable:
        process.print(";; no servers could be reached\n")
        return 1
    except dns.DnsError:
        raise UsageError(f"nslookup: '{words[0]}' is not a legal name", 1) from None


async def _look_up(asker: Asker, conf: ResolvConf, name: str, kind: int) -> int:
    """Raises Unreachable, DnsError."""
    show = asker.process.print
    if is_address(name) and not kind:
        answer = await asker.ask(dns.reverse_name(ip(name)), Type.PTR)
        if answer.message.rcode:
            show(f"** server can't find {dns.reverse_name(ip(name))}: {rcode_text(answer.message.rcode)}\n")
            return 1
        return _records(asker, answer.message)
    for candidate in candidates(name, conf):
        answer = await asker.ask(candidate, kind or Type.A)
        if answer.message.rcode != dns.Rcode.NXDOMAIN:
            break
    _greet(asker, answer)
    if answer.message.rcode:
        show(f"** server can't find {name}: {rcode_text(answer.message.rcode)}\n")
        return 1
    if not answer.message.flags & dns.AUTHORITATIVE:
        show("Non-authoritative answer:")
    if kind not in (0, Type.A, Type.AAAA) and answer.message.answers:
        return _records(asker, answer.message)
    six = await asker.ask(candidate, Type.AAAA) if not kind else answer
    if not answer.message.answers and not six.message.answers:
        show(f"*** Can't find {name}: No answer\n")
        return 0
    _addresses(asker, answer.message)
    show()
    return 0


def _greet(asker: Asker, answer: Answer) -> None:
    asker.process.print(f"Server:\t\t{answer.server}\nAddress:\t{answer.server}#{asker.port}\n")


def _addresses(asker: Asker, message: Message) -> None:
    aliases = [record for record in message.answers if record.type == Type.CNAME]
    for record in aliases:
        asker.process.print(_line(record))
    name = str(aliases[-1].data) if aliases else message.questions[0].name
    for address in addresses_in(message):
        asker.process.print(f"Name:\t{name}\nAddress: {'.'.join(map(str, address))}")


def _records(asker: Asker, message: Message) -> int:
    for record in message.answers:
        asker.process.print(_line(record))
    asker.process.print("\nAuthoritative answers can be found from:\n")
    return 0


def _line(record: Record) -> str:
    phrase = PHRASES.get(Type(record.type), "rdata") if record.type in list(Type) else "rdata"
    return f"{record.name}\t{phrase} = {data_text(record)}"
