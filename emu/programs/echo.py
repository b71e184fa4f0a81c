"""echo(1), with -n and -e (newlines, tabs and backslashes only)."""

from __future__ import annotations

from emu.process import Process

ESCAPES = (("\\\\", "\0"), ("\\n", "\n"), ("\\t", "\t"), ("\0", "\\"))


async def main(process: Process, argv: list[str]) -> int:
    words = argv[1:]
    letters = ""
    while words and words[0][:1] == "-" and words[0][1:] and set(words[0][1:]) <= set("neE"):
        letters += words.pop(0)[1:]
    text = " ".join(words)
    if "e" in letters:
        for escape, meaning in ESCAPES:
            text = text.replace(escape, meaning)
    process.print(text, end="" if "n" in letters else "\n")
    return 0
