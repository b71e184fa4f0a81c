"""traceroute(8): Linux's (2.1.2) on hosts, busybox's (1.35) in containers that have busybox. UDP, or ICMP with -I.

Not modelled: TCP and other methods, source routes, the discovery of MTUs, IPv6, AS numbers.
"""

from __future__ import annotations

from emu.process import Process
from emu.programs.libc.userland import has_busybox


async def main(process: Process, argv: list[str]) -> int:
    if has_busybox(process.place):
        from emu.programs.traceroute import busybox

        return await busybox.main(process, argv)
    from emu.programs.traceroute import linux

    return await linux.main(process, argv)
