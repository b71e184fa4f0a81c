"""From characters to tokens: operators, and words with their quotes and expansions (POSIX sh §2.2, §2.3, §2.6).

Refused by name: `$'…'`, descriptors above 2, `${name/…}` and bash's other expansions of its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from emu.programs.shell.syntax import Arithmetic, Complaints, List, Literal, Parameter, Part, Substitution, Word

OPERATORS = ("&>>", "<<<", "<<-", "&&", "||", ";;", "&>", ">>", ">&", ">|", "<<", "<&", "<>", ";", "&", "|", "(", ")", "<", ">")
REDIRECTIONS = frozenset({"&>>", "<<<", "<<-", "&>", ">>", ">&", ">|", "<<", "<&", "<>", "<", ">"})
_BARE = re.compile(r"[^\s\\'\"`$&|;<>()]+")
_NAME = re.compile(r"[A-Za-z_]\w*|[0-9@*#?$!-]")
_BRACED = re.compile(r"[A-Za-z_]\w*|[0-9]+|[@*#?$!-]")
_EXPANSION = re.compile(r":?[-=?+]|##?|%%?")
_DIGITS = re.compile(r"\d+(?=[<>])")

Substitute = Callable[[str, int, int], tuple[List, int]]  # text, where it begins, its line: commands, and where their `)` ends


NOTHING = Word(())


@dataclass(eq=False)
class Token:
    kind: str  # word operator newline end
    text: str  # the operator
    line: int
    at: int  # where it begins
    word: Word = NOTHING
    descriptor: int | None = None  # of a redirection, if it was given


class Lexer:
    """`next()` gives one token after the other. `substitute` parses what stands in `$( )`."""

    def __init__(self, text: str, complaints: Complaints, substitute: Substitute, at: int = 0, line: int = 1) -> None:
        self.text = text
        self.at = at
        self.line = line
        self.complaints = complaints
        self._substitute = substitute
        self.documents: list[Callable[[str], None]] = []  # here-documents whose text comes after this line
        self._ends: list[tuple[str, bool]] = []

    def next(self) -> Token:
        self._skip_blanks()
        at, line = self.at, self.line
        if at >= len(self.text):
            if self._ends:
                raise self.complaints.unfinished(line)
            return Token("end", "", line, at)
        if self.text[at] == "\n":
            self.at += 1
            self.line += 1
            self._read_documents()
            return Token("newline", "\n", line, at)
        descriptor = None
        if match := _DIGITS.match(self.text, at):
            descriptor = int(match.group())
            self.at = match.end()
        for operator in OPERATORS:
            if self.text.startswith(operator, self.at):
                self.at += len(operator)
                return Token("operator", operator, line, at, descriptor=descriptor)
        return Token("word", "", line, at, self.word())

    def _skip_blanks(self) -> None:
        while self.at < len(self.text):
            if self.text[self.at] in " \t\r":
                self.at += 1
            elif self.text.startswith("\\\n", self.at):
                self.at += 2
                self.line += 1
            elif self.text[self.at] == "#":
                end = self.text.find("\n", self.at)
                self.at = len(self.text) if end < 0 else end
            else:
                return

    # --- here-documents

    def want_document(self, end: str, *, strip_tabs: bool, deliver: Callable[[str], None]) -> None:
        self._ends.append((end, strip_tabs))
        self.documents.append(deliver)

    def _read_documents(self) -> None:
        for (end, strip_tabs), deliver in zip(self._ends, self.documents, strict=True):
            lines = []
            while True:
                if self.at >= len(self.text):
                    raise self.complaints.unfinished(self.line)
                line, _, _ = self.text[self.at :].partition("\n")
                self.at += len(line) + 1
                self.line += 1
                line = line.lstrip("\t") if strip_tabs else line
                if line == end:
                    break
                lines.append(line + "\n")
            deliver("".join(lines))
        self._ends, self.documents = [], []

    # --- words

    def word(self, ends: str = "") -> Word:
        """Up to a blank or an operator; with `ends`, up to one of these characters, blanks and all."""
        parts: list[Part] = []
        while self.at < len(self.text):
            char = self.text[self.at]
            if ends and char in ends:
                break
            if char in "\\'\"":
                self._quoted(parts)
            elif char in "$`":
                parts.append(self._expansion(quoted=False))
            elif match := _BARE.match(self.text, self.at):
                bare = match.group()
                cut = min((bare.find(end) for end in ends if end in bare), default=len(bare))
                parts.append(Literal(bare[:cut], quoted=False))
                self.at += cut
            elif ends:
                parts.append(Literal(char, quoted=False))
                self.at += 1
            else:
                break
        return Word(tuple(parts))

    def _quoted(self, parts: list[Part]) -> None:
        char = self.text[self.at]
        if char == "\\":
            following = self.text[self.at + 1 : self.at + 2]
            if following != "\n":
                parts.append(Literal(following or "\\", quoted=True))
            self.line += following == "\n"
            self.at += 2
        elif char == "'":
            end = self.text.find("'", self.at + 1)
            if end < 0:
                raise self.complaints.unfinished(self.line, "'")
            text = self.text[self.at + 1 : end]
            self.line += text.count("\n")
            parts.append(Literal(text, quoted=True))
            self.at = end + 1
        else:
            self.at += 1
            parts += self.double('"')
            self.at += 1

    def double(self, end: str) -> list[Part]:
        """What stands between double quotes; with `end` "" a here-document, to the end of the text."""
        parts: list[Part] = [Literal("", quoted=True)]
        start = self.line
        while self.at < len(self.text):
            char = self.text[self.at]
            if char == end:
                return parts
            if char in "$`":
                parts.append(self._expansion(quoted=True))
                continue
            following = self.text[self.at + 1 : self.at + 2]
            if char == "\\" and following and following in f"$`\\\n{end}":
                char = "" if following == "\n" else following
                self.at += 1
            self.line += following == "\n" if char == "" else char == "\n"
            self.at += 1
            parts.append(Literal(char, quoted=True))
        if end:
            raise self.complaints.unfinished(start, end)
        return parts

    # --- expansions

    def _expansion(self, *, quoted: bool) -> Part:
        text, at = self.text, self.at
        if text[at] == "`":
            return self._backquoted(quoted=quoted)
        if text.startswith("$((", at):
            return self._arithmetic(quoted=quoted)
        if text.startswith("$(", at):
            commands, self.at = self._substitute(text, at + 2, self.line)
            self.line += text.count("\n", at, self.at)
            return Substitution(commands, quoted)
        if text.startswith("${", at):
            self.at += 2
            return self._braced(quoted=quoted)
        if match := _NAME.match(text, at + 1):
            self.at = match.end()
            return Parameter(match.group(), quoted)
        if not quoted and text[at + 1 : at + 2] in {"'", '"'}:
            raise self.complaints.not_modelled(f"quoting with ${text[at + 1]}…{text[at + 1]}", self.line)
        self.at += 1
        return Literal("$", quoted)

    def _backquoted(self, *, quoted: bool) -> Substitution:
        match = re.compile(r"`((?:\\.|[^`\\])*)`", re.DOTALL).match(self.text, self.at)
        if match is None:
            raise self.complaints.unfinished(self.line, "`")
        inner = re.sub(r"\\([`$\\])", r"\1", match[1])
        commands, _ = self._substitute(inner + "\n)", 0, self.line)
        self.at = match.end()
        return Substitution(commands, quoted)

    def _arithmetic(self, *, quoted: bool) -> Arithmetic:
        depth, at = 2, self.at + 3
        while depth and at < len(self.text):
            depth += {"(": 1, ")": -1}.get(self.text[at], 0)
            at += 1
        if depth:
            raise self.complaints.unfinished(self.line, ")")
        inner = Lexer(self.text[self.at + 3 : at - 2], self.complaints, self._substitute, line=self.line)
        self.at = at
        return Arithmetic(Word(tuple(inner.double(""))), quoted)

    def _braced(self, *, quoted: bool) -> Parameter:
        match = _BRACED.match(self.text, self.at)
        if (
            match
            and match.group() == "#"
            and (name := _BRACED.match(self.text, match.end()))
            and self.text[name.end() : name.end() + 1] == "}"
        ):
            self.at = name.end() + 1
            return Parameter(name.group(), quoted, "length")
        if match is None:
            raise self.complaints.not_modelled(f"'{self.text[self.at - 2 : self.at + 8]}'", self.line)
        self.at = match.end()
        operator = _EXPANSION.match(self.text, self.at)
        word = None
        if operator:
            self.at = operator.end()
            word = self.word("}")
        if self.at >= len(self.text):
            raise self.complaints.unfinished(self.line, "}")
        if self.text[self.at] != "}":
            raise self.complaints.not_modelled(f"'${{{match.group()}{self.text[self.at]}…}}'", self.line)
        self.at += 1
        return Parameter(match.group(), quoted, operator.group() if operator else "", word)
