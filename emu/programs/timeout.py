"""timeout(1): end a program after a time. Status 124 (GNU) or the signal's 143 (busybox).

Not modelled: signals but TERM, KILL and INT, options but -s.
"""

from __future__ import annotations

from emu.engine import SECOND
from emu.process import Process, UsageError
from emu.programs.libc.getopt import getopt
from emu.programs.libc.userland import has_busybox
from emu.programs.sleep import seconds

SIGNALS = {"TERM": 15, "15": 15, "KILL": 9, "9": 9, "INT": 2, "2": 2}


async def main(process: Process, argv: list[str]) -> int:
    options = getopt(argv, "s:", {"signal": "s"}, status=125, permute=False)
    if len(options.words) < 2:
        raise UsageError("timeout: missing operand", 125)
    signal = options.text("s", "TERM").removeprefix("SIG")
    if signal not in SIGNALS:
        raise UsageError(f"timeout: signal '{signal}' is not modelled", 125)
    limit, *command = options.words
    child = process.place.start(command, env=process.env, stdin=process.stdin, on_output=process.put, on_error=process.put_error)
    expired: list[bool] = []

    def end() -> None:
        expired.append(True)
        child.kill(128 + SIGNALS[signal])

    timer = process.engine.call_later(round(seconds("timeout", limit) * SECOND), end)
    status = await process.follow(child)
    timer.cancel()
    return 124 if expired and signal == "TERM" and not has_busybox(process.place) else status
