"""conntrack(8) of conntrack-tools 1.4.7: -L, -D, -F, -C, -E.

Events come when a packet changes its connection, at the latest a second after its time is over (the kernel's collector takes longer).
Not modelled: inserting and updating, expectations, other formats, and who it was that deleted an entry ([USERSPACE]).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from emu.netfilter.conntrack import Conntrack, ConntrackEntry, unpack
from emu.netfilter.conntrack_text import entry_text, event_text
from emu.netfilter.words import IptablesError, integer, protocol
from emu.packet.address import ip
from emu.process import UsageError
from emu.programs.libc.clock import gettimeofday
from emu.programs.libc.signals import until_signal

if TYPE_CHECKING:
    from emu.process import Process

VERSION = "conntrack v1.4.7 (conntrack-tools)"
COMMANDS = {"-L": "-L", "--dump": "-L", "-D": "-D", "--delete": "-D", "-F": "-F", "--flush": "-F", "-C": "-C", "--count": "-C"}
COMMANDS |= {"-E": "-E", "--event": "-E"}
EVENTS = {"NEW": "NEW", "UPDATE": "UPDATES", "DESTROY": "DESTROY"}  # in a line, and for -e
FORMATS = frozenset({"extended", "timestamp"})
VALUED = frozenset({"-p", "--proto", "--state", "-e", "--event-mask", "-o", "--output"})
FILTERS = {  # option: tuple, field
    "-s": ("original", "src"), "--src": ("original", "src"), "--orig-src": ("original", "src"),
    "-d": ("original", "dst"), "--dst": ("original", "dst"), "--orig-dst": ("original", "dst"),
    "-r": ("reply", "src"), "--reply-src": ("reply", "src"), "-q": ("reply", "dst"), "--reply-dst": ("reply", "dst"),
    "--sport": ("original", "sport"), "--orig-port-src": ("original", "sport"), "--dport": ("original", "dport"),
    "--orig-port-dst": ("original", "dport"), "--reply-port-src": ("reply", "sport"), "--reply-port-dst": ("reply", "dport"),
}  # fmt: skip
TRY = "Try `conntrack -h' or 'conntrack --help' for more information."
Wanted = Callable[[ConntrackEntry], bool]


@dataclass
class Asked:
    """A command line."""

    command: str = ""
    wanted: list[Wanted] = field(default_factory=list)
    events: frozenset[str] = frozenset(EVENTS.values())
    formats: frozenset[str] = frozenset()

    def matches(self, entry: ConntrackEntry) -> bool:
        return all(test(entry) for test in self.wanted)


async def main(process: Process, argv: list[str]) -> int:
    if argv[1:] in (["-V"], ["--version"]):
        process.print(VERSION)
        return 0
    asked = _parse(argv[1:])
    if not process.place.net_admin:
        raise UsageError(f"{VERSION}: Operation failed: sorry, you must be root or get CAP_NET_ADMIN capability to do this", 1)
    conntrack = process.netns.netfilter.conntrack
    if asked.command == "-E":
        return await _watch(process, conntrack, asked)
    if asked.command == "-C":
        process.print(len(conntrack.entries()))
        return 0
    if asked.command == "-F":
        conntrack.flush()
        process.error(f"{VERSION}: connection tracking table has been emptied.")
        return 0
    found = [entry for entry in conntrack.entries() if asked.matches(entry)]
    for entry in found:
        process.print(_family(asked) + entry_text(entry, process.engine.now))
    if asked.command == "-D":
        for entry in found:
            conntrack.delete(entry)
        process.error(f"{VERSION}: {len(found)} flow entries have been deleted.")
        return 0 if found else 1
    process.error(f"{VERSION}: {len(found)} flow entries have been shown.")
    return 0


def _family(asked: Asked) -> str:
    return "ipv4     2 " if "extended" in asked.formats else ""


# --- events


async def _watch(process: Process, conntrack: Conntrack, asked: Asked) -> int:
    """-E: a line an event, until a signal comes."""
    shown = 0

    def tell(event: str, entry: ConntrackEntry) -> None:
        nonlocal shown
        if EVENTS[event] in asked.events and asked.matches(entry):
            shown += 1
            process.print(f"{_stamp(process, asked)}{f'[{event}]':>9} {_family(asked)}{event_text(entry, process.engine.now)}")

    conntrack.on_change.append(tell)
    # The kernel's collector ends what is over.
    await until_signal(process, lambda: conntrack.on_change.remove(tell), conntrack.entries)
    process.error(f"{VERSION}: {shown} flow events have been shown.")
    return 0


def _stamp(process: Process, asked: Asked) -> str:
    if "timestamp" not in asked.formats:
        return ""
    seconds, us = gettimeofday(process.engine)
    return f"[{seconds}.{us:06}]\t"


# --- the command line


def _parse(words: list[str]) -> Asked:
    asked, at, masked = Asked(), 0, ""
    while at < len(words):
        word = words[at]
        at += 1
        if word in COMMANDS:
            asked.command = COMMANDS[word]
            at += words[at : at + 1] == ["conntrack"]
            continue
        if word not in FILTERS and word not in VALUED:
            raise UsageError(f"conntrack: '{word}' is not modelled", 2)
        if at == len(words):
            raise UsageError(f"{VERSION}: option `{word}' requires an argument", 2)
        text = words[at]
        at += 1
        if word in {"-e", "--event-mask"}:
            masked = "--event-mask"
            names = frozenset(EVENTS.values())
            asked.events = frozenset().union(*(names if each == "ALL" else {each} for each in _listed(text.upper(), text, names | {"ALL"})))
        elif word in {"-o", "--output"}:
            asked.formats |= frozenset(_listed(text, text, FORMATS))
        else:
            asked.wanted.append(_filter(word, text))
    if not asked.command:
        raise UsageError(f"{VERSION}: You need to supply a command", 2)
    if masked and asked.command != "-E":
        raise UsageError(f"{VERSION}: Illegal option `{masked}' with this command\n{TRY}", 2)
    return asked


def _listed(text: str, given: str, known: frozenset[str]) -> list[str]:
    """`a,b`, each of them known. Raises UsageError."""
    for each, as_given in zip(text.split(","), given.split(","), strict=True):
        if each in {"id", "xml", "save", "ktimestamp", "labels", "userspace"}:
            raise UsageError(f"conntrack: '-o {each}' is not modelled", 2)
        if each not in known:
            raise UsageError(f"{VERSION}: Bad parameter `{as_given}'\n{TRY}", 2)
    return text.split(",")


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
