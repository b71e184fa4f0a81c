"""iptables(8): the text front of a namespace's netfilter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu.netfilter.words import IptablesError

if TYPE_CHECKING:
    from emu.process import Process


async def main(process: Process, argv: list[str]) -> int:
    try:
        process.write(process.netns.netfilter.command(argv[1:]))
    except IptablesError as error:
        process.error(str(error))
        return error.status
    return 0
