"""cut(1): -f with -d and -s, -c, -b. Not modelled: --complement, --output-delimiter."""

from __future__ import annotations

from emu.process import Process, UsageError
from emu.programs.libc.getopt import getopt
from emu.programs.libc.text import Input

MANY = 1 << 30


async def main(process: Process, argv: list[str]) -> int:
    options = getopt(argv, "d:f:c:b:s", {"delimiter": "d", "fields": "f", "characters": "c", "bytes": "b", "only-delimited": "s"})
    if not any(letter in options for letter in "fcb"):
        raise UsageError("cut: you must specify a list of bytes, characters, or fields\nTry 'cut --help' for more information.", 1)
    wanted = _ranges(next(options.text(letter) for letter in "fcb" if letter in options))
    delimiter = options.text("d", "\t")
    if len(delimiter) != 1:
        raise UsageError("cut: the delimiter must be a single character\nTry 'cut --help' for more information.", 1)
    source = Input(process, options.words)
    async for _, line in source.lines():
        if "f" not in options:
            process.print("".join(_chosen(list(line), wanted)))
        elif delimiter in line:
            process.print(delimiter.join(_chosen(line.split(delimiter), wanted)))
        elif "s" not in options:
            process.print(line)
    return source.status


def _ranges(text: str) -> list[tuple[int, int]]:
    found = []
    for part in text.split(","):
        first, dash, last = part.partition("-")
        if not all(each.isascii() and each.isdigit() for each in (first, last) if each) or not (first or last) or first == "0":
            raise UsageError(f"cut: invalid field value '{part}'\nTry 'cut --help' for more information.", 1)
        found.append((int(first or 1), (int(last) if last else MANY) if dash else int(first)))
    return found


def _chosen(items: list[str], wanted: list[tuple[int, int]]) -> list[str]:
    return [item for index, item in enumerate(items, 1) if any(first <= index <= last for first, last in wanted)]
