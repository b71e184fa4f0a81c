"""false(1)."""

from __future__ import annotations

from emu.process import Process


async def main(_process: Process, _argv: list[str]) -> int:
    return 1
