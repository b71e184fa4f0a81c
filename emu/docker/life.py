"""The life of containers: start, end, restart, stop, kill, remove (moby daemon/{start,monitor,stop,kill,restart,delete,exec}.go).

Virtual time passes only where a person would notice: a stop's grace period, and the moment until the engine has heard of a container's
end. Not modelled: pausing, signals other than KILL and TERM, health checks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from emu.docker import links, place
from emu.docker.errors import DockerError
from emu.docker.model import IDLE, RESTARTING, Container, LogLine
from emu.docker.sandbox import open_sandbox
from emu.engine import MILLISECOND, SECOND, Future
from emu.pipe import Pipe
from emu.process import Main, Place, Process

if TYPE_CHECKING:
    from emu.docker.engine import DockerEngine

RESTART_NS, MINUTE_NS = 100 * MILLISECOND, 60 * SECOND  # before the first automatic restart, doubled each time; and the most
EXIT_NOTICE_NS = 20 * MILLISECOND  # from a container's end until the engine takes its network down
KILL, ENDING = 9, (2, 3, 15)  # signals
KILLED = 137

Output = Callable[[str], None]


class Life:
    def __init__(self, docker: DockerEngine) -> None:
        self.docker = docker
        self.engine = docker.engine

    def start(
        self, container: Container, on_output: Output | None = None, on_error: Output | None = None, stdin: Pipe | str | None = None
    ) -> None:
        """`docker start`; a running container stays as it is. Without `stdin` nobody is attached: what a terminal or `-i` keeps open
        stays open. Raises DockerError, and the container stays as it was.
        """
        if container.running:
            return
        container.stopped, container.restarts = False, 0
        self._start(container, on_output, on_error, stdin)

    def _start(self, container: Container, on_output: Output | None, on_error: Output | None, stdin: Pipe | str | None) -> None:
        try:
            container.sandbox = open_sandbox(self.docker, container)
            place.make(self.docker, container)
            self._join_networks(container)
            main = place.program(self.docker, container)
        except DockerError as error:
            container.error = error.message
            self._leave_networks(container)
            raise
        self._run(container, main, (on_output, on_error), stdin)

    def _join_networks(self, container: Container) -> None:
        """The default network first, the others in the order given (Docker's own order is undefined)."""
        wanted = sorted(container.networks.items(), key=lambda item: item[0] != "bridge")
        for name, config in wanted:
            network = self.docker.networks.attach(name)
            self.docker.networks.check(network, config)
            self.docker.networks.join(container, network, config)

    def _run(self, container: Container, main: Main, outputs: tuple[Output | None, Output | None], stdin: Pipe | str | None) -> None:
        assert container.place is not None
        assert container.sandbox is not None
        container.status, container.exit_code, container.error = "running", 0, ""
        container.started_ns, container.finished_ns = self.engine.now, 0
        container.ended = Future(self.engine)
        container.pid = self.docker.host.place.next_pid()
        self.docker.pids[container.pid] = container.sandbox.netns

        streams = [partial(self._printed, container, bool(is_error), listener) for is_error, listener in enumerate(outputs)]
        argv = list(container.command or IDLE)
        if stdin is None:
            stdin = Pipe(self.engine, ended=not (container.config.interactive or container.config.tty))
        process = Process(container.place, argv, dict(container.place.env), stdin, *streams)
        process.daemon = True
        container.process = process
        process.exited.on_done(lambda: self._exited(container, process))
        process.begin(main)

    def _printed(self, container: Container, is_error: bool, listener: Output | None, text: str) -> None:
        for line in text.splitlines(keepends=True):
            _log(container, LogLine(line, is_error, self.engine.now))
        if listener is not None:
            listener(text)

    # --- a container's end

    def _exited(self, container: Container, process: Process) -> None:
        """Process 1 has ended: the kernel kills the others, and soon the engine hears of it."""
        assert container.place is not None
        for other in list(container.place.processes.values()):
            other.kill(KILLED)
        self.engine.call_later(EXIT_NOTICE_NS, self._finish, container, process)

    def _finish(self, container: Container, process: Process) -> None:
        """Its network goes, its addresses and ports are free again."""
        container.status = "exited"
        container.finished_ns = self.engine.now
        container.exit_code = process.exit_status or 0
        self._leave_networks(container)
        self.docker.pids.pop(container.pid, None)
        container.pid = 0
        if container.config.auto_remove:
            self.docker.containers.pop(container.id, None)
        elif not container.stopped and _to_be_restarted(container):
            delay_ns = min(RESTART_NS << min(container.restarts, 16), MINUTE_NS)
            container.restarts += 1
            container.status = RESTARTING
            self.engine.call_later(delay_ns, self._start_again, container, background=True)
        assert container.ended is not None
        container.ended.set_result(container.exit_code)

    def _start_again(self, container: Container) -> None:
        """By its restart policy; what goes wrong is noted with the container."""
        if container.id in self.docker.containers and not container.stopped and not container.running:
            try:
                self._start(container, None, None, None)
            except DockerError:
                container.status = "exited"

    def _leave_networks(self, container: Container) -> None:
        for endpoint in list(container.endpoints.values()):
            self.docker.networks.leave(endpoint)
        sandbox, container.sandbox = container.sandbox, None
        shared = any(other.sandbox is sandbox for other in self.docker.containers.values())
        if sandbox is not None and sandbox.netns is not self.docker.netns and not shared:
            sandbox.close(self.docker)

    async def wait(self, container: Container) -> int:
        """`docker wait`: its exit status, once it has ended."""
        if container.running and container.ended is not None:
            return await container.ended
        return container.exit_code

    async def stop(self, container: Container, seconds: float | None = None) -> None:
        """SIGTERM, which process 1 hears only if it has a handler, and SIGKILL after a while."""
        if seconds is None:
            seconds = container.config.stop_timeout
        container.stopped = True
        if container.status == RESTARTING:
            container.status = "exited"
        if not container.running or container.process is None or container.ended is None:
            return
        if container.stop_status is not None:
            container.process.kill(container.stop_status)
        else:
            await self._wait_for(container.process.exited, seconds)
            container.process.kill(KILLED)
        await container.ended

    async def _wait_for(self, future: Future[int], seconds: float) -> None:
        either: Future[None] = Future(self.engine)
        future.on_done(lambda: either.set_result(None))
        timer = self.engine.call_later(round(seconds * SECOND), either.set_result, None)
        await either
        timer.cancel()

    async def kill(self, container: Container, signal: int = 9) -> None:
        """`docker kill`. INT and QUIT do what TERM does to process 1, other signals but KILL nothing. Raises DockerError."""
        if not container.running or container.process is None or container.ended is None:
            raise DockerError(409, f"Cannot kill container: {container.name}: Container {container.id} is not running")
        status = KILLED if signal == KILL else container.stop_status if signal in ENDING else None
        if status is not None:
            container.stopped = True
            container.process.kill(status)
            await container.ended

    async def restart(self, container: Container, seconds: float | None = None) -> None:
        await self.stop(container, seconds)
        self.start(container)

    async def remove(self, container: Container, *, force: bool = False) -> None:
        """Raises DockerError for a running container, unless forced."""
        if container.status == RESTARTING and not force:
            text = f"You cannot remove a restarting container {container.id}. Stop the container before attempting removal or force remove"
            raise DockerError(409, text)
        if container.running:
            if not force:
                text = f"You cannot remove a running container {container.id}. Stop the container before attempting removal or force remove"
                raise DockerError(409, text)
            await self.kill(container)
        self.docker.containers.pop(container.id, None)

    def check_exec(self, container: Container, argv: list[str]) -> Place:
        """Where another program of the container would run. Raises DockerError if it is not running, or has no such program."""
        if container.status == RESTARTING:
            raise DockerError(409, f"Container {container.id} is restarting, wait until the container is running")
        if not container.running or container.place is None:
            raise DockerError(409, f"Container {container.id} is not running")
        links.check(self.docker, container)
        if self.docker.host.find_program(container.place, argv[0]) is None:
            failed = f'exec: "{argv[0]}": {place.not_found(argv[0])}: unknown'
            raise DockerError(400, f"OCI runtime exec failed: exec failed: unable to start container process: {failed}")
        return container.place


def _log(container: Container, line: LogLine) -> None:
    last = container.log[-1] if container.log else None
    if last is not None and not last.text.endswith("\n") and last.is_error is line.is_error:
        container.log[-1] = replace(last, text=last.text + line.text)
    else:
        container.log.append(line)
    for watcher in list(container.on_log):
        watcher(line)


def _to_be_restarted(container: Container) -> bool:
    policy, _, most = container.config.restart.partition(":")
    if policy == "on-failure":
        return container.exit_code != 0 and (not most or container.restarts < int(most))
    return policy in ("always", "unless-stopped")
