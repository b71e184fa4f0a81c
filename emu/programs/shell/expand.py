"""Words to what a program is given: parameters, `$(…)`, `$((…))`, `~`, field splitting, patterns, quotes away (POSIX sh §2.6).

In bash also `{a,b}` and `{1..3}`. Fields are split at blanks; another IFS is not modelled.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from emu.files import absolute
from emu.process import UsageError
from emu.programs.shell.arithmetic import evaluate
from emu.programs.shell.syntax import Arithmetic, Literal, Parameter, Part, Substitution, Word

if TYPE_CHECKING:
    from emu.programs.shell.run import Shell

Fragment = tuple[str, bool]  # a text, and whether it was quoted
_BRACES = re.compile(r"\{([^{}\s]*,[^{}\s]*|(-?\d+)\.\.(-?\d+)|([a-zA-Z])\.\.([a-zA-Z]))\}")
_MAGIC = re.compile(r"[*?[]")
MOST = 10_000


class Fields:
    """The fields that words become, as they grow."""

    def __init__(self) -> None:
        self.done: list[list[Fragment]] = []
        self._open: list[Fragment] | None = None

    def add(self, text: str, *, quoted: bool) -> None:
        if text or quoted:
            self._open = [*(self._open or []), (text, quoted)]

    def end(self) -> None:
        if self._open is not None:
            self.done.append(self._open)
            self._open = None

    def split(self, text: str) -> None:
        """The unquoted result of an expansion."""
        if text[:1].isspace():
            self.end()
        for index, piece in enumerate(text.split()):
            if index:
                self.end()
            self.add(piece, quoted=False)
        if text[-1:].isspace():
            self.end()


async def fields(shell: Shell, words: Iterable[Word]) -> list[str]:
    """What a command's words become."""
    found = Fields()
    for word in words:
        if not shell.arguments and _is_arguments(word):
            continue
        for variant in _braces(word) if shell.dialect.kind == "bash" else [word]:
            for index, part in enumerate(variant.parts):
                await _add(shell, found, part, first=index == 0)
            found.end()
    return [name for fragments in found.done for name in _paths(shell, fragments)]


def _is_arguments(word: Word) -> bool:
    """It is `"$@"`, which without arguments is no word."""
    rest = [part for part in word.parts if not (isinstance(part, Literal) and part.quoted and not part.text)]
    return len(rest) == 1 and isinstance(rest[0], Parameter) and rest[0].quoted and rest[0].name == "@" and not rest[0].operator


async def text(shell: Shell, word: Word) -> str:
    """What a word becomes where it stays one: after `=` and `>`."""
    parts = []
    for index, part in enumerate(word.parts):
        parts.append(_tilde(shell, part) if index == 0 and isinstance(part, Literal) else await _value(shell, part))
    return "".join(parts)


async def pattern(shell: Shell, word: Word) -> str:
    """A word as a pattern of fnmatch: what is quoted stands for itself."""
    return "".join([_escaped(await _value(shell, part)) if part.quoted else await _value(shell, part) for part in word.parts])


async def _add(shell: Shell, found: Fields, part: Part, *, first: bool) -> None:
    if isinstance(part, Literal):
        found.add(_tilde(shell, part) if first else part.text, quoted=part.quoted)
    elif isinstance(part, Parameter) and part.name == "@" and part.quoted and not part.operator:
        for index, argument in enumerate(shell.arguments):
            if index:
                found.end()
            found.add(argument, quoted=True)
    elif part.quoted:
        found.add(await _value(shell, part), quoted=True)
    else:
        found.split(await _value(shell, part))


def _tilde(shell: Shell, part: Literal) -> str:
    if not part.quoted and (part.text == "~" or part.text.startswith("~/")):
        return shell.variables.get("HOME", "/") + part.text[1:]
    return part.text


async def _value(shell: Shell, part: Part) -> str:
    if isinstance(part, Literal):
        return part.text
    if isinstance(part, Substitution):
        return await shell.substitute(part.commands)
    if isinstance(part, Arithmetic):
        expression = await text(shell, part.expression)
        try:
            return str(evaluate(expression, lambda name: shell.variables.get(name, "")))
        except ZeroDivisionError:
            raise UsageError(shell.dialect.complain("division by 0"), 2) from None
        except ValueError:
            raise UsageError(shell.dialect.complain(f"arithmetic expression: '{expression}' is not modelled"), 2) from None
    return await _parameter(shell, part)


async def _parameter(shell: Shell, part: Parameter) -> str:
    value = shell.parameter(part.name)
    operator = part.operator
    if operator == "length":
        return str(len(value or ""))
    if part.word is None:
        if value is None and "u" in shell.options and part.name not in "@*":
            shell.abort(f"{part.name}: {'unbound variable' if shell.dialect.kind == 'bash' else 'parameter not set'}")
        return value or ""
    if operator[0] in "#%":
        return _trimmed(value or "", operator, await pattern(shell, part.word))
    missing = value is None or (operator[0] == ":" and not value)
    kind = operator[-1]
    if kind == "+":
        return "" if missing else await text(shell, part.word)
    if not missing:
        return value or ""
    default = await text(shell, part.word)
    if kind == "?":
        shell.abort(f"{part.name}: {default or 'parameter null or not set'}")
    if kind == "=":
        shell.variables[part.name] = default
    return default


def _trimmed(value: str, operator: str, pattern: str) -> str:
    """`${x#pattern}` and `${x%pattern}`: the shortest, doubled the longest, beginning or end away."""
    cuts = range(len(value) + 1)
    if operator[0] == "#":
        matches = [cut for cut in cuts if fnmatchcase(value[:cut], pattern)]
        return value[(matches[-1] if len(operator) > 1 else matches[0]) :] if matches else value
    matches = [cut for cut in cuts if fnmatchcase(value[cut:], pattern)]
    return value[: matches[0] if len(operator) > 1 else matches[-1]] if matches else value


# --- patterns and braces


def _escaped(text: str) -> str:
    return _MAGIC.sub(lambda match: f"[{match.group()}]", text)


def _paths(shell: Shell, fragments: list[Fragment]) -> list[str]:
    """The files that a pattern matches; itself if it is none, or matches none."""
    plain = "".join(part for part, _ in fragments)
    if not any(not quoted and _MAGIC.search(part) for part, quoted in fragments):
        return [plain]
    cwd = shell.process.cwd
    wanted = "".join(_escaped(part) if quoted else part for part, quoted in fragments)
    found = shell.process.place.files.matching(absolute(cwd, wanted) if not wanted.startswith("/") else wanted)
    below = cwd.rstrip("/") + "/"
    return [name if plain.startswith("/") else name.removeprefix(below) for name in found] or [plain]


def _choices(braces: re.Match[str]) -> list[str]:
    content, first, last, start, end = braces.groups()
    if start is not None:
        return [chr(code) for code in _steps(ord(start), ord(end))]
    return content.split(",") if first is None else [str(number) for number in _steps(int(first), int(last))]


def _steps(low: int, high: int) -> range:
    """Upwards or downwards, both ends in it."""
    if abs(high - low) > MOST:
        raise UsageError(f"bash: a brace expansion of more than {MOST} words is not modelled", 2)
    step = 1 if low <= high else -1
    return range(low, high + step, step)


def _braces(word: Word) -> list[Word]:
    """Bash's `{a,b}` and `{1..3}` in what is not quoted."""
    for index, part in enumerate(word.parts):
        if isinstance(part, Literal) and not part.quoted and (match := _BRACES.search(part.text)):
            choices = _choices(match)
            before, after = part.text[: match.start()], part.text[match.end() :]
            changed = [
                Word((*word.parts[:index], Literal(before + choice, quoted=False), Literal(after, quoted=False), *word.parts[index + 1 :]))
                for choice in choices
            ]
            return [each for variant in changed for each in _braces(variant)]
    return [word]
