"""Programs' side of the system: where a program runs (`Place`), and the running program (`Process`).

This is the interface that built-in programs and those of a user's own are written against:

    async def main(process: Process, argv: list[str]) -> int:
        sock = process.udp_socket()
        sock.sendto(b"hello", ("10.0.0.2", 7))
        data, peer = await sock.recvfrom(timeout=2.0)
        process.print(data.decode())
        return 0

`argv[0]` is the program's name; `print()` in a program of a user's own prints to the process's standard output, as `process.print` does.
What sockets raise is what Python's raise: OSError with an errno, TimeoutError. Seconds are floats here, at the edge; nanoseconds
everywhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from copy import copy
from typing import TYPE_CHECKING, Any, TypeVar

from emu.engine import SECOND, Cancelled, Engine, Future, Task
from emu.errors import EmuError, bug_place, bug_text
from emu.files import Files, absolute
from emu.pipe import Pipe

if TYPE_CHECKING:
    from emu.netns.namespace import Netns
    from emu.netns.socket import RawSocket, UdpSocket
    from emu.netns.tcp import TcpListener, TcpSocket

S = TypeVar("S")

Main = Callable[["Process", list[str]], Coroutine[Any, Any, int]]
Sink = Callable[[str], None]  # where a program's output goes
SIGINT, SIGPIPE = 128 + 2, 128 + 13  # as exit statuses
BUG = 70  # EX_SOFTWARE


class Place:
    """Where a program runs: a host, or a container on one. `name` is what stands before `$` in a step: `docker1`, `docker1/web`."""

    def __init__(self, engine: Engine, name: str, netns: Netns, hostname: str, find_program: Callable[[Place, str], Main | None]) -> None:
        self.engine = engine
        self.name = name
        self.netns = netns
        self.hostname = hostname
        self.files = Files(netns)
        self.cwd = "/"  # where programs begin
        self.env: dict[str, str] = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
        self.processes: dict[int, Process] = {}
        self.files.processes = self.processes
        self.host: Any = None  # host.Host this place is on (or is)
        self.container: Any = None  # docker.model.Container; None on a host
        self.find_program = find_program  # installed by the lab: PROGRAMS and the topology's own
        self.net_admin = True  # CAP_NET_ADMIN: may programs here change interfaces, routes and rules?
        self._pids: list[int] = []  # given; the last one counts

    def start(
        self, argv: list[str], *, env: dict[str, str] | None = None, stdin: Pipe | str = "", on_output: Sink | None = None,
        on_error: Sink | None = None,
    ) -> Process:  # fmt: skip
        """Start a program, in the place's environment unless `env` is another; it runs from the engine's queue.

        An unknown one ends with status 127, as a shell's would.
        """
        process = Process(self, argv, dict(self.env if env is None else env), stdin, on_output, on_error)
        main = self.find_program(self, argv[0])
        process.begin(main)
        return process

    def next_pid(self) -> int:
        """A container's first process is number 1, a machine has run many; the next ones are some numbers on."""
        before = self._pids[-1] if self._pids else 0
        if self.container is not None and not before:
            self._pids.append(1)
        else:
            first, last = (5, 9) if self.container is not None else (10, 60) if before else (2_000, 30_000)
            self._pids[:] = [before + self.engine.stream(f"{self.name} pid {before}").randrange(first, last)]
        return self._pids[-1]

    def privileged(self) -> Place:
        """The same place for programs with all rights (`docker exec --privileged`)."""
        twin = copy(self)
        twin.net_admin = True
        return twin

    def in_netns(self, netns: Netns) -> Place:
        """The same files and programs in another namespace, with all rights there (`ip netns exec`, `nsenter -n`)."""
        twin = self.privileged()
        twin.netns, twin.files = netns, self.files.seen_from(netns)
        return twin


class Process:
    """A running program: its arguments, output, sockets and end."""

    def __init__(
        self, place: Place, argv: list[str], env: dict[str, str], stdin: Pipe | str, on_output: Sink | None, on_error: Sink | None = None
    ) -> None:
        """`on_output` is told what it prints, as a terminal is; with `on_error`, standard output only, and `on_error` the rest."""
        self.place = place
        self.engine = place.engine
        self.netns = place.netns
        self.host = place.host
        self.argv = argv
        self.env = env
        self.stdin = stdin if isinstance(stdin, Pipe) else Pipe(place.engine, stdin, ended=True)
        self.cwd = place.cwd
        self.pid = place.next_pid()
        self.stdout = ""
        self.stderr = ""
        self.output = ""  # both, in the order written, as on a terminal
        self.daemon = False  # a container's own program: nobody waits for it, so its sleep does not keep a lab from being quiet
        self.exit_status: int | None = None
        self.exited: Future[int] = Future(place.engine)
        self._on_output = on_output
        self._on_error = on_error if on_error is not None else on_output
        self._task: Task[int] | None = None
        self._sockets: list[Any] = []
        self._at_exit: list[Callable[[], None]] = []

    # --- output

    def print(self, *words: object, end: str = "\n") -> None:
        self.write(" ".join(map(str, words)) + end)

    def write(self, text: str) -> None:
        try:
            self.put(text)
        except BrokenPipeError:
            self._end_by_sigpipe()

    def error(self, text: str) -> None:
        """A line to standard error."""
        try:
            self.put_error(text + "\n")
        except BrokenPipeError:
            self._end_by_sigpipe()

    def put(self, text: str) -> None:
        """What a child of ours writes to our standard output. Raises BrokenPipeError: it is the child's to take."""
        self.stdout += text
        self.output += text
        if self._on_output is not None:
            self._on_output(text)

    def put_error(self, text: str) -> None:
        self.stderr += text
        self.output += text
        if self._on_error is not None:
            self._on_error(text)

    def _end_by_sigpipe(self) -> None:
        if self._task is not None and self._task.running:
            self.exit_status = SIGPIPE
            raise Cancelled
        self.kill(SIGPIPE)  # what writes is a callback of ours

    # --- files

    def path(self, name: str) -> str:
        """The absolute path of a file that is named from where we are."""
        return absolute(self.cwd, name)

    # --- time and other programs

    @property
    def now(self) -> float:
        """Seconds of virtual time."""
        return self.engine.now / SECOND

    def sleep(self, seconds: float) -> Future[None]:
        future: Future[None] = Future(self.engine)
        self.engine.call_later(round(seconds * SECOND), future.set_result, None, background=self.daemon)
        return future

    async def run(self, argv: list[str], *, place: Place | None = None, env: dict[str, str] | None = None, stdin: str | None = None) -> int:
        """Run another program with this one's input (or `stdin`) and output, and wait for its end."""
        text = self.stdin if stdin is None else stdin
        environment = env if env is not None or place is not None else self.env
        child = (place or self.place).start(argv, env=environment, stdin=text, on_output=self.put, on_error=self.put_error)
        child.daemon = self.daemon
        if place is None:
            child.cwd = self.cwd
        return await self.follow(child)

    async def follow(self, child: Process) -> int:
        """Wait for the end of a process, which ends with us; its output goes to our `put` and `put_error`."""
        self.at_exit(child.kill)
        return await child.exited

    # --- sockets: closed when the program ends, as the kernel does

    def udp_socket(self) -> UdpSocket:
        from emu.netns.socket import UdpSocket

        return self._keep(UdpSocket(self.netns))

    def raw_socket(self, protocol: int) -> RawSocket:
        from emu.netns.socket import RawSocket

        return self._keep(RawSocket(self.netns, protocol))

    async def tcp_connect(
        self, address: str, port: int, timeout: float | None = None, local_port: int = 0, *, polling: bool = False
    ) -> TcpSocket:
        """A connected socket. Raises ConnectionRefusedError, TimeoutError, OSError as connect(2) does."""
        return self._keep(await self.netns.tcp.connect((address, port), timeout=timeout, local_port=local_port, polling=polling))

    def tcp_listen(self, address: str, port: int, backlog: int = 128) -> TcpListener:
        """Raises OSError (EADDRINUSE)."""
        return self._keep(self.netns.tcp.listen((address, port), backlog))

    @property
    def sockets(self) -> list[Any]:
        """Those it has open, in the order of its file descriptors (`ss -p` shows whose a socket is)."""
        return self._sockets

    def _keep(self, sock: S) -> S:
        self._sockets.append(sock)
        return sock

    def keep(self, sock: Any) -> None:
        """Have a socket that was accepted closed at the end too."""
        self._sockets.append(sock)

    # --- life

    def at_exit(self, callback: Callable[[], None]) -> None:
        self._at_exit.append(callback)

    def begin(self, main: Main | None) -> None:
        self.place.processes[self.pid] = self
        self._task = self.engine.spawn(self._main(main), f"{self.place.name}$ {self.argv[0]}")

    async def _main(self, main: Main | None) -> int:
        status = 1
        try:
            if main is None:
                self.error(f"sh: {self.argv[0]}: not found")
                status = 127
            else:
                status = await main(self, self.argv)
        except Cancelled:
            status = self.exit_status if self.exit_status is not None else 143
        except UsageError as wrong:
            self.error(str(wrong))
            status = wrong.status
        except Exception as bug:  # noqa: BLE001 (what it is, is said or raised again there)
            status = self._ended_by(bug)
        finally:
            self._end(status)
        return status

    def _ended_by(self, bug: Exception) -> int:
        """A bug of emu's in a program ends that program, if somebody is told of it; an assertion below programs ends all: what followed it
        could not be believed.
        """
        on_bug, below = self.engine.on_bug, not bug_place(bug).startswith("emu.programs.")
        if on_bug is None or isinstance(bug, EmuError) or (below and isinstance(bug, AssertionError)):
            raise bug
        text = f"{self.argv[0]}: {bug_text(bug)}"
        on_bug(f"{self.place.name}$ {text}")
        self.put_error(text + "\n")
        return BUG

    def _end(self, status: int) -> None:
        self.exit_status = status
        for callback in reversed(self._at_exit):
            callback()
        for sock in self._sockets:
            sock.close()
        self.place.processes.pop(self.pid, None)
        self.exited.set_result(status)

    @property
    def interrupted(self) -> bool:
        """It is told to end by SIGINT; a program that catches `Cancelled` may then say its last words, without awaiting anything."""
        return self.exit_status == SIGINT

    def kill(self, status: int = 143) -> None:
        """End the program as a signal does; 128 + the signal's number is its status (15 TERM, 9 KILL, 2 INT)."""
        if self._task is not None and not self._task.done:
            self.exit_status = status
            self._task.cancel()
            if not self.exited.done:  # it had not begun to run
                self._end(status)


class UsageError(Exception):
    """A command line that is wrong, or asks for what is not modelled; printed to standard error, and the program ends with `status`."""

    def __init__(self, text: str, status: int = 1) -> None:
        super().__init__(text)
        self.status = status
