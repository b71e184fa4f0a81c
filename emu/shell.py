"""`emu exec` and `emu shell`: one command, or a prompt, in a lab that is brought up for it.

Virtual time runs as fast as it can while a program runs, and stands while a line is awaited; between two lines a moment of it passes
(a second at a terminal, else what passes between two steps). Captures are written at the end, if a folder is named.

Not modelled: the terminal's own line discipline in programs; Ctrl-Z.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from emu.engine import SECOND, Future
from emu.errors import EmuError
from emu.lab import STEP_PAUSE_NS, Lab
from emu.observe.recorder import Recorder
from emu.observe.run_folder import RunFolder
from emu.pipe import Pipe, Terminal
from emu.process import Place, Process
from emu.programs import shell
from emu.topology.spec import Topology

SWITCH = "@"  # before a place's name: go there


class Keyboard:
    """Where lines come from: here standard input that is no terminal. `line` raises EOFError at the end, KeyboardInterrupt for Ctrl-C."""

    person = False  # sits there

    def __init__(self) -> None:
        self.names: Callable[[], Iterable[str]] = tuple  # that can be completed

    def line(self, prompt: str) -> str:
        text = sys.stdin.readline()
        if not text:
            raise EOFError
        return text

    def show(self, text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()

    def complain(self, text: str) -> None:
        sys.stderr.write(text)
        sys.stderr.flush()

    @contextmanager
    def running(self) -> Iterator[Callable[[], bool]]:
        """While programs run; what it gives says whether Ctrl-C was pressed."""
        yield lambda: False  # it ends all here

    def idle(self) -> None:
        """Nothing goes on in the lab, and a program waits for it."""
        raise EmuError("the program waits for something that cannot happen any more: nothing else is going on in the lab")


class Session:
    """A program in a place, and its standard input; `tail` is the line that it has begun to print: a prompt, mostly."""

    def __init__(self, lab: Lab, keyboard: Keyboard, place: Place, argv: list[str]) -> None:
        self.lab = lab
        self.keyboard = keyboard
        self.place = place
        self.tail = ""
        engine = lab.engine
        self.stdin: Pipe = Terminal(engine) if keyboard.person else Pipe(engine)
        self.stdin.on_wanted = self._attend
        self.attention: Future[None] = Future(engine)
        show = self._show if keyboard.person else keyboard.show
        self.process: Process = place.start(argv, stdin=self.stdin, on_output=show, on_error=show if keyboard.person else keyboard.complain)
        if place.container is None:
            self.process.cwd = place.env.get("HOME", "/")  # as after login
        self.process.exited.on_done(self._attend)

    def _attend(self) -> None:
        self.attention.set_result(None)

    def _show(self, text: str) -> None:
        """Whole lines at once; the rest when it is waited for an answer."""
        whole, newline, self.tail = (self.tail + text).rpartition("\n")
        if newline:
            self.keyboard.show(whole + newline)

    def go_on(self) -> bool:
        """Let the lab run until the program wants a line (True) or has ended. Raises EmuError if it waits in vain."""
        engine, process, keyboard = self.lab.engine, self.process, self.keyboard
        with keyboard.running() as interrupted:
            while not process.exited.done and not self.stdin.waiting:
                self.attention = Future(engine)
                engine.run(until=self.attention, until_ns=engine.now + SECOND // 10 if keyboard.person and not engine.quiet else None)
                if interrupted():
                    self._interrupt()
                elif engine.quiet and not self.attention.done:
                    keyboard.idle()
        return not process.exited.done

    def _interrupt(self) -> None:
        if isinstance(self.stdin, Terminal):
            self.stdin.interrupt()

    def ask(self) -> str | None:
        """The line that the program wants; None if that was answered here."""
        engine = self.lab.engine
        engine.run(until_ns=engine.now + (SECOND if self.keyboard.person else STEP_PAUSE_NS))
        if self.process.exited.done:
            return None
        try:
            text = self.keyboard.line(self.tail)
        except EOFError:
            self.stdin.end()
        except KeyboardInterrupt:
            self._interrupt()
            return None
        else:
            if text.startswith(SWITCH):
                return text
            self.stdin.write(text)
        self.tail = ""
        return None


def execute(topology: Topology, place: str, words: list[str], folder: Path | None, *, steps: bool) -> int:
    """One command: a single word is a line for the place's shell, several are a program and its arguments. Its exit status."""
    line = words[0] if len(words) == 1 else shlex.join(words)
    with _lab(topology, folder) as lab:
        there = lab.place(place)
        if steps:
            _run(lab, "steps")
        session = Session(lab, Keyboard(), there, [shell.login_shell(there), "-c", line])
        while session.go_on():
            session.ask()
        lab.engine.run(until_ns=lab.engine.now + STEP_PAUSE_NS)
        return session.process.exit_status or 0


def prompt(topology: Topology, place: str | None, folder: Path | None, keyboard: Keyboard) -> int:
    """A shell in `place`, or on the first host; `@PLACE` goes to another, `@` lists them. The status of the shell that was left."""
    with _lab(topology, folder) as lab:
        if keyboard.person:
            lab.engine.time_limit_ns = lab.engine.event_limit = None  # Ctrl-C is the limit
        sessions: dict[str, Session] = {}

        def session_in(name: str) -> Session:
            there = lab.place(name)
            if name not in sessions:
                sessions[name] = Session(lab, keyboard, there, [shell.login_shell(there)])
            return sessions[name]

        keyboard.names = lambda: [*lab.places(), *(dev.name for dev in lab.devices().values()), *_containers(lab)]
        session = session_in(place or next(iter(lab.hosts)))
        while session.go_on():
            switch = session.ask()
            if switch is None:
                continue
            try:
                name = switch.removeprefix(SWITCH).strip()
                if name:
                    session = session_in(name)
                else:
                    keyboard.show("".join(f"{SWITCH}{each}\n" for each in lab.places()))
            except EmuError as mistake:
                keyboard.complain(f"{mistake}\n")
        lab.engine.run(until_ns=lab.engine.now + STEP_PAUSE_NS)
        return session.process.exit_status or 0


def _containers(lab: Lab) -> list[str]:
    return [name.partition("/")[2] for name in lab.places() if "/" in name]


def _watch(lab: Lab, folder: Path) -> Recorder:
    recorder = Recorder(lab, folder, journeys=True, promiscuous=lab.topology.capture.promiscuous)
    for netns in lab.namespaces().values():
        recorder.watch(netns)
    return recorder


def _run(lab: Lab, part: str) -> None:
    """The topology's steps of one list. Raises LimitReached."""
    for step in lab.topology.steps:
        if step.part == part and (stopped := lab.run_step(step).stopped) is not None:
            raise stopped


@contextmanager
def _lab(topology: Topology, folder: Path | None) -> Iterator[Lab]:
    """A lab that is up, the topology's setup done; watched, if there is a folder for its captures."""
    with RunFolder(folder) if folder is not None else nullcontext() as files, Lab(topology) as lab:
        lab.engine.on_bug = lambda _: None  # the program's standard error has it
        lab.up()
        _run(lab, "setup")
        recorder = _watch(lab, files) if files is not None else None
        yield lab
        if recorder is not None:
            recorder.finish()
