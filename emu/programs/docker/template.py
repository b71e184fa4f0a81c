"""The part of Go's text/template that `--format` lines use: fields, `range`, `if`, `with`, variables, pipes, functions.

What is wrong is said in Go's words with Go's places: `template: :1:2: executing "" at <.Foo>: map has no entry for key "Foo"`.
Not modelled: `define`, `template`, `block`, `break`, `continue`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from emu.docker.inspect import Map
from emu.programs.docker import go

ACTION = re.compile(r"\{\{(-\s)?(.*?)(\s-)?\}\}", re.DOTALL)
TOKEN = re.compile(r'\s*("(?:\\.|[^"\\])*"|`[^`]*`|\$\w*|\.\w+|\.|\w+|-?\d+|[()|,]|:=|=)')
BLOCKS = ("range", "if", "with")


class TemplateError(Exception):
    """It cannot be read."""


class ExecutionError(TemplateError):
    """It does not fit the data."""


Scope = dict[str, Any]
Node = Callable[[Any, Scope], str]
Value = Callable[[Any, Scope], Any]


class Token(str):  # noqa: SLOT000 - it has two attributes
    """A word of an action, with where it begins in the template, and whether a blank stands before it."""

    place: int = 0
    apart: bool = True


class Action(Token):
    """What stands between braces."""


def render(template: str, data: Any) -> str:
    """Raises TemplateError."""
    return compile_template(template)(data, {"$": data})


def compile_template(template: str) -> Node:
    """Raises TemplateError."""
    parts = list(_split(template))
    node, rest, end = _sequence(parts, 0)
    if end:
        raise TemplateError(f"template: :1: unexpected {{{{{end}}}}}")
    assert rest == len(parts)
    return node


def _split(template: str) -> Iterator[str]:
    """Text and actions in turn; `{{-` and `-}}` take the blanks beside them away."""
    place, trim = 0, False
    for match in ACTION.finditer(template):
        text = template[place : match.start()]
        text = text.lstrip() if trim else text
        yield text.rstrip() if match[1] else text
        action = Action(match[2])
        action.place = match.start(2)
        yield action
        place, trim = match.end(), bool(match[3])
    rest = template[place:]
    if "{{" in rest:
        raise TemplateError("template: :1: unclosed action")
    yield rest.lstrip() if trim else rest


def _sequence(parts: list[str], place: int) -> tuple[Node, int, str]:
    """Nodes up to an `end` or `else`, where they ended, and with which word."""
    nodes: list[Node] = []
    while place < len(parts):
        part = parts[place]
        place += 1
        if not isinstance(part, Action):
            nodes.append(_literal(part))
            continue
        if part.startswith("/*"):
            continue
        tokens = _tokens(part)
        word = tokens[0] if tokens else ""
        if word in ("end", "else"):
            return _joined(nodes), place, part.strip()
        if word in BLOCKS:
            node, place = _block(word, tokens[1:], parts, place)
            nodes.append(node)
        else:
            nodes.append(_action(tokens))
    return _joined(nodes), place, ""


def _literal(text: str) -> Node:
    return lambda _data, _scope: text


def _joined(nodes: list[Node]) -> Node:
    return lambda data, scope: "".join(node(data, scope) for node in nodes)


def _action(tokens: list[Token]) -> Node:
    if len(tokens) > 1 and tokens[0].startswith("$") and tokens[1] in (":=", "="):
        name, value = str(tokens[0]), _pipeline(tokens[2:])

        def assign(data: Any, scope: Scope) -> str:
            scope[name] = value(data, scope)
            return ""

        return assign
    shown = _pipeline(tokens)
    field = tokens[-1].removeprefix(".") if tokens else ""
    return lambda data, scope: go.text(shown(data, scope), field)


def _block(word: str, tokens: list[Token], parts: list[str], place: int) -> tuple[Node, int]:
    names: list[str] = []
    if ":=" in tokens:
        equals = tokens.index(Token(":="))
        names, tokens = [str(token) for token in tokens[:equals] if token.startswith("$")], tokens[equals + 1 :]
    value = _pipeline(tokens)
    body, place, end = _sequence(parts, place)
    otherwise = _literal("")
    if end.startswith("else if "):
        again = Token(end.removeprefix("else if "))
        otherwise, place = _block("if", _tokens(again), parts, place)
    elif end == "else":
        otherwise, place, end = _sequence(parts, place)
    if not end.startswith("else if ") and end != "end":
        raise TemplateError("template: :1: unexpected EOF")

    def run(data: Any, scope: Scope) -> str:
        found = value(data, scope)
        if not go.true(found):
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


def _tokens(action: Token) -> list[Token]:
    tokens, place = [], 0
    text = action.rstrip()
    while place < len(text):
        match = TOKEN.match(text, place)
        if match is None:
            raise TemplateError(f'template: :1: unexpected "{text[place:].strip()[:1]}" in command')
        token = Token(match[1])
        token.place = action.place + match.start(1)
        token.apart = match.start(1) > match.start() or place == 0
        tokens.append(token)
        place = match.end()
    return tokens


def _pipeline(tokens: list[Token]) -> Value:
    if not tokens:
        raise TemplateError("template: :1: missing value for command")
    value, rest = _pipe(tokens)
    if rest:
        raise TemplateError(f'template: :1: unexpected "{rest[0]}" in operand')
    return value


def _pipe(tokens: list[Token]) -> tuple[Value, list[Token]]:
    """`a b | c`: what came before is the last argument of what follows."""
    value, tokens = _command(tokens, None)
    while tokens[:1] == ["|"]:
        value, tokens = _command(tokens[1:], value)
    return value, tokens


def _command(tokens: list[Token], before: Value | None) -> tuple[Value, list[Token]]:
    operands: list[Value] = []
    first, function = (tokens[0] if tokens else Token()), ""
    if re.fullmatch(r"[A-Za-z_]\w*", first) and first not in ("true", "false", "nil"):
        function, tokens = str(first), tokens[1:]
        if function not in go.FUNCTIONS:
            raise TemplateError(f'template: :1: function "{function}" not defined')
    words = [str(first)] if function else []
    while tokens and tokens[0] not in ("|", ")"):
        rest = tokens
        operand, tokens = _operand(tokens)
        words.append("".join((" " if token.apart and place else "") + token for place, token in enumerate(rest[: len(rest) - len(tokens)])))
        operands.append(operand)
    if before is not None:
        operands.append(before)
    if not function and len(operands) == 1:
        return operands[0], tokens
    if not operands and not function:
        raise TemplateError("template: :1: missing value for command")
    where, shown = first.place, " ".join(words)

    def call(data: Any, scope: Scope) -> Any:
        values = [operand(data, scope) for operand in operands]
        work = go.FUNCTIONS[function] if function else values.pop(0)
        if not callable(work):
            raise _failed(where, shown, "can't give argument to non-function " + words[0])
        try:
            return work(*values)
        except go.CallError as wrong:
            raise _failed(where, shown, f"error calling {function}: {wrong}") from None
        except (TypeError, AttributeError, ValueError):
            raise _failed(where, words[0], f"wrong arguments for {function or words[0]}") from None

    return call, tokens


def _failed(place: int, shown: str, reason: str) -> ExecutionError:
    return ExecutionError(f'template: :1:{place}: executing "" at <{shown}>: {reason}')


def _operand(tokens: list[Token]) -> tuple[Value, list[Token]]:
    token, rest = tokens[0], tokens[1:]
    if token == "(":  # noqa: S105 - a word of the template
        value, rest = _pipe(rest)
        if rest[:1] != [")"]:
            raise TemplateError("template: :1: unclosed left paren")
        return _fields(value, rest[1:])
    if token[0] in '"`':
        text = _unquoted(token) if token[0] == '"' else str(token[1:-1])
        return (lambda _data, _scope: text), rest
    if token.lstrip("-").isdigit():
        return (lambda _data, _scope: int(token)), rest
    if token in ("true", "false", "nil"):
        constant = {"true": True, "false": False, "nil": None}[token]
        return (lambda _data, _scope: constant), rest
    if token.startswith("$"):
        return _fields(_variable(str(token)), rest)
    if token == ".":  # noqa: S105
        return (lambda data, _scope: data), rest
    if token.startswith("."):
        return _fields(lambda data, _scope: data, tokens)
    raise TemplateError(f'template: :1: unexpected "{token}" in operand')


def _unquoted(token: str) -> str:
    """A string in double quotes, with its backslashes; an end of line cannot stand in it."""
    if "\n" in token:
        raise TemplateError("template: :1: unterminated quoted string")
    try:
        return str(json.loads(token, strict=False))
    except ValueError:
        raise TemplateError("template: :1: invalid syntax") from None


def _variable(name: str) -> Value:
    def read(_data: Any, scope: Scope) -> Any:
        if name not in scope:
            raise TemplateError(f'template: :1: undefined variable "{name}"')
        return scope[name]

    return read


def _fields(value: Value, tokens: list[Token]) -> tuple[Value, list[Token]]:
    """A value, and what stands right behind it: `.State.Status`."""
    path: list[Token] = []
    while tokens and tokens[0].startswith(".") and len(tokens[0]) > 1 and (not tokens[0].apart or not path):
        path.append(tokens[0])
        tokens = tokens[1:]
        if tokens and tokens[0].apart:
            break
    if not path:
        return value, tokens
    shown, place = "".join(path), path[min(1, len(path) - 1)].place

    def read(data: Any, scope: Scope) -> Any:
        found = value(data, scope)
        for step in path:
            found = _field(found, step[1:], place, shown)
        return found

    return read, tokens


def _field(data: Any, key: str, place: int, shown: str) -> Any:
    if isinstance(data, go.Missing):
        return data
    if not isinstance(data, dict):
        raise _failed(place, shown, f"can't evaluate field {key} in type {go.type_name(data)}")
    if key in data:
        return data[key]
    if isinstance(data, Map):
        return go.MISSING
    if isinstance(data, go.Row):
        if key in data.methods:
            return data.methods[key]
        raise _failed(place, shown, f"can't evaluate field {key} in type {data.kind}")
    raise _failed(place, shown, f'map has no entry for key "{key}"')
