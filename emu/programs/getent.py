"""getent(1) of glibc: the databases `hosts`, `ahosts`, `ahostsv4`. `hosts` asks for AAAA first, then for A, as gethostbyname2 does.

Not modelled: other databases, listing all of /etc/hosts.
"""

from __future__ import annotations

from emu.packet import dns
from emu.packet.address import ip_text
from emu.process import Process, UsageError
from emu.programs.bind.ask import is_address
from emu.programs.libc.getaddrinfo import addresses_in, getaddrinfo, reverse
from emu.programs.libc.res_query import LookupFailed, search
from emu.programs.libc.resolver import UnknownName, from_files, lines_for

NOT_FOUND = 2
TYPES = ("STREAM", "DGRAM", "RAW")


async def main(process: Process, argv: list[str]) -> int:
    if len(argv) < 2:
        raise UsageError("Usage: getent [OPTION...] database [key ...]", 1)
    database, *keys = argv[1:]
    if database not in ("hosts", "ahosts", "ahostsv4") or not keys:
        raise UsageError(f"getent: database '{database}' {'without a key ' if not keys else ''}is not modelled", 1)
    status = 0
    for key in keys:
        found = await (_hosts(process, key) if database == "hosts" else _ahosts(process, key, database == "ahostsv4"))
        status = status if found else NOT_FOUND
    return status


async def _ahosts(process: Process, key: str, ipv4_only: bool) -> bool:
    try:
        found = await getaddrinfo(process, key, ipv4_only=ipv4_only)
    except UnknownName:
        return False
    for place, address in enumerate(found):
        for kind in TYPES:
            process.print(f"{address:<15} {kind:<6} {key if not place and kind == TYPES[0] else ''}")
    return True


async def _hosts(process: Process, key: str) -> bool:
    if is_address(key):
        name = await reverse(process, key)
        if name is not None:
            process.print(f"{key:<15} {name}")
        return name is not None
    known = lines_for(process, key)
    if known or from_files(process, key) is not None:
        for address, names in known or [(from_files(process, key) or "", [key])]:
            process.print(f"{address:<15} {' '.join(names)}")
        return True
    for kind in (dns.Type.AAAA, dns.Type.A):
        try:
            answers = await search(process, key, (kind,))
        except (LookupFailed, dns.DnsError):
            continue
        name = answers[0].answers[-1].name
        for found in addresses_in(answers[0]):
            process.print(f"{ip_text(found):<15} {name}{f' {key}' if name.lower() != key.lower() else ''}")
        return True
    return False
