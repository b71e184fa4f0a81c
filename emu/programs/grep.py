"""grep(1): -v -i -c -n -o -q -w -x -E -F -e -A -B -C -m -h -H -l -s, and `egrep`, `fgrep`. Not modelled: -r, -P, colours."""

from __future__ import annotations

import re

from emu.process import Process, UsageError
from emu.programs.libc.getopt import Options, getopt
from emu.programs.libc.text import Input, translate

LONG = {
    "invert-match": "v", "ignore-case": "i", "count": "c", "line-number": "n", "only-matching": "o", "quiet": "q", "silent": "q",
    "word-regexp": "w", "line-regexp": "x", "extended-regexp": "E", "fixed-strings": "F", "regexp": "e", "after-context": "A",
    "before-context": "B", "context": "C", "max-count": "m", "color": "color", "colour": "color", "line-buffered": "line-buffered",
}  # fmt: skip


async def main(process: Process, argv: list[str]) -> int:
    options = getopt(
        [argv[0], *(word for word in argv[1:] if not word.startswith(("--color=", "--colour=")))],
        "vicnoqwxEFGe:A:B:C:m:hHlsa",
        LONG,
        status=2,
    )
    names = list(options.words)
    if "e" in options:
        patterns = options.all("e")
    elif names:
        patterns = [names.pop(0)]
    else:
        raise UsageError("Usage: grep [OPTION]... PATTERNS [FILE]...\nTry 'grep --help' for more information.", 2)
    return await _Grep(process, options, patterns, names).run()


class _Grep:
    def __init__(self, process: Process, options: Options, patterns: list[str], names: list[str]) -> None:
        self.process = process
        self.options = options
        self.input = Input(process, names)
        self.named = ("H" in options or len(names) > 1) and "h" not in options
        self.pattern = self._pattern([line for pattern in patterns for line in pattern.split("\n")])
        self.after = self._number("A")
        self.before = self._number("B")
        self.most = self._number("m") if "m" in options else None
        self.counts: dict[str, int] = {}

    def _number(self, letter: str) -> int:
        text = self.options.text(letter) or (self.options.text("C") if letter in "AB" else "") or "0"
        if not text.isascii() or not text.isdigit():
            raise UsageError(f"grep: {text}: invalid context length argument", 2)
        return int(text)

    def _pattern(self, patterns: list[str]) -> re.Pattern[str]:
        options, name = self.options, self.process.argv[0].rpartition("/")[2]
        fixed = "F" in options or name == "fgrep"
        extended = "E" in options or name == "egrep"
        whole = "|".join(f"(?:{re.escape(each) if fixed else translate(each, extended=extended)})" for each in patterns)
        if "x" in options:
            whole = rf"\A(?:{whole})\Z"
        elif "w" in options:
            whole = rf"(?<!\w)(?:{whole})(?!\w)"
        try:
            return re.compile(whole, re.IGNORECASE if "i" in options else re.NOFLAG)
        except re.error as wrong:
            raise UsageError(f"grep: {wrong.msg}", 2) from None

    async def run(self) -> int:
        options = self.options
        self.numbers: dict[str, int] = {}
        self.shown: dict[str, int] = {}  # the last line printed of each file
        held: list[str] = []  # lines before a match, if it comes
        trailing = 0
        found = False
        async for name, line in self.input.lines():
            number = self.numbers[name] = self.numbers.get(name, 0) + 1
            if number == 1:
                held, trailing = [], 0
            matched = bool(self.pattern.search(line)) != ("v" in options)
            if matched and (self.most is None or self.counts.get(name, 0) < self.most):
                found = True
                self.counts[name] = self.counts.get(name, 0) + 1
                if "q" in options:
                    return 0
                if "l" not in options and "c" not in options:
                    self._show(name, number, line, held)
                held, trailing = [], self.after
            elif trailing and not matched:
                trailing -= 1
                self._print(name, number, line, "-")
            else:
                held = [*held, line][-self.before :] if self.before else []
            if self.most is not None and self.counts.get(name, 0) >= self.most and not trailing and len(self.input.names) == 1:
                break
        self._summary()
        return 0 if found else 2 if self.input.status else 1

    def _show(self, name: str, number: int, line: str, held: list[str]) -> None:
        first = number - len(held)
        if (self.before or self.after) and self.shown and self.shown.get(name, 0) + 1 < first:
            self.process.print("--")
        for offset, each in enumerate(held):
            self._print(name, first + offset, each, "-")
        if "o" not in self.options:
            return self._print(name, number, line, ":")
        for match in self.pattern.finditer(line):
            if match.group():
                self._print(name, number, match.group(), ":")

    def _print(self, name: str, number: int, text: str, mark: str) -> None:
        self.shown[name] = number
        label = "(standard input)" if name == "-" else name
        prefix = f"{label}{mark}" if self.named else ""
        self.process.print(f"{prefix}{f'{number}{mark}' if 'n' in self.options else ''}{text}")

    def _summary(self) -> None:
        if "c" in self.options:
            for name in self.input.names:
                self.process.print(f"{name}:{self.counts.get(name, 0)}" if self.named else self.counts.get(name, 0))
        elif "l" in self.options:
            for name in self.counts:
                self.process.print("(standard input)" if name == "-" else name)
