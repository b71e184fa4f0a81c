"""Where something is said."""

from __future__ import annotations

from typing import NamedTuple


class Source(NamedTuple):
    """Where in which file something is said."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


NOWHERE = Source("", 0)
