"""What the network notices of a Dockerfile: FROM, EXPOSE, ENV, ENTRYPOINT, CMD, WORKDIR, LABEL of its last stage (Dockerfile reference;
moby buildkit frontend/dockerfile).

COPY and ADD bring single text files that lie beside it. Not modelled: RUN and everything else that fills an image, so a program that emu
does not have is taken to be there, and stood in for by an idle container; `escape` and other directives.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from emu.topology.spec import ImageSpec
from emu.topology.spec_compose import Exposed
from emu.topology.values import exposed

WITHOUT_EFFECT = ("RUN", "USER", "VOLUME", "STOPSIGNAL", "HEALTHCHECK", "ONBUILD", "MAINTAINER")
SHELL = ("/bin/sh", "-c")
VARIABLE = re.compile(r"\\(?P<escaped>\$)|\$(?:(?P<name>\w+)|\{(?P<braced>\w+)(?::(?P<how>[-+])(?P<other>[^}]*))?\})")
PAIR = re.compile(r"""([\w.\-/"']+)=((?:"(?:\\.|[^"])*"|'[^']*'|\\.|[^\s"'])*)\s*""")

Read = Callable[[str], str]


class DockerfileError(Exception):
    """`line` is the number of the instruction's first line."""

    def __init__(self, line: int, text: str) -> None:
        super().__init__(text)
        self.line = line


@dataclass(frozen=True)
class Dockerfile:
    """Its last stage; None: not said, as in the image that it begins from."""

    base: str  # an image's name, or `scratch`
    entrypoint: tuple[str, ...] | None = None
    command: tuple[str, ...] | None = None
    workdir: str | None = None
    expose: tuple[Exposed, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)

    def image(self, name: str, base: ImageSpec) -> ImageSpec:
        """The image that it makes of the one it begins from. A new entry point forgets the command that came from there."""
        entrypoint = base.entrypoint if self.entrypoint is None else self.entrypoint
        inherited = base.command if self.entrypoint is None else ()
        own = self.command is not None or self.entrypoint is not None
        return ImageSpec(
            name=name,
            expose=tuple(dict.fromkeys((*base.expose, *self.expose))),
            entrypoint=entrypoint,
            command=inherited if self.command is None else self.command,
            env={**base.env, **self.env},
            labels={**base.labels, **self.labels},
            workdir=base.workdir if self.workdir is None else self.workdir,
            files={**base.files, **self.files},
            shown=() if own else base.shown,
            known=base.known or own,
            open=True,
        )


def parse(text: str, read: Read, arguments: Mapping[str, str] | None = None) -> Dockerfile:
    """`read` gives a file beside it, or raises ValueError. Raises DockerfileError."""
    build = _Build(read, dict(arguments or {}))
    empty = True
    for line, word, rest in _instructions(text):
        empty = False
        build.carry_out(line, word.upper(), rest)
    if empty:
        raise DockerfileError(1, "file with no instructions")
    if not build.stages:
        raise DockerfileError(1, "no build stage in current context")
    return build.stages[-1].finished()


def _instructions(text: str) -> Iterator[tuple[int, str, str]]:
    """Each with the number of its first line; a backslash at a line's end goes on, comments and empty lines in between do not count."""
    lines, first, whole = text.splitlines(), 0, ""
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        first = first or number
        goes_on = line.rstrip().endswith("\\")
        whole += line.rstrip()[:-1] if goes_on else line.rstrip()
        if goes_on and number < len(lines):
            continue
        word, _, rest = whole.strip().partition(" ")
        yield first, word, rest.strip()
        first, whole = 0, ""
    if whole.strip():
        word, _, rest = whole.strip().partition(" ")
        yield first, word, rest.strip()


@dataclass
class _Stage:
    base: str
    name: str
    parent: Dockerfile | None  # an earlier stage that it begins from
    shell: tuple[str, ...] = SHELL
    entrypoint: tuple[str, ...] | None = None
    command: tuple[str, ...] | None = None
    workdir: str | None = None
    expose: list[Exposed] = field(default_factory=list)
    env: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    arguments: dict[str, str] = field(default_factory=dict)

    def finished(self) -> Dockerfile:
        mine = Dockerfile(
            self.base, self.entrypoint, self.command, self.workdir, tuple(self.expose), self.env, self.labels, self.files
        )  # fmt: skip
        if self.parent is None:
            return mine
        older = self.parent
        return Dockerfile(
            older.base,
            older.entrypoint if mine.entrypoint is None else mine.entrypoint,
            mine.command if mine.command is not None or mine.entrypoint is not None else older.command,
            older.workdir if mine.workdir is None else mine.workdir,
            (*older.expose, *mine.expose),
            {**older.env, **mine.env},
            {**older.labels, **mine.labels},
            {**older.files, **mine.files},
        )


class _Build:
    """Carries out instructions, one after the other."""

    def __init__(self, read: Read, arguments: dict[str, str]) -> None:
        self.read = read
        self.given = arguments
        self.before: dict[str, str] = {}  # ARGs before the first FROM
        self.stages: list[_Stage] = []

    def carry_out(self, line: int, word: str, rest: str) -> None:
        if not self.stages and word not in ("FROM", "ARG"):
            known = word in WITHOUT_EFFECT or hasattr(self, f"_{word.lower()}")
            raise DockerfileError(line, "no build stage in current context" if known else f"unknown instruction: {word}")
        if word in WITHOUT_EFFECT:
            return
        work: Callable[[str], None] | None = getattr(self, f"_{word.lower()}", None)
        if work is None or not word.isalpha():
            raise DockerfileError(line, f"unknown instruction: {word}")
        if not rest:
            wanted = "either one or three arguments" if word == "FROM" else "at least one argument"
            raise DockerfileError(line, f"{word} requires {wanted}")
        try:
            work(rest)
        except ValueError as wrong:
            raise DockerfileError(line, str(wrong)) from None

    @property
    def stage(self) -> _Stage:
        return self.stages[-1]

    def _expanded(self, text: str) -> str:
        known = {**self.stage.arguments, **self.stage.env} if self.stages else self.before
        return _substituted(text, known)

    def _from(self, rest: str) -> None:
        words = [word for word in rest.split() if not word.startswith("--platform")]
        if len(words) not in (1, 3) or (len(words) == 3 and words[1].lower() != "as"):
            raise ValueError("FROM requires either one or three arguments")
        base = _substituted(words[0], self.before)
        if not base:
            raise ValueError(f"base name ({words[0]}) should not be blank")
        parents = [stage for position, stage in enumerate(self.stages) if base.lower() == stage.name or base == str(position)]
        name = words[2].lower() if len(words) == 3 else ""
        self.stages.append(_Stage(base, name, parents[-1].finished() if parents else None))

    def _arg(self, rest: str) -> None:
        for word in shlex.split(rest):
            name, _, value = word.partition("=")
            value = self.given.get(name, self.before.get(name, "") if self.stages and "=" not in word else self._expanded(value))
            (self.stage.arguments if self.stages else self.before)[name] = value

    def _env(self, rest: str) -> None:
        self.stage.env.update(self._pairs(rest, "ENV"))

    def _label(self, rest: str) -> None:
        self.stage.labels.update(self._pairs(rest, "LABEL"))

    def _pairs(self, rest: str, word: str) -> dict[str, str]:
        """`a=b c="d e"`, or the old `a the rest`."""
        if "=" not in rest.split(maxsplit=1)[0]:
            name, _, value = rest.partition(" ")
            if not value:
                raise ValueError(f"{word} must have two arguments")
            return {name: self._expanded(value.strip())}
        found, place = {}, 0
        while place < len(rest):
            match = PAIR.match(rest, place)
            if match is None:
                raise ValueError(f'Syntax error - can\'t find = in "{rest[place:].split(maxsplit=1)[0]}". Must be of the form: name=value')
            value = match[2]
            found[match[1].strip("\"'")] = value[1:-1] if value[:1] == "'" else self._expanded(re.sub(r'\\([^$])|"', r"\1", value))
            place = match.end()
        return found

    def _expose(self, rest: str) -> None:
        for word in self._expanded(rest).split():
            try:
                self.stage.expose += exposed(word)
            except ValueError:
                raise ValueError(f"invalid containerPort: {word.partition('/')[0]}") from None

    def _cmd(self, rest: str) -> None:
        self.stage.command = self._program(rest)

    def _entrypoint(self, rest: str) -> None:
        self.stage.entrypoint = self._program(rest)
        self.stage.command = self.stage.command if self.stage.command is not None else ()

    def _shell(self, rest: str) -> None:
        words = _json_words(rest)
        if not words:
            raise ValueError("SHELL requires the arguments to be in JSON form")
        self.stage.shell = words

    def _program(self, rest: str) -> tuple[str, ...]:
        """The exec form, a list in JSON; else a line for a shell."""
        words = _json_words(rest)
        return words if words is not None else (*self.stage.shell, rest)

    def _workdir(self, rest: str) -> None:
        self.stage.workdir = str(PurePosixPath(self.stage.workdir or "/") / self._expanded(rest))

    def _copy(self, rest: str) -> None:
        """One text file; what else is copied has nothing to do with the network."""
        words = list(_json_words(rest) or shlex.split(rest))
        if any(word.startswith("--from") for word in words):
            return
        words = [self._expanded(word) for word in words if not word.startswith("--")]
        if len(words) < 2:
            raise ValueError("COPY requires at least two arguments, but only one was provided. Destination could not be determined")
        *sources, target = words
        for source in sources:
            if "*" in source or "://" in source or source in (".", "./"):
                continue
            name = PurePosixPath(source).name
            path = PurePosixPath(self.stage.workdir or "/") / target
            try:
                self.stage.files[str(path / name if target.endswith("/") or target == "." else path)] = self.read(source.lstrip("/"))
            except ValueError:
                continue  # a folder, or nothing of a text

    _add = _copy


def _json_words(rest: str) -> tuple[str, ...] | None:
    try:
        words = json.loads(rest)
    except ValueError:
        return None
    return tuple(words) if isinstance(words, list) and all(isinstance(word, str) for word in words) else None


def _substituted(text: str, known: Mapping[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        if match["escaped"]:
            return "$"
        found = known.get(match["name"] or match["braced"], "")
        if match["how"] == "-":
            return found or match["other"]
        return (match["other"] if found else "") if match["how"] == "+" else found

    return VARIABLE.sub(value, text)
