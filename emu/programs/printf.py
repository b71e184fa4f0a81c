"""printf(1): %s %d %i %u %x %X %o %c %b %%, with width and precision; the format is used again while words are left."""

from __future__ import annotations

import re

from emu.process import Process, UsageError

_ESCAPE = re.compile(r"\\(?:([abefnrtv\\\"'])|([0-7]{1,3})|x([0-9a-fA-F]{1,2}))")
_CONTROL = {"a": "\a", "b": "\b", "e": "\033", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_PART = re.compile(
    r"%(?P<flags>[-+ 0#]*)(?P<width>\d{0,4}|\*)(?:\.(?P<precision>\d{0,4}))?(?P<kind>[a-zA-Z%])|(?P<text>[^%]+|%)", re.DOTALL
)


async def main(process: Process, argv: list[str]) -> int:
    if len(argv) < 2:
        raise UsageError("printf: missing operand", 1)
    words = argv[2:]
    status = 0
    while True:
        before = len(words)
        for part in _PART.finditer(argv[1]):
            if part["text"] is not None:
                process.write(unescaped(part["text"]))
            elif part["kind"] == "%":
                process.write("%")
            else:
                status |= _convert(process, part, words)
        if not words or len(words) == before:
            return status


def unescaped(text: str) -> str:
    def meaning(match: re.Match[str]) -> str:
        if match[1]:
            return _CONTROL.get(match[1], match[1])
        return chr(int(match[2], 8) & 0xFF) if match[2] else chr(int(match[3], 16))

    return _ESCAPE.sub(meaning, text)


def _convert(process: Process, part: re.Match[str], words: list[str]) -> int:
    """One conversion with the next word; 1 if the word is no number."""
    kind, status = part["kind"], 0
    if kind not in "sdiuxXocb" or part["width"] == "*":
        raise UsageError(f"printf: '{part.group()}' is not modelled", 1)
    word = words.pop(0) if words else None
    form = f"%{part['flags']}{part['width']}" + (f".{part['precision']}" if part["precision"] is not None else "")
    if kind in "scb":
        text = (word or "")[:1] if kind == "c" else unescaped(word or "") if kind == "b" else word or ""
        process.write(f"{form}s" % text)
        return 0
    try:
        number = int(word or "0", 0)
    except ValueError:
        process.error(f"printf: {word}: invalid number")
        number, status = 0, 1
    process.write(f"{form}{'d' if kind in 'diu' else kind}" % number)
    return status
