"""nsenter(1) of util-linux 2.38: run a program in the namespaces of another process. -n is what matters here; -m takes the container's
files and programs, -u its name; -i -p -C -U -T change nothing that can be seen. Not modelled: -Z, -G, -S, -F, -r, -w, -e.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from emu.netns.namespace import Netns
from emu.process import Place, Process, UsageError
from emu.programs.libc import namespaces

LONG = {
    "target": "t", "net": "n", "mount": "m", "uts": "u", "ipc": "i", "pid": "p", "cgroup": "C", "user": "U", "time": "T", "all": "a",
    "version": "V", "preserve-credentials": "c",
}  # fmt: skip
KINDS = {"n": "net", "m": "mnt", "u": "uts", "i": "ipc", "p": "pid", "C": "cgroup", "U": "user", "T": "time"}


@dataclass
class _Asked:
    target: str = ""
    namespaces: dict[str, str] = field(default_factory=dict)  # letter -> file, or nothing for the target's
    command: list[str] = field(default_factory=list)
    version: bool = False


def _read(words: list[str]) -> _Asked:
    """The options, up to the command. A namespace's file is attached to its option: -n/run/netns/x, --net=/run/netns/x."""
    asked = _Asked()
    while words and words[0].startswith("-") and words[0] != "-":
        word = words.pop(0)
        if word == "--":
            break
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            letters = LONG.get(name, "")
            if not letters:
                raise UsageError(f"nsenter: '--{name}' is not modelled", 1)
            _take(asked, letters, value, words, attached=bool(equals))
            continue
        letters = word[1:]
        while letters:
            letter, letters = letters[0], letters[1:]
            if _take(asked, letter, letters, words, attached=bool(letters)):
                break
    asked.command = words
    return asked


def _take(asked: _Asked, letter: str, value: str, words: list[str], *, attached: bool) -> bool:
    """One option; True if it has used `value` up."""
    if letter == "t":
        if not attached and not words:
            raise UsageError("nsenter: option requires an argument -- 't'", 1)
        asked.target = value if attached else words.pop(0)
        if not asked.target.isdigit():
            raise UsageError(f"nsenter: failed to parse pid: '{asked.target}'", 1)
        return True
    if letter == "a":
        asked.namespaces |= dict.fromkeys(KINDS, "")
    elif letter == "V":
        asked.version = True
    elif letter in KINDS:
        path = value if value.startswith(("/", "=")) else ""
        asked.namespaces[letter] = path.removeprefix("=")
        return bool(path)
    elif letter != "c":
        raise UsageError(f"nsenter: '-{letter}' is not modelled", 1)
    return False


async def main(process: Process, argv: list[str]) -> int:
    asked = _read(argv[1:])
    if asked.version:
        process.print("nsenter from util-linux 2.38.1")
        return 0
    place = process.place
    netns = _netns(process, asked)
    container = _container(process, asked.target)
    if container is not None and "m" in asked.namespaces:
        place = container.place.privileged()
        netns = netns or process.netns
    if netns is not None:
        place = place.in_netns(netns)
    if container is not None and "u" in asked.namespaces:
        place.hostname = container.hostname
    return await _run(process, place, asked.command or ["/bin/sh"])


async def _run(process: Process, place: Place, command: list[str]) -> int:
    if place.find_program(place, command[0]) is None:
        raise UsageError(f"nsenter: failed to execute {command[0]}: No such file or directory", 127)
    return await process.run(command, place=place, env=process.env)


def _netns(process: Process, asked: _Asked) -> Netns | None:
    """The network namespace to enter. Raises UsageError for a namespace that is not there."""
    for letter, file in asked.namespaces.items():
        kind = KINDS[letter]
        if not asked.target and not file:
            raise UsageError(f"nsenter: neither filename nor target pid supplied for ns/{kind}", 1)
        path = file or f"/proc/{asked.target}/ns/{kind}"
        beside = path.rpartition("/")[0] + "/net" if path.startswith("/proc/") else path  # who has one namespace has the others
        if namespaces.by_path(process.place, beside) is None:
            raise UsageError(f"nsenter: cannot open {path}: No such file or directory", 1)
    if "n" not in asked.namespaces:
        return None
    return namespaces.by_path(process.place, asked.namespaces["n"] or f"/proc/{asked.target}/ns/net")


def _container(process: Process, pid: str) -> Any:
    """The container whose first process has this number, or None."""
    docker = process.host.docker if process.host is not None else None
    containers = docker.containers.values() if docker is not None and pid else ()
    return next((each for each in containers if each.pid == int(pid)), None)
