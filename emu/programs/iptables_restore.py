"""iptables-restore(8): from standard input, or the file that is named."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu.netfilter.words import IptablesError
from emu.process import UsageError
from emu.programs.iptables import DENIED

if TYPE_CHECKING:
    from emu.process import Process

WAIT = {"-w", "--wait"}


async def main(process: Process, argv: list[str]) -> int:
    path, noflush, counters = "", False, False
    for word in argv[1:]:
        if word in ("-n", "--noflush"):
            noflush = True
        elif word in ("-c", "--counters"):
            counters = True
        elif word.startswith("-") and word not in WAIT:
            raise UsageError(f"iptables-restore: '{word}' is not modelled", 2)
        elif word not in WAIT:
            path = word
    try:
        text = process.place.files.read(process.path(path)) if path else await process.stdin.read()
    except FileNotFoundError:
        raise UsageError(f"Can't open {path}: No such file or directory") from None
    if text and not process.place.net_admin:
        raise UsageError(f"iptables-restore {DENIED}", 4)
    try:
        process.netns.netfilter.restore(text, noflush=noflush, counters=counters)
    except IptablesError as error:
        process.error(str(error))
        return error.status
    return 0
