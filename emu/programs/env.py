"""env(1) and printenv(1): show the environment, or run a program in a changed one. Not modelled: env's options but -i and -u."""

from __future__ import annotations

from emu.process import Process
from emu.programs.libc.getopt import getopt


async def main(process: Process, argv: list[str]) -> int:
    if argv[0].endswith("printenv"):
        return _printenv(process, argv[1:])
    options = getopt(argv, "iu:", permute=False)
    env = {} if "i" in options else dict(process.env)
    for name in options.all("u"):
        env.pop(name, None)
    words = options.words
    while words and "=" in words[0]:
        name, _, value = words.pop(0).partition("=")
        env[name] = value
    if words:
        return await process.run(words, env=env)
    for name, value in env.items():
        process.print(f"{name}={value}")
    return 0


def _printenv(process: Process, names: list[str]) -> int:
    for name in names:
        if name not in process.env:
            return 1
        process.print(process.env[name])
    if not names:
        for name, value in process.env.items():
            process.print(f"{name}={value}")
    return 0
