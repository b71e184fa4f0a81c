"""Docker's command lines: flags as pflag reads them, and Docker's words for what is wrong with them (spf13/pflag, spf13/cobra, docker/cli).

A command's flags are written down as its help shows them, one a line; that is all there is to say about a flag. Those that don't touch the
network may be named as without effect; those that do and are not modelled are refused by name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property

from emu.process import UsageError

FLAG_ERROR = 125
WIDTH, SLOP = 79, 5  # a terminal's eighty columns; how much longer a last line may be
FLAG = re.compile(r"\s*(?:-(?P<short>\w), )?--(?P<name>[\w-]+)(?: (?P<kind>[\w-]+))?(?:  +(?P<help>.*))?")
MANY_KINDS = ("list", "strings", "map", "filter", "mount", "ulimit", "network")
TRUE, FALSE = {"1", "t", "T", "TRUE", "true", "True"}, {"0", "f", "F", "FALSE", "false", "False"}


class Kind(Enum):
    SWITCH = "switch"
    TEXT = "text"
    NUMBER = "number"
    LIST = "list"


@dataclass(frozen=True)
class Flag:
    name: str
    short: str
    kind_word: str  # what the help calls its value: '', 'list', 'string' …
    help: str

    @property
    def kind(self) -> Kind:
        if not self.kind_word:
            return Kind.SWITCH
        return Kind.LIST if self.kind_word in MANY_KINDS else Kind.NUMBER if self.kind_word == "int" else Kind.TEXT

    @property
    def shown(self) -> str:
        """How messages name it: `-f, --filter`."""
        return f"-{self.short}, --{self.name}" if self.short else f"--{self.name}"


@dataclass(frozen=True)
class Command:
    """`flags` are lines of its help; `hidden` are other names of flags; `refused` those that are not modelled.

    `stops`: flags end at the first argument (`docker run`, `docker exec`).
    """

    path: str  # 'docker network create'
    arguments: str  # '[OPTIONS] NETWORK'
    help: str
    least: int = 0
    most: int | None = None
    flags: str = ""
    hidden: tuple[tuple[str, str], ...] = ()
    refused: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    stops: bool = False

    @cached_property
    def known(self) -> dict[str, Flag]:
        """By what may be typed after the dashes."""
        found: dict[str, Flag] = {}
        for line in self.flags.strip("\n").splitlines():
            match = FLAG.fullmatch(line)
            assert match is not None, line
            flag = Flag(match["name"], match["short"] or "", match["kind"] or "", match["help"] or "")
            found |= {name: flag for name in (flag.name, flag.short) if name}
        return found | {other: found[name] for other, name in self.hidden}


@dataclass
class Options:
    """What was given to a command."""

    command: Command
    arguments: list[str] = field(default_factory=list)
    switches: dict[str, bool] = field(default_factory=dict)
    values: dict[str, list[str]] = field(default_factory=dict)

    def on(self, name: str) -> bool:
        return self.switches.get(name, False)

    def text(self, name: str, default: str = "") -> str:
        return self.values.get(name, [default])[-1]

    def number(self, name: str, default: int) -> int:
        return int(self.text(name, str(default)))

    def all(self, name: str) -> list[str]:
        return self.values.get(name, [])

    def given(self, name: str) -> bool:
        return name in self.values

    def wrong(self, name: str, value: str, reason: str) -> UsageError:
        """What pflag says of a flag's value."""
        return flag_error(self.command, f'invalid argument "{value}" for "{self.command.known[name].shown}" flag: {reason}')


def parse(command: Command, words: list[str]) -> Options:
    """Raises UsageError."""
    options = Options(command)
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word == "--":
            options.arguments += rest
            break
        if word.startswith("--"):
            _long(options, word[2:], rest)
        elif word.startswith("-") and word != "-":
            _short(options, word[1:], rest)
        else:
            options.arguments.append(word)
            if command.stops:
                options.arguments += rest
                break
    _check_count(command, len(options.arguments))
    return options


def _long(options: Options, word: str, rest: list[str]) -> None:
    command = options.command
    name, equals, value = word.partition("=")
    if name == "help":
        raise UsageError(usage(command, whole=True), 0)
    if name not in command.known or len(name) < 2:
        raise flag_error(command, f"unknown flag: --{name}")
    flag = command.known[name]
    if flag.kind is Kind.SWITCH and not equals:
        value = "true"
    elif not equals and not rest:
        raise flag_error(command, f"flag needs an argument: --{name}")
    elif not equals:
        value = rest.pop(0)
    _set(options, flag, value)


def _short(options: Options, letters: str, rest: list[str]) -> None:
    """`-it`, `-p8080:80`, `-p 8080:80`, `-p=8080:80`."""
    command, whole = options.command, letters
    while letters:
        letter, letters = letters[0], letters[1:]
        if letter == "h" and letter not in command.known:
            raise UsageError(f"Flag shorthand -h has been deprecated, please use --help\n{usage(command, whole=True)}", 0)
        if letter not in command.known:
            raise flag_error(command, f"unknown shorthand flag: '{letter}' in -{whole}")
        flag = command.known[letter]
        if flag.kind is Kind.SWITCH and not letters.startswith("="):
            _set(options, flag, "true")
            continue
        if letters:
            value = letters.removeprefix("=")
        elif rest:
            value = rest.pop(0)
        else:
            raise flag_error(command, f"flag needs an argument: '{letter}' in -{whole}")
        _set(options, flag, value)
        return


def _set(options: Options, flag: Flag, value: str) -> None:
    if flag.name in options.command.refused:
        raise UsageError(f"{options.command.path}: '--{flag.name}' is not modelled", FLAG_ERROR)
    if flag.kind is Kind.SWITCH:
        if value not in TRUE | FALSE:
            raise options.wrong(flag.name, value, f'strconv.ParseBool: parsing "{value}": invalid syntax')
        options.switches[flag.name] = value in TRUE
        return
    if flag.kind is Kind.NUMBER and re.fullmatch(r"[+-]?\d{1,18}", value) is None:
        raise options.wrong(flag.name, value, f'strconv.ParseInt: parsing "{value}": invalid syntax')
    if flag.kind_word == "filter" and "=" not in value:
        raise options.wrong(flag.name, value, "bad format of filter (expected name=value)")
    values = value.split(",") if flag.kind_word == "strings" else [value]
    options.values.setdefault(flag.name, []).extend(values)


def flag_error(command: Command, text: str) -> UsageError:
    return UsageError(f"{text}\nSee '{command.path} --help'.", FLAG_ERROR)


def _check_count(command: Command, count: int) -> None:
    least, most = command.least, command.most
    if count >= least and (most is None or count <= most):
        return
    if most == 0:
        wanted = "accepts no arguments."
    elif most is not None and most != least:
        wanted = f"requires at least {least} and at most {most} arguments."
    else:
        wanted = f"requires {'exactly' if most == least else 'at least'} {least} argument{'s' if least != 1 else ''}."
    raise UsageError(f"\"{command.path}\" {wanted}\nSee '{command.path} --help'.\n{usage(command)}", 1)


# --- help


def usage(command: Command, *, whole: bool = False) -> str:
    text = f"\nUsage:  {command.path} {command.arguments}\n\n{command.help}"
    if not whole:
        return text
    if command.aliases and command.path.count(" ") > 1:
        text += f"\n\nAliases:\n  {', '.join(command.aliases)}"
    return text + (f"\n\nOptions:\n{_flag_lines(command)}" if command.flags else "")


def _flag_lines(command: Command) -> str:
    flags = [(flag, _front(flag)) for name, flag in command.known.items() if name == flag.name]
    widest = max(len(front) for _, front in flags)
    return "\n".join(f"{front.ljust(widest)}   {_wrapped(flag.help, widest + 3)}" for flag, front in flags)


def _front(flag: Flag) -> str:
    short = f"-{flag.short}, " if flag.short else "    "
    return f"  {short}--{flag.name}{f' {flag.kind_word}' if flag.kind_word else ''}"


def _wrapped(text: str, indent: int) -> str:
    """As pflag wraps: at the last blank before the end of the line, unless what is left is only a few letters longer."""
    lines, space = [], WIDTH - indent - SLOP
    while len(text) >= space + SLOP and (cut := text.rfind(" ", 0, space)) > 0:
        lines.append(text[:cut])
        text = text[cut + 1 :]
    return ("\n" + " " * indent).join([*lines, text])
