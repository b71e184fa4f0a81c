"""The evaluator: commands run, one after the other or joined by pipes (POSIX sh §2.9), in virtual time.

A pipeline's parts, `( … )`, `$( … )` and what `&` leaves behind run in processes of their own.
Not modelled: process groups, `pipefail`, traps.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import NoReturn

from emu.engine import SECOND
from emu.pipe import Pipe
from emu.process import SIGINT, SIGPIPE, Process, UsageError
from emu.programs.shell import builtins, control, expand
from emu.programs.shell.ends import Exit, Interrupted, ended
from emu.programs.shell.streams import Streams, redirected
from emu.programs.shell.syntax import STATUS, AndOr, Command, Dialect, Group, If, Item, List, Pipeline, Redirected, Simple, While

NOT_FOUND = 127


@dataclass
class Job:
    number: int
    process: Process
    source: str


@dataclass
class Shell:
    """One shell: its variables, its options, its jobs; `process` is the one it runs in."""

    process: Process
    dialect: Dialect
    arguments: list[str] = field(default_factory=list)
    options: set[str] = field(default_factory=set)
    interactive: bool = False
    status: int = 0
    jobs: dict[int, Job] = field(default_factory=dict)
    foreground: list[Process] = field(default_factory=list)
    last_background: int | None = None
    interrupted: bool = False
    substituted: int | None = None  # the last `$(…)`'s status, which is that of `X=$(…)`
    tested: int = 0  # how deep in conditions: `set -e` does not mind failures there

    def __post_init__(self) -> None:
        self.variables = dict(self.process.env)
        self.exported = set(self.variables)
        self.pid = self.process.pid
        self.streams = self.own = Streams(self.process.stdin, self.process.put, self.process.put_error)

    def parameter(self, name: str) -> str | None:
        """A variable's or special parameter's value; None if it is not set."""
        if name.isdigit():
            number = int(name)
            return self.dialect.name if number == 0 else self.arguments[number - 1] if number <= len(self.arguments) else None
        if name == "RANDOM" and self.dialect.kind == "bash":
            return str(self.process.engine.stream(f"{self.process.place.name} RANDOM {self.process.engine.now}").randrange(32768))
        special = {"?": self.status, "$": self.pid, "#": len(self.arguments), "!": self.last_background}
        if name in special:
            return None if special[name] is None else str(special[name])
        if name in "@*":
            return " ".join(self.arguments)
        return "".join(sorted(self.options)) if name == "-" else self.variables.get(name)

    def environment(self) -> dict[str, str]:
        return {name: value for name, value in self.variables.items() if name in self.exported}

    def abort(self, text: str) -> NoReturn:
        """Say what ends a shell that nobody types to."""
        message = self.dialect.complain(text)
        if self.interactive:
            raise UsageError(message)
        self.streams.err(f"{message}\n")
        raise Exit(NOT_FOUND if self.dialect.kind == "bash" else STATUS)

    # --- processes of its own

    def fork(self, name: str, work: Callable[[Shell], Awaitable[int]], streams: Streams) -> Process:
        """A copy of this shell in a process of its own that does `work`."""
        child = self._child([name], streams, self.environment())
        copy = Shell(child, self.dialect, list(self.arguments), set(self.options), status=self.status, last_background=self.last_background)
        copy.variables, copy.exported, copy.pid = dict(self.variables), set(self.exported), self.pid

        async def main(_process: Process, _argv: list[str]) -> int:
            return await ended(work(copy))

        child.begin(main)
        return child

    def _child(self, argv: list[str], streams: Streams, env: dict[str, str]) -> Process:
        child = Process(self.process.place, argv, env, streams.stdin, streams.out, streams.err)
        child.cwd = self.process.cwd
        child.daemon = self.process.daemon
        return child

    async def follow(self, *children: Process) -> int:
        """Wait for all of them; the last one's status."""
        self.foreground += children
        status = 0
        for child in children:
            status = await self.process.follow(child)
        for child in children:
            self.foreground.remove(child)
        if self.interrupted:
            raise Interrupted
        return status

    def interrupt(self) -> None:
        """Ctrl-C."""
        self.interrupted = bool(self.foreground)
        for child in list(self.foreground):
            child.kill(SIGINT)

    async def substitute(self, commands: List) -> str:
        """What `$(commands)` prints, without the newlines at its end."""
        texts: list[str] = []
        child = self.fork(
            self.dialect.name, lambda shell: shell.run(commands, last=True), Streams(self.streams.stdin, texts.append, self.streams.err)
        )
        self.substituted = await self.follow(child)
        return "".join(texts).rstrip("\n")

    # --- lists

    async def run(self, commands: List, *, last: bool = False) -> int:
        """`last`: the shell has nothing to do afterwards, so that its last program may take its place."""
        for item in commands.items:
            if item.background:
                self._start_job(item)
                self.status = 0
            else:
                self.status = await self._and_or(item.command, last=last and item is commands.items[-1])
                if "e" in self.options and self.status and not self.tested and not item.command.rest and not item.command.first.negated:
                    raise Exit(self.status)
        return self.status

    def _start_job(self, item: Item) -> None:
        streams = Streams(Pipe(self.process.engine, ended=True), self.streams.out, self.streams.err)
        child = self.fork(self.dialect.name, lambda shell: shell._and_or(item.command, last=True), streams)
        number = max(self.jobs, default=0) + 1
        self.jobs[number] = Job(number, child, item.source)
        self.last_background = child.pid
        if self.interactive:
            self.streams.err(f"[{number}] {child.pid}\n" if self.dialect.kind == "bash" else "")

    async def _and_or(self, node: AndOr, *, last: bool) -> int:
        pipelines = [("", node.first), *node.rest]
        for index, (operator, pipeline) in enumerate(pipelines):
            if (operator == "&&" and self.status) or (operator == "||" and not self.status):
                continue
            final = index == len(pipelines) - 1
            self.tested += not final
            try:
                self.status = await self._pipeline(pipeline, last=last and final)
            finally:
                self.tested -= not final
        return self.status

    async def _pipeline(self, node: Pipeline, *, last: bool) -> int:
        began = self.process.engine.now
        self.tested += node.negated
        try:
            if len(node.commands) == 1:
                status = await self.command(node.commands[0], last=last and not node.negated and not node.timed)
            else:
                status = await self._piped(node.commands)
        finally:
            self.tested -= node.negated
        if node.timed:
            seconds = (self.process.engine.now - began) / SECOND
            minutes, rest = divmod(seconds, 60)
            if self.dialect.kind == "bash":
                self.streams.err(f"\nreal\t{minutes:.0f}m{rest:.3f}s\nuser\t0m0.000s\nsys\t0m0.000s\n")
            else:
                self.streams.err(f"real\t{minutes:.0f}m {rest:.2f}s\nuser\t0m 0.00s\nsys\t0m 0.00s\n")
        return int(not status) if node.negated else status

    async def _piped(self, commands: Sequence[Command]) -> int:
        children: list[Process] = []
        stdin = self.streams.stdin
        for command in commands:
            pipe = Pipe(self.process.engine)
            final = command is commands[-1]
            streams = Streams(stdin, self.streams.out if final else pipe.write, self.streams.err)
            child = self.fork(self.dialect.name, _work(command), streams)
            if children:
                child.at_exit(stdin.abandon)
            if not final:
                child.at_exit(pipe.end)
            children.append(child)
            stdin = pipe
        return await self.follow(*children)

    # --- commands

    async def command(self, node: Command, *, last: bool = False) -> int:
        if isinstance(node, Simple):
            return await self._reported(self._simple(node, last=last))
        if isinstance(node, Redirected):
            return await self._reported(self._redirected(node))
        if isinstance(node, Group):
            if not node.subshell:
                return await self.run(node.body)
            return await self.follow(self.fork(self.dialect.name, lambda shell: shell.run(node.body, last=True), self.streams))
        if isinstance(node, If):
            return await control.choose(self, node)
        return await (control.repeat(self, node) if isinstance(node, While) else control.each(self, node))

    async def _reported(self, work: Awaitable[int]) -> int:
        """A mistake in one command is that command's: it is said, and the next one runs."""
        streams = self.streams
        try:
            return await work
        except UsageError as wrong:
            streams.err(f"{wrong}\n")
            return wrong.status
        finally:
            self.streams = streams

    async def _redirected(self, node: Redirected) -> int:
        self.streams = await redirected(self, self.streams, node.redirections)
        return await self.command(node.body)

    async def _simple(self, node: Simple, *, last: bool) -> int:
        self.substituted = None
        words = await expand.fields(self, node.words)
        if not words:
            self.streams = await redirected(self, self.streams, node.redirections)
            for name, value in node.assignments:
                self.variables[name] = await expand.text(self, value)
                self.exported |= {name} if "a" in self.options else set()
            return self.substituted or 0
        self.streams = await redirected(self, self.streams, node.redirections, words[0])
        changes = {name: await expand.text(self, value) for name, value in node.assignments}
        if "x" in self.options:
            self.streams.err(f"+ {' '.join([*(f'{name}={value}' for name, value in changes.items()), *words])}\n")
        builtin = builtins.BUILTINS.get(words[0])
        if builtin is not None:
            self.variables |= changes
            return await builtin(self, words)
        return await self.program(words, {**self.environment(), **changes}, last=last, line=node.line)

    async def program(self, words: list[str], env: dict[str, str], *, last: bool = False, line: int = 1) -> int:
        main = self.process.place.find_program(self.process.place, words[0]) if words[0] else None
        if main is None:
            text = self.dialect.not_found(words[0], line)
            if "/" in words[0] and self.dialect.kind == "bash":
                text = self.dialect.complain(f"{words[0]}: No such file or directory")
            raise UsageError(text, NOT_FOUND)
        if last and self.streams is self.own and not self.interactive:
            self.process.argv, self.process.env = words, env
            return await main(self.process, words)
        child = self._child(words, self.streams, env)
        child.begin(main)
        status = await self.follow(child)
        if status == SIGPIPE and words[0] in ("echo", "printf"):  # builtins of a real shell: the signal is the shell's own
            raise BrokenPipeError
        return status


def _work(command: Command) -> Callable[[Shell], Awaitable[int]]:
    return lambda shell: shell.command(command, last=True)
