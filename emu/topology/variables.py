"""The variables of a compose file: `$NAME`, `${NAME}`, `${NAME:-default}`, `${NAME:?what is wrong}`, `${NAME:+instead}`, `$$`.

Values come from the file `.env` beside it. The environment is empty, whatever the machine's is, so that a lab is the same everywhere.
Source: the compose specification, "Interpolation" and "Use an environment file". Not modelled: values of several lines in `.env`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_ASSIGNMENT = re.compile(r"\s*(?:export\s+)?([A-Za-z_][\w.]*)\s*=\s*(.*)")
_QUOTED = re.compile(r"""'(?P<literal>[^']*)'\s*(?:\#.*)?|"(?P<text>[^"]*)"\s*(?:\#.*)?""")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_DEEPEST = 20


def read_env(text: str) -> dict[str, str]:
    """What a `.env` file says: `NAME=value`, in quotes or not, with comments; a value may use the names above it. Raises ValueError."""
    known: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        assignment = _ASSIGNMENT.fullmatch(line)
        if assignment is None:
            raise ValueError(f"line {number} is not NAME=value")
        name, value = assignment.groups()
        try:
            known[name] = _value(value, known)
        except ValueError as wrong:
            raise ValueError(f"line {number} {wrong}") from None
    return known


def _value(text: str, known: Mapping[str, str]) -> str:
    quoted = _QUOTED.fullmatch(text)
    if quoted is None:
        if text[:1] in ("'", '"'):
            raise ValueError("has a quote that is not closed")
        return expand(re.split(r"(?:^|\s)#", text)[0].strip(), lambda _: None, known)
    literal = quoted["literal"]
    return literal if literal is not None else expand(quoted["text"], lambda _: None, known)


def expand(text: str, unset: Callable[[str], None], known: Mapping[str, str]) -> str:
    """The text with its variables replaced; `unset` is called with each that has no value and no default. Raises ValueError."""
    return _expand(text, unset, known, 0)


def _expand(text: str, unset: Callable[[str], None], known: Mapping[str, str], depth: int) -> str:
    if depth > _DEEPEST:
        raise ValueError("has variables nested too deeply")
    out: list[str] = []
    position = 0
    while (dollar := text.find("$", position)) >= 0:
        out.append(text[position:dollar])
        value, position = _variable(text, dollar, unset, known, depth)
        out.append(value)
    out.append(text[position:])
    return "".join(out)


def _variable(text: str, dollar: int, unset: Callable[[str], None], known: Mapping[str, str], depth: int) -> tuple[str, int]:
    """What begins at a dollar sign, and where it ends."""
    start = dollar + 1
    if text.startswith("$", start):
        return "$", start + 1
    braced = text.startswith("{", start)
    name = _NAME.match(text, start + braced)
    if name is None:
        raise ValueError(f"'{text[dollar : dollar + 20]}' is not a variable; write '$$' for a dollar sign")
    if not braced:
        if name[0] not in known:
            unset(name[0])
        return known.get(name[0], ""), name.end()
    end = _closing_brace(text, name.end())
    modifier = text[name.end() : end]
    return _modified(name[0], modifier, unset, known, depth), end + 1


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


def _modified(name: str, modifier: str, unset: Callable[[str], None], known: Mapping[str, str], depth: int) -> str:
    """A variable's value, or what the modifier says of one that has none; after a colon an empty one counts as none."""
    sign = modifier.removeprefix(":")[:1]
    word = modifier.removeprefix(":")[1:]
    value = known.get(name) or (None if modifier.startswith(":") else known.get(name))
    if modifier and sign not in ("-", "?", "+"):
        raise ValueError(f"'${{{name}{modifier}}}' is not a variable such as ${{NAME}} or ${{NAME:-default}}")
    if sign == "+":
        return "" if value is None else _expand(word, unset, known, depth + 1)
    if value is not None:
        return value
    if sign == "-":
        return _expand(word, unset, known, depth + 1)
    if sign == "?":
        raise ValueError(f"the variable '{name}' has no value: {word or 'it is required'}")
    unset(name)
    return ""
