"""What people get wrong: every message names the place and, where there are any, the alternatives.

Packets never raise; they are delivered or dropped with a `DropReason`. An assertion that fails is a bug of emu.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from traceback import walk_tb


class EmuError(Exception):
    """A mistake in the input; `emu` prints the text and leaves with status 2."""


class TopologyError(EmuError):
    """All mistakes found in a topology, one line each."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(self.problems))


class LimitReached(EmuError):
    """The lab went on longer than its limit of virtual time or events."""


def bug_text(error: BaseException) -> str:
    """What emu says of an exception that it does not expect, in one line with its place."""
    return f"a bug in emu: {type(error).__name__}: {' '.join(str(error).split())} ({bug_place(error)})"


def bug_place(error: BaseException) -> str:
    """`module:line` of where it was raised."""
    frames = list(walk_tb(error.__traceback__))
    return f"{frames[-1][0].f_globals.get('__name__')}:{frames[-1][1]}" if frames else "nowhere"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`, did you mean 'x'?` for a near name, else `; known: a, b, c`, else nothing."""
    names = sorted(str(name) for name in known)
    near = get_close_matches(word, names, n=1)
    if near:
        return f", did you mean '{near[0]}'?"
    return f"; known: {', '.join(names)}" if names else ""
