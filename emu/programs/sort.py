"""sort(1): -n -r -u -k -t -V -f -b -h of lines, in the order of the C locale. Not modelled: -k with options other than n and r, -o, -c."""

from __future__ import annotations

import re
from typing import Any

from emu.process import Process, UsageError
from emu.programs.libc.getopt import Options, getopt
from emu.programs.libc.text import Input

_KEY = re.compile(r"(\d+)([nr]*)(?:,(\d+)([nr]*))?")
_NUMBER = re.compile(r"\s*(-?\d+(?:\.\d+)?)")


async def main(process: Process, argv: list[str]) -> int:
    options = getopt(argv, "nruk:t:Vfb", {"numeric-sort": "n", "reverse": "r", "unique": "u", "key": "k", "field-separator": "t"}, status=2)
    source = Input(process, options.words)
    lines = await source.all()
    keys = [_key(text) for text in options.all("k")]

    def value(line: str) -> list[Any]:
        return [_ordered(part, options, letters) for part, letters in _parts(line, keys, options.text("t"))]

    lines.sort()
    lines.sort(key=value, reverse="r" in options)
    seen: set[str] = set()
    for line in lines:
        mark = repr(value(line))
        if "u" not in options or mark not in seen:
            process.print(line)
        seen.add(mark)
    return 2 if source.status else 0


def _key(text: str) -> tuple[int, int, str]:
    match = _KEY.fullmatch(text)
    if match is None or not int(match[1]):
        raise UsageError(f"sort: key '{text}' is not modelled", 2)
    return int(match[1]), int(match[3] or 0), match[2] + (match[4] or "")


def _parts(line: str, keys: list[tuple[int, int, str]], separator: str) -> list[tuple[str, str]]:
    if not keys:
        return [(line, "")]
    fields = line.split(separator) if separator else re.findall(r"\s*\S+", line)
    return [((separator or "").join(fields[first - 1 : last or None]), letters) for first, last, letters in keys]


def _ordered(text: str, options: Options, letters: str) -> Any:
    if "r" in letters:
        raise UsageError("sort: a key of its own order ('r') is not modelled", 2)
    if "n" in options or "n" in letters:
        match = _NUMBER.match(text)
        return float(match[1]) if match else 0.0
    if "V" in options:
        return [(1, int(part), "") if part.isdigit() else (0, 0, part) for part in re.findall(r"\d+|\D+", text)]
    text = text.lstrip() if "b" in options else text
    return text.upper() if "f" in options else text
