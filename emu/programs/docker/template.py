"""The part of Go's text/template that `--format` lines use: fields, `range`, `if`, `with`, variables, pipes, and Docker's functions.

Functions: json, index, len, join, split, lower, upper, title, print, println, printf (%s %d %v %q), eq, ne, not, and, or; no others.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

ACTION = re.compile(r"\{\{(-\s)?(.*?)(\s-)?\}\}", re.DOTALL)
TOKEN = re.compile(r'\s*("(?:\\.|[^"\\])*"|`[^`]*`|\$\w*(?:\.\w+)*|(?:\.\w+)+|\.|\w+|-?\d+|[()|,]|:=)')
BLOCKS = ("range", "if", "with")


class TemplateError(Exception):
    """Docker prints it behind `Template parsing error: `."""


class MissingKeyError(TemplateError):
    """A field that the data does not have."""


Scope = dict[str, Any]
Node = Callable[[Any, Scope], str]


def render(template: str, data: Any) -> str:
    """Raises TemplateError."""
    return compile_template(template)(data, {"$": data})


def compile_template(template: str) -> Node:
    parts = list(_split(template))
    node, rest, end = _sequence(parts, 0)
    if end:
        raise TemplateError(f"template: :1: unexpected {{{{{end}}}}}")
    assert rest == len(parts)
    return node


def _split(template: str) -> Iterator[tuple[bool, str]]:
    """Text and actions in turn; `{{-` and `-}}` take the blanks beside them away."""
    template = template.replace("\\n", "\n").replace("\\t", "\t")
    place, trim = 0, False
    for match in ACTION.finditer(template):
        text = template[place : match.start()]
        text = text.lstrip() if trim else text
        yield False, text.rstrip() if match[1] else text
        yield True, match[2].strip()
        place, trim = match.end(), bool(match[3])
    rest = template[place:]
    if "{{" in rest:
        raise TemplateError("template: :1: unclosed action")
    yield False, rest.lstrip() if trim else rest


def _sequence(parts: list[tuple[bool, str]], place: int) -> tuple[Node, int, str]:
    """Nodes up to an `end` or `else`, where they ended, and with which word."""
    nodes: list[Node] = []
    while place < len(parts):
        is_action, text = parts[place]
        place += 1
        if not is_action:
            nodes.append(_literal(text))
            continue
        if text.startswith("/*"):
            continue
        word, _, rest = text.partition(" ")
        if word in ("end", "else"):
            return _joined(nodes), place, text
        if word in BLOCKS:
            node, place = _block(word, rest, parts, place)
            nodes.append(node)
        else:
            nodes.append(_action(text))
    return _joined(nodes), place, ""


def _literal(text: str) -> Node:
    return lambda _data, _scope: text


def _joined(nodes: list[Node]) -> Node:
    return lambda data, scope: "".join(node(data, scope) for node in nodes)


def _action(text: str) -> Node:
    name, assigns, rest = text.partition(":=")
    if assigns and name.strip().startswith("$"):
        value = _pipeline(rest)

        def assign(data: Any, scope: Scope) -> str:
            scope[name.strip()] = value(data, scope)
            return ""

        return assign
    shown = _pipeline(text)
    return lambda data, scope: go_text(shown(data, scope))


def _block(word: str, rest: str, parts: list[tuple[bool, str]], place: int) -> tuple[Node, int]:
    names: list[str] = []
    head, assigns, tail = rest.partition(":=")
    if assigns:
        names, rest = [name.strip() for name in head.split(",")], tail
    value = _pipeline(rest)
    body, place, end = _sequence(parts, place)
    otherwise = _literal("")
    if end.startswith("else if "):
        otherwise, place = _block("if", end.removeprefix("else if "), parts, place)
    elif end == "else":
        otherwise, place, end = _sequence(parts, place)
    if not end.startswith("else if ") and end != "end":
        raise TemplateError("template: :1: unexpected EOF")

    def run(data: Any, scope: Scope) -> str:
        found = value(data, scope)
        if not found:
            return otherwise(data, dict(scope))
        if word == "if":
            return body(data, scope)
        if word == "with":
            return body(found, {**scope, **dict.fromkeys(names, found)})
        items = sorted(found.items()) if isinstance(found, dict) else list(enumerate(found))
        return "".join(body(item, {**scope, **_bound(names, key, item)}) for key, item in items)

    return run, place


def _bound(names: list[str], key: Any, item: Any) -> Scope:
    """`range $item :=` or `range $key, $item :=`."""
    return dict(zip(names, (key, item) if len(names) == 2 else (item,), strict=False))


Value = Callable[[Any, Scope], Any]


def _pipeline(text: str) -> Value:
    tokens = _tokens(text)
    value, rest = _pipe(tokens)
    if rest:
        raise TemplateError(f'template: :1: unexpected "{rest[0]}" in operand')
    return value


def _tokens(text: str) -> list[str]:
    tokens, place = [], 0
    text = text.strip()
    while place < len(text):
        match = TOKEN.match(text, place)
        if match is None:
            raise TemplateError(f'template: :1: unexpected "{text[place:].strip()[:1]}" in command')
        tokens.append(match[1])
        place = match.end()
    return tokens


def _pipe(tokens: list[str]) -> tuple[Value, list[str]]:
    """`a b | c`: what came before is the last argument of what follows."""
    value, tokens = _command(tokens, None)
    while tokens[:1] == ["|"]:
        value, tokens = _command(tokens[1:], value)
    return value, tokens


def _command(tokens: list[str], before: Value | None) -> tuple[Value, list[str]]:
    operands: list[Value] = []
    function = ""
    if tokens and re.fullmatch(r"[A-Za-z_]\w*", tokens[0]) and tokens[0] not in ("true", "false", "nil"):
        function, tokens = tokens[0], tokens[1:]
        if function not in FUNCTIONS:
            raise TemplateError(f'template: :1: function "{function}" not defined')
    while tokens and tokens[0] not in ("|", ")"):
        operand, tokens = _operand(tokens)
        operands.append(operand)
    if before is not None:
        operands.append(before)
    if not function:
        if len(operands) != 1:
            raise TemplateError("template: :1: missing value for command")
        return operands[0], tokens
    work = FUNCTIONS[function]
    return (lambda data, scope: work(*(operand(data, scope) for operand in operands))), tokens


def _operand(tokens: list[str]) -> tuple[Value, list[str]]:
    token, rest = tokens[0], tokens[1:]
    if token == "(":  # noqa: S105 - a word of the template
        value, rest = _pipe(rest)
        if rest[:1] != [")"]:
            raise TemplateError("template: :1: unclosed left paren")
        rest = rest[1:]
        if rest and rest[0].startswith(".") and len(rest[0]) > 1:
            return _field(value, rest[0]), rest[1:]
        return value, rest
    if token[0] in '"`':
        text = json.loads(token) if token[0] == '"' else token[1:-1]
        return (lambda _data, _scope: text), rest
    if token.lstrip("-").isdigit():
        return (lambda _data, _scope: int(token)), rest
    if token in ("true", "false", "nil"):
        constant = {"true": True, "false": False, "nil": None}[token]
        return (lambda _data, _scope: constant), rest
    if token.startswith("$"):
        name, dot, path = token.partition(".")
        return (_field(_variable(name), dot + path) if path else _variable(name)), rest
    if token.startswith("."):
        return _field(lambda data, _scope: data, token), rest
    raise TemplateError(f'template: :1: unexpected "{token}" in operand')


def _variable(name: str) -> Value:
    def read(_data: Any, scope: Scope) -> Any:
        if name not in scope:
            raise TemplateError(f'template: :1: undefined variable "{name}"')
        return scope[name]

    return read


def _field(value: Value, path: str) -> Value:
    keys = [key for key in path.split(".") if key]

    def read(data: Any, scope: Scope) -> Any:
        found = value(data, scope)
        for key in keys:
            if not isinstance(found, dict):
                raise TemplateError(f"can't evaluate field {key} in type {_type(found)}")
            if key not in found:
                raise MissingKeyError(f'map has no entry for key "{key}"')
            found = found[key]
        return found

    def checked(data: Any, scope: Scope) -> Any:
        try:
            return read(data, scope)
        except TemplateError as wrong:
            if str(wrong).startswith("template:"):
                raise
            raise type(wrong)(f'template: :1:2: executing "" at <{path}>: {wrong}') from None

    return checked


def _type(value: Any) -> str:
    names = {str: "string", bool: "bool", int: "int", list: "[]interface {}", type(None): "interface {}"}
    return names.get(type(value), "interface {}")


def go_text(value: Any) -> str:
    """As Go's fmt prints it."""
    if value is None:
        return "<no value>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "map[" + " ".join(f"{key}:{go_text(item)}" for key, item in sorted(value.items())) + "]"
    if isinstance(value, list | tuple):
        return "[" + " ".join(map(go_text, value)) + "]"
    return str(value)


def go_json(value: Any) -> str:
    """As Go's encoding/json prints it: `<`, `>` and `&` escaped."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _index(value: Any, *keys: Any) -> Any:
    for key in keys:
        if isinstance(value, list):
            if not isinstance(key, int) or not 0 <= key < len(value):
                raise TemplateError(f'template: :1:2: executing "" at <index>: error calling index: index out of range: {key}')
            value = value[key]
        elif isinstance(value, dict):
            value = value.get(key)
        else:
            raise TemplateError('template: :1:2: executing "" at <index>: error calling index: index of untyped nil')
    return value


def _printf(text: str, *values: Any) -> str:
    rest = list(values)

    def one(match: re.Match[str]) -> str:
        if match[0] == "%%":
            return "%"
        value = rest.pop(0) if rest else None
        return json.dumps(value) if match[1] == "q" else go_text(value)

    return re.sub(r"%(?:%|([sdvq]))", one, text)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "json": go_json,
    "index": _index,
    "len": len,
    "join": lambda items, separator: separator.join(map(go_text, items or ())),
    "split": lambda text, separator: text.split(separator),
    "lower": str.lower,
    "upper": str.upper,
    "title": str.title,
    "println": lambda *values: " ".join(map(go_text, values)) + "\n",
    "print": lambda *values: "".join(map(go_text, values)),
    "printf": _printf,
    "eq": lambda first, *others: first in others,
    "ne": lambda first, second: first != second,
    "not": lambda value: not value,
    "and": lambda *values: next((value for value in values if not value), values[-1]),
    "or": lambda *values: next((value for value in values if value), values[-1]),
}
