"""udp-echo [ADDRESS] PORT: answer every datagram with `echo:` and its text. A small program of emu's own, for labs."""

from __future__ import annotations

from emu.process import Process, UsageError
from emu.programs.libc.strerror import strerror


def is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and int(text) < 65536


def endpoint(argv: list[str]) -> tuple[str, int]:
    """`ADDRESS PORT` after the program's name. Raises UsageError."""
    if len(argv) != 3 or not is_port(argv[2]):
        raise UsageError(f"usage: {argv[0]} ADDRESS PORT", 2)
    return argv[1], int(argv[2])


async def main(process: Process, argv: list[str]) -> int:
    sock = process.udp_socket()
    try:
        sock.bind(endpoint([argv[0], "0.0.0.0", *argv[1:]] if len(argv) == 2 else argv))
    except (OSError, ValueError) as error:
        raise UsageError(f"udp-echo: {strerror(error) if isinstance(error, OSError) else error}", 1) from None
    while True:
        data, peer = await sock.recvfrom()
        process.print(f"from {peer[0]}:{peer[1]} {len(data)} bytes")
        sock.sendto(b"echo:" + data, peer)
