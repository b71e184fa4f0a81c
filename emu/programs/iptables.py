"""iptables(8): the text front of a namespace's netfilter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu.netfilter.words import IptablesError

if TYPE_CHECKING:
    from emu.process import Process

DENIED = "v1.8.9 (nf_tables): Could not fetch rule set generation id: Permission denied (you must be root)"  # and status 4


async def main(process: Process, argv: list[str]) -> int:
    if not process.place.net_admin and not {"-V", "--version", "-h", "--help"} & set(argv):
        process.error(f"iptables {DENIED}")
        return 4
    try:
        process.write(process.netns.netfilter.command(argv[1:]))
    except IptablesError as error:
        process.error(str(error))
        return error.status
    return 0
