"""A shell's command lines (POSIX sh(1), §2.2 quoting, §2.9.3 lists): words and quotes, `VAR=x` before a command, `$VAR`, `;` `&&` `||` `&`
between commands, output to a file or /dev/null, input from one.

Not modelled: pipes, command substitution, here-documents, patterns, control structures, the shell as an interactive one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from emu.pipe import Pipe
from emu.process import Place, Process, UsageError
from emu.programs.libc import environ
from emu.programs.libc.userland import has_busybox

_TOKEN = re.compile(
    r"""(?P<space>\s+|\#.*)
      | (?P<redirect>[012]?(?:>>|>&|>|<)|&>)
      | (?P<operator>&&|\|\||;|&)
      | (?P<word>(?:\\.|'[^']*'|"(?:\\.|[^"\\])*"|[^\s\\'"&|;<>()])+)""",
    re.VERBOSE | re.DOTALL,
)
_PIECE = re.compile(r"""\\(?P<escaped>.)|'(?P<single>[^']*)'|"(?P<double>(?:\\.|[^"\\])*)"|(?P<bare>[^\\'"]+)""", re.DOTALL)
_DOUBLE = re.compile(r"\\(?P<escaped>[$`\"\\])|(?P<other>[^\\]+|\\)", re.DOTALL)
_VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)\}|(.?))", re.DOTALL)
_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)=(.*)", re.DOTALL)
_REFUSED = {"|": "pipes ('|')", "(": "subshells ('(')", ")": "subshells (')')", "'": "an unfinished quote", '"': "an unfinished quote"}

PARSE_STATUS = 2


@dataclass
class Command:
    """A simple command, still as written (variables are looked up when it runs); `operator` is what follows it."""

    words: list[str] = field(default_factory=list)
    redirections: list[tuple[str, str]] = field(default_factory=list)
    operator: str = ";"


def parse(line: str) -> list[Command]:
    """The commands of a line. Raises UsageError, naming what is not modelled."""
    if "$(" in line or "`" in line:
        raise UsageError("sh: command substitution ('$(…)') is not modelled", PARSE_STATUS)
    commands = [Command()]
    for kind, text in _tokens(line):
        command = commands[-1]
        if command.redirections and command.redirections[-1][1] == "":
            if kind != "word":
                raise UsageError("sh: syntax error: a file name is missing after '>' or '<'", PARSE_STATUS)
            command.redirections[-1] = (command.redirections[-1][0], text)
        elif kind == "word":
            command.words.append(text)
        elif kind == "redirect":
            command.redirections.append((text, ""))
        else:
            if not command.words:
                raise UsageError(f"sh: syntax error: unexpected '{text}'", PARSE_STATUS)
            command.operator = text
            commands.append(Command())
    last = commands[-1]
    if last.redirections and last.redirections[-1][1] == "":
        raise UsageError("sh: syntax error: a file name is missing after '>' or '<'", PARSE_STATUS)
    if not last.words and not last.redirections:
        commands.pop()
        if commands and commands[-1].operator in {"&&", "||"}:
            raise UsageError("sh: syntax error: unexpected end of line", PARSE_STATUS)
    return commands


def _tokens(line: str) -> Iterator[tuple[str, str]]:
    where = 0
    while where < len(line):
        match = _TOKEN.match(line, where)
        if match is None or line.startswith("<<", where):
            what = "here-documents ('<<')" if line.startswith("<<", where) else _REFUSED.get(line[where], f"'{line[where]}' here")
            raise UsageError(
                f"sh: {what} {'are' if 's (' in what else 'is'} not modelled" if "quote" not in what else f"sh: syntax error: {what}",
                PARSE_STATUS,
            )
        if match.lastgroup != "space":
            yield str(match.lastgroup), match.group()
        where = match.end()


def expand(word: str, env: Mapping[str, str]) -> str:
    """Quotes removed and variables put in. Raises UsageError for an expansion that is not modelled."""
    parts: list[str] = []
    for piece in _PIECE.finditer(word):
        if piece["escaped"] is not None:
            parts.append(piece["escaped"])
        elif piece["single"] is not None:
            parts.append(piece["single"])
        elif piece["double"] is not None:
            parts += [part["escaped"] or _variables(part["other"], env) for part in _DOUBLE.finditer(piece["double"])]
        else:
            parts.append(_variables(piece["bare"], env))
    return "".join(parts)


def _variables(text: str, env: Mapping[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        if name and not name.isdigit():
            return env.get(name, "")
        if match[3] or name:
            raise UsageError(f"sh: '{match.group()}' is not modelled", PARSE_STATUS)
        return "$"

    return _VARIABLE.sub(value, text)


def start(place: Place, line: str, *, on_output: Callable[[str], None] | None = None) -> Process:
    """Start a command line in `place`; a line that is one command is that program's process."""
    try:
        commands = parse(line)
    except UsageError:
        commands = []  # the shell says what is wrong
    if len(commands) == 1 and commands[0].operator != "&" and not commands[0].redirections and "$" not in line:
        env, argv = _assignments(commands[0], place.env)
        if argv:
            return place.start(argv, env={**place.env, **env}, on_output=on_output)
    return place.start(["sh", "-c", line], on_output=on_output)


def _assignments(command: Command, env: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """The variables set before the command, and its words."""
    words = list(command.words)
    changes: dict[str, str] = {}
    while words and (match := _ASSIGNMENT.fullmatch(words[0])):
        changes[match[1]] = expand(match[2], env)
        words.pop(0)
    return changes, [expand(word, env) for word in words]


async def main(process: Process, argv: list[str]) -> int:
    """`sh -c LINE` or `sh FILE`; without either the shell reads an empty standard input and ends."""
    process.env = environ.of_shell(process.env, process.cwd, busybox=has_busybox(process.place))
    words = argv[1:]
    exit_on_error = False
    while words and words[0] in {"-e", "-l", "-c", "-ec", "-lc"}:
        option = words.pop(0)
        exit_on_error |= "e" in option
        if "c" in option:
            if not words:
                raise UsageError(f"{argv[0]}: -c requires an argument", PARSE_STATUS)
            return await _run(process, words[0], exit_on_error)
    if words and words[0].startswith("-"):
        raise UsageError(f"{argv[0]}: '{words[0]}' is not modelled", PARSE_STATUS)
    if not words:
        return await _run(process, await process.stdin.read(), exit_on_error)
    try:
        text = process.place.files.read(words[0])
    except FileNotFoundError:
        raise UsageError(f"{argv[0]}: can't open '{words[0]}': No such file or directory", PARSE_STATUS) from None
    return await _run(process, text, exit_on_error)


async def _run(process: Process, text: str, exit_on_error: bool) -> int:
    status = 0
    for line in text.splitlines():
        before = ";"
        for command in parse(line):
            if (before == "&&" and status != 0) or (before == "||" and status == 0):
                if command.operator in {";", "&"}:
                    before = ";"
                continue
            if command.words and command.words[0] == "exit":
                return int(command.words[1]) & 255 if command.words[1:] and command.words[1].isdigit() else status
            status = await _command(process, command)
            before = command.operator
            if exit_on_error and status != 0 and before in {";", "&"}:
                return status
    return status


async def _command(process: Process, command: Command) -> int:
    changes, argv = _assignments(command, process.env)
    if not argv and not command.redirections:
        process.env.update(changes)
        return 0
    if argv and argv[0] in BUILTINS:
        return BUILTINS[argv[0]](process, argv)
    files = _Files(process, command)
    if not argv:
        files.put("", "")
        return 0
    argv = argv[1:] if argv[0] == "exec" else argv
    if not argv:
        return 0
    env = {**process.env, **changes}
    child = process.place.start(
        argv, env=env, stdin=files.stdin, on_output=None if files.any else process.put, on_error=None if files.any else process.put_error
    )
    child.daemon = process.daemon
    if command.operator == "&":
        return 0
    if not files.any:
        return await process.follow(child)
    process.at_exit(child.kill)
    status = await child.exited
    files.put(child.stdout, child.stderr)
    return status


class _Files:
    """Where a command's standard input comes from and its two outputs go."""

    def __init__(self, process: Process, command: Command) -> None:
        self.process = process
        self.any = False
        self.stdin: Pipe | str = process.stdin
        self.targets: list[tuple[str, str]] = [("terminal", "1"), ("terminal", "2")]
        for operator, word in command.redirections:
            self._redirect(operator, expand(word, process.env))
        if command.operator == "&" and self.any and any(kind == "file" and path != "/dev/null" for kind, path in self.targets):
            raise UsageError("sh: a background command's output to a file is not modelled", PARSE_STATUS)

    def _redirect(self, operator: str, word: str) -> None:
        if operator in {"<", "0<"}:
            try:
                self.stdin = "" if word == "/dev/null" else self.process.place.files.read(word)
            except FileNotFoundError:
                raise UsageError(f"sh: can't open '{word}': No such file or directory", 1) from None
            return
        self.any = True
        if operator.endswith(">&"):
            if word not in {"1", "2"}:
                raise UsageError(f"sh: '{operator}{word}' is not modelled", PARSE_STATUS)
            self.targets[int(operator[0]) - 1 if operator[0] != ">" else 0] = self.targets[int(word) - 1]
        elif operator == "&>":
            self.targets = [self._open(word, append=False)] * 2
        elif operator[0] in "0<":
            raise UsageError(f"sh: '{operator}' is not modelled", PARSE_STATUS)
        else:
            self.targets[1 if operator[0] == "2" else 0] = self._open(word, append=operator.endswith(">>"))

    def _open(self, path: str, *, append: bool) -> tuple[str, str]:
        files = self.process.place.files
        if path.startswith("/proc/"):
            if not files.exists(path):
                raise UsageError(f"sh: can't create {path}: nonexistent directory", 1)
            if files.proc_sys_read_only:
                raise UsageError(f"sh: can't create {path}: Read-only file system", 1)
        elif path != "/dev/null" and not (append and files.exists(path)):
            files.write(path, "")
        return "file", path

    def put(self, stdout: str, stderr: str) -> None:
        """What the command wrote, to where it belongs."""
        process = self.process
        for text, (kind, where) in zip((stdout, stderr), self.targets, strict=True):
            if kind == "file" and text and where != "/dev/null":
                try:
                    process.place.files.append(where, text)
                except ValueError:
                    raise UsageError("sh: write error: Invalid argument", 1) from None
            elif kind == "terminal" and where == "1":
                process.write(text)
            elif kind == "terminal" and text:
                process.error(text.removesuffix("\n"))


def _refuse(_process: Process, argv: list[str]) -> int:
    raise UsageError(f"sh: '{argv[0]}' is not modelled", PARSE_STATUS)


def _export(process: Process, argv: list[str]) -> int:
    for word in argv[1:]:
        name, equals, value = word.partition("=")
        if equals:
            process.env[name] = value
    return 0


def _colon(_process: Process, _argv: list[str]) -> int:
    return 0


BUILTINS: dict[str, Callable[[Process, list[str]], int]] = {":": _colon, "cd": _refuse, "export": _export, "set": _refuse}
