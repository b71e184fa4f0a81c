"""The files of a host or container, as far as programs need them: text by absolute path, directories, /proc/sys, /proc/PID/environ
and /sys/class/net.

Not modelled: owners, modes, times, links to directories (but /var/run, which is /run), devices but /dev/null. Writing a file makes the
directories it needs.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Mapping
from copy import copy
from fnmatch import fnmatchcase
from posixpath import dirname, join, normpath
from typing import TYPE_CHECKING

from emu.netns import sysfs

if TYPE_CHECKING:
    from emu.netns.namespace import Netns
    from emu.process import Process

PROC_SYS = "/proc/sys/"
SYS = "/sys/class"
ENVIRON = re.compile(r"/proc/(\d{1,9})/environ")
NULL = "/dev/null"
# Directories that are always there.
DIRECTORIES = frozenset(
    {
        "/",
        "/proc/sys",
        SYS,
        *(f"/{name}" for name in ("bin", "dev", "etc", "home", "opt", "proc", "root", "run", "sbin", "srv", "sys", "tmp", "usr", "var")),
    }
)


class Files:
    """A small file system: text by absolute path, for what programs read (`/etc/hosts`, a web root) and write; and the kernel's."""

    def __init__(self, netns: Netns) -> None:
        self._netns = netns
        self._sysctl = netns.sysctl
        self._texts: dict[str, str] = {}
        self._made: set[str] = set()  # directories beyond those that are always there
        self.links: dict[str, str] = {}  # where symbolic links lead
        self.proc_sys_read_only = False  # as in containers that are not privileged
        self.processes: Mapping[int, Process] = {}  # those of /proc

    def seen_from(self, netns: Netns) -> Files:
        """The same files for a program in another network namespace: its /proc/sys and /sys are that one's."""
        twin = copy(self)
        twin._netns, twin._sysctl, twin.proc_sys_read_only = netns, netns.sysctl, False
        return twin

    def read(self, path: str) -> str:
        """Raises FileNotFoundError, OSError (EINVAL)."""
        path = self.links.get(path, path)
        if path == NULL:
            return ""
        if not self.exists(path):
            raise FileNotFoundError(path)
        if path.startswith(SYS):
            return sysfs.read(self._netns, path)
        process = self._process(path)
        if process is not None:
            return "".join(f"{name}={value}\0" for name, value in process.env.items())
        return self._sysctl.get(_key(path)) + "\n" if path.startswith(PROC_SYS) else self._texts[path]

    def write(self, path: str, text: str) -> None:
        """Raises FileNotFoundError for a file of /proc/sys that is not there, ValueError for what it does not take, OSError (EROFS)."""
        if path.startswith(PROC_SYS):
            if not self.exists(path):
                raise FileNotFoundError(path)
            if self.proc_sys_read_only:
                raise OSError(errno.EROFS, os.strerror(errno.EROFS), path)
            self._sysctl.set(_key(path), text)
        elif path.startswith(SYS):
            raise OSError(errno.EACCES, os.strerror(errno.EACCES), path)
        elif path != NULL:
            path = self.links.get(path, path)
            self._texts[path] = text
            self.make_directory(dirname(path))

    def append(self, path: str, text: str) -> None:
        """Raises what `write` does."""
        self.write(path, self._texts.get(path, "") + text)

    def exists(self, path: str) -> bool:
        """A file is there; directories are not meant."""
        if path.startswith(PROC_SYS):
            return _key(path) in self._sysctl.keys()  # noqa: SIM118 - not a dict
        path = self.links.get(path, path)
        if path.startswith(SYS):
            return sysfs.exists(self._netns, path)
        return path in self._texts or path == NULL or self._process(path) is not None

    def _process(self, path: str) -> Process | None:
        """Whose environment a path is."""
        found = ENVIRON.fullmatch(path)
        return self.processes.get(int(found[1])) if found is not None else None

    def remove(self, path: str) -> None:
        if self.links.pop(path, None) is None:
            self._texts.pop(path, None)

    def link(self, target: str, path: str) -> None:
        """`ln -s TARGET PATH`. Raises FileExistsError, FileNotFoundError for a directory that is not there."""
        if path in self.links or path in self._texts or self.is_directory(path):
            raise FileExistsError(path)
        if not self.is_directory(dirname(path)):
            raise FileNotFoundError(path)
        self.links[path] = target

    def paths(self) -> list[str]:
        return sorted([*self._texts, *self.links])

    # --- directories

    def is_directory(self, path: str) -> bool:
        if path.startswith(SYS):
            return sysfs.names(self._netns, path) is not None
        if not path.startswith(PROC_SYS):
            return path in DIRECTORIES or path in self._made or path + "/" == PROC_SYS
        return any(key.startswith(_key(path) + ".") for key in self._sysctl.keys())  # noqa: SIM118 - not a dict

    def make_directory(self, path: str) -> None:
        """With those above it."""
        while path not in DIRECTORIES and path not in self._made and path.startswith("/"):
            self._made.add(path)
            path = dirname(path)

    def remove_directory(self, path: str) -> None:
        """With all that is in it."""
        below = path.rstrip("/") + "/"
        for entries in (self._texts, self.links):
            for each in [each for each in entries if each.startswith(below)]:
                del entries[each]
        self._made -= {each for each in self._made if each == path or each.startswith(below)}

    def names(self, directory: str) -> list[str]:
        """What is in a directory, sorted."""
        below = directory.rstrip("/") + "/"
        if below.startswith(SYS + "/"):
            return sysfs.names(self._netns, directory) or []
        if below.startswith(PROC_SYS):
            paths = [PROC_SYS + key.translate(str.maketrans("/.", "./")) for key in self._sysctl.keys()]  # noqa: SIM118 - not a dict
            return sorted({each[len(below) :].partition("/")[0] for each in paths if each.startswith(below)})
        return sorted(
            {each[len(below) :].partition("/")[0] for each in [*self.paths(), *DIRECTORIES, *self._made] if each.startswith(below)} - {""}
        )

    def matching(self, pattern: str) -> list[str]:
        """The files and directories whose path matches, segment by segment (glob(7)); hidden ones only if the pattern says so."""
        found = [""]
        for wanted in pattern.split("/")[1:]:
            found = [f"{directory}/{name}" for directory in found for name in self.names(directory) if _matches(name, wanted)]
        return found


def absolute(directory: str, path: str) -> str:
    """`path` as seen from `directory`; /var/run is a link to /run."""
    whole = normpath(join(directory, path)).replace("//", "/")
    return whole.removeprefix("/var") if (whole + "/").startswith("/var/run/") else whole


def _matches(name: str, pattern: str) -> bool:
    return fnmatchcase(name, pattern) and (not name.startswith(".") or pattern.startswith("."))


def _key(path: str) -> str:
    return path.removeprefix(PROC_SYS).translate(str.maketrans("/.", "./"))
