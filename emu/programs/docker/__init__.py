"""`docker`: the text front of a host's Docker engine (docker/cli 20.10). One file a group of commands.

Each file has its commands by name in COMMANDS: flags and help, and the function that does it. Refused by name: commands for what is not
modelled (volumes, services, building, registries, what programs use of the processor …).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from importlib import import_module

from emu.docker.errors import DockerError
from emu.process import Process, UsageError
from emu.programs.docker.groups import GLOBAL_FLAGS, GROUPS, TOP, group_help
from emu.programs.docker.options import Command, Options, parse, usage

FILES = {
    "run": "run", "create": "run", "ps": "listing", "port": "inspection", "inspect": "inspection", "logs": "execution",
    "exec": "execution", "attach": "execution", "top": "execution", "start": "lifecycle", "stop": "lifecycle", "restart": "lifecycle",
    "kill": "lifecycle", "rm": "lifecycle", "wait": "lifecycle", "rename": "lifecycle", "images": "images", "rmi": "images",
    "tag": "images", "pull": "images", "info": "system", "version": "system",
    "container inspect": "inspection", "container prune": "lifecycle", "image inspect": "inspection", "image prune": "images",
    "network ls": "network", "network inspect": "inspection", "network create": "network_create", "network rm": "network",
    "network connect": "network", "network disconnect": "network", "network prune": "network", "system prune": "system",
    "swarm init": "swarm", "swarm join": "swarm", "swarm join-token": "swarm", "swarm leave": "swarm",
    "node ls": "node", "node inspect": "node", "node update": "node", "node promote": "node", "node demote": "node", "node rm": "node",
}  # fmt: skip
ALIASES = {
    "container ls": "ps", "container list": "ps", "container ps": "ps", "image ls": "images", "image list": "images", "image rm": "rmi",
    "image remove": "rmi", "image pull": "pull", "image tag": "tag", "network list": "network ls", "network remove": "network rm",
    "system info": "info", "node list": "node ls", "node remove": "node rm",
}  # fmt: skip
SHOWN = {"container list": "container ls", "container ps": "container ls", "image list": "image ls", "image remove": "image rm"}
VERSION = "Docker version 20.10.24+dfsg1, build 297e128"
NO_DAEMON = "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?"

Run = Callable[[Process, Options], Awaitable[int]]


async def main(process: Process, argv: list[str]) -> int:
    try:
        words = _past_global_flags(process, argv[1:])
        if not words:
            return 0
        if len(words) == 1 and words[0] in GROUPS:
            process.error(group_help(words[0]))
            return 0
        name, rest = _name(words)
        command, run = _find(name)
        options = parse(replace(command, path=f"docker {SHOWN.get(name, name)}"), rest)
        _check_daemon(process, name)
        return await run(process, options)
    except UsageError as wrong:
        if wrong.status:
            raise
        process.print(wrong)  # help that was asked for
        return 0
    except DockerError as error:
        raise UsageError(f"Error response from daemon: {error.message}", 1) from None


def _past_global_flags(process: Process, words: list[str]) -> list[str]:
    """What follows `docker -D`; nothing if that was all."""
    while words and words[0].startswith("-"):
        name, equals, _ = words[0].partition("=")
        if name in ("-v", "--version"):
            process.print(VERSION)
            return []
        if name == "--help":
            process.print(TOP)
            return []
        if name not in GLOBAL_FLAGS:
            what = f"unknown flag: {name}" if name.startswith("--") else f"unknown shorthand flag: '{name[1]}' in {name}"
            raise UsageError(f"{what}\nSee 'docker --help'.\n{TOP}\n", 125)
        if not GLOBAL_FLAGS[name]:
            raise UsageError(f"docker: '{name}' is not modelled", 125)
        words = words[1:] if equals or name in ("-D", "--debug") else words[2:]
    if not words:
        process.error(TOP)
    elif words[0] == "help":
        process.print(_help(words[1:]))
        return []
    return words


def _name(words: list[str]) -> tuple[str, list[str]]:
    """The command's name, of one or two words, and what is given to it."""
    first, rest = words[0], words[1:]
    if first not in GROUPS:
        return first, rest
    if rest and not rest[0].startswith("-"):
        return f"{first} {rest[0]}", rest[1:]
    if rest and rest[0] != "--help":
        what = f"unknown flag: {rest[0]}" if rest[0].startswith("--") else f"unknown shorthand flag: '{rest[0][1:2]}' in {rest[0]}"
        raise UsageError(f"{what}\nSee 'docker {first} --help'.\n{group_help(first)}\n", 125)
    raise UsageError(group_help(first), 0)


def _find(name: str) -> tuple[Command, Run]:
    """Raises UsageError for what there is not, or is not modelled."""
    group, _, word = name.rpartition(" ")
    key = ALIASES.get(name, name)
    if key not in FILES and group == "container" and word in GROUPS["container"]:
        key = word  # `docker container stop` is `docker stop`
    if key in FILES:
        command, run = import_module(f"{__name__}.{FILES[key]}").COMMANDS[key]
        return command, run
    if word in GROUPS[group] or not GROUPS[group]:
        raise UsageError(f"{f'docker {group}'.strip()}: '{word}' is not modelled", 1)
    if group:
        raise UsageError(group_help(group), 1)
    raise UsageError(f"docker: '{name}' is not a docker command.\nSee 'docker --help'", 1)


def _help(words: list[str]) -> str:
    if not words:
        return TOP
    if words[0] not in GROUPS and words[0] not in GROUPS[""]:
        raise UsageError(f"unknown help topic: {' '.join(words)}", 1)
    name, _ = _name(words)
    return usage(replace(_find(name)[0], path=f"docker {name}"), whole=True)


def _check_daemon(process: Process, name: str) -> None:
    if process.host is None or process.host.docker is None or process.place.container is not None:
        if name == "run":
            raise UsageError(f"docker: {NO_DAEMON}.\nSee 'docker run --help'.", 125)
        raise UsageError(NO_DAEMON, 1)
