"""id(1) and whoami(1): everybody is root here. Options -u -g -n."""

from __future__ import annotations

from emu.process import Process, UsageError
from emu.programs.libc.getopt import getopt


async def main(process: Process, argv: list[str]) -> int:
    options = getopt(argv, "ugnG")
    if options.words:
        raise UsageError(f"{argv[0]}: '{options.words[0]}' is not modelled", 1)
    if argv[0].endswith("whoami"):
        process.print("root")
    elif any(letter in options for letter in "ugG"):
        process.print("root" if "n" in options else "0")
    else:
        process.print("uid=0(root) gid=0(root) groups=0(root)")
    return 0
