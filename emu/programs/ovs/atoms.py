"""Values of Open vSwitch's database as text (ovsdb_atom_to_string, ovsdb_atom_from_string in lib/ovsdb-data.c)."""

from __future__ import annotations

import json
import re

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*\Z")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")

Value = str | int | dict[str, str] | None


def atom(text: str) -> str:
    """A string, in quotes unless it is a word that could be nothing else."""
    return text if _WORD.match(text) and text not in {"true", "false"} and not _UUID.match(text) else json.dumps(text)


def shown(value: Value) -> str:
    """As `get` prints a column."""
    if value is None:
        return "[]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{atom(key)}={atom(each)}" for key, each in sorted(value.items())) + "}"
    return atom(value) if isinstance(value, str) else str(value)


def unquoted(text: str) -> str:
    """A word, or a string in quotes. Raises ValueError."""
    if not text.startswith('"'):
        return text
    return str(json.loads(text))


def parse_map(text: str) -> dict[str, str]:
    """`{key=value, key=value}`, the braces may be missing. Raises ValueError."""
    found = {}
    inner = text[1:-1] if text.startswith("{") and text.endswith("}") else text
    for pair in re.findall(r'(?:"(?:[^"\\]|\\.)*"|[^,"])+', inner):
        key, equals, value = pair.strip().partition("=")
        if not equals or not key or not value:
            raise ValueError(f"{text}: syntax error at {pair.strip()!r}")
        found[unquoted(key)] = unquoted(value)
    return found
