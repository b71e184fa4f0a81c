"""xargs(1): -n, -I, -r, -t, -0 is not there. One program after the other; words are split at blanks and quotes."""

from __future__ import annotations

import shlex

from emu.process import Process, UsageError
from emu.programs.libc.getopt import getopt
from emu.programs.libc.userland import has_busybox

FAILED = 123
NOT_FOUND = 127


async def main(process: Process, argv: list[str]) -> int:
    options = getopt(argv, "n:I:rtL:", {"no-run-if-empty": "r", "max-args": "n", "verbose": "t"}, permute=False)
    if not options.text("n", "1").isdigit():
        raise UsageError(f'xargs: invalid number "{options.text("n")}" for -n option', 1)
    if "L" in options:
        raise UsageError("xargs: '-L' is not modelled", 1)
    command = options.words or ["echo"]
    text = await process.stdin.read()
    if "I" in options:
        mark = options.text("I")
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        lists = [[word.replace(mark, line) for word in command] for line in lines]
    else:
        words = _words(text)
        size = int(options.text("n", "0")) or max(len(words), 1)
        lists = [[*command, *words[at : at + size]] for at in range(0, len(words), size)]
        if not words and "r" not in options and not has_busybox(process.place):
            lists = [command]
    status = 0
    for each in lists:
        if "t" in options:
            process.error(" ".join(each))
        if process.place.find_program(process.place, each[0]) is None:
            raise UsageError(f"xargs: {each[0]}: No such file or directory", NOT_FOUND)
        status |= await process.run(each, stdin="")
    return FAILED if status else 0


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        raise UsageError("xargs: unmatched quote", 1) from None
