"""What was typed at a real Docker 20.10.24 and what it answered, as text: `$ LINE`, standard output, `!` and standard error, `[STATUS]`."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

AGE = r"(Less than a second|About a minute|About an hour|\d+ (seconds?|minutes?))( ago)?"
DATE = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z| \+0000 UTC)"


@dataclass
class Exchange:
    line: str
    out: list[str] = field(default_factory=list)
    err: list[str] = field(default_factory=list)
    status: int = 0


def read(path: Path) -> list[Exchange]:
    exchanges: list[Exchange] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("$ "):
            exchanges.append(Exchange(line[2:]))
        elif line.startswith("!"):
            exchanges[-1].err.append(line[1:])
        elif re.fullmatch(r"\[\d+\]", line):
            exchanges[-1].status = int(line[1:-1])
        else:
            exchanges[-1].out.append(line)
    return exchanges


def shape(text: str) -> str:
    """With generated ids, times and what depends on their width taken out."""
    text = re.sub(r"\b[0-9a-f]{64}\b", "ID", text)
    text = re.sub(r"\b[0-9a-f]{12}\b", "SHORT", text)
    text = re.sub(DATE, "DATE", re.sub(AGE, "AGE", text))
    return "\n".join(re.sub(" +", " ", line).rstrip() for line in text.strip("\n").splitlines())
