"""date(1): the lab's virtual time, in UTC, plain or by +FORMAT. Not modelled: setting it, -d, other zones."""

from __future__ import annotations

import re

from emu.process import Process, UsageError
from emu.programs.libc.clock import DAYS, MONTHS, civil, gettimeofday
from emu.programs.libc.getopt import getopt

DEFAULT = "%a %b %e %H:%M:%S UTC %Y"


async def main(process: Process, argv: list[str]) -> int:
    options = getopt(argv, "uRI", {"utc": "u", "universal": "u"})
    form = "%Y-%m-%d" if "I" in options else "%a, %d %b %Y %H:%M:%S +0000" if "R" in options else DEFAULT
    for word in options.words:
        if not word.startswith("+"):
            raise UsageError(f"date: setting the time ('{word}') is not modelled", 1)
        form = word[1:]
    seconds, us = gettimeofday(process.engine)
    process.print(_formatted(form, seconds, us))
    return 0


def _formatted(form: str, seconds: int, us: int) -> str:
    year, month, day, hour, minute, second, weekday = civil(seconds)
    meanings = {
        "Y": f"{year}", "y": f"{year % 100:02}", "m": f"{month:02}", "d": f"{day:02}",
        "e": f"{day:2}", "H": f"{hour:02}", "M": f"{minute:02}",
        "S": f"{second:02}", "s": f"{seconds}", "N": f"{us * 1000:09}", "a": DAYS[weekday], "b": MONTHS[month - 1],
        "Z": "UTC", "z": "+0000",
        "T": f"{hour:02}:{minute:02}:{second:02}", "F": f"{year}-{month:02}-{day:02}", "D": f"{month:02}/{day:02}/{year % 100:02}",
        "R": f"{hour:02}:{minute:02}", "n": "\n", "t": "\t", "%": "%",
        "3N": f"{us // 1000:03}",
    }  # fmt: skip

    def meaning(match: re.Match[str]) -> str:
        if match[1] not in meanings:
            raise UsageError(f"date: '{match.group()}' is not modelled", 1)
        return meanings[match[1]]

    return re.sub(r"%(3N|.)", meaning, form)
