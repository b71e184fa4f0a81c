"""`docker`: the text front of a host's Docker engine (docker/cli 20.10). One file a group of commands.

Refused by name: commands for what is not modelled (images, volumes, swarm, build …), and flags that touch the network and are not modelled.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from importlib import import_module

from emu.docker.errors import DockerError
from emu.errors import did_you_mean
from emu.process import Process, UsageError

COMMANDS = {
    "run": "run.run", "create": "run.create",
    "ps": "listing.ps", "inspect": "listing.inspect", "port": "listing.port", "logs": "listing.logs",
    "start": "lifecycle.start", "stop": "lifecycle.stop", "restart": "lifecycle.restart", "kill": "lifecycle.kill", "rm": "lifecycle.rm",
    "wait": "lifecycle.wait", "exec": "lifecycle.execute", "network": "network.network",
}  # fmt: skip
NOT_MODELLED = {
    "attach", "build", "builder", "buildx", "checkpoint", "commit", "compose", "config", "context", "cp", "diff", "events", "export",
    "history", "image", "images", "import", "info", "load", "login", "logout", "manifest", "node", "pause", "plugin", "pull", "push",
    "rename", "rmi", "save", "search", "secret", "service", "stack", "stats", "swarm", "system", "tag", "top", "trust", "unpause",
    "update", "version", "volume",
}  # fmt: skip
CONTAINER = {"ls": "ps", "list": "ps"} | {name: name for name in COMMANDS if name != "network"}
NO_DAEMON = "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?"

Run = Callable[[Process, list[str]], Awaitable[int]]


async def main(process: Process, argv: list[str]) -> int:
    words = argv[1:]
    if words[:1] == ["container"] and len(words) > 1 and words[1] in CONTAINER:
        words = [CONTAINER[words[1]], *words[2:]]
    name = words[0] if words else ""
    if name not in COMMANDS:
        return _unknown(process, name)
    if process.host is None or process.host.docker is None or process.place.container is not None:
        raise UsageError(NO_DAEMON if name != "run" else f"docker: {NO_DAEMON}\nSee 'docker run --help'.", 125 if name == "run" else 1)
    module, _, function = COMMANDS[name].partition(".")
    run: Run = getattr(import_module(f"{__name__}.{module}"), function)
    try:
        return await run(process, words[1:])
    except UsageError as wrong:
        if wrong.status:
            raise
        process.print(wrong)  # help that was asked for
        return 0
    except DockerError as error:
        raise UsageError(f"Error response from daemon: {error.message}", 1) from None


def _unknown(process: Process, name: str) -> int:
    if name in NOT_MODELLED or name == "container":
        raise UsageError(f"docker: '{name}' is not modelled{did_you_mean(name, COMMANDS)}", 1)
    if not name or name in ("--help", "help", "-h"):
        process.print(f"\nUsage:  docker [OPTIONS] COMMAND\n\nCommands: {' '.join(sorted(COMMANDS))}")
        return 0
    if name.startswith("-"):
        raise UsageError(f"unknown flag: {name}\nSee 'docker --help'.", 125)
    raise UsageError(f"docker: '{name}' is not a docker command.\nSee 'docker --help'", 1)
