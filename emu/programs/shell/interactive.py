"""The loop that reads lines and runs them; at a terminal with a prompt (bash's `root@docker1:~#`, ash's `/ #`) and Ctrl-C."""

from __future__ import annotations

from emu.pipe import Terminal
from emu.process import SIGINT, UsageError
from emu.programs.shell.builtins import job_line
from emu.programs.shell.ends import Interrupted
from emu.programs.shell.grammar import parse
from emu.programs.shell.run import Shell
from emu.programs.shell.syntax import List, ShellSyntaxError

MORE = "> "


async def read_and_run(shell: Shell) -> int:
    """Until the input ends, or `exit`."""
    terminal = shell.process.stdin
    if isinstance(terminal, Terminal):
        terminal.on_interrupt.append(shell.interrupt)
        shell.process.at_exit(lambda: terminal.on_interrupt.remove(shell.interrupt))
    while True:
        if shell.interactive:
            _report_jobs(shell)
            shell.process.put_error(prompt(shell))
        try:
            commands = await _read(shell)
            if commands is None:
                break
            await shell.run(commands)
        except UsageError as wrong:
            shell.process.put_error(f"{wrong}\n")
            shell.status = wrong.status
            if not shell.interactive:
                break
        except Interrupted:
            shell.interrupted = False
            shell.streams = shell.own
            shell.status = SIGINT
    if shell.interactive:
        shell.process.put_error("exit\n" if shell.dialect.kind == "bash" else "\n")
    return shell.status


def prompt(shell: Shell) -> str:
    cwd, home = shell.process.cwd, shell.variables.get("HOME", "/")
    if shell.dialect.kind == "dash":
        return "# "
    if home != "/" and (cwd == home or cwd.startswith(home + "/")):
        cwd = "~" + cwd.removeprefix(home)
    return f"root@{shell.process.place.hostname}:{cwd}# " if shell.dialect.kind == "bash" else f"{cwd} # "


async def _read(shell: Shell) -> List | None:
    """The next line, with those that it needs to be whole; None at the end of the input."""
    text = await shell.process.stdin.read_line()
    if not text:
        return None
    while True:
        try:
            return parse(text, shell.dialect)
        except ShellSyntaxError as wrong:
            if not wrong.incomplete:
                raise
            if shell.interactive:
                shell.process.put_error(MORE)
            more = await shell.process.stdin.read_line()
            if not more:
                raise
            text += more


def _report_jobs(shell: Shell) -> None:
    """Those that have ended."""
    for job in list(shell.jobs.values()):
        if job.process.exited.done:
            shell.process.put_error(job_line(shell, job))
            del shell.jobs[job.number]
