"""test(1), also called `[`. Not modelled: file times and modes; files are readable, writable, and none is executable but programs."""

from __future__ import annotations

from collections.abc import Callable

from emu.process import Process, UsageError

NUMBERS: dict[str, Callable[[int, int], bool]] = {
    "-eq": lambda left, right: left == right, "-ne": lambda left, right: left != right, "-lt": lambda left, right: left < right,
    "-le": lambda left, right: left <= right, "-gt": lambda left, right: left > right, "-ge": lambda left, right: left >= right,
}  # fmt: skip
TEXTS: dict[str, Callable[[str, str], bool]] = {
    "=": lambda left, right: left == right, "==": lambda left, right: left == right, "!=": lambda left, right: left != right,
    "<": lambda left, right: left < right, ">": lambda left, right: left > right,
}  # fmt: skip
UNARY = frozenset({"-n", "-z", "-e", "-f", "-d", "-s", "-r", "-w", "-x"})


async def main(process: Process, argv: list[str]) -> int:
    name, words = argv[0], argv[1:]
    if name == "[":
        if words[-1:] != ["]"]:
            raise UsageError("[: missing `]'", 2)
        words = words[:-1]
    test = _Test(process, name, words)
    result = test.either() if words else False
    if test.words:
        raise UsageError(f"{name}: {test.words[0]}: unexpected operator", 2)
    return int(not result)


class _Test:
    """`words` are those that are left."""

    def __init__(self, process: Process, name: str, words: list[str]) -> None:
        self.process = process
        self.name = name
        self.words = list(words)

    def either(self) -> bool:
        result = self.both()
        while self.words[:1] == ["-o"]:
            self.words.pop(0)
            other = self.both()
            result = result or other
        return result

    def both(self) -> bool:
        result = self.negated()
        while self.words[:1] == ["-a"]:
            self.words.pop(0)
            other = self.negated()
            result = result and other
        return result

    def negated(self) -> bool:
        if self.words[:1] == ["!"] and len(self.words) > 1:
            self.words.pop(0)
            return not self.negated()
        return self.primary()

    def primary(self) -> bool:
        words = self.words
        if not words:
            raise UsageError(f"{self.name}: argument expected", 2)
        if len(words) >= 3 and words[1] in TEXTS:
            left, operator, right = words[:3]
            del words[:3]
            return TEXTS[operator](left, right)
        if len(words) >= 3 and words[1] in NUMBERS:
            left, operator, right = words[:3]
            del words[:3]
            return NUMBERS[operator](self._number(left), self._number(right))
        if words[0] in UNARY and len(words) > 1:
            operator, operand = words[:2]
            del words[:2]
            return self._unary(operator, operand)
        return bool(words.pop(0))

    def _number(self, text: str) -> int:
        try:
            return int(text)
        except ValueError:
            raise UsageError(f"{self.name}: {text}: integer expression expected", 2) from None

    def _unary(self, operator: str, operand: str) -> bool:
        if operator in {"-n", "-z"}:
            return bool(operand) == (operator == "-n")
        files, path = self.process.place.files, self.process.path(operand)
        directory = files.is_directory(path)
        if operator == "-d":
            return directory
        if operator == "-s":
            return directory or (files.exists(path) and bool(files.read(path)))
        if operator == "-x":
            return directory or (operand.startswith("/") and self.process.place.find_program(self.process.place, operand) is not None)
        return files.exists(path) or (directory and operator != "-f")
