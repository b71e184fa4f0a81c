"""Where a command's input comes from and its output goes: redirections (POSIX sh §2.7)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from emu.files import NULL, PROC_SYS, SYS
from emu.pipe import Pipe
from emu.process import Sink, UsageError
from emu.programs.shell import expand
from emu.programs.shell.syntax import Redirection

if TYPE_CHECKING:
    from emu.programs.shell.run import Shell


@dataclass(eq=False)
class Streams:
    stdin: Pipe
    out: Sink
    err: Sink


async def redirected(shell: Shell, streams: Streams, redirections: Iterable[Redirection], program: str = "") -> Streams:
    """One after the other, from left to right. Raises UsageError, with status 1, for a file that cannot be opened."""
    for each in redirections:
        word = await expand.text(shell, each.target)
        operator = each.operator
        if operator in ("<", "<<<", "<<", "<<-"):
            text = _read(shell, word) if operator == "<" else word + "\n" * (operator == "<<<")
            streams = replace(streams, stdin=Pipe(shell.process.engine, text, ended=True))
        elif operator == ">&" and word in ("1", "2"):
            sink = streams.out if word == "1" else streams.err
            streams = replace(streams, out=sink) if each.descriptor == 1 else replace(streams, err=sink)
        elif operator == ">&" and (word.isdigit() or word == "-"):
            raise UsageError(shell.dialect.complain(f"'>&{word}' is not modelled"), 2)
        else:
            sink = _file(shell, word, program, append=operator.endswith(">>"))
            both = operator.startswith("&") or operator == ">&"
            streams = replace(
                streams,
                out=sink if both or each.descriptor == 1 else streams.out,
                err=sink if both or each.descriptor == 2 else streams.err,
            )
    return streams


def _read(shell: Shell, name: str) -> str:
    files, path = shell.process.place.files, shell.process.path(name)
    if files.is_directory(path) and shell.dialect.kind == "bash":
        raise UsageError(shell.dialect.complain(f"{name}: Is a directory"), 1)
    try:
        return files.read(path)
    except FileNotFoundError:
        text = f"{name}: No such file or directory" if shell.dialect.kind == "bash" else f"cannot open {name}: No such file"
        if shell.dialect.kind == "ash":
            text = f"can't open {name}: no such file"
        raise UsageError(shell.dialect.complain(text), 1) from None
    except OSError as refused:
        raise UsageError(shell.dialect.complain(f"{name}: {refused.strerror}"), 1) from None


def _file(shell: Shell, name: str, program: str, *, append: bool) -> Sink:
    files, path = shell.process.place.files, shell.process.path(name)
    bash = shell.dialect.kind == "bash"

    def refused(reason: str) -> UsageError:
        return UsageError(shell.dialect.complain(f"{name}: {reason}" if bash else f"can't create {name}: {reason}"), 1)

    if files.is_directory(path):
        raise refused("Is a directory")
    if path.startswith(PROC_SYS):
        if not files.exists(path):
            raise refused("No such file or directory" if bash else "nonexistent directory")
        if files.proc_sys_read_only:
            raise refused("Read-only file system")
    elif path.startswith(SYS):
        raise refused("writing there is not modelled")
    elif path != NULL and not (append and files.exists(path)):
        files.write(path, "")

    def write(text: str) -> None:
        try:
            files.append(path, text)
        except ValueError:
            text = f"{program}: write error: Invalid argument" if bash else "write error: Invalid argument"
            raise UsageError(shell.dialect.complain(text), 1) from None

    return write
