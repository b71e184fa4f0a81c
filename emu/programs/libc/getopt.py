"""Command lines as getopt_long(3) reads them. An option that is not in the list is refused by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from emu.process import UsageError


class Options:
    """Options by their short letter (or long name), each with its values in order; `words` is the rest."""

    def __init__(self) -> None:
        self.values: dict[str, list[str]] = {}
        self.words: list[str] = []

    def __contains__(self, option: str) -> bool:
        return option in self.values

    def text(self, option: str, default: str = "") -> str:
        """The last value given."""
        return self.values[option][-1] if option in self.values else default

    def all(self, option: str) -> list[str]:
        return self.values.get(option, [])


def getopt(argv: Sequence[str], short: str, long: Mapping[str, str] | None = None, *, status: int = 1, permute: bool = True) -> Options:
    """Parse `argv[1:]`. `short` is getopt's: `c:q` takes a value for -c. `long` maps `max-time` to the short letter, or to a name of its
    own, which takes a value if it ends in a colon. Raises UsageError with `status`.
    """
    options = Options()
    words = list(argv[1:])
    while words:
        word = words.pop(0)
        if word == "--":
            options.words += words
            break
        if word.startswith("--"):
            _long(options, argv[0], word[2:], words, short, long or {}, status)
        elif word.startswith("-") and len(word) > 1:
            _short(options, argv[0], word[1:], words, short, status)
        else:
            options.words.append(word)
            if not permute:
                options.words += words
                break
    return options


def _short(options: Options, name: str, letters: str, words: list[str], short: str, status: int) -> None:
    while letters:
        letter, letters = letters[0], letters[1:]
        where = short.find(letter)
        if where < 0 or letter == ":":
            raise UsageError(f"{name}: '-{letter}' is not modelled", status)
        if short[where + 1 : where + 2] != ":":
            options.values.setdefault(letter, []).append("")
            continue
        options.values.setdefault(letter, []).append(_value(name, letter, letters, words, status))
        return


def _long(options: Options, name: str, word: str, words: list[str], short: str, long: Mapping[str, str], status: int) -> None:
    key, equals, value = word.partition("=")
    if key not in long:
        raise UsageError(f"{name}: '--{key}' is not modelled", status)
    option = long[key]
    takes_value = option.endswith(":") or f"{option}:" in short
    option = option.rstrip(":")
    if takes_value:
        value = value if equals else _value(name, f"-{key}", "", words, status)
    elif equals:
        raise UsageError(f"{name}: option '--{key}' doesn't allow an argument", status)
    options.values.setdefault(option, []).append(value)


def _value(name: str, option: str, attached: str, words: list[str], status: int) -> str:
    if attached:
        return attached
    if not words:
        raise UsageError(f"{name}: option requires an argument -- '{option}'", status)
    return words.pop(0)
