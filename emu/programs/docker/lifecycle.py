"""`docker start stop restart kill rm wait rename` and `docker container prune`: each name given, then what went wrong with any."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu.docker.errors import DockerError
from emu.process import Process, UsageError
from emu.programs.docker.engine import confirmed, engine_of
from emu.programs.docker.options import Command, Options

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from emu.docker.engine import DockerEngine
    from emu.docker.model import Container

MANY = "CONTAINER [CONTAINER...]"
START = Command("docker start", f"[OPTIONS] {MANY}", "Start one or more stopped containers", 1, flags="""
-a, --attach  Attach STDOUT/STDERR and forward signals
--detach-keys string  Override the key sequence for detaching a container
-i, --interactive  Attach container's STDIN""")  # fmt: skip
STOP = Command("docker stop", f"[OPTIONS] {MANY}", "Stop one or more running containers", 1, flags="""
-t, --time int  Seconds to wait for stop before killing it (default 10)""")  # fmt: skip
RESTART = Command("docker restart", f"[OPTIONS] {MANY}", "Restart one or more containers", 1, flags="""
-t, --time int  Seconds to wait for stop before killing the container (default 10)""")  # fmt: skip
KILL = Command("docker kill", f"[OPTIONS] {MANY}", "Kill one or more running containers", 1, flags="""
-s, --signal string  Signal to send to the container (default "KILL")""")  # fmt: skip
RM = Command("docker rm", f"[OPTIONS] {MANY}", "Remove one or more containers", 1, flags="""
-f, --force  Force the removal of a running container (uses SIGKILL)
-l, --link  Remove the specified link
-v, --volumes  Remove anonymous volumes associated with the container""", refused=("link",))  # fmt: skip
WAIT = Command("docker wait", MANY, "Block until one or more containers stop, then print their exit codes", 1)
RENAME = Command("docker rename", "CONTAINER NEW_NAME", "Rename a container", 2, 2)
PRUNE = Command("docker container prune", "[OPTIONS]", "Remove all stopped containers", 0, 0, flags="""
--filter filter  Provide filter values (e.g. 'until=<timestamp>')
-f, --force  Do not prompt for confirmation""", refused=("filter",))  # fmt: skip
SIGNALS = {
    "HUP": 1, "INT": 2, "QUIT": 3, "ILL": 4, "TRAP": 5, "ABRT": 6, "BUS": 7, "FPE": 8, "KILL": 9, "USR1": 10, "SEGV": 11, "USR2": 12,
    "PIPE": 13, "ALRM": 14, "TERM": 15, "CHLD": 17, "CONT": 18, "STOP": 19, "TSTP": 20, "WINCH": 28,
}  # fmt: skip
DAEMON = "Error response from daemon: "


async def start(process: Process, options: Options) -> int:
    docker = engine_of(process)
    if not options.on("attach") and not options.on("interactive"):
        status = await _each(process, options, _start)
        failed = [name for name in options.arguments if not _is_running(docker, name)] if status else []
        if failed:
            process.error(f"Error: failed to start containers: {', '.join(failed)}")
        return status
    if len(options.arguments) > 1:
        raise UsageError("you cannot start and attach multiple containers at once")
    container = docker.find(options.arguments[0])
    docker.life.start(container, process.put, process.put_error, process.stdin if options.on("interactive") else "")
    assert container.process is not None
    await process.follow(container.process)
    return await docker.life.wait(container)


async def _start(docker: DockerEngine, container: Container) -> None:
    docker.life.start(container)


def _is_running(docker: DockerEngine, name: str) -> bool:
    try:
        return docker.find(name).running
    except DockerError:
        return False


async def stop(process: Process, options: Options) -> int:
    seconds = options.number("time", 0) if options.given("time") else None
    return await _each(process, options, lambda docker, container: docker.life.stop(container, seconds))


async def restart(process: Process, options: Options) -> int:
    seconds = options.number("time", 0) if options.given("time") else None
    return await _each(process, options, lambda docker, container: docker.life.restart(container, seconds))


async def kill(process: Process, options: Options) -> int:
    text = options.text("signal", "KILL")
    name = text.upper().removeprefix("SIG")
    number = int(name) if name.isdigit() else SIGNALS.get(name, 0)
    if not number:
        raise UsageError(f"{DAEMON}Invalid signal: {text}")

    async def work(docker: DockerEngine, container: Container) -> None:
        if number > 64:
            raise DockerError(400, f"Cannot kill container: {container.name}: The linux daemon does not support signal {number}")
        await docker.life.kill(container, number)

    return await _each(process, options, work, unknown="Cannot kill container: {name}: ")


async def rm(process: Process, options: Options) -> int:
    """A container that is not there is an error, but no failure with -f."""
    force = options.on("force")
    status = await _each(process, options, lambda docker, container: docker.life.remove(container, force=force), daemon=False)
    return 0 if force and all(line.startswith("Error: No such container") for line in process.stderr.splitlines()) else status


async def wait(process: Process, options: Options) -> int:
    async def work(docker: DockerEngine, container: Container) -> None:
        process.print(await docker.life.wait(container))

    return await _each(process, options, work, quiet=True)


async def _each(
    process: Process, options: Options, work: Callable[[DockerEngine, Container], Awaitable[None]],
    *, unknown: str = "", daemon: bool = True, quiet: bool = False,
) -> int:  # fmt: skip
    """The name of each that it worked for, then errors; status 1 if there were any."""
    docker, errors = engine_of(process), []
    for name in options.arguments:
        try:
            container = docker.find(name)
        except DockerError as error:
            errors.append(f"{DAEMON if daemon else 'Error: '}{unknown.format(name=name)}{error.message}")
            continue
        try:
            await work(docker, container)
        except DockerError as error:
            errors.append(DAEMON + error.message)
        else:
            if not quiet:
                process.print(name)
    for text in errors:
        process.error(text)
    return 1 if errors else 0


async def rename(process: Process, options: Options) -> int:
    old, new = options.arguments
    docker = engine_of(process)
    if not old or not new:
        raise UsageError("Error: Neither old nor new names may be empty")
    try:
        docker.rename(docker.find(old), new)
    except DockerError as error:
        raise UsageError(f"{DAEMON}{error.message}\nError: failed to rename container named {old}") from None
    return 0


async def prune(process: Process, options: Options) -> int:
    if not options.on("force") and not await confirmed(process, "This will remove all stopped containers."):
        return 0
    gone = await prune_containers(engine_of(process))
    process.write("".join(["Deleted Containers:\n", *(f"{identity}\n" for identity in gone), "\n"]) if gone else "")
    process.print("Total reclaimed space: 0B")
    return 0


async def prune_containers(docker: DockerEngine) -> list[str]:
    """The ids of those that have gone."""
    ended = [container for container in docker.containers.values() if container.status in ("created", "exited")]
    for container in ended:
        await docker.life.remove(container)
    return [container.id for container in ended]


COMMANDS = {
    "start": (START, start), "stop": (STOP, stop), "restart": (RESTART, restart), "kill": (KILL, kill), "rm": (RM, rm),
    "wait": (WAIT, wait), "rename": (RENAME, rename), "container prune": (PRUNE, prune),
}  # fmt: skip
