"""sudo(8): run a program as root, which everybody here is already; hosts have it, containers' images do not.

Not modelled: other users, -i and -s (a shell of root's), passwords, sudoers.
"""

from __future__ import annotations

from emu.process import Process, UsageError
from emu.programs.libc.getopt import getopt

USAGE = "usage: sudo [-EHnS] [-u user] [VAR=value] command [argument ...]"


async def main(process: Process, argv: list[str]) -> int:
    options = getopt(argv, "EHnSu:", {"preserve-env": "E", "set-home": "H", "non-interactive": "n", "user": "u"}, permute=False)
    user = options.text("u", "root")
    if user not in ("root", "#0"):
        raise UsageError(f"sudo: unknown user {user}\nsudo: error initializing audit plugin sudoers_audit", 1)
    words, env = list(options.words), dict(process.env)
    while words and "=" in words[0]:
        name, _, value = words.pop(0).partition("=")
        env[name] = value
    if not words:
        raise UsageError(USAGE, 1)
    if process.place.find_program(process.place, words[0]) is None:
        raise UsageError(f"sudo: {words[0]}: command not found", 1)
    return await process.run(words, env=env)
