"""cat(1): files of the place, and standard input. Not modelled: its options."""

from __future__ import annotations

from emu.process import Process
from emu.programs.libc.getopt import getopt


async def main(process: Process, argv: list[str]) -> int:
    status = 0
    for path in getopt(argv, "u").words or ["-"]:
        if path == "-":
            process.write(process.stdin)
            continue
        try:
            process.write(process.place.files.read(path if path.startswith("/") else f"/{path}"))
        except FileNotFoundError:
            process.error(f"cat: {path}: No such file or directory")
            status = 1
    return status
