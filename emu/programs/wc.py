"""wc(1): -l -w -c -m. GNU's columns on hosts, busybox's in containers with busybox."""

from __future__ import annotations

from emu.process import Process
from emu.programs.libc.getopt import getopt
from emu.programs.libc.text import Input
from emu.programs.libc.userland import has_busybox


async def main(process: Process, argv: list[str]) -> int:
    options = getopt(argv, "lwcm", {"lines": "l", "words": "w", "bytes": "c", "chars": "m"})
    columns = [letter for letter in "lwmc" if letter in options] or ["l", "w", "c"]
    source = Input(process, options.words)
    rows = []
    for name in source.names:
        text = await process.stdin.read() if name == "-" else source.read(name)
        if text is not None:
            rows.append(([_count(text, letter) for letter in columns], name if options.words else ""))
    if len(source.names) > 1:
        rows.append(([sum(row[0][index] for row in rows) for index in range(len(columns))], "total"))
    busybox = has_busybox(process.place)
    width = _width(rows, columns, named=bool(options.words) and "-" not in source.names)
    for counts, name in rows:
        if busybox:
            numbers = (
                str(counts[0]) if len(columns) == 1 else "".join(f"{count:{10 if index else 9}}" for index, count in enumerate(counts))
            )
        else:
            numbers = " ".join(f"{count:{width}}" for count in counts)
        process.print(f"{numbers} {name}".rstrip() if name else numbers)
    return source.status


def _count(text: str, letter: str) -> int:
    return {"l": text.count("\n"), "w": len(text.split()), "m": len(text)}.get(letter, len(text.encode()))


def _width(rows: list[tuple[list[int], str]], columns: list[str], *, named: bool) -> int:
    """GNU: as wide as the largest; 7 if the input's size cannot be known before and there are several columns."""
    if not named:
        return 1 if len(columns) == 1 else 7
    return max((len(str(count)) for counts, _ in rows for count in counts), default=1) if len(columns) > 1 or len(rows) > 1 else 1
