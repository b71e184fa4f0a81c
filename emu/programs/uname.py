"""uname(1): a Linux 6.1 of x86_64, as Debian 12 has it, whose programs these are. Options -a -s -n -r -m -o -v."""

from __future__ import annotations

from emu.process import Process
from emu.programs.libc.getopt import getopt

RELEASE = "6.1.0-18-amd64"
VERSION = "#1 SMP PREEMPT_DYNAMIC Debian 6.1.76-1 (2024-02-01)"


async def main(process: Process, argv: list[str]) -> int:
    options = getopt(argv, "asnrmov", {"all": "a"})
    values = {"s": "Linux", "n": process.place.hostname, "r": RELEASE, "v": VERSION, "m": "x86_64", "o": "GNU/Linux"}
    wanted = list(values) if "a" in options else [letter for letter in values if letter in options] or ["s"]
    process.print(" ".join(values[letter] for letter in wanted))
    return 0
