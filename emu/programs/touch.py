"""touch(1): makes an empty file; files have no times here, so an existing one stays as it is."""

from __future__ import annotations

from emu.process import Process, UsageError
from emu.programs.libc.getopt import getopt


async def main(process: Process, argv: list[str]) -> int:
    options = getopt(argv, "c")
    if not options.words:
        raise UsageError("touch: missing file operand", 1)
    for name in options.words:
        path = process.path(name)
        if "c" not in options and not process.place.files.exists(path) and not process.place.files.is_directory(path):
            process.place.files.write(path, "")
    return 0
