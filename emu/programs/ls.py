"""ls(1): names, one a line as into a pipe (-1), -a, -A, -d, -l.

The files have no owners, modes and times: all are root's, of the usual modes and as old as the lab. Not modelled: -l of what the kernel
shows in /dev, /proc and /sys.
"""

from __future__ import annotations

from posixpath import dirname
from typing import NamedTuple

from emu.files import absolute
from emu.process import Process, UsageError
from emu.programs.libc import namespaces
from emu.programs.libc.clock import EPOCH, MONTHS, civil
from emu.programs.libc.getopt import getopt
from emu.programs.libc.userland import has_busybox

KERNEL = ("/dev", "/proc", "/sys")
BLOCK = 4096  # bytes; of a directory too


class Entry(NamedTuple):
    """What -l says of a file."""

    mode: str
    links: int
    size: int
    name: str


async def main(process: Process, argv: list[str]) -> int:
    options = getopt(argv, "1adAFl", {"all": "a"}, status=2)
    long = "l" in options
    names = options.words or ["."]
    files = process.place.files
    status = 0
    found: list[tuple[str, str]] = []
    listings: list[tuple[str, list[tuple[str, str]]]] = []
    for name in names:
        path = process.path(name)
        directory = files.is_directory(path)
        if directory and "d" not in options:
            inside = [each for each in files.names(path) if not each.startswith(".") or "a" in options or "A" in options]
            listings.append((name, [(each, absolute(path, each)) for each in [*([".", ".."] if "a" in options else []), *inside]]))
        elif directory or files.exists(path) or (long and path in files.links):
            found.append((name, path))
        else:
            quoted = name if has_busybox(process.place) else f"cannot access '{name}'"
            process.error(f"ls: {quoted}: No such file or directory")
            status = 1 if has_busybox(process.place) else 2
    blocks = [_block(process, found, long=long)] if found else []
    for name, entries in listings:
        title = f"{name}:\n" if len(names) > 1 else ""
        blocks.append(title + (_total(process, entries) if long else "") + _block(process, entries, long=long))
    process.write("\n".join(blocks))
    return status


def _block(process: Process, entries: list[tuple[str, str]], *, long: bool) -> str:
    if not long:
        return "".join(f"{name}\n" for name, _ in entries)
    _, month, day, hour, minute, _, _ = civil(EPOCH)
    date = f"{MONTHS[month - 1]} {day:2} {hour:02}:{minute:02}"
    described = [_entry(process, name, path) for name, path in entries]
    if has_busybox(process.place):
        return "".join(f"{each.mode} {each.links:4} root     root     {each.size:9} {date} {each.name}\n" for each in described)
    links, size = (max((len(str(each[column])) for each in described), default=0) for column in (1, 2))
    return "".join(f"{each.mode} {each.links:{links}} root root {each.size:{size}} {date} {each.name}\n" for each in described)


def _entry(process: Process, name: str, path: str) -> Entry:
    files = process.place.files
    if path.startswith(KERNEL):
        raise UsageError(f"ls: -l of '{path}' is not modelled", 2)
    if path in files.links:
        return Entry("lrwxrwxrwx", 1, len(files.links[path]), f"{name} -> {files.links[path]}")
    if files.is_directory(path):
        below = sum(files.is_directory(absolute(path, each)) for each in files.names(path))
        return Entry("drwxr-xr-x", 2 + below, BLOCK, name)
    handle = dirname(path) in (namespaces.RUN, namespaces.DOCKER)
    return Entry("-r--r--r--" if handle else "-rw-r--r--", 1, len(files.read(path).encode()), name)


def _total(process: Process, entries: list[tuple[str, str]]) -> str:
    """The space they take, in kilobytes."""
    sizes = [_entry(process, *each) for each in entries]
    return f"total {sum(-(-each.size // BLOCK) * 4 for each in sizes if each.mode[0] != 'l')}\n"
