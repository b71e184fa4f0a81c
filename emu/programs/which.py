"""which(1). All programs are in /usr/bin, where most are."""

from __future__ import annotations

from emu.process import Process
from emu.programs.libc.getopt import getopt


async def main(process: Process, argv: list[str]) -> int:
    status = 0
    for name in getopt(argv, "a").words:
        if process.place.find_program(process.place, name) is None:
            status = 1
        else:
            process.print(name if "/" in name else f"/usr/bin/{name}")
    return status
