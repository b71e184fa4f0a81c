"""How a shell, a loop or a line comes to its end before its last command."""

from __future__ import annotations

from collections.abc import Awaitable

from emu.process import SIGINT, SIGPIPE


class Exit(Exception):
    """The shell ends."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Leave(Exception):
    """`break` and `continue`: out of `levels` loops."""

    def __init__(self, levels: int, *, again: bool) -> None:
        super().__init__(levels)
        self.levels = levels
        self.again = again


class Interrupted(Exception):
    """Ctrl-C: back to the prompt."""


async def ended(work: Awaitable[int]) -> int:
    """The status with which a shell's process ends."""
    try:
        return await work
    except Exit as end:
        return end.status
    except Leave:
        return 0
    except Interrupted:
        return SIGINT
    except BrokenPipeError:
        return SIGPIPE
