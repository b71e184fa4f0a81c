"""A shell: bash on hosts and in images of distributions, dash as a host's `sh`, busybox's ash in other containers (POSIX sh, chapter 2).

`lexer` and `grammar` read a line, `expand` makes words of it, `run` runs it; `interactive` is the loop that reads lines. Not modelled:
functions, `case`, `[[ ]]`, arrays, descriptors above 2, IFS, traps, job control by the terminal (Ctrl-Z).
"""

from __future__ import annotations

from collections.abc import Callable

from emu.pipe import Terminal
from emu.process import Place, Process, UsageError
from emu.programs.libc import environ
from emu.programs.libc.userland import has_busybox
from emu.programs.shell.ends import ended
from emu.programs.shell.grammar import parse
from emu.programs.shell.interactive import read_and_run
from emu.programs.shell.run import Shell
from emu.programs.shell.syntax import STATUS, Dialect


def dialect_of(place: Place, name: str) -> Dialect:
    """Which shell is called `name` in a place."""
    kind = "ash" if has_busybox(place) else "dash" if name == "sh" else "bash"
    return Dialect(kind, name)


def login_shell(place: Place) -> str:
    return "sh" if has_busybox(place) else "bash"


def start(place: Place, line: str, *, on_output: Callable[[str], None] | None = None) -> Process:
    """Start a command line in `place`, as its shell would; of a line that is one command, that program's process."""
    name = login_shell(place)
    process = Process(place, [name, "-c", line], dict(place.env), "", on_output)

    async def work(process: Process, _argv: list[str]) -> int:
        return await _run(Shell(process, dialect_of(place, name)), line)

    process.begin(work)
    return process


async def _run(shell: Shell, text: str) -> int:
    return await ended(shell.run(parse(text, shell.dialect), last=True))


async def main(process: Process, argv: list[str]) -> int:
    """`sh -c LINE [NAME [ARGUMENT…]]`, `sh FILE [ARGUMENT…]`, or `sh`, which reads its lines from standard input."""
    name = argv[0].rpartition("/")[2]
    process.env = environ.of_shell(process.env, process.cwd, busybox=has_busybox(process.place))
    shell = Shell(process, dialect_of(process.place, name))
    words = argv[1:]
    letters = ""
    while words and words[0][:1] == "-" and len(words[0]) > 1 and not words[0].startswith("--"):
        option = words.pop(0)[1:]
        if not set(option) <= set("ceiluxs"):
            raise UsageError(shell.dialect.complain(f"'-{option}' is not modelled", 0), STATUS)
        letters += option
    if words and words[0].startswith("-"):
        raise UsageError(shell.dialect.complain(f"'{words[0]}' is not modelled", 0), STATUS)
    shell.options = set(letters) & set("eux")
    if "c" not in letters and not words:
        shell.interactive = isinstance(process.stdin, Terminal)
        return await ended(read_and_run(shell))
    if "c" in letters:
        if not words:
            text = "-c: option requires an argument" if shell.dialect.kind == "bash" else "-c requires an argument"
            raise UsageError(shell.dialect.complain(text, 0), STATUS)
        text, words = words[0], words[1:]
    else:
        text = _script(shell, words[0])
    if words:
        shell.dialect = Dialect(shell.dialect.kind, words[0])
        shell.arguments = words[1:]
    return await _run(shell, text)


def _script(shell: Shell, name: str) -> str:
    try:
        return shell.process.place.files.read(shell.process.path(name))
    except FileNotFoundError:
        texts = {
            "bash": f"{name}: No such file or directory",
            "dash": f"cannot open {name}: No such file",
            "ash": f"can't open '{name}': No such file or directory",
        }
        raise UsageError(shell.dialect.complain(texts[shell.dialect.kind], 0), 127 if shell.dialect.kind == "bash" else STATUS) from None
