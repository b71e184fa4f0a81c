"""awk(1), as much of it as command lines use to pick columns: -F, `/re/`, `NR==N`, `$N==value`, `$N~/re/`, and `{print …}` of fields,
strings, NR and NF. The rest of its language is refused by name.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from emu.process import Process, UsageError
from emu.programs.libc.getopt import getopt
from emu.programs.libc.text import Input, pattern

_RULE = re.compile(r"\s*(?P<condition>[^{}]*?)\s*(?:\{(?P<action>(?:\"(?:\\.|[^\"\\])*\"|[^{}\"])*)\})?\s*", re.DOTALL)
_ITEM = re.compile(r"\s*(?:\$(?P<field>\d+|NF)|(?P<name>NR|NF)|\"(?P<text>(?:\\.|[^\"\\])*)\"|(?P<number>\d+)|(?P<comma>,))")
_COMPARISON = re.compile(r"(\$\d+|\$NF|NR|NF)\s*(==|!=|>=|<=|>|<|!~|~)\s*(?:\"([^\"]*)\"|/((?:\\.|[^/\\])*)/|(\d+))")
_MATCH = re.compile(r"(!?)/((?:\\.|[^/\\])*)/")
Record = tuple[list[str], int]  # $0 and the fields; its number


async def main(process: Process, argv: list[str]) -> int:
    options = getopt(argv, "F:", status=2, permute=False)
    if not options.words:
        raise UsageError("usage: awk [-F fs] 'prog' [file ...]", 2)
    program, *names = options.words
    rule = _RULE.fullmatch(program)
    if rule is None:
        raise _refused(program)
    wanted = _condition(rule["condition"] or "", program)
    show = _action(rule["action"], program)
    source = Input(process, names)
    number = 0
    async for _, line in source.lines():
        number += 1
        record = ([line, *_split(line, options.text("F", " "))], number)
        if wanted(record):
            process.print(show(record))
    return 2 if source.status else 0


def _refused(program: str) -> UsageError:
    return UsageError(f"awk: '{program}' is not modelled: only a condition and {{print …}} are", 2)


def _split(line: str, separator: str) -> list[str]:
    if separator == " ":
        return line.split()
    separator = "\t" if separator in {"\\t", "t"} else separator
    if not line:
        return []
    return line.split(separator) if len(separator) == 1 else pattern("awk", separator, extended=True).split(line)


def _condition(text: str, program: str) -> Callable[[Record], bool]:
    if not text:
        return lambda _record: True
    tests = []
    for part in text.split("&&"):
        if match := _MATCH.fullmatch(part.strip()):
            tests.append(_regex(match))
        elif match := _COMPARISON.fullmatch(part.strip()):
            tests.append(_comparison(match))
        elif part.strip() in {"NR", "NF", "1"}:
            tests.append(_not_empty if part.strip() == "NF" else lambda _record: True)
        else:
            raise _refused(program)
    return lambda record: all(test(record) for test in tests)


def _not_empty(record: Record) -> bool:
    return len(record[0]) > 1


def _regex(match: re.Match[str]) -> Callable[[Record], bool]:
    found = pattern("awk", match[2].replace("\\/", "/"), extended=True)
    return lambda record: bool(found.search(record[0][0])) != bool(match[1])


def _value(name: str, record: Record) -> str:
    fields, number = record
    if name in {"NR", "NF"}:
        return str(number if name == "NR" else len(fields) - 1)
    index = len(fields) - 1 if name.endswith("NF") else int(name.removeprefix("$"))
    return fields[index] if index < len(fields) else ""


def _comparison(match: re.Match[str]) -> Callable[[Record], bool]:
    name, operator, text, regex, number = match.groups()
    if operator.endswith("~"):
        found = pattern("awk", (regex if regex is not None else text or "").replace("\\/", "/"), extended=True)
        return lambda record: bool(found.search(_value(name, record))) == (operator == "~")

    def test(record: Record) -> bool:
        left = _value(name, record)
        order = _ordered(left, number) if number is not None else (left > (text or "")) - (left < (text or ""))
        return {"==": order == 0, "!=": order != 0, ">": order > 0, "<": order < 0, ">=": order >= 0, "<=": order <= 0}[operator]

    return test


def _ordered(left: str, right: str) -> int:
    """As numbers if both are, else as texts."""
    try:
        return (float(left) > float(right)) - (float(left) < float(right))
    except ValueError:
        return (left > right) - (left < right)


def _action(text: str | None, program: str) -> Callable[[Record], str]:
    """What `print` prints: items joined, at a comma with a blank."""
    if text is None or text.strip().rstrip(";").strip() == "print":
        return lambda record: record[0][0]
    body = text.strip().rstrip(";").strip()
    if not re.match(r"print\b", body):
        raise _refused(program)
    body = body[len("print") :].strip()
    items = []
    at = 0
    while at < len(body):
        match = _ITEM.match(body, at)
        if match is None:
            raise _refused(program)
        items.append(match)
        at = match.end()
    return lambda record: "".join(_text(item, record) for item in items)


def _text(item: re.Match[str], record: Record) -> str:
    if item["field"] is not None:
        return _value(f"${item['field']}", record)
    if item["name"] is not None:
        return _value(item["name"], record)
    if item["text"] is not None:
        return re.sub(r"\\(.)", lambda match: {"n": "\n", "t": "\t"}.get(match[1], match[1]), item["text"])
    return item["number"] if item["number"] is not None else " "
