"""Commands that are the shell's own, since they change it (POSIX sh §2.14). `echo`, `test`, `printf` and others are programs here.

Refused by name: REFUSED.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from emu.process import Process, UsageError
from emu.programs.shell.ends import Exit, Leave
from emu.programs.shell.grammar import parse

if TYPE_CHECKING:
    from emu.programs.shell.run import Job, Shell

_NAME = re.compile(r"[A-Za-z_]\w*")
SIGNALS = {"HUP": 1, "INT": 2, "QUIT": 3, "KILL": 9, "USR1": 10, "USR2": 12, "PIPE": 13, "ALRM": 14, "TERM": 15}
OPTIONS = frozenset("aeux")
KEYWORDS = ("if", "then", "else", "elif", "fi", "do", "done", "while", "until", "for", "in", "{", "}", "!", "time")


def _complaint(shell: Shell, text: str, status: int = 1) -> UsageError:
    return UsageError(shell.dialect.complain(text), status)


async def _colon(_shell: Shell, _words: list[str]) -> int:
    return 0


async def _cd(shell: Shell, words: list[str]) -> int:
    name = words[1] if len(words) > 1 else shell.variables.get("HOME", "/")
    back = name == "-"
    if back:
        name = shell.variables.get("OLDPWD", shell.process.cwd)
    path = shell.process.path(name)
    if not shell.process.place.files.is_directory(path):
        raise _complaint(shell, f"cd: {name}: No such file or directory" if shell.dialect.kind == "bash" else f"cd: can't cd to {name}")
    shell.variables |= {"OLDPWD": shell.process.cwd, "PWD": path}
    shell.exported |= {"OLDPWD", "PWD"}
    shell.process.cwd = path
    if back:
        shell.streams.out(path + "\n")
    return 0


async def _pwd(shell: Shell, _words: list[str]) -> int:
    shell.streams.out(shell.process.cwd + "\n")
    return 0


async def _export(shell: Shell, words: list[str]) -> int:
    names = [word for word in words[1:] if word != "-p"]
    for word in names:
        name, equals, value = word.partition("=")
        if not _NAME.fullmatch(name):
            bash = shell.dialect.kind == "bash"
            raise _complaint(shell, f"export: `{word}': not a valid identifier" if bash else f"export: {name}: bad variable name")
        shell.exported.add(name)
        if equals:
            shell.variables[name] = value
    if not names:
        form = 'declare -x {}="{}"\n' if shell.dialect.kind == "bash" else "export {}='{}'\n"
        shell.streams.out("".join(form.format(name, value) for name, value in sorted(shell.environment().items())))
    return 0


async def _unset(shell: Shell, words: list[str]) -> int:
    for name in words[1:]:
        shell.variables.pop(name, None)
        shell.exported.discard(name)
    return 0


async def _set(shell: Shell, words: list[str]) -> int:
    if len(words) == 1:
        shell.streams.out("".join(f"{name}='{value}'\n" for name, value in sorted(shell.variables.items())))
    rest = words[1:]
    while rest and rest[0][:1] in {"-", "+"} and rest[0] not in {"-", "--"}:
        letters = rest.pop(0)
        if not set(letters[1:]) <= OPTIONS or len(letters) == 1:
            raise _complaint(shell, f"set: '{letters}' is not modelled", 2)
        shell.options = shell.options | set(letters[1:]) if letters[0] == "-" else shell.options - set(letters[1:])
    if rest:
        shell.arguments = rest[1:] if rest[0] == "--" else rest
    return 0


async def _shift(shell: Shell, words: list[str]) -> int:
    count = _number(shell, words, 1)
    if count > len(shell.arguments):
        return 1
    del shell.arguments[:count]
    return 0


async def _exit(shell: Shell, words: list[str]) -> int:
    if shell.interactive and shell.dialect.kind == "bash":
        shell.streams.err("exit\n")
    raise Exit(_number(shell, words, shell.status) & 255)


async def _leave(shell: Shell, words: list[str]) -> int:
    raise Leave(max(1, _number(shell, words, 1)), again=words[0] == "continue")


def _number(shell: Shell, words: list[str], default: int) -> int:
    if len(words) < 2:
        return default
    if not words[1].isascii() or not words[1].isdigit():
        bash = shell.dialect.kind == "bash"
        raise _complaint(
            shell, f"{words[0]}: {words[1]}: numeric argument required" if bash else f"{words[0]}: Illegal number: {words[1]}", 2
        )
    return int(words[1])


async def _eval(shell: Shell, words: list[str]) -> int:
    return await shell.run(parse(" ".join(words[1:]), shell.dialect))


async def _exec(shell: Shell, words: list[str]) -> int:
    if len(words) == 1:
        raise _complaint(shell, "exec without a command is not modelled", 2)
    raise Exit(await shell.program(words[1:], shell.environment()))


async def _source(shell: Shell, words: list[str]) -> int:
    if len(words) < 2:
        raise _complaint(shell, f"{words[0]}: filename argument required", 2)
    try:
        text = shell.process.place.files.read(shell.process.path(words[1]))
    except FileNotFoundError:
        raise _complaint(shell, f"{words[1]}: No such file or directory") from None
    return await shell.run(parse(text, shell.dialect))


async def _read(shell: Shell, words: list[str]) -> int:
    rest = words[1:]
    raw = False
    while rest and rest[0] in {"-r", "-p"}:
        option = rest.pop(0)
        raw |= option == "-r"
        if option == "-p" and rest:
            shell.streams.err(rest.pop(0))
    if rest and rest[0].startswith("-"):
        raise _complaint(shell, f"read: '{rest[0]}' is not modelled", 2)
    line = await shell.streams.stdin.read_line()
    text = line.rstrip("\n") if raw else re.sub(r"\\(.)", r"\1", line.rstrip("\n"))
    names = rest or ["REPLY"]
    pieces = text.strip().split(None, len(names) - 1) if rest else [text]
    for index, name in enumerate(names):
        shell.variables[name] = pieces[index] if index < len(pieces) else ""
    return int(not line.endswith("\n"))


# --- jobs


def find_job(shell: Shell, word: str) -> Job | None:
    """`%1`, `%%`, `%+`, `%-`, or a process number."""
    if word in {"%", "%%", "%+", "%-"}:
        return shell.jobs[max(shell.jobs)] if shell.jobs else None
    if word.startswith("%"):
        return shell.jobs.get(int(word[1:])) if word[1:].isdigit() else None
    return next((job for job in shell.jobs.values() if str(job.process.pid) == word), None)


async def _wait(shell: Shell, words: list[str]) -> int:
    status = 0
    for word in words[1:] or [str(job.process.pid) for job in shell.jobs.values()]:
        job = find_job(shell, word)
        if job is None:
            if shell.dialect.kind == "bash":
                shell.streams.err(shell.dialect.complain(f"wait: pid {word} is not a child of this shell") + "\n")
            status = 127
            continue
        status = await job.process.exited
        if shell.interactive:
            shell.streams.err(job_line(shell, job))
        shell.jobs.pop(job.number, None)
    return status if len(words) > 1 else 0


async def _jobs(shell: Shell, _words: list[str]) -> int:
    for job in list(shell.jobs.values()):
        shell.streams.out(job_line(shell, job))
        if job.process.exited.done:
            del shell.jobs[job.number]
    return 0


def job_line(shell: Shell, job: Job) -> str:
    ended = job.process.exit_status if job.process.exited.done else None
    state = "Running" if ended is None else "Done" if not ended else _ended_by(ended)
    newest = sorted(shell.jobs)[-2:]
    mark = "+" if job.number == newest[-1] else "-" if job.number == newest[0] else " "
    return f"[{job.number}]{mark}  {state:<24}{job.source}{' &' if ended is None else ''}\n"


def _ended_by(status: int) -> str:
    return {143: "Terminated", 137: "Killed", 130: "Interrupt", 141: "Broken pipe"}.get(status, f"Exit {status}")


async def _foreground(shell: Shell, words: list[str]) -> int:
    job = find_job(shell, words[1] if len(words) > 1 else "%+")
    if job is None:
        raise _complaint(shell, f"fg: {words[1] if len(words) > 1 else 'current'}: no such job")
    shell.streams.out(job.source + "\n")
    del shell.jobs[job.number]
    return await shell.follow(job.process)


async def _kill(shell: Shell, words: list[str]) -> int:
    """`kill %1` is the shell's; process numbers are the program's as well."""
    from emu.programs.kill import signal_and_targets

    number, targets = signal_and_targets(words)
    status = 0
    for target in targets:
        job = find_job(shell, target)
        process: Process | None = job.process if job is not None else None
        if process is None and target.isdigit():
            process = shell.process.place.processes.get(int(target))
        if process is None:
            text = f"kill: {target}: no such job" if target.startswith("%") else f"kill: ({target}) - No such process"
            if shell.dialect.kind != "bash" and not target.startswith("%"):
                text = "kill: No such process" if shell.dialect.kind == "dash" else f"can't kill pid {target}: No such process"
            shell.streams.err(shell.dialect.complain(text) + "\n")
            status = 1
        elif number:
            process.kill(128 + number)
    return status


# --- what a word would run


async def _type(shell: Shell, words: list[str]) -> int:
    status = 0
    for name in words[1:]:
        what = _meaning(shell, name)
        if what is None:
            if shell.dialect.kind == "bash":
                shell.streams.err(shell.dialect.complain(f"type: {name}: not found") + "\n")
            else:
                shell.streams.out(f"{name}: not found\n")
            status = 1 if shell.dialect.kind == "bash" else 127
        else:
            shell.streams.out(f"{name} is {what}\n")
    return status


def _meaning(shell: Shell, name: str) -> str | None:
    if name in BUILTINS:
        return "a shell builtin"
    if name in KEYWORDS:
        return "a shell keyword"
    return path_of(shell.process, name)


def path_of(process: Process, name: str) -> str | None:
    """Where a program is; emu keeps all in the directory that most are in."""
    if process.place.find_program(process.place, name) is None:
        return None
    return name if "/" in name else f"/usr/bin/{name}"


async def _command(shell: Shell, words: list[str]) -> int:
    if words[1:2] in (["-v"], ["-V"]):
        status = 0
        for name in words[2:]:
            what = _meaning(shell, name)
            status |= what is None
            if what is not None:
                shell.streams.out(f"{name if what.startswith('a ') else what}\n" if words[1] == "-v" else f"{name} is {what}\n")
        return status
    if len(words) < 2:
        return 0
    builtin = BUILTINS.get(words[1])
    return await (builtin(shell, words[1:]) if builtin is not None else shell.program(words[1:], shell.environment()))


async def _refused(shell: Shell, words: list[str]) -> int:
    raise _complaint(shell, f"'{words[0]}' is not modelled", 2)


REFUSED = (
    "alias", "bg", "declare", "disown", "getopts", "history", "let", "local", "readonly", "return", "shopt", "trap", "typeset", "ulimit",
    "umask",
)  # fmt: skip
BUILTINS: dict[str, Callable[[Shell, list[str]], Awaitable[int]]] = {
    ":": _colon, "cd": _cd, "pwd": _pwd, "export": _export, "unset": _unset, "set": _set, "shift": _shift, "exit": _exit, "logout": _exit,
    "break": _leave, "continue": _leave, "eval": _eval, "exec": _exec, ".": _source, "source": _source, "read": _read, "wait": _wait,
    "jobs": _jobs, "fg": _foreground, "kill": _kill, "type": _type, "command": _command,
    **dict.fromkeys(REFUSED, _refused),
}  # fmt: skip
