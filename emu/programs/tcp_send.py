"""tcp-send [--sport N] [--hold SECONDS] ADDRESS PORT TEXT: connect, send, show the answer, close.

A small program of emu's own, for labs.
"""

from __future__ import annotations

from emu.process import Process
from emu.programs.libc.strerror import strerror
from emu.programs.udp_send import arguments

TIMEOUT_S = 5.0


async def main(process: Process, argv: list[str]) -> int:
    options, address, port, text = await arguments(process, argv, "hold")
    try:
        sock = await process.tcp_connect(address, port, timeout=TIMEOUT_S, local_port=int(options.text("sport", "0")))
        await sock.send(text.encode() + b"\n")
        process.print((await sock.recv(timeout=TIMEOUT_S)).decode("utf-8", "replace").rstrip())
        await process.sleep(float(options.text("hold", "0")))
    except TimeoutError:
        process.print("timeout")
        return 1
    except OSError as error:
        process.print(strerror(error))
        return 1
    return 0
