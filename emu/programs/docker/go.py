"""Values as Go shows and handles them in a template (text/template funcs.go, fmt, encoding/json; docker/cli templates).

A `Map` is a Go map, whose keys are the user's; any other dict is a struct. What is nothing is shown by the kind of its field.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

from emu.docker.inspect import Map

WIDEST = 1_000_000  # of a field of printf: Go gives up there, too
LISTS = {
    "Env",
    "Cmd",
    "Entrypoint",
    "Links",
    "Aliases",
    "Args",
    "Dns",
    "DnsSearch",
    "DnsOptions",
    "ExtraHosts",
    "CapAdd",
    "CapDrop",
    "Binds",
}
MAPS = {"ExposedPorts", "DriverOpts", "Volumes", "Labels", "Options", "Sysctls"}


class CallError(Exception):
    """A function got what it cannot use."""


class Row(dict[str, Any]):
    """A line of a list, with what can be called on it; `kind` is what Go calls its type."""

    def __init__(self, kind: str, cells: dict[str, Any], **methods: Callable[..., Any]) -> None:
        super().__init__(cells)
        self.kind = kind
        self.methods = methods


class Missing:
    """The value of a key that a map does not have; so are all its fields."""


MISSING = Missing()


def text(value: Any, field: str = "") -> str:
    """As fmt's %v prints it."""
    if isinstance(value, Missing):
        return "<no value>"
    if value is None:
        return "[]" if field in LISTS else "map[]" if field in MAPS else "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Map):
        return "map[" + " ".join(f"{key}:{text(item)}" for key, item in sorted(value.items())) + "]"
    if isinstance(value, dict):
        return "{" + " ".join(text(item, key) for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + " ".join(map(text, value)) + "]"
    return str(value)


def to_json(value: Any) -> str:
    """As encoding/json prints it: maps by key, `<`, `>` and `&` escaped."""
    return escaped(json.dumps(value, separators=(",", ":"), ensure_ascii=False, sort_keys=isinstance(value, Row)))


def escaped(source: str) -> str:
    return source.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def index(value: Any, *keys: Any) -> Any:
    for key in keys:
        if value is None or isinstance(value, Missing):
            raise CallError("index of untyped nil")
        if isinstance(value, list | tuple | str):
            if not isinstance(key, int) or isinstance(key, bool):
                raise CallError(f"cannot index slice/array with type {type_name(key)}")
            if not 0 <= key < len(value):
                raise CallError(f"index out of range: {key}")
            value = value[key]
        elif isinstance(value, dict):
            value = value.get(key)
        else:
            raise CallError(f"can't index item of type {type_name(value)}")
    return value


def type_name(value: Any) -> str:
    names = {str: "string", bool: "bool", int: "int", list: "[]interface {}"}
    return names.get(type(value), "map[string]interface {}" if isinstance(value, dict) else "interface {}")


def printf(form: str, *values: Any) -> str:
    rest = list(values)

    def one(match: re.Match[str]) -> str:
        if match[0] == "%%":
            return "%"
        if not rest:
            return f"%!{match[4]}(MISSING)"
        value = rest.pop(0)
        shown = json.dumps(text(value)) if match[4] == "q" else text(value)
        shown = shown[: int(match[3])] if match[3] else shown
        width = int(match[2] or 0)
        if width > WIDEST:
            return "%!(BADWIDTH)" + shown
        return shown.ljust(width) if "-" in match[1] else shown.rjust(width)

    return re.sub(r"%(?:%|([-+0 #]*)(\d*)(?:\.(\d+))?([sdvq]))", one, form)


def size(value: Any) -> int:
    if not isinstance(value, str | list | tuple | dict):
        raise CallError(f"len of {'untyped nil' if value is None else f'type {type_name(value)}'}")
    return len(value)


def equal(first: Any, *others: Any) -> bool:
    for other in others:
        if type(first) is not type(other) and not (isinstance(first, int) and isinstance(other, int)):
            raise CallError("incompatible types for comparison")
    return first in others


def compare(holds: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def check(first: Any, second: Any) -> bool:
        if type(first) is not type(second):
            raise CallError("incompatible types for comparison")
        return holds(first, second)

    return check


def part(value: Any, *bounds: Any) -> Any:
    first, last = (*bounds, 0, size(value))[0], (bounds[1] if len(bounds) > 1 else size(value))
    if not 0 <= first <= last <= size(value):
        raise CallError(f"index out of range: {last}")
    return value[first:last]


def true(value: Any) -> bool:
    return not isinstance(value, Missing) and bool(value)


def join(items: Sequence[Any] | None, separator: str) -> str:
    return separator.join(map(text, items or ()))


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "json": to_json,
    "index": index,
    "slice": part,
    "len": size,
    "join": join,
    "split": lambda value, separator: value.split(separator),
    "lower": lambda value: value.lower(),
    "upper": lambda value: value.upper(),
    "title": lambda value: re.sub(r"\b[a-z]", lambda match: match[0].upper(), value),
    "truncate": lambda value, count: value[:count],
    "pad": lambda value, before, after: " " * before + value + " " * after if value else value,
    "println": lambda *values: " ".join(map(text, values)) + "\n",
    "print": lambda *values: "".join(map(text, values)),
    "printf": printf,
    "eq": equal,
    "ne": lambda first, second: not equal(first, second),
    "lt": compare(lambda first, second: first < second),
    "le": compare(lambda first, second: first <= second),
    "gt": compare(lambda first, second: first > second),
    "ge": compare(lambda first, second: first >= second),
    "not": lambda value: not true(value),
    "and": lambda *values: next((value for value in values if not true(value)), values[-1]),
    "or": lambda *values: next((value for value in values if true(value)), values[-1]),
}
