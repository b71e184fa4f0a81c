"""What a command line consists of (POSIX sh, chapter 2), and how each shell words its complaints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from emu.process import UsageError

STATUS = 2  # of a line that is not understood


@dataclass(eq=False)
class Literal:
    text: str
    quoted: bool


@dataclass(eq=False)
class Parameter:
    """`$name`, `${name}`, `${name:-word}`; the operator `length` is `${#name}`."""

    name: str
    quoted: bool
    operator: str = ""
    word: Word | None = None


@dataclass(eq=False)
class Substitution:
    """`$(commands)`."""

    commands: List
    quoted: bool


@dataclass(eq=False)
class Arithmetic:
    """`$((expression))`."""

    expression: Word
    quoted: bool


Part: TypeAlias = Literal | Parameter | Substitution | Arithmetic


@dataclass(eq=False)
class Word:
    parts: Sequence[Part]

    @property
    def plain(self) -> str | None:
        """Its text, if nothing in it is quoted or expanded: only then it can be a reserved word."""
        bare = all(isinstance(part, Literal) and not part.quoted for part in self.parts)
        return "".join(part.text for part in self.parts if isinstance(part, Literal)) if bare else None


class Late(Word):
    """A word whose parts come after it was made."""

    def __init__(self, parts: list[Part]) -> None:
        self.parts = parts


@dataclass(eq=False)
class Redirection:
    """`2> file`; of a here-document the text is the target."""

    descriptor: int
    operator: str
    target: Word


@dataclass(eq=False)
class Simple:
    assignments: tuple[tuple[str, Word], ...] = ()
    words: tuple[Word, ...] = ()
    redirections: tuple[Redirection, ...] = ()
    line: int = 1


@dataclass(eq=False)
class Group:
    """`{ …; }`, or `( … )` in a shell of its own."""

    body: List
    subshell: bool


@dataclass(eq=False)
class If:
    branches: tuple[tuple[List, List], ...]
    otherwise: List | None


@dataclass(eq=False)
class While:
    condition: List
    body: List
    until: bool


@dataclass(eq=False)
class For:
    name: str
    words: tuple[Word, ...] | None  # None: the positional parameters
    body: List


@dataclass(eq=False)
class Redirected:
    """A compound command with redirections."""

    body: Group | If | While | For
    redirections: tuple[Redirection, ...]


Command: TypeAlias = Simple | Group | If | While | For | Redirected


@dataclass(eq=False)
class Pipeline:
    commands: tuple[Command, ...]
    negated: bool = False
    timed: bool = False


@dataclass(eq=False)
class AndOr:
    """Pipelines with what stands before each but the first: `&&` or `||`."""

    first: Pipeline
    rest: tuple[tuple[str, Pipeline], ...] = ()


@dataclass(eq=False)
class Item:
    command: AndOr
    background: bool
    source: str  # as typed, for `jobs`


@dataclass(eq=False)
class List:
    items: tuple[Item, ...] = ()


@dataclass(eq=False)
class Dialect:
    """Which shell it is: bash, dash (Debian's sh) or ash (busybox's), under the name it was called by."""

    kind: str
    name: str

    def complain(self, text: str, line: int = 1) -> str:
        """`text` as a message: dash gives the line."""
        return f"{self.name}: {line}: {text}" if self.kind == "dash" else f"{self.name}: {text}"

    def not_found(self, program: str, line: int = 1) -> str:
        return self.complain(f"{program}: {'command not found' if self.kind == 'bash' else 'not found'}", line)


class ShellSyntaxError(UsageError):
    """A line that is not understood, or asks for what is not modelled. `incomplete`: more lines could mend it."""

    def __init__(self, text: str, *, incomplete: bool = False) -> None:
        super().__init__(text, STATUS)
        self.incomplete = incomplete


@dataclass
class Complaints:
    """The texts of syntax errors in the words of a dialect."""

    dialect: Dialect = field(default_factory=lambda: Dialect("bash", "bash"))

    def unexpected(self, word: str, line: int) -> ShellSyntaxError:
        name = "newline" if word == "\n" else word
        if self.dialect.kind == "bash":
            text = f"syntax error near unexpected token `{name}'"
        elif self.dialect.kind == "dash":
            text = f"Syntax error: {name if name == 'newline' else chr(34) + name + chr(34)} unexpected"
        else:
            text = f"syntax error: unexpected {name if name == 'newline' else chr(34) + name + chr(34)}"
        return ShellSyntaxError(self.dialect.complain(text, line))

    def unfinished(self, line: int, quote: str = "") -> ShellSyntaxError:
        texts = {
            "bash": f"unexpected EOF while looking for matching `{quote}'" if quote else "syntax error: unexpected end of file",
            "dash": "Syntax error: Unterminated quoted string" if quote else "Syntax error: end of file unexpected",
            "ash": "syntax error: unterminated quoted string" if quote else "syntax error: unexpected end of file",
        }
        return ShellSyntaxError(self.dialect.complain(texts[self.dialect.kind], line), incomplete=True)

    def not_modelled(self, what: str, line: int) -> ShellSyntaxError:
        verb = "are" if what.split(" (", maxsplit=1)[0].endswith("s") else "is"
        return ShellSyntaxError(self.dialect.complain(f"{what} {verb} not modelled", line))
