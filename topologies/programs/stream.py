"""A program of one's own: many bytes over TCP, and how many of them arrived. `stream -s PORT` serves, `stream ADDRESS PORT BYTES` sends."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emu.process import Process

PIECE = bytes(range(256)) * 64


async def main(process: Process, argv: list[str]) -> int:
    if argv[1] == "-s":
        return await serve(process, int(argv[2]))
    return await send(process, argv[1], int(argv[2]), int(argv[3]))


async def serve(process: Process, port: int) -> int:
    listener = process.tcp_listen("0.0.0.0", port)
    while True:
        connection = await listener.accept()
        received, wrong = 0, 0
        while data := await connection.recv():
            wrong += data != expected(received, len(data))
            received += len(data)
        await connection.send(f"{received} bytes arrived, {'in order' if not wrong else 'DAMAGED'}\n".encode())
        connection.close()


async def send(process: Process, address: str, port: int, count: int) -> int:
    begun = process.now
    connection = await process.tcp_connect(address, port)
    for start in range(0, count, len(PIECE)):
        await connection.send(PIECE[: count - start])
    connection.shutdown()
    answer = b""
    while data := await connection.recv():
        answer += data
    process.write(answer.decode())
    process.print(f"{count * 8 / (process.now - begun) / 1e6:.1f} Mbit/s")
    return 0


def expected(start: int, length: int) -> bytes:
    """What was sent there."""
    offset = start % 256
    return (PIECE * (length // len(PIECE) + 2))[offset : offset + length]
