"""Docker's command lines: flags as pflag reads them, and Docker's words for what is wrong with them.

Flags that don't touch the network may be named as ignored; any other is refused by name.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from emu.process import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

FLAG_ERROR = 125


class Kind(Enum):
    SWITCH = "switch"
    TEXT = "text"
    LIST = "list"


@dataclass(frozen=True)
class Command:
    """A command's flags: long name (and `name/x` with its short one) by kind. `ignored`: accepted, without effect; `refused`: not modelled.

    `stops`: flags end at the first argument (`docker run`, `docker exec`).
    """

    path: str  # 'docker network create'
    arguments: str  # '[OPTIONS] NETWORK'
    help: str
    least: int = 0
    most: int | None = None
    switches: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()
    ignored_switches: tuple[str, ...] = ()
    ignored_texts: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    stops: bool = False


@dataclass
class Options:
    """What was given."""

    arguments: list[str] = field(default_factory=list)
    _switches: dict[str, bool] = field(default_factory=dict)
    _values: dict[str, list[str]] = field(default_factory=dict)

    def on(self, name: str) -> bool:
        return self._switches.get(name, False)

    def text(self, name: str, default: str = "") -> str:
        return self._values.get(name, [default])[-1]

    def all(self, name: str) -> list[str]:
        return self._values.get(name, [])

    def given(self, name: str) -> bool:
        return name in self._values


def parse(command: Command, words: list[str]) -> Options:
    """Raises UsageError."""
    kinds, names = _flags(command)
    options = Options()
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word == "--":
            options.arguments += rest
            break
        if word.startswith("--"):
            _long(command, kinds, names, word[2:], rest, options)
        elif word.startswith("-") and word != "-":
            _short(command, kinds, names, word[1:], rest, options)
        else:
            options.arguments.append(word)
            if command.stops:
                options.arguments += rest
                break
    _check_count(command, len(options.arguments))
    return options


def _flags(command: Command) -> tuple[dict[str, Kind], dict[str, str]]:
    """Kinds by long name, and long names by what may be typed."""
    kinds: dict[str, Kind] = {}
    names: dict[str, str] = {}

    def add(entries: Iterable[str], kind: Kind) -> None:
        for entry in entries:
            long, _, short = entry.partition("/")
            kinds[long] = kind
            names[long] = long
            if short:
                names[short] = long

    add((*command.switches, *command.ignored_switches), Kind.SWITCH)
    add((*command.texts, *command.ignored_texts), Kind.TEXT)
    add(command.lists, Kind.LIST)
    return kinds, names


def _long(command: Command, kinds: dict[str, Kind], names: dict[str, str], word: str, rest: list[str], options: Options) -> None:
    name, equals, value = word.partition("=")
    if name == "help":
        raise UsageError(usage(command), 0)
    if name in command.refused:
        raise UsageError(f"{command.path}: '--{name}' is not modelled", FLAG_ERROR)
    if name not in names or len(name) < 2:
        raise flag_error(command, f"unknown flag: --{name}")
    if kinds[names[name]] is Kind.SWITCH:
        _switch(command, names[name], value if equals else "true", options)
    elif equals:
        options._values.setdefault(names[name], []).append(value)
    elif rest:
        options._values.setdefault(names[name], []).append(rest.pop(0))
    else:
        raise flag_error(command, f"flag needs an argument: --{name}")


def _short(command: Command, kinds: dict[str, Kind], names: dict[str, str], letters: str, rest: list[str], options: Options) -> None:
    """`-it`, `-p8080:80`, `-p 8080:80`, `-p=8080:80`."""
    whole = letters
    while letters:
        letter, letters = letters[0], letters[1:]
        if letter not in names:
            raise flag_error(command, f"unknown shorthand flag: '{letter}' in -{whole}")
        name = names[letter]
        if kinds[name] is Kind.SWITCH:
            if letters.startswith("="):
                return _switch(command, name, letters[1:], options)
            _switch(command, name, "true", options)
            continue
        if letters:
            value = letters.removeprefix("=")
        elif rest:
            value = rest.pop(0)
        else:
            raise flag_error(command, f"flag needs an argument: '{letter}' in -{whole}")
        options._values.setdefault(name, []).append(value)
        return


def _switch(command: Command, name: str, value: str, options: Options) -> None:
    if value not in ("true", "false", "1", "0"):
        reason = f'strconv.ParseBool: parsing "{value}": invalid syntax'
        raise flag_error(command, f'invalid argument "{value}" for "--{name}" flag: {reason}')
    options._switches[name] = value in ("true", "1")


def flag_error(command: Command, text: str) -> UsageError:
    return UsageError(f"{text}\nSee '{command.path} --help'.", FLAG_ERROR)


def usage(command: Command) -> str:
    return f"\nUsage:  {command.path} {command.arguments}\n\n{command.help}"


def _check_count(command: Command, count: int) -> None:
    least, most = command.least, command.most
    if count >= least and (most is None or count <= most):
        return
    if most is None:
        wanted = f"at least {least} argument{'s' if least != 1 else ''}"
    elif most == 0:
        wanted = ""
    elif most == least:
        wanted = f"exactly {least} argument{'s' if least != 1 else ''}"
    else:
        wanted = f"at least {least} and at most {most} arguments"
    sentence = f"requires {wanted}." if wanted else "accepts no arguments."
    raise UsageError(f"\"{command.path}\" {sentence}\nSee '{command.path} --help'.\n{usage(command)}", 1)
