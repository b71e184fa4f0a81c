"""udp-send [--sport N] [--wait SECONDS] ADDRESS PORT TEXT [SPORT]: one datagram, one answer. A small program of emu's own, for labs.

With SPORT the datagram is the text alone, without the end of a line, and the answer is printed as `answer: …` or `error: …`.
"""

from __future__ import annotations

from collections.abc import Awaitable

from emu.process import Process, UsageError
from emu.programs.libc.getaddrinfo import resolve
from emu.programs.libc.getopt import Options, getopt
from emu.programs.libc.resolver import UnknownName
from emu.programs.libc.strerror import number, strerror
from emu.programs.udp_echo import is_port

ANSWER_S = 3.0


async def arguments(process: Process, argv: list[str], seconds: str) -> tuple[Options, str, int, str]:
    """Options, address, port and text of udp-send and tcp-send; `seconds` is the option that takes seconds. Raises UsageError."""
    options = getopt(argv, "", {"sport": "sport:", seconds: f"{seconds}:"}, status=2)
    ports = [options.text("sport", "0"), *options.words[1:2]]
    if len(options.words) != 3 or not all(map(is_port, ports)) or not options.text(seconds, "0").replace(".", "", 1).isdigit():
        raise UsageError(f"usage: {argv[0]} [--sport N] [--{seconds} SECONDS] ADDRESS PORT TEXT", 2)
    name, port, text = options.words
    try:
        return options, await resolve(process, name), int(port), text
    except UnknownName:
        raise UsageError(f"{argv[0]}: bad address '{name}'", 1) from None


async def answer(process: Process, work: Awaitable[str]) -> int:
    """Print what comes of it, or what goes wrong; the program's status."""
    try:
        process.print(await work)
    except TimeoutError:
        process.print("timeout")
        return 1
    except OSError as error:
        process.print(strerror(error))
        return 1
    return 0


async def main(process: Process, argv: list[str]) -> int:
    if len(argv) == 5 and is_port(argv[2]) and is_port(argv[4]):
        return await _from_port(process, argv)
    options, address, port, text = await arguments(process, argv, "wait")

    async def ask() -> str:
        sock = process.udp_socket()
        sock.bind(("0.0.0.0", int(options.text("sport", "0"))))
        sock.connect((address, port))
        sock.send(text.encode() + b"\n")
        return (await sock.recv(timeout=float(options.text("wait", "2")))).decode("utf-8", "replace").rstrip()

    return await answer(process, ask())


async def _from_port(process: Process, argv: list[str]) -> int:
    """The form with SPORT."""
    sock = process.udp_socket()
    try:
        sock.bind(("0.0.0.0", int(argv[4])))
        sock.connect((await resolve(process, argv[1]), int(argv[2])))
        sock.send(argv[3].encode())
        process.print(f"answer: {(await sock.recv(timeout=ANSWER_S)).decode('utf-8', 'replace')}")
    except UnknownName:
        raise UsageError(f"{argv[0]}: bad address '{argv[1]}'", 1) from None
    except TimeoutError:
        process.print("error: timed out")
        return 1
    except OSError as error:
        process.print(f"error: [Errno {number(error)}] {strerror(error)}")
        return 1
    return 0
