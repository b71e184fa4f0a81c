"""The variables of a compose file: `$NAME`, `${NAME}`, `${NAME:-default}`, `${NAME:?what is wrong}`, `${NAME:+instead}`, `$$`.

The environment is empty, whatever the machine's is, so that a lab is the same everywhere; `.env` is not read. Source: the compose
specification, "Interpolation". Not modelled: defaults within defaults deeper than they can be read from the left.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_DEEPEST = 20


def expand(text: str, unset: Callable[[str], None]) -> str:
    """The text with its variables replaced; `unset` is called with each that has no value and no default. Raises ValueError."""
    return _expand(text, unset, 0)


def _expand(text: str, unset: Callable[[str], None], depth: int) -> str:
    if depth > _DEEPEST:
        raise ValueError("has variables nested too deeply")
    out: list[str] = []
    position = 0
    while (dollar := text.find("$", position)) >= 0:
        out.append(text[position:dollar])
        value, position = _variable(text, dollar, unset, depth)
        out.append(value)
    out.append(text[position:])
    return "".join(out)


def _variable(text: str, dollar: int, unset: Callable[[str], None], depth: int) -> tuple[str, int]:
    """What begins at a dollar sign, and where it ends."""
    start = dollar + 1
    if text.startswith("$", start):
        return "$", start + 1
    braced = text.startswith("{", start)
    name = _NAME.match(text, start + braced)
    if name is None:
        raise ValueError(f"'{text[dollar : dollar + 20]}' is not a variable; write '$$' for a dollar sign")
    if not braced:
        unset(name[0])
        return "", name.end()
    end = _closing_brace(text, name.end())
    modifier = text[name.end() : end]
    return _modified(name[0], modifier, unset, depth), end + 1


def _closing_brace(text: str, position: int) -> int:
    open_braces = 1
    for index in range(position, len(text)):
        if text.startswith("${", index):
            open_braces += 1
        elif text[index] == "}":
            open_braces -= 1
            if not open_braces:
                return index
    raise ValueError("has a '${' without its '}'")


def _modified(name: str, modifier: str, unset: Callable[[str], None], depth: int) -> str:
    """The value of a variable that has none: what the modifier says."""
    sign = modifier.removeprefix(":")[:1]
    word = modifier.removeprefix(":")[1:]
    if not modifier:
        unset(name)
        return ""
    if sign == "-":
        return _expand(word, unset, depth + 1)
    if sign == "?":
        raise ValueError(f"the variable '{name}' has no value: {word or 'it is required'}")
    if sign == "+":
        return ""
    raise ValueError(f"'${{{name}{modifier}}}' is not a variable such as ${{NAME}} or ${{NAME:-default}}")
