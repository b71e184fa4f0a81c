"""Command lines as Go's flag package reads them: `-name=value`, `-name value`, `-switch`; one dash or two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from emu.errors import did_you_mean
from emu.process import UsageError


def parse(argv: Sequence[str], kinds: Mapping[str, type]) -> dict[str, str | bool | int]:
    """The flags of `argv[1:]` by name. Raises UsageError for an unknown one, a value that does not fit, or a word that is no flag."""
    found: dict[str, str | bool | int] = {}
    words = list(argv[1:])
    while words:
        word = words.pop(0)
        if not word.startswith("-"):
            raise UsageError(f"{argv[0]}: '{word}' is not modelled", 2)
        name, has_value, value = word.lstrip("-").partition("=")
        kind = kinds.get(name)
        if kind is None:
            raise UsageError(f"flag provided but not defined: -{name}{did_you_mean(name, kinds)}", 2)
        if kind is bool:
            found[name] = _boolean(name, value) if has_value else True
            continue
        if not has_value:
            if not words:
                raise UsageError(f"flag needs an argument: -{name}", 2)
            value = words.pop(0)
        found[name] = _integer(name, value) if kind is int else value
    return found


def _boolean(name: str, value: str) -> bool:
    if value not in {"true", "false", "1", "0"}:
        raise UsageError(f'invalid boolean value "{value}" for -{name}: parse error', 2)
    return value in {"true", "1"}


def _integer(name: str, value: str) -> int:
    if not value.removeprefix("-").isdigit() or not value.isascii():
        raise UsageError(f'invalid value "{value}" for flag -{name}: parse error', 2)
    return int(value)
