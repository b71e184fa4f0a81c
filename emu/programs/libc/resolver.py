"""Names that need no name server: dotted addresses and /etc/hosts. getaddrinfo.py asks name servers for the others."""

from __future__ import annotations

from emu.packet.address import ip, ip_text
from emu.process import Process


class UnknownName(Exception):
    """The name does not resolve."""


def resolve(process: Process, name: str) -> str:
    """The dotted address of `name`. Raises UnknownName."""
    address = from_files(process, name)
    if address is None:
        raise UnknownName(name)
    return address


def from_files(process: Process, name: str) -> str | None:
    """The dotted address of `name`, if no name server is needed for it."""
    try:
        return ip_text(ip(name))
    except ValueError:
        pass
    wanted = name.lower().rstrip(".")
    for address, names in _hosts(process):
        if wanted and wanted in (known.lower() for known in names):
            return address
    if wanted == process.place.hostname.lower():
        return "127.0.1.1"  # nss-myhostname's answer, for hosts whose /etc/hosts does not say
    return None


def name_of(process: Process, address: str) -> str | None:
    """The first name that /etc/hosts has for an address."""
    return next((names[0] for known, names in _hosts(process) if known == address and names), None)


def lines_for(process: Process, name: str) -> list[tuple[str, list[str]]]:
    """Addresses with all their names, from the lines of /etc/hosts that have the name; of IPv6's if there are any."""
    wanted = name.lower().rstrip(".")
    found = [line for line in _lines(process) if wanted in (known.lower() for known in line[1])]
    return [line for line in found if ":" in line[0]] or found


def _hosts(process: Process) -> list[tuple[str, list[str]]]:
    return [line for line in _lines(process) if ":" not in line[0]]


def _lines(process: Process) -> list[tuple[str, list[str]]]:
    try:
        text = process.place.files.read("/etc/hosts")
    except FileNotFoundError:
        text = "127.0.0.1 localhost\n"
    lines = (line.partition("#")[0].split() for line in text.splitlines())
    return [(words[0], words[1:]) for words in lines if words]
