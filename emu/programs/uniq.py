"""uniq(1): -c -d -u -i."""

from __future__ import annotations

from emu.process import Process
from emu.programs.libc.getopt import Options, getopt
from emu.programs.libc.text import Input


async def main(process: Process, argv: list[str]) -> int:
    options = getopt(argv, "cdui", {"count": "c", "repeated": "d", "unique": "u", "ignore-case": "i"})
    source = Input(process, options.words[:1])
    last: str | None = None
    count = 0
    async for _, line in source.lines():
        if last is not None and (line == last or ("i" in options and line.lower() == last.lower())):
            count += 1
            continue
        _show(process, options, last, count)
        last, count = line, 1
    _show(process, options, last, count)
    return source.status


def _show(process: Process, options: Options, line: str | None, count: int) -> None:
    if line is not None and not ("d" in options and count < 2) and not ("u" in options and count > 1):
        process.print(f"{count:7} {line}" if "c" in options else line)
