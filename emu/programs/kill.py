"""kill(1), killall(1) and pkill(1): signals to programs of the same place. A signal that ends programs ends them; others do nothing.

Not modelled: options but the signal (and killall's and pkill's -q -f -x), handlers.
"""

from __future__ import annotations

import re

from emu.process import Place, Process, UsageError
from emu.programs.libc.userland import has_busybox

SIGNALS = {
    "HUP": 1, "INT": 2, "QUIT": 3, "KILL": 9, "USR1": 10, "SEGV": 11, "USR2": 12, "PIPE": 13, "ALRM": 14, "TERM": 15, "CHLD": 17,
    "CONT": 18, "STOP": 19, "TSTP": 20, "WINCH": 28,
}  # fmt: skip
HARMLESS = frozenset({0, 17, 18, 28})
REFUSED = frozenset({19, 20})


def signal_and_targets(words: list[str]) -> tuple[int, list[str]]:
    """The signal's number, and the other words. Raises UsageError."""
    name, rest = words[0].rpartition("/")[2], words[1:]
    signal = "TERM"
    if rest and rest[0] in {"-s", "--signal"} and len(rest) > 1:
        signal, rest = rest[1], rest[2:]
    elif rest and rest[0].startswith("-") and len(rest[0]) > 1 and rest[0] != "--":
        signal, rest = rest[0][1:], rest[1:]
    rest = rest[1:] if rest[:1] == ["--"] else rest
    signal = signal.upper().removeprefix("SIG")
    number = int(signal) if signal.isascii() and signal.isdigit() else SIGNALS.get(signal, -1)
    if not 0 <= number <= 64:
        raise UsageError(
            f"{name}: '-{signal}' is not modelled" if signal.islower() else f"{name}: {signal}: invalid signal specification", 1
        )
    if number in REFUSED:
        raise UsageError(f"{name}: stopping a program is not modelled", 1)
    if not rest:
        raise UsageError(f"{name}: usage: {name} [-s SIGNAL | -SIGNAL] {'PID' if name == 'kill' else 'NAME'}...", 2)
    return 0 if number in HARMLESS else number, rest


async def main(process: Process, argv: list[str]) -> int:
    name = argv[0].rpartition("/")[2]
    if name == "kill":
        return _kill(process, *signal_and_targets(argv))
    quiet = [word for word in argv[1:] if word in {"-q", "-x", "-f"}]
    number, wanted = signal_and_targets([argv[0], *(word for word in argv[1:] if word not in quiet)])
    status = 1
    for target in wanted:
        found = by_name(process, target, whole=name == "killall" or "-x" in quiet, line="-f" in quiet)
        for each in found:
            if number:
                each.kill(128 + number)
            status = 0
        if not found and name == "killall" and "-q" not in quiet:
            process.error(f"killall: {target}: no process killed" if has_busybox(process.place) else f"{target}: no process found")
    return status


def by_name(process: Process, name: str, *, whole: bool, line: bool = False) -> list[Process]:
    """The running programs of that name, but the one that asks."""
    try:
        pattern = re.compile(re.escape(name) if whole else name)
    except re.error:
        raise UsageError(f"{process.argv[0]}: '{name}' is not a pattern that is modelled", 2) from None
    found = []
    for each in seen_by(process.place):
        text = " ".join(each.argv) if line else each.argv[0].rpartition("/")[2]
        if each is not process and (pattern.fullmatch(text) if whole else pattern.search(text)):
            found.append(each)
    return found


def seen_by(place: Place) -> list[Process]:
    """A container sees its own processes, a host those of its containers too, in the order of their numbers."""
    return sorted(place.processes.values(), key=lambda process: process.pid)


def _kill(process: Process, number: int, targets: list[str]) -> int:
    status = 0
    for target in targets:
        if not target.isascii() or not target.isdigit():
            raise UsageError(f"kill: {target}: arguments must be process or job IDs", 1)
        found = process.place.processes.get(int(target))
        if found is None:
            process.error(
                f"kill: can't kill pid {target}: No such process" if has_busybox(process.place) else f"kill: ({target}) - No such process"
            )
            status = 1
        elif number:
            found.kill(128 + number)
    return status
