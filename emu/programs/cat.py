"""cat(1): files of the place, and standard input. Not modelled: its options but -n."""

from __future__ import annotations

from emu.process import Process
from emu.programs.libc.getopt import getopt
from emu.programs.libc.userland import has_busybox


async def main(process: Process, argv: list[str]) -> int:
    status = 0
    options = getopt(argv, "un")
    lines = 0
    for name in options.words or ["-"]:
        path = process.path(name)
        if name == "-" and "n" not in options:
            while text := await process.stdin.read_some():
                process.write(text)
            continue
        if name != "-" and not process.place.files.exists(path):
            process.error(_missing(process, name, path))
            status = 1
            continue
        try:
            text = await process.stdin.read() if name == "-" else process.place.files.read(path)
        except OSError as refused:
            process.error(f"cat: {'read error' if has_busybox(process.place) else name}: {refused.strerror}")
            status = 1
            continue
        if "n" in options:
            numbered = enumerate(text.splitlines(keepends=True), lines + 1)
            lines += len(text.splitlines())
            text = "".join(f"{number:6}\t{line}" for number, line in numbered)
        process.write(text)
    return status


def _missing(process: Process, name: str, path: str) -> str:
    if process.place.files.is_directory(path):
        return "cat: read error: Is a directory" if has_busybox(process.place) else f"cat: {name}: Is a directory"
    return (
        f"cat: can't open '{name}': No such file or directory" if has_busybox(process.place) else f"cat: {name}: No such file or directory"
    )
