"""nslookup(1): BIND 9.18's on hosts, busybox's (1.35) in containers that have busybox. Not modelled: the interactive mode."""

from __future__ import annotations

from emu.process import Process
from emu.programs.libc.userland import has_busybox


async def main(process: Process, argv: list[str]) -> int:
    if has_busybox(process.place):
        from emu.programs.nslookup import busybox

        return await busybox.main(process, argv)
    from emu.programs.nslookup import bind

    return await bind.main(process, argv)
