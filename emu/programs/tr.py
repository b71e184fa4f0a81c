"""tr(1): translate, -d, -s, -c; ranges, `[:class:]`, and the escapes for newline, tab and backslash."""

from __future__ import annotations

import re
import string

from emu.process import Process, UsageError
from emu.programs.libc.getopt import getopt

CLASSES = {
    "alpha": string.ascii_letters, "digit": string.digits, "alnum": string.digits + string.ascii_letters, "upper": string.ascii_uppercase,
    "lower": string.ascii_lowercase, "space": "\t\n\v\f\r ", "blank": "\t ", "punct": string.punctuation,
    "xdigit": string.hexdigits,
}  # fmt: skip
ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "0": "\0"}
_ITEM = re.compile(r"\[:(\w+):\]|\\(.)|(.)-(.)|(.)", re.DOTALL)


async def main(process: Process, argv: list[str]) -> int:
    options = getopt(argv, "dsc", {"delete": "d", "squeeze-repeats": "s", "complement": "c"}, permute=False)
    sets = [_set(word) for word in options.words]
    if not 1 <= len(sets) <= 2 or (len(sets) == 1 and not ("d" in options or "s" in options)):
        missing = f"tr: missing operand after '{options.words[0]}'" if options.words else "tr: missing operand"
        raise UsageError(f"{missing}\nTry 'tr --help' for more information.", 1)
    first, second = sets[0], sets[-1]
    table = {}
    if "d" not in options and len(sets) == 2 and second:
        longer = second + second[-1] * (len(first) - len(second))
        table = dict(zip(reversed(first), reversed(longer[: len(first)]), strict=True))  # of a character given twice the first counts
    previous = ""
    while text := await process.stdin.read_some():
        out = []
        for char in text:
            meant = (char in first) != ("c" in options)
            if "d" in options and meant:
                continue
            new = (second[-1] if "c" in options else table[char]) if meant and table else char
            if "s" in options and new == previous and new in (second if table else first):
                continue
            previous = new
            out.append(new)
        process.write("".join(out))
    return 0


def _set(text: str) -> str:
    out = []
    for match in _ITEM.finditer(text):
        if match[1] is not None:
            if match[1] not in CLASSES:
                raise UsageError(f"tr: invalid character class '{match[1]}'", 1)
            out.append(CLASSES[match[1]])
        elif match[2] is not None:
            out.append(ESCAPES.get(match[2], match[2]))
        elif match[3] is not None:
            if match[3] > match[4]:
                raise UsageError(f"tr: range-endpoints of '{match[3]}-{match[4]}' are in reverse collating sequence order", 1)
            out.append("".join(map(chr, range(ord(match[3]), ord(match[4]) + 1))))
        else:
            out.append(match[5])
    return "".join(out)
