"""iptables-save(8). Not modelled: the comment lines that hold the date; files (`-f`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu.netfilter.table import HOOKS_OF
from emu.process import UsageError
from emu.programs.iptables import DENIED

if TYPE_CHECKING:
    from emu.process import Process


async def main(process: Process, argv: list[str]) -> int:
    counters, tables = False, None
    words = iter(argv[1:])
    for word in words:
        if word in ("-c", "--counters"):
            counters = True
        elif word in ("-t", "--table"):
            name = next(words, "")
            if name not in HOOKS_OF:
                raise UsageError(f"Table `{name}' does not exist")
            tables = [name]
        else:
            raise UsageError(f"iptables-save: '{word}' is not modelled")
    if not process.place.net_admin:
        raise UsageError(f"iptables-save {DENIED}", 4)
    process.write(process.netns.netfilter.save(tables, counters=counters))
    return 0
