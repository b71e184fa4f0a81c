"""conntrack(8) of conntrack-tools 1.4.7: -L, -D, -F, -C.

Not modelled: events (-E), inserting and updating, expectations, other formats.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from emu.netfilter.conntrack import ConntrackEntry, unpack
from emu.netfilter.conntrack_text import entry_text
from emu.netfilter.words import IptablesError, integer, protocol
from emu.packet.address import ip
from emu.process import UsageError

if TYPE_CHECKING:
    from emu.process import Process

VERSION = "conntrack v1.4.7 (conntrack-tools)"
COMMANDS = {"-L": "-L", "--dump": "-L", "-D": "-D", "--delete": "-D", "-F": "-F", "--flush": "-F", "-C": "-C", "--count": "-C"}
FILTERS = {  # option: tuple, field
    "-s": ("original", "src"), "--src": ("original", "src"), "--orig-src": ("original", "src"),
    "-d": ("original", "dst"), "--dst": ("original", "dst"), "--orig-dst": ("original", "dst"),
    "-r": ("reply", "src"), "--reply-src": ("reply", "src"), "-q": ("reply", "dst"), "--reply-dst": ("reply", "dst"),
    "--sport": ("original", "sport"), "--orig-port-src": ("original", "sport"), "--dport": ("original", "dport"),
    "--orig-port-dst": ("original", "dport"), "--reply-port-src": ("reply", "sport"), "--reply-port-dst": ("reply", "dport"),
}  # fmt: skip
TRY = "Try `conntrack -h' or 'conntrack --help' for more information."
Wanted = Callable[[ConntrackEntry], bool]


async def main(process: Process, argv: list[str]) -> int:
    if argv[1:] in (["-V"], ["--version"]):
        process.print(VERSION)
        return 0
    extended = "-o" in argv and argv[argv.index("-o") + 1 :][:1] == ["extended"]
    command, wanted = _parse([word for word in argv[1:] if not extended or word not in {"-o", "extended"}])
    if not process.place.net_admin:
        raise UsageError(f"{VERSION}: Operation failed: sorry, you must be root or get CAP_NET_ADMIN capability to do this", 1)
    conntrack = process.netns.netfilter.conntrack

    def matches(entry: ConntrackEntry) -> bool:
        return all(test(entry) for test in wanted)

    found = [entry for entry in conntrack.entries() if matches(entry)]
    if command == "-C":
        process.print(len(conntrack.entries()))
        return 0
    if command == "-F":
        conntrack.flush()
        process.error(f"{VERSION}: connection tracking table has been emptied.")
        return 0
    for entry in found:
        process.print(("ipv4     2 " if extended else "") + entry_text(entry, process.engine.now))
    if command == "-D":
        for entry in found:
            conntrack.delete(entry)
        process.error(f"{VERSION}: {len(found)} flow entries have been deleted.")
        return 0 if found else 1
    process.error(f"{VERSION}: {len(found)} flow entries have been shown.")
    return 0


def _parse(words: list[str]) -> tuple[str, list[Wanted]]:
    command, wanted, at = "", [], 0
    while at < len(words):
        word = words[at]
        at += 1
        if word in COMMANDS:
            command = COMMANDS[word]
            at += words[at : at + 1] == ["conntrack"]
            continue
        if word not in FILTERS and word not in ("-p", "--proto", "--state"):
            raise UsageError(f"conntrack: '{word}' is not modelled", 2)
        if at == len(words):
            raise UsageError(f"{VERSION}: option `{word}' requires an argument", 2)
        wanted.append(_filter(word, words[at]))
        at += 1
    if not command:
        raise UsageError(f"{VERSION}: You need to supply a command", 2)
    return command, wanted


def _filter(option: str, text: str) -> Wanted:
    if option in ("-p", "--proto"):
        try:
            number = protocol(text)
        except IptablesError:
            raise UsageError(f"{VERSION}: `{text}' unsupported protocol\n{TRY}", 2) from None
        return lambda entry: entry.protocol == number
    if option == "--state":
        return lambda entry: entry.tcp is not None and entry.tcp.name == text.upper()
    which, field = FILTERS[option]
    value: object
    if field in ("src", "dst"):
        try:
            value = ip(text)
        except ValueError:
            raise UsageError(f"{VERSION}: Invalid IP address `{text}'", 2) from None
    else:
        value = integer(text, 0, 65535)
        if value is None:
            raise UsageError(f"{VERSION}: invalid port `{text}'", 2)
    return lambda entry: getattr(unpack(getattr(entry, which)), field) == value
