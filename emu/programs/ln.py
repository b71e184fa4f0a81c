"""ln(1): symbolic links to files. Not modelled: hard links, directories as targets, options but -s -f -n -T -v."""

from __future__ import annotations

from posixpath import basename, join

from emu.process import Process, UsageError
from emu.programs.libc.getopt import getopt

LONG = {"symbolic": "s", "force": "f", "no-dereference": "n", "no-target-directory": "T", "verbose": "v"}


async def main(process: Process, argv: list[str]) -> int:
    options = getopt(argv, "sfnTv", LONG)
    files, words = process.place.files, options.words
    if not words:
        raise UsageError("ln: missing file operand\nTry 'ln --help' for more information.", 1)
    if "s" not in options:
        raise UsageError("ln: hard links are not modelled (say: -s)", 1)
    if len(words) > 2:
        raise UsageError("ln: several targets are not modelled", 1)
    target, named = words[0], words[1] if len(words) > 1 else "."
    path = process.path(named)
    if files.is_directory(path) and "T" not in options:
        path, named = join(path, basename(target)), join(named, basename(target))
    if "f" in options:
        files.remove(path)
    try:
        files.link(target, path)
    except FileExistsError:
        raise UsageError(f"ln: failed to create symbolic link '{named}': File exists", 1) from None
    except FileNotFoundError:
        raise UsageError(f"ln: failed to create symbolic link '{named}': No such file or directory", 1) from None
    if "v" in options:
        process.print(f"'{named}' -> '{target}'")
    return 0
