"""getaddrinfo(3) and gethostbyaddr(3) with `hosts: files dns`, as glibc does them: /etc/hosts, then name servers by packets (res_query.py).

Not modelled: addresses of IPv6 (AAAA records are asked for, and not used), canonical names, caching (there is none in glibc).
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, TypeVar

from emu.engine import SECOND, Future
from emu.packet import dns
from emu.packet.address import Ip, ip, ip_text, network, number
from emu.process import Process
from emu.programs.libc.res_query import LookupFailed, search
from emu.programs.libc.resolver import UnknownName, from_files, name_of

T = TypeVar("T")
TEXTS = {
    "HOST_NOT_FOUND": "Name or service not known",
    "NO_DATA": "No address associated with hostname",
    "TRY_AGAIN": "Temporary failure in name resolution",
    "NO_RECOVERY": "Non-recoverable failure in name resolution",
}
MOST_ALIASES = 16


async def getaddrinfo(process: Process, name: str, *, ipv4_only: bool = False) -> list[str]:
    """The dotted addresses of `name`, the one to try first before others. Raises UnknownName, whose text is gai_strerror's."""
    known = from_files(process, name)
    if known is not None:
        return [known]
    try:
        dns.wire_name(name)
        answers = await search(process, name, (dns.Type.A,) if ipv4_only else (dns.Type.A, dns.Type.AAAA))
    except LookupFailed as failed:
        raise UnknownName(TEXTS[failed.kind]) from None
    except dns.DnsError:
        raise UnknownName(TEXTS["HOST_NOT_FOUND"]) from None
    found = addresses_in(answers[0])
    if not found:
        raise UnknownName(TEXTS["NO_DATA"])
    return [ip_text(address) for address in sorted(found, key=lambda address: -_common_prefix(process, address))]


async def resolve(process: Process, name: str, *, ipv4_only: bool = False) -> str:
    """The address that a program uses. Raises UnknownName."""
    return (await getaddrinfo(process, name, ipv4_only=ipv4_only))[0]


async def within(process: Process, work: Coroutine[Any, Any, T], seconds: float | None) -> T:
    """What `work` gives, if it takes no longer than that; its sockets are closed by its end. Raises TimeoutError."""
    if seconds is None:
        return await work
    task = process.engine.spawn(work, "name resolution")
    done: Future[None] = Future(process.engine)
    task.on_done(lambda: done.set_result(None))
    timer = process.engine.timeout(done, max(round(seconds * SECOND), 0))
    try:
        await done
    finally:
        timer.cancel()
        task.cancel()
    return task.result()


async def reverse(process: Process, address: str) -> str | None:
    """The name of an address, from /etc/hosts or by a PTR question."""
    known = name_of(process, address)
    if known is not None:
        return known
    wanted = dns.reverse_name(ip(address))
    try:
        answers = await search(process, wanted + ".", (dns.Type.PTR,))
    except LookupFailed:
        return None
    names = [record.data for record in answers[0].answers if record.type == dns.Type.PTR]
    return names[0] if names and isinstance(names[0], str) else None


def addresses_in(answer: dns.Message) -> list[Ip]:
    """Those of the name that was asked for, and of what its CNAMEs lead to."""
    name = answer.questions[0].name.lower() if answer.questions else ""
    for _ in range(MOST_ALIASES):
        target = next((one.data for one in answer.answers if one.type == dns.Type.CNAME and one.name.lower() == name), None)
        if not isinstance(target, str):
            break
        name = target.lower()
    mine = (one.data for one in answer.answers if one.type == dns.Type.A and one.name.lower() == name)
    return [Ip(data) for data in mine if isinstance(data, bytes) and len(data) == 4]


def _common_prefix(process: Process, address: Ip) -> int:
    """Rule 9 of RFC 3484 as glibc has it: of neighbours on a subnet of ours, the one whose address is most like our own comes first."""
    for mine in process.netns.all_addresses():
        if network(mine.ip, mine.length) == network(address, mine.length):
            return 32 - (number(mine.ip) ^ number(address)).bit_length()
    return 0
