"""`docker exec attach top logs`: what runs in a container, and what it has printed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu.docker.dates import date
from emu.docker.errors import DockerError
from emu.engine import SECOND
from emu.process import Process, UsageError
from emu.programs.docker.engine import engine_of
from emu.programs.docker.options import Command, Options
from emu.programs.docker.run import environment

if TYPE_CHECKING:
    from collections.abc import Callable

    from emu.docker.model import Container, LogLine

EXEC = Command("docker exec", "[OPTIONS] CONTAINER COMMAND [ARG...]", "Run a command in a running container", 2, flags="""
-d, --detach  Detached mode: run command in the background
--detach-keys string  Override the key sequence for detaching a container
-e, --env list  Set environment variables
--env-file list  Read in a file of environment variables
-i, --interactive  Keep STDIN open even if not attached
--privileged  Give extended privileges to the command
-t, --tty  Allocate a pseudo-TTY
-u, --user string  Username or UID (format: <name|uid>[:<group|gid>])
-w, --workdir string  Working directory inside the container""", stops=True)  # fmt: skip
ATTACH = Command(
    "docker attach", "[OPTIONS] CONTAINER", "Attach local standard input, output, and error streams to a running container", 1, 1, flags="""
--detach-keys string  Override the key sequence for detaching a container
--no-stdin  Do not attach STDIN
--sig-proxy  Proxy all received signals to the process (default true)""")  # fmt: skip
TOP = Command("docker top", "CONTAINER [ps OPTIONS]", "Display the running processes of a container", 1, stops=True)
LOGS = Command("docker logs", "[OPTIONS] CONTAINER", "Fetch the logs of a container", 1, 1, flags="""
--details  Show extra details provided to logs
-f, --follow  Follow log output
--since string  Show logs since timestamp (e.g. 2013-01-02T13:23:37Z) or relative (e.g. 42m for 42 minutes)
-n, --tail string  Number of lines to show from the end of the logs (default "all")
-t, --timestamps  Show timestamps
--until string  Show logs before a timestamp (e.g. 2013-01-02T13:23:37Z) or relative (e.g. 42m for 42 minutes)""",
refused=("since", "until"))  # fmt: skip
TOP_COLUMNS = ("UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD")
TOP_WIDTH = 20
NOT_INVOKED = 126


async def execute(process: Process, options: Options) -> int:
    """The program's output and status; a program that is not there gives 126."""
    life = engine_of(process).life
    name, *argv = options.arguments
    container = _find(process, name)
    try:
        added = dict(entry.partition("=")[::2] for entry in environment(process, options))
    except ValueError as wrong:
        raise UsageError(str(wrong)) from None
    try:
        place = life.check_exec(container, argv)
    except DockerError as error:
        if error.status == 409:
            raise
        process.print(error.message)
        return NOT_INVOKED
    if options.on("privileged"):
        place = place.privileged()
    env = {**place.env, **added}
    if options.on("detach"):
        place.start(argv, env=env).cwd = options.text("workdir", place.cwd)
        return 0
    stdin = process.stdin if options.on("interactive") else ""
    child = place.start(argv, env=env, stdin=stdin, on_output=process.put, on_error=process.put_error)
    child.cwd, child.daemon = options.text("workdir", place.cwd), process.daemon
    return await process.follow(child)


def _find(process: Process, name: str) -> Container:
    try:
        return engine_of(process).find(name)
    except DockerError as error:
        raise UsageError(f"Error: {error.message}") from None


async def attach(process: Process, options: Options) -> int:
    """Until the container ends: its output to ours, and our input to it if its own was kept open."""
    container = _find(process, options.arguments[0])
    if not container.running or container.process is None:
        raise UsageError("You cannot attach to a stopped container, start it first")
    _listen(process, container, lambda line: _show(process, line, stamped=False))
    if container.config.interactive and not options.on("no-stdin"):
        task = process.engine.spawn(_pass_on(process, container), f"{process.place.name}$ docker attach")
        process.at_exit(task.cancel)
    return await engine_of(process).life.wait(container)


async def _pass_on(process: Process, container: Container) -> None:
    assert container.process is not None
    while text := await process.stdin.read_some():
        container.process.stdin.write(text)


async def top(process: Process, options: Options) -> int:
    name, *other = options.arguments
    if other:
        raise UsageError(f"docker top: ps options ({' '.join(other)}) are not modelled")
    container = engine_of(process).find(name)
    if not container.running or container.place is None:
        raise DockerError(409, f"Container {container.id} is not running")
    process.print("".join(heading.ljust(TOP_WIDTH) for heading in TOP_COLUMNS[:-1]) + TOP_COLUMNS[-1])
    clock = date(container.started_ns)[11:16]
    for pid, program in sorted(container.place.processes.items()):
        cells = ("root", str(container.pid + pid - 1), str(container.pid - 1), "0", clock, "?", "00:00:00")
        process.print("".join(cell.ljust(TOP_WIDTH) for cell in cells) + " ".join(program.argv))
    return 0


async def logs(process: Process, options: Options) -> int:
    """Standard output and error to ours; `-f` until the container ends."""
    container = _find(process, options.arguments[0])
    tail = options.text("tail", "all")
    lines = container.log[max(0, len(container.log) - int(tail)) :] if tail.isdigit() else container.log
    for line in list(lines):
        _show(process, line, stamped=options.on("timestamps"))
    if options.on("follow") and container.running:
        _listen(process, container, lambda line: _show(process, line, stamped=options.on("timestamps")))
        await engine_of(process).life.wait(container)
    return 0


def _listen(process: Process, container: Container, show: Callable[[LogLine], None]) -> None:
    container.on_log.append(show)
    process.at_exit(lambda: container.on_log.remove(show))


def _show(process: Process, line: LogLine, *, stamped: bool) -> None:
    whole, fraction = divmod(line.time_ns, SECOND)
    text = f"{date(whole * SECOND).removesuffix('Z')}.{fraction:09d}Z {line.text}" if stamped else line.text
    (process.put_error if line.is_error else process.put)(text)


COMMANDS = {"exec": (EXEC, execute), "attach": (ATTACH, attach), "top": (TOP, top), "logs": (LOGS, logs)}
