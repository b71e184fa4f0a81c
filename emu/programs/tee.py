"""tee(1), with -a."""

from __future__ import annotations

from emu.process import Process, UsageError
from emu.programs.libc.getopt import getopt


async def main(process: Process, argv: list[str]) -> int:
    options = getopt(argv, "ai", {"append": "a"})
    files = process.place.files
    paths = [process.path(name) for name in options.words]
    try:
        for path in paths:
            if "a" not in options and not path.startswith("/proc/"):
                files.write(path, "")
        while text := await process.stdin.read_some():
            process.write(text)
            for path in paths:
                files.append(path, text)
    except FileNotFoundError as missing:
        raise UsageError(f"tee: {missing}: No such file or directory", 1) from None
    except (PermissionError, ValueError):
        raise UsageError(f"tee: {options.words[-1]}: Invalid argument", 1) from None
    return 0
