"""tcp-send [--sport N] [--hold SECONDS] ADDRESS PORT TEXT: connect, send, show the answer, close.

A small program of emu's own, for labs.
"""

from __future__ import annotations

from emu.process import Process
from emu.programs.udp_send import answer, arguments

TIMEOUT_S = 5.0


async def main(process: Process, argv: list[str]) -> int:
    options, address, port, text = await arguments(process, argv, "hold")

    async def ask() -> str:
        sport = int(options.text("sport", "0"))
        sock = await process.tcp_connect(address, port, timeout=TIMEOUT_S, local_port=sport, polling=True)
        await sock.send(text.encode() + b"\n")
        return (await sock.recv(timeout=TIMEOUT_S)).decode("utf-8", "replace").rstrip()

    status = await answer(process, ask())
    if not status:
        await process.sleep(float(options.text("hold", "0")))
    return status
