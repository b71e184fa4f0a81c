"""ls(1): names, one a line as into a pipe (-1), -a, -d. Not modelled: -l (owners, modes and times)."""

from __future__ import annotations

from emu.process import Process
from emu.programs.libc.getopt import getopt
from emu.programs.libc.userland import has_busybox


async def main(process: Process, argv: list[str]) -> int:
    options = getopt(argv, "1adAF", {"all": "a"}, status=2)
    names = options.words or ["."]
    files = process.place.files
    status = 0
    found: list[str] = []
    listings: list[tuple[str, list[str]]] = []
    for name in names:
        path = process.path(name)
        directory = files.is_directory(path)
        if directory and "d" not in options:
            listings.append((name, [each for each in files.names(path) if not each.startswith(".") or "a" in options or "A" in options]))
        elif directory or files.exists(path):
            found.append(name)
        else:
            quoted = name if has_busybox(process.place) else f"cannot access '{name}'"
            process.error(f"ls: {quoted}: No such file or directory")
            status = 1 if has_busybox(process.place) else 2
    blocks = ["".join(f"{name}\n" for name in found)] if found else []
    for name, inside in listings:
        dots = [".", ".."] if "a" in options else []
        blocks.append((f"{name}:\n" if len(names) > 1 else "") + "".join(f"{each}\n" for each in [*dots, *inside]))
    process.write("\n".join(blocks))
    return status
