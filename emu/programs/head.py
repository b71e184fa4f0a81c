"""head(1) and tail(1): -n COUNT, -COUNT, -c COUNT, -q; `tail -n +N`. Not modelled: -f, `head -n -N`."""

from __future__ import annotations

from emu.process import Process, UsageError
from emu.programs.libc.getopt import getopt
from emu.programs.libc.text import Input


async def main(process: Process, argv: list[str]) -> int:
    name = argv[0].rpartition("/")[2]
    words = [f"-n{word[1:]}" if word[:1] == "-" and word[1:].isdigit() else word for word in argv[1:]]
    options = getopt([name, *words], "n:c:qv", {"lines": "n", "bytes": "c"})
    count = options.text("c") or options.text("n", "10")
    from_start = name == "tail" and count.startswith("+")
    number = count.removeprefix("+")
    if not number.isascii() or not number.isdigit():
        raise UsageError(f"{name}: invalid number of lines: '{count}'", 1)
    source = Input(process, options.words)
    if "c" in options:
        text = "".join([line + "\n" async for _, line in source.lines()])
        process.write(text[: int(number)] if name == "head" else text[int(number) - 1 :] if from_start else text[-int(number) :])
        return source.status
    headed = len(source.names) > 1 and "q" not in options
    for index, each in enumerate(source.names):
        one = Input(process, [each])
        if headed and (each == "-" or process.place.files.exists(process.path(each))):
            process.write(f"{chr(10) * bool(index)}==> {'standard input' if each == '-' else each} <==\n")
        await (_head if name == "head" else _tail)(process, one, int(number), from_start=from_start)
        source.status |= one.status
    return source.status


async def _head(process: Process, source: Input, count: int, *, from_start: bool) -> None:
    if not count or from_start:
        return
    async for _, line in source.lines():
        process.print(line)
        count -= 1
        if not count:
            return


async def _tail(process: Process, source: Input, count: int, *, from_start: bool) -> None:
    lines = await source.all()
    for line in lines[max(0, count - 1) :] if from_start else lines[max(0, len(lines) - count) :]:
        process.print(line)
