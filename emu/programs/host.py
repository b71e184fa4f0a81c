"""host(1) of BIND 9.18. Options: -t TYPE, -W SECONDS, -R RETRIES, -4. Without a type it asks for A, AAAA and MX.

Not modelled: -a, -v, -l and the other options.
"""

from __future__ import annotations

from emu.packet import dns
from emu.packet.address import ip
from emu.packet.dns import Record, Type
from emu.process import Process, UsageError
from emu.programs.bind.ask import Answer, Asker, Unreachable, candidates, is_address
from emu.programs.bind.text import data_text, rcode_text, type_of, type_text
from emu.programs.libc.getaddrinfo import resolve
from emu.programs.libc.getopt import Options, getopt
from emu.programs.libc.res_query import ResolvConf, read_resolv_conf
from emu.programs.libc.resolver import UnknownName

PHRASES = {
    Type.A: "has address", Type.AAAA: "has IPv6 address", Type.CNAME: "is an alias for", Type.PTR: "domain name pointer",
    Type.MX: "mail is handled by", Type.NS: "name server", Type.TXT: "descriptive text", Type.SOA: "has SOA record",
    Type.SRV: "has SRV record",
}  # fmt: skip


async def main(process: Process, argv: list[str]) -> int:
    options = getopt(argv, "t:W:R:4")
    if not 1 <= len(options.words) <= 2:
        raise UsageError("Usage: host [-4] [-t type] [-W wait] [-R number] hostname [server]", 1)
    name, conf = options.words[0], read_resolv_conf(process)
    asker = Asker(process, conf.servers, seconds=_number(options, "W", 5), tries=_number(options, "R", 1) + 1)
    if len(options.words) == 2:
        try:
            asker.servers = [await resolve(process, options.words[1])]
        except UnknownName:
            raise UsageError(f"host: couldn't get address for '{options.words[1]}': not found", 1) from None
    kind = type_of(options.text("t")) if "t" in options else None
    if "t" in options and kind is None:
        raise UsageError(f"host: invalid type: {options.text('t')}", 2)
    try:
        return await _Run(asker, options).look_up(conf, name, kind)
    except Unreachable:
        process.print(";; no servers could be reached")
        return 1
    except dns.DnsError:
        raise UsageError(f"host: '{name}' is not a legal name (empty label)", 1) from None


def _number(options: Options, option: str, default: int) -> int:
    text = options.text(option, str(default))
    if not text.isdigit():
        raise UsageError(f"host: invalid number: {text}", 1)
    return max(int(text), 1 if option == "W" else 0)


class _Run:
    def __init__(self, asker: Asker, options: Options) -> None:
        self.asker = asker
        self.show = asker.process.print
        self.named = len(options.words) == 2  # the server
        self.greeted = False

    async def look_up(self, conf: ResolvConf, name: str, kind: int | None) -> int:
        """Raises Unreachable, DnsError."""
        names, kinds = candidates(name, conf), [kind] if kind is not None else [Type.A, Type.AAAA, Type.MX]
        if is_address(name) and kind is None:
            names, kinds = [dns.reverse_name(ip(name))], [Type.PTR]
        for candidate in names:
            answer = await self._ask(candidate, kinds[0])
            if answer.message.rcode != dns.Rcode.NXDOMAIN:
                break
        if answer.message.rcode:
            text = rcode_text(answer.message.rcode)
            self.show(f"Host {name if kinds != [Type.PTR] else names[0] + '.'} not found: {answer.message.rcode}({text})")
            return 1
        self._print(answer, candidate, kind)
        alias = {record.name: str(record.data) for record in answer.message.answers if record.type == Type.CNAME}
        while candidate in alias:  # the other types are asked for by the name that it leads to
            candidate = alias.pop(candidate)
        for other in kinds[1:]:
            self._print(await self._ask(candidate, other), candidate, kind)
        return 0

    async def _ask(self, name: str, kind: int) -> Answer:
        answer = await self.asker.ask(name, kind)
        if self.named and not self.greeted:
            server = f"{answer.server}#{self.asker.port}"
            self.show(f"Using domain server:\nName: {answer.server}\nAddress: {server}\nAliases: \n")
        self.greeted = True
        return answer

    def _print(self, answer: Answer, name: str, kind: int | None) -> None:
        for record in answer.message.answers:
            self.show(_line(record))
        if kind is not None and not answer.message.answers:
            self.show(f"{name} has no {type_text(kind)} record")


def _line(record: Record) -> str:
    phrase = PHRASES.get(Type(record.type)) if record.type in list(Type) else None
    return f"{record.name} {phrase or f'has {type_text(record.type)} record'} {data_text(record)}"
