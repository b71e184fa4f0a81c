"""sleep(1): seconds (or with s, m, h, d) of virtual time."""

from __future__ import annotations

from emu.engine import Future
from emu.process import Process, UsageError

UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def seconds(program: str, text: str) -> float:
    """A duration as sleep(1) and timeout(1) take it. Raises UsageError."""
    unit = text[-1:]
    number = text[:-1] if unit in UNITS else text
    if not number.replace(".", "", 1).isdigit() or not number.isascii():
        raise UsageError(f"{program}: invalid time interval '{text}'", 125 if program == "timeout" else 1)
    return float(number) * UNITS.get(unit, 1.0)


async def main(process: Process, argv: list[str]) -> int:
    if len(argv) < 2:
        raise UsageError("sleep: missing operand", 1)
    if argv[1:] == ["infinity"]:
        await Future[None](process.engine)
    await process.sleep(sum(seconds("sleep", word) for word in argv[1:]))
    return 0
