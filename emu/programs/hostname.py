"""hostname(1): show it; -i and -I show addresses. Not modelled: setting it."""

from __future__ import annotations

from emu.packet.address import ip_text
from emu.process import Process, UsageError
from emu.programs.libc.getaddrinfo import resolve
from emu.programs.libc.getopt import getopt
from emu.programs.libc.resolver import UnknownName


async def main(process: Process, argv: list[str]) -> int:
    options = getopt(argv, "iIsf")
    if options.words:
        raise UsageError("hostname: setting the host name is not modelled", 1)
    name = process.place.hostname
    if "I" in options:
        mine = (address for address in process.netns.all_addresses() if address.scope != "host")
        process.print(" ".join(ip_text(address.ip) for address in mine), end=" \n")
    elif "i" in options:
        try:
            process.print(await resolve(process, name))
        except UnknownName as unknown:
            raise UsageError(f"hostname: {unknown}", 1) from None
    else:
        process.print(name.partition(".")[0] if "s" in options else name)
    return 0
