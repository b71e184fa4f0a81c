"""ping(8): iputils' on hosts, busybox's in containers that have busybox (iputils 20221126, busybox 1.35).

Not modelled: flood, adaptive and preload modes, record route and timestamp options, patterns, IPv6.
"""

from __future__ import annotations

from emu.process import Process
from emu.programs.libc.userland import has_busybox


async def main(process: Process, argv: list[str]) -> int:
    if has_busybox(process.place):
        from emu.programs.ping import busybox

        return await busybox.main(process, argv)
    from emu.programs.ping import iputils

    return await iputils.main(process, argv)
