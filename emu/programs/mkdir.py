"""mkdir(1) and rmdir(1), with -p."""

from __future__ import annotations

from posixpath import dirname

from emu.process import Process, UsageError
from emu.programs.libc.getopt import getopt
from emu.programs.libc.userland import has_busybox


async def main(process: Process, argv: list[str]) -> int:
    program = argv[0].rpartition("/")[2]
    options = getopt(argv, "pv", {"parents": "p"})
    if not options.words:
        raise UsageError(f"{program}: missing operand", 1)
    status = 0
    for name in options.words:
        wrong = _make(process, name, parents="p" in options) if program == "mkdir" else _remove(process, name)
        if wrong and has_busybox(process.place):
            what = f"can't create directory '{name}'" if program == "mkdir" else f"'{name}'"
            process.error(f"{program}: {what}: {wrong}")
        elif wrong:
            process.error(f"{program}: {'cannot create directory' if program == 'mkdir' else 'failed to remove'} '{name}': {wrong}")
        status |= bool(wrong)
    return status


def _make(process: Process, name: str, *, parents: bool) -> str:
    """What stands against it."""
    files, path = process.place.files, process.path(name)
    if files.exists(path) or (files.is_directory(path) and not parents):
        return "File exists"
    if not parents and not files.is_directory(dirname(path)):
        return "No such file or directory"
    files.make_directory(path)
    return ""


def _remove(process: Process, name: str) -> str:
    files, path = process.place.files, process.path(name)
    if files.exists(path):
        return "Not a directory"
    if not files.is_directory(path):
        return "No such file or directory"
    if files.names(path):
        return "Directory not empty"
    files.remove_directory(path)
    return ""
