"""What programs that work on lines have in common: the files that are named, or standard input line by line as it comes; patterns."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence

from emu.process import Process, UsageError

_BRACKET = re.compile(r"\[\^?\]?(?:\[:\w+:\]|[^\]])*\]")
_CLASSES = {
    "alpha": "a-zA-Z", "digit": "0-9", "alnum": "a-zA-Z0-9", "upper": "A-Z", "lower": "a-z", "space": r"\s", "blank": r" \t",
    "punct": r"!-/:-@\[-`{-~", "xdigit": "0-9A-Fa-f",
}  # fmt: skip
_ESCAPES = {"<": r"\b(?=\w)", ">": r"\b(?<=\w)", "w": r"\w", "W": r"\W", "s": r"\s", "S": r"\S", "b": r"\b", "B": r"\B"}


class Input:
    """The lines of `names`, or of standard input; `status` is 1 after a file that is not there, and `missing` are those."""

    def __init__(self, process: Process, names: Sequence[str]) -> None:
        self.process = process
        self.names = list(names) or ["-"]
        self.status = 0

    async def lines(self) -> AsyncIterator[tuple[str, str]]:
        """The file's name and the line, without its newline."""
        for name in self.names:
            if name == "-":
                while line := await self.process.stdin.read_line():
                    yield "-", line.removesuffix("\n")
                continue
            text = self.read(name)
            for line in [] if text is None else text.removesuffix("\n").split("\n") if text else []:
                yield name, line

    async def all(self) -> list[str]:
        return [line async for _, line in self.lines()]

    def read(self, name: str) -> str | None:
        """A file's text; None, and a complaint, if it is not there."""
        files, path = self.process.place.files, self.process.path(name)
        try:
            return files.read(path)
        except OSError as refused:
            absent = isinstance(refused, FileNotFoundError)
            reason = str(refused.strerror) if not absent else "Is a directory" if files.is_directory(path) else "No such file or directory"
            self.process.error(f"{self.process.argv[0]}: {name}: {reason}")
            self.status = 1
            return None


def pattern(program: str, text: str, *, extended: bool, flags: re.RegexFlag = re.NOFLAG, status: int = 2) -> re.Pattern[str]:
    """A POSIX regular expression, basic or extended, as Python's. Raises UsageError for one that is wrong."""
    try:
        return re.compile(translate(text, extended=extended), flags)
    except re.error as wrong:
        raise UsageError(f"{program}: '{text}': {wrong.msg}", status) from None


def translate(text: str, *, extended: bool) -> str:
    r"""In basic expressions `\(`, `\{`, `\|`, `\+`, `\?` are the special ones, and not `(`, `{`, `|`, `+`, `?`."""
    out: list[str] = []
    at = 0
    while at < len(text):
        char = text[at]
        if char == "[" and (match := _BRACKET.match(text, at)):
            out.append(_bracket(match.group()))
            at = match.end()
            continue
        if char == "\\" and at + 1 < len(text):
            following = text[at + 1]
            at += 2
            if following in "(){}|+?":
                out.append("\\" + following if extended else following)
            else:
                out.append(_ESCAPES.get(following) or (f"\\{following}" if not following.isalpha() else re.escape(following)))
            continue
        at += 1
        if char in "(){}|+?" and not extended:
            out.append("\\" + char)
        elif char == "*" and (not out or out[-1] in {"(", "|", "^"}):
            out.append(r"\*")
        elif char == "^" and not extended and out and out[-1] not in {"(", "|"}:
            out.append(r"\^")
        elif char == "$" and not extended and at < len(text) and not text.startswith(("\\)", "\\|"), at):
            out.append(r"\$")
        else:
            out.append(r"\Z" if char == "$" else char)
    return "".join(out)


def _bracket(text: str) -> str:
    inner = text[1:-1]
    negated = inner.startswith("^")
    inner = inner[1:] if negated else inner
    inner = inner.replace("\\", "\\\\")
    inner = re.sub(r"\[:(\w+):\]", lambda match: _CLASSES.get(match[1], match.group()), inner)
    if inner.startswith("]"):
        inner = "\\]" + inner[1:]
    return f"[{'^' if negated else ''}{inner}]"
