"""A container's /etc/resolv.conf as Docker makes it of the host's and of `--dns` (libnetwork resolvconf, sandbox_dns_unix.go).

On the default bridge it is the host's file without the name servers that a container cannot reach. On the first user-defined network it is
written anew: Docker's own server stands in for all, and asks those that stood there. Not modelled: IPv6 name servers, the other file of
systemd-resolved, and noticing that a user has edited the container's file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from emu.packet import address

EMBEDDED = "127.0.0.11"
FALLBACK = "\nnameserver 8.8.8.8\nnameserver 8.8.4.4\n"
LOOPBACK_SERVER = re.compile(r"^nameserver\s+(127\.\d+\.\d+\.\d+|::1)\s*\n*", re.MULTILINE)
IPV6_SERVER = re.compile(r"^nameserver\s+[0-9a-fA-F]*:[0-9a-fA-F:.%a-z]*\s*\n*", re.MULTILINE)


@dataclass(frozen=True)
class Upstream:
    """A server that Docker's own asks. `from_host`: it listens on the host's loopback, so it is asked from there."""

    ip: str
    from_host: bool = False


def nameservers(text: str) -> list[str]:
    """The IPv4 ones, in order."""
    found = []
    for words in _lines(text):
        if words[0] == "nameserver" and len(words) > 1:
            try:
                address.ip(words[1])
            except ValueError:
                continue
            found.append(words[1])
    return found


def search(text: str) -> list[str]:
    """The domains of the last line that has any."""
    return next((words[1:] for words in reversed(_lines(text)) if words[0] == "search"), [])


def options(text: str) -> list[str]:
    return next((words[1:] for words in reversed(_lines(text)) if words[0] == "options"), [])


def _lines(text: str) -> list[list[str]]:
    lines = (re.split(r"[#;]", line, maxsplit=1)[0].split() for line in text.splitlines())
    return [words for words in lines if words]


def build(servers: list[str], domains: list[str], words: list[str]) -> str:
    lines = []
    if domains and domains != ["."]:
        lines.append(f"search {' '.join(domains)}")
    lines += [f"nameserver {server}" for server in servers]
    if words:
        lines.append(f"options {' '.join(words)}")
    return "".join(f"{line}\n" for line in lines)


def initial(host: str, dns: tuple[str, ...], dns_search: tuple[str, ...], dns_options: tuple[str, ...]) -> tuple[str, list[Upstream]]:
    """A new container's file, and the servers that Docker's own one would ask. Whatever the user names replaces the host's."""
    if dns or dns_search or dns_options:
        text = build(list(dns) or nameservers(host), list(dns_search) or search(host), list(dns_options) or options(host))
        return text, [Upstream(server) for server in nameservers(text)]
    upstreams = [Upstream(server, server.startswith("127.")) for server in nameservers(host)]
    text = IPV6_SERVER.sub("", LOOPBACK_SERVER.sub("", host))
    text = text if nameservers(text) else text + FALLBACK
    return text, upstreams or [Upstream(server) for server in nameservers(text)]


def embedded(text: str) -> str:
    """With Docker's own server instead of the others. `ndots:0` makes programs ask for short names as they are."""
    words = options(text)
    return build([EMBEDDED], search(text), words if has_ndots(text) else [*words, "ndots:0"])


def has_ndots(text: str) -> bool:
    """Did the user, or the host, say how many dots make a name whole?"""
    return any(re.fullmatch(r"ndots:\d+", word) for word in options(text))
