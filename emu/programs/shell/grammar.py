"""From tokens to commands (POSIX sh §2.10), by recursive descent.

Refused by name: functions, `case`, `[[ ]]`, `(( ))`, `select`, `for ((…))`, arrays.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection

from emu.programs.shell.lexer import REDIRECTIONS, Lexer, Token
from emu.programs.shell.syntax import (
    AndOr,
    Command,
    Complaints,
    Dialect,
    For,
    Group,
    If,
    Item,
    Late,
    List,
    Literal,
    Parameter,
    Part,
    Pipeline,
    Redirected,
    Redirection,
    Simple,
    While,
    Word,
)  # fmt: skip

ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)=(.*)", re.DOTALL)
NAME = re.compile(r"[A-Za-z_]\w*")
CLOSING = frozenset({"then", "elif", "else", "fi", "do", "done", "}", "esac"})
REFUSED = {"case": "'case'", "function": "functions", "[[": "'[['", "select": "'select'", "coproc": "'coproc'"}


def parse(text: str, dialect: Dialect) -> List:
    """The commands of a text. Raises ShellSyntaxError, before any of them runs."""
    parser = Parser(text, Complaints(dialect))
    commands = parser.list(())
    if parser.token.kind != "end":
        raise parser.unexpected()
    return commands


class Parser:
    """One token ahead: `token`."""

    def __init__(self, text: str, complaints: Complaints, at: int = 0, line: int = 1) -> None:
        self.complaints = complaints
        self.lexer = Lexer(text, complaints, self._substitute, at, line)
        self.token = self.lexer.next()

    def _substitute(self, text: str, at: int, line: int) -> tuple[List, int]:
        """What stands between `$(` and its `)`."""
        inner = Parser(text, self.complaints, at, line)
        commands = inner.list(())
        if inner.token.text != ")":
            raise inner.unexpected()
        return commands, inner.lexer.at

    # --- tokens

    def advance(self) -> Token:
        token = self.token
        self.token = self.lexer.next()
        return token

    def unexpected(self) -> Exception:
        if self.token.kind == "end":
            return self.complaints.unfinished(self.token.line)
        return self.complaints.unexpected(self.token.word.plain or self.token.text or "word", self.token.line)

    def is_operator(self, *texts: str) -> bool:
        return self.token.kind == "operator" and self.token.text in texts

    def reserved(self, *words: str) -> bool:
        return self.token.kind == "word" and self.token.word.plain in words

    def expect(self, word: str) -> None:
        if not self.reserved(word):
            raise self.unexpected()
        self.advance()

    def skip_newlines(self) -> None:
        while self.token.kind == "newline":
            self.advance()

    # --- lists and pipelines

    def list(self, until: Collection[str]) -> List:
        """Up to one of the reserved words, a `)` or the end."""
        items: list[Item] = []
        self.skip_newlines()
        while self.token.kind != "end" and not self.is_operator(")") and not self.reserved(*until):
            start = self.token.at
            command = self.and_or()
            source = self.lexer.text[start : self.token.at].strip()
            background = self.is_operator("&")
            items.append(Item(command, background, source))
            if self.is_operator(";", "&") or self.token.kind == "newline":
                self.advance()
                self.skip_newlines()
            else:
                break
        return List(tuple(items))

    def body(self, *until: str) -> List:
        """The list inside a compound command, which must have something in it."""
        commands = self.list(until)
        if not commands.items:
            raise self.unexpected()
        return commands

    def and_or(self) -> AndOr:
        first = self.pipeline()
        rest: list[tuple[str, Pipeline]] = []
        while self.is_operator("&&", "||"):
            operator = self.advance().text
            self.skip_newlines()
            rest.append((operator, self.pipeline()))
        return AndOr(first, tuple(rest))

    def pipeline(self) -> Pipeline:
        timed = negated = False
        while self.reserved("time", "!"):
            timed |= self.reserved("time")
            negated ^= self.reserved("!")
            self.advance()
        commands = [self.command()]
        while self.is_operator("|"):
            self.advance()
            if self.is_operator("&"):
                raise self.complaints.not_modelled("'|&'", self.token.line)
            self.skip_newlines()
            commands.append(self.command())
        return Pipeline(tuple(commands), negated, timed)

    # --- commands

    def command(self) -> Command:
        if self.is_operator("("):
            body: Group | If | While | For = self.subshell()
        elif self.token.kind == "word" and (plain := self.token.word.plain) is not None:
            if plain in REFUSED:
                raise self.complaints.not_modelled(REFUSED[plain], self.token.line)
            if plain in CLOSING:
                raise self.unexpected()
            compound = self._compound(plain)
            if compound is None:
                return self.simple()
            body = compound()
        else:
            return self.simple()
        redirections = []
        while self.token.kind == "operator" and self.token.text in REDIRECTIONS:
            redirections.append(self.redirection())
        return Redirected(body, tuple(redirections)) if redirections else body

    def _compound(self, word: str) -> Callable[[], Group | If | While | For] | None:
        if word == "{":
            return self.group
        if word in {"while", "until"}:
            return self.loop
        if word == "if":
            return self.branches
        return self.for_each if word == "for" else None

    def subshell(self) -> Group:
        self.advance()
        if self.is_operator("("):
            raise self.complaints.not_modelled("'(( … ))'", self.token.line)
        body = self.body()
        if not self.is_operator(")"):
            raise self.unexpected()
        self.advance()
        return Group(body, subshell=True)

    def group(self) -> Group:
        self.advance()
        body = self.body("}")
        self.expect("}")
        return Group(body, subshell=False)

    def branches(self) -> If:
        branches: list[tuple[List, List]] = []
        while self.reserved("if", "elif"):
            self.advance()
            condition = self.body("then")
            self.expect("then")
            branches.append((condition, self.body("elif", "else", "fi")))
        otherwise = None
        if self.reserved("else"):
            self.advance()
            otherwise = self.body("fi")
        self.expect("fi")
        return If(tuple(branches), otherwise)

    def loop(self) -> While:
        until = self.reserved("until")
        self.advance()
        condition = self.body("do")
        return While(condition, self._do(), until)

    def for_each(self) -> For:
        self.advance()
        if self.is_operator("("):
            raise self.complaints.not_modelled("'for (('", self.token.line)
        name = self.token.word.plain or ""
        if not NAME.fullmatch(name):
            raise self.unexpected()
        self.advance()
        self.skip_newlines()
        words: list[Word] | None = None
        if self.reserved("in"):
            self.advance()
            words = []
            while self.token.kind == "word":
                words.append(self.advance().word)
        if self.is_operator(";"):
            self.advance()
        self.skip_newlines()
        return For(name, None if words is None else tuple(words), self._do())

    def _do(self) -> List:
        self.expect("do")
        body = self.body("done")
        self.expect("done")
        return body

    def simple(self) -> Simple:
        assignments: list[tuple[str, Word]] = []
        words: list[Word] = []
        redirections: list[Redirection] = []
        line = self.token.line
        while True:
            if self.token.kind == "operator" and self.token.text in REDIRECTIONS:
                redirections.append(self.redirection())
            elif self.token.kind == "word":
                word = self.advance().word
                assignment = _assignment(word) if not words else None
                if assignment is not None:
                    assignments.append(assignment)
                else:
                    words.append(word)
            else:
                break
        if self.is_operator("(") and len(words) == 1:
            raise self.complaints.not_modelled("functions" if words and not assignments else "arrays", line)
        if self.is_operator("(") and assignments and not words:
            raise self.complaints.not_modelled("arrays", line)
        if not (assignments or words or redirections):
            raise self.unexpected()
        return Simple(tuple(assignments), tuple(words), tuple(redirections), line)

    def redirection(self) -> Redirection:
        token = self.token
        operator = token.text
        if operator in ("<>", "<&") or (token.descriptor or 0) > 2:
            what = f"descriptor {token.descriptor}" if (token.descriptor or 0) > 2 else f"'{operator}'"
            raise self.complaints.not_modelled(what, token.line)
        self.advance()
        if self.token.kind != "word":
            raise self.unexpected()
        default = 0 if operator.startswith("<") else 1
        descriptor = default if token.descriptor is None else token.descriptor
        if operator not in ("<<", "<<-"):
            return Redirection(descriptor, operator, self.advance().word)
        return self._here_document(operator, descriptor)

    def _here_document(self, operator: str, descriptor: int) -> Redirection:
        """Its text comes after the line, so the word is filled in later: a document that is quoted stays as it is."""
        end = self.token.word
        quoted = end.plain is None
        parts: list[Part] = []

        def deliver(text: str) -> None:
            parts.extend([Literal(text, quoted=True)] if quoted else Lexer(text, self.complaints, self._substitute).double(""))

        name = "".join(part.text for part in end.parts if isinstance(part, Literal))
        self.lexer.want_document(name, strip_tabs=operator == "<<-", deliver=deliver)
        self.advance()
        return Redirection(descriptor, operator, Late(parts))


def _assignment(word: Word) -> tuple[str, Word] | None:
    """`NAME=value` with the name unquoted."""
    first = word.parts[0] if word.parts else None
    if not isinstance(first, Literal) or first.quoted or not (match := ASSIGNMENT.fullmatch(first.text)):
        return None
    rest: tuple[Literal | Parameter, ...] = (Literal(match[2], quoted=False),) if match[2] else ()
    return match[1], Word((*rest, *word.parts[1:]))
