"""clear(1)."""

from __future__ import annotations

from emu.process import Process


async def main(process: Process, _argv: list[str]) -> int:
    process.write("\033[H\033[2J\033[3J")
    return 0
