"""seq(1): whole numbers, -s and -w. Not modelled: fractions, -f."""

from __future__ import annotations

import re

from emu.process import Process, UsageError

_INTEGER = re.compile(r"-?\d+")
MOST = 1_000_000


async def main(process: Process, argv: list[str]) -> int:
    words, separator, padded = argv[1:], "\n", False
    while words and words[0][:2] in {"-s", "-w"}:
        option = words.pop(0)
        padded |= option == "-w"
        if option.startswith("-s"):
            separator = option[2:] or (words.pop(0) if words else "")
    wrong = next((word for word in words if not _INTEGER.fullmatch(word)), None)
    if wrong is not None:
        raise UsageError(
            f"seq: '{wrong}' is not modelled" if wrong[:1] == "-" or "." in wrong else f"seq: invalid floating point argument: '{wrong}'"
        )
    if not 1 <= len(words) <= 3:
        raise UsageError("seq: missing operand" if not words else f"seq: extra operand '{words[3]}'", 1)
    numbers = [int(word) for word in words]
    first = numbers[0] if len(numbers) > 1 else 1
    step = numbers[1] if len(numbers) > 2 else 1
    if not step:
        raise UsageError("seq: invalid Zero increment value: '0'", 1)
    found = range(first, numbers[-1] + (1 if step > 0 else -1), step)
    if len(found) > MOST:
        raise UsageError(f"seq: more than {MOST} numbers are not modelled", 1)
    width = max((len(str(number)) for number in found), default=0) if padded else 0
    if found:
        process.print(separator.join(f"{number:0{width}}" for number in found))
    return 0
