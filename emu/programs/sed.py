"""sed(1): s///[gpiN], p, d, q, = with addresses (N, N,M, $, /re/), -n -e -E -r -i. Everything else of its language is refused by name."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from emu.process import Process, UsageError
from emu.programs.libc.getopt import getopt
from emu.programs.libc.text import Input, pattern

_ADDRESS = re.compile(r"\s*(\d+|\$|/((?:\\.|[^/\\])*)/)")
Address = int | str | re.Pattern[str]


@dataclass
class Command:
    addresses: list[Address]
    negated: bool
    name: str
    pattern: re.Pattern[str] | None = None
    replacement: Callable[[re.Match[str]], str] = lambda match: match.group()
    flags: str = ""
    inside: bool = False  # of its range

    def applies(self, line: str, number: int, *, last: bool) -> bool:
        if not self.addresses:
            return True
        first, final = self.addresses[0], self.addresses[-1]
        if len(self.addresses) == 1:
            return _matches(first, line, number, last=last) != self.negated
        if not self.inside:
            self.inside = _matches(first, line, number, last=last)
            chosen = self.inside
            if self.inside and isinstance(final, int) and final <= number:
                self.inside = False
        else:
            chosen = True
            self.inside = not _matches(final, line, number, last=last)
        return chosen != self.negated


def _matches(address: Address, line: str, number: int, *, last: bool) -> bool:
    if isinstance(address, int):
        return number == address
    return last if isinstance(address, str) else bool(address.search(line))


async def main(process: Process, argv: list[str]) -> int:
    options = getopt(argv, "ne:Eri", {"quiet": "n", "silent": "n", "expression": "e", "regexp-extended": "E", "in-place": "i"})
    names = list(options.words)
    scripts = options.all("e") or ([names.pop(0)] if names else [])
    if not scripts:
        raise UsageError("Usage: sed [OPTION]... {script-only-if-no-other-script} [input-file]...", 1)
    extended = "E" in options or "r" in options
    script = "\n".join(scripts)
    source = Input(process, names)
    if "i" not in options:
        lines = await source.all() if any("$" in text for text in scripts) else None
        await _run(_commands(script, extended=extended), source, lines, process.print, quiet="n" in options)
        return source.status
    for name in names:
        one = Input(process, [name])
        lines = await one.all()
        source.status |= one.status
        out: list[str] = []
        if not one.status:
            await _run(_commands(script, extended=extended), one, lines, lambda line: out.append(f"{line}\n"), quiet="n" in options)  # noqa: B023
            process.place.files.write(process.path(name), "".join(out))
    return source.status


async def _run(commands: list[Command], source: Input, lines: list[str] | None, show: Callable[[str], None], *, quiet: bool) -> None:
    """`lines` is all of them where the last one matters; else they come as they are printed."""
    number = 0
    if lines is not None:
        for number, line in enumerate(lines, 1):
            if _line(commands, line, number, number == len(lines), show, quiet=quiet):
                return
        return
    async for _, line in source.lines():
        number += 1
        if _line(commands, line, number, False, show, quiet=quiet):
            return


def _line(commands: list[Command], line: str, number: int, last: bool, show: Callable[[str], None], *, quiet: bool) -> bool:
    """One line through all commands; whether it was the last to be looked at."""
    for command in commands:
        if not command.applies(line, number, last=last):
            continue
        if command.name == "d":
            return False
        if command.name == "s":
            line, changed = _substitute(command, line)
            if changed and "p" in command.flags:
                show(line)
        elif command.name == "p":
            show(line)
        elif command.name == "=":
            show(str(number))
        else:
            if not quiet:
                show(line)
            return True
    if not quiet:
        show(line)
    return False


def _substitute(command: Command, line: str) -> tuple[str, bool]:
    assert command.pattern is not None
    wanted = int("".join(filter(str.isdigit, command.flags)) or 1)
    seen = 0

    def replaced(match: re.Match[str]) -> str:
        nonlocal seen
        seen += 1
        return command.replacement(match) if seen == wanted or ("g" in command.flags and seen > wanted) else match.group()

    return command.pattern.sub(replaced, line), seen >= wanted


# --- the script


def _commands(script: str, *, extended: bool) -> list[Command]:
    found: list[Command] = []
    at = 0
    while True:
        while at < len(script) and script[at] in "; \t\n":
            at += 1
        if at >= len(script):
            return found
        addresses: list[Address] = []
        while len(addresses) < 2 and (match := _ADDRESS.match(script, at)):
            addresses.append(_address(match, extended=extended))
            at = match.end()
            if script[at : at + 1] != ",":
                break
            at += 1
        rest = script[at:].lstrip()
        negated = rest.startswith("!")
        at = len(script) - len(rest) + negated
        name = script[at : at + 1]
        command = Command(addresses, negated, name)
        if name == "s":
            at = _read_substitution(command, script, at + 1, extended=extended)
        elif name in {"p", "d", "q", "="}:
            at += 1
        else:
            raise UsageError(f"sed: the command '{name or script}' is not modelled", 1)
        found.append(command)


def _address(match: re.Match[str], *, extended: bool) -> Address:
    if match[2] is not None:
        return pattern("sed", match[2].replace("\\/", "/"), extended=extended, status=1)
    return match[1] if match[1] == "$" else int(match[1])


def _read_substitution(command: Command, script: str, at: int, *, extended: bool) -> int:
    """What comes after the `s`; where it ends."""
    mark = script[at : at + 1]
    if not mark or mark in "\\\n":
        raise UsageError(f"sed: -e expression #1, char {at}: unterminated `s' command", 1)
    end = re.escape(mark)
    match = re.compile(rf"{end}((?:\\.|(?!{end})[^\\])*){end}((?:\\.|(?!{end})[^\\])*){end}([gpiI0-9]*)", re.DOTALL).match(script, at)
    if match is None:
        raise UsageError(f"sed: -e expression #1, char {len(script)}: unterminated `s' command", 1)
    if (following := script[match.end() : match.end() + 1]) and following not in "; \n}":
        raise UsageError(f"sed: -e expression #1, char {match.end() + 1}: unknown option to `s'", 1)
    text = match[1].replace(f"\\{mark}", mark)
    command.pattern = pattern("sed", text, extended=extended, flags=re.IGNORECASE if "i" in match[3].lower() else re.NOFLAG, status=1)
    command.replacement = _replacement(match[2].replace(f"\\{mark}", mark), command.pattern.groups)
    command.flags = match[3]
    return match.end()


def _replacement(text: str, groups: int) -> Callable[[re.Match[str]], str]:
    parts = re.findall(r"\\(.)|(&)|([^\\&]+)", text, re.DOTALL)
    highest = max((int(escaped) for escaped, _, _ in parts if escaped.isdigit()), default=0)
    if highest > groups:
        raise UsageError(f"sed: -e expression #1, char {len(text)}: invalid reference \\{highest} on `s' command's RHS", 1)

    def replace(match: re.Match[str]) -> str:
        out = []
        for escaped, whole, plain in parts:
            if escaped.isdigit():
                out.append(match[int(escaped)] or "")
            else:
                out.append(match.group() if whole else {"n": "\n", "t": "\t"}.get(escaped, escaped) if escaped else plain)
        return "".join(out)

    return replace
