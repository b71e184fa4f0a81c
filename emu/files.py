"""The files of a host or container, as far as programs need them: text by absolute path, directories, and /proc/sys.

Not modelled: owners, modes, times, links, devices but /dev/null; writing a file makes the directories it needs.
"""

from __future__ import annotations

import errno
import os
from fnmatch import fnmatchcase
from posixpath import dirname, join, normpath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emu.netns.sysctl import Sysctl

PROC_SYS = "/proc/sys/"
NULL = "/dev/null"
DIRECTORIES = ("/bin", "/dev", "/etc", "/home", "/opt", "/proc", "/root", "/run", "/sbin", "/srv", "/sys", "/tmp", "/usr", "/var")  # noqa: S108


class Files:
    """A small file system: text by absolute path, for what programs read (`/etc/hosts`, a web root) and write; and /proc/sys."""

    def __init__(self, sysctl: Sysctl) -> None:
        self._sysctl = sysctl
        self._texts: dict[str, str] = {}
        self._directories: set[str] = {"/", *DIRECTORIES}
        self.proc_sys_read_only = False  # as in containers that are not privileged

    def read(self, path: str) -> str:
        """Raises FileNotFoundError."""
        if path == NULL:
            return ""
        if not self.exists(path):
            raise FileNotFoundError(path)
        return self._sysctl.get(_key(path)) + "\n" if path.startswith(PROC_SYS) else self._texts[path]

    def write(self, path: str, text: str) -> None:
        """Raises FileNotFoundError for a file of /proc/sys that is not there, ValueError for what it does not take, OSError (EROFS)."""
        if path.startswith(PROC_SYS):
            if not self.exists(path):
                raise FileNotFoundError(path)
            if self.proc_sys_read_only:
                raise OSError(errno.EROFS, os.strerror(errno.EROFS), path)
            self._sysctl.set(_key(path), text)
        elif path != NULL:
            self._texts[path] = text
            self.make_directory(dirname(path))

    def append(self, path: str, text: str) -> None:
        """Raises what `write` does."""
        self.write(path, self._texts.get(path, "") + text)

    def exists(self, path: str) -> bool:
        """A file is there; directories are not meant."""
        if path.startswith(PROC_SYS):
            return _key(path) in self._sysctl.keys()  # noqa: SIM118 - not a dict
        return path in self._texts or path == NULL

    def remove(self, path: str) -> None:
        self._texts.pop(path, None)

    def paths(self) -> list[str]:
        return sorted(self._texts)

    # --- directories

    def is_directory(self, path: str) -> bool:
        return path in self._directories or (path + "/").startswith(PROC_SYS)

    def make_directory(self, path: str) -> None:
        """With those above it."""
        while path not in self._directories and path.startswith("/"):
            self._directories.add(path)
            path = dirname(path)

    def remove_directory(self, path: str) -> None:
        """With all that is in it."""
        below = path.rstrip("/") + "/"
        self._directories = {each for each in self._directories if each != path and not each.startswith(below)}
        self._texts = {each: text for each, text in self._texts.items() if not each.startswith(below)}

    def names(self, directory: str) -> list[str]:
        """What is in a directory, sorted."""
        below = directory.rstrip("/") + "/"
        return sorted(
            {each[len(below) :].partition("/")[0] for each in [*self._texts, *self._directories] if each.startswith(below)} - {""}
        )

    def matching(self, pattern: str) -> list[str]:
        """The files and directories whose path matches, segment by segment (glob(7)); hidden ones only if the pattern says so."""
        wanted = pattern.split("/")
        found = []
        for path in sorted({*self._texts, *self._directories}):
            segments = path.split("/")
            if len(segments) == len(wanted) and all(map(_matches, segments, wanted)):
                found.append(path)
        return found


def absolute(directory: str, path: str) -> str:
    """`path` as seen from `directory`."""
    return normpath(join(directory, path)).replace("//", "/")


def _matches(name: str, pattern: str) -> bool:
    return fnmatchcase(name, pattern) and (not name.startswith(".") or pattern.startswith("."))


def _key(path: str) -> str:
    return path.removeprefix(PROC_SYS).replace("/", ".")
