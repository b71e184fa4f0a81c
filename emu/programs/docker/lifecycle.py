"""`docker start stop restart kill rm wait exec`: for each name given, then what went wrong with any."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu.docker.errors import DockerError
from emu.docker.life import STOP_GRACE
from emu.process import Process, UsageError
from emu.programs.docker.options import Command, Options, parse

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from emu.docker.engine import DockerEngine
    from emu.docker.model import Container

MANY = "CONTAINER [CONTAINER...]"
START = Command("docker start", f"[OPTIONS] {MANY}", "Start one or more stopped containers", 1, switches=("attach/a", "interactive/i"))
STOP = Command("docker stop", f"[OPTIONS] {MANY}", "Stop one or more running containers", 1, texts=("time/t",))
RESTART = Command("docker restart", f"[OPTIONS] {MANY}", "Restart one or more containers", 1, texts=("time/t",))
KILL = Command("docker kill", f"[OPTIONS] {MANY}", "Kill one or more running containers", 1, texts=("signal/s",))
RM = Command("docker rm", f"[OPTIONS] {MANY}", "Remove one or more containers", 1, switches=("force/f", "volumes/v"), refused=("link",))
WAIT = Command("docker wait", MANY, "Block until one or more containers stop, then print their exit codes", 1)
EXEC = Command(
    "docker exec", "[OPTIONS] CONTAINER COMMAND [ARG...]", "Run a command in a running container", 2,
    switches=("interactive/i", "tty/t", "detach/d", "privileged"), lists=("env/e",),
    ignored_texts=("user/u", "workdir/w", "detach-keys"), refused=("env-file",), stops=True,
)  # fmt: skip
SIGNALS = {"HUP": 1, "INT": 2, "QUIT": 3, "KILL": 9, "USR1": 10, "USR2": 12, "TERM": 15}
NOT_INVOKED = 126


async def start(process: Process, words: list[str]) -> int:
    options = parse(START, words)
    docker = engine_of(process)
    if not options.on("attach"):
        return await _each(process, docker, options, "start", _start)
    container = docker.find(options.arguments[0])
    stdin = process.stdin if options.on("interactive") else ""
    docker.life.start(container, on_output=process.put, on_error=process.put_error, stdin=stdin)
    assert container.process is not None
    await process.follow(container.process)
    return await docker.life.wait(container)


async def _start(docker: DockerEngine, container: Container) -> None:
    docker.life.start(container)


async def stop(process: Process, words: list[str]) -> int:
    options = parse(STOP, words)
    seconds = _seconds(options, STOP)
    return await _each(process, engine_of(process), options, "", lambda docker, container: docker.life.stop(container, seconds))


async def restart(process: Process, words: list[str]) -> int:
    options = parse(RESTART, words)
    seconds = _seconds(options, RESTART)
    return await _each(process, engine_of(process), options, "", lambda docker, container: docker.life.restart(container, seconds))


async def kill(process: Process, words: list[str]) -> int:
    options = parse(KILL, words)
    name = options.text("signal", "KILL").upper().removeprefix("SIG")
    signal = int(name) if name.isdigit() else SIGNALS.get(name)
    if signal is None or not 0 < signal < 65:
        raise UsageError(f"Error response from daemon: Invalid signal: {options.text('signal')}")
    return await _each(process, engine_of(process), options, "", lambda docker, container: docker.life.kill(container, signal))


async def rm(process: Process, words: list[str]) -> int:
    options = parse(RM, words)
    force = options.on("force")
    return await _each(process, engine_of(process), options, "", lambda docker, container: docker.life.remove(container, force=force))


async def wait(process: Process, words: list[str]) -> int:
    options = parse(WAIT, words)
    docker = engine_of(process)
    for name in options.arguments:
        process.print(await docker.life.wait(docker.find(name)))
    return 0


async def _each(
    process: Process, docker: DockerEngine, options: Options, verb: str, work: Callable[[DockerEngine, Container], Awaitable[None]]
) -> int:
    """The name of each that it worked for; errors as they come, status 1 then."""
    failed = []
    for name in options.arguments:
        try:
            await work(docker, docker.find(name))
        except DockerError as error:
            process.error(f"Error response from daemon: {error.message}" if not _unknown(error) else f"Error: {error.message}")
            failed.append(name)
        else:
            process.print(name)
    if failed and verb:
        process.error(f"Error: failed to {verb} containers: {', '.join(failed)}")
    return 1 if failed else 0


def _unknown(error: DockerError) -> bool:
    return error.message.startswith("No such container")


def _seconds(options: Options, command: Command) -> float:
    text = options.text("time", str(int(STOP_GRACE)))
    if not text.isdigit():
        reason = f'strconv.ParseInt: parsing "{text}": invalid syntax'
        raise UsageError(f'invalid argument "{text}" for "-t, --time" flag: {reason}\nSee \'{command.path} --help\'.', 125)
    return float(text)


async def execute(process: Process, words: list[str]) -> int:
    """The program's output and status; a program that is not there gives 126."""
    options = parse(EXEC, words)
    docker = engine_of(process)
    name, *argv = options.arguments
    try:
        container = docker.find(name)
    except DockerError as error:
        raise UsageError(f"Error: {error.message}") from None
    added = dict(entry.partition("=")[::2] for entry in options.all("env"))
    try:
        place = docker.life.check_exec(container, argv)
    except DockerError as error:
        if error.status == 409:
            raise
        process.print(error.message)
        return NOT_INVOKED
    if options.on("privileged"):
        place = place.privileged()
    env = {**place.env, **added}
    if options.on("detach"):
        place.start(argv, env=env)
        return 0
    return await process.run(argv, place=place, env=env, stdin=None if options.on("interactive") else "")


def engine_of(process: Process) -> DockerEngine:
    """The host's engine; the program has looked that there is one."""
    docker: DockerEngine = process.host.docker
    return docker
