"""rm(1): -f -r."""

from __future__ import annotations

from emu.process import Process, UsageError
from emu.programs.libc.getopt import getopt
from emu.programs.libc.userland import has_busybox


async def main(process: Process, argv: list[str]) -> int:
    options = getopt(argv, "frRv", {"force": "f", "recursive": "r"})
    if not options.words and "f" not in options:
        raise UsageError("rm: missing operand\nTry 'rm --help' for more information.", 1)
    status = 0
    for name in options.words:
        wrong = _remove(process, name, recursive="r" in options or "R" in options)
        if wrong and not ("f" in options and wrong == "No such file or directory"):
            lead = f"rm: can't remove '{name}'" if has_busybox(process.place) else f"rm: cannot remove '{name}'"
            process.error(
                f"{lead}: {wrong}" if not (has_busybox(process.place) and wrong == "Is a directory") else f"rm: '{name}' is a directory"
            )
            status = 1
    return status


def _remove(process: Process, name: str, *, recursive: bool) -> str:
    """What stands against it."""
    files, path = process.place.files, process.path(name)
    if path.startswith(("/proc", "/sys", "/dev")) or path == "/":
        return "Operation not permitted"
    if files.exists(path) or path in files.links:
        files.remove(path)
    elif not files.is_directory(path):
        return "No such file or directory"
    elif not recursive:
        return "Is a directory"
    else:
        files.remove_directory(path)
    return ""
