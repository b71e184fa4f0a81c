"""A container's /etc/hosts as Docker writes it (libnetwork etchosts); /etc/resolv.conf is in resolv_conf.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu.packet.address import Ip, ip_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from emu.docker.model import Container, Endpoint
    from emu.files import Files

HOSTS = """127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::0\tip6-localnet
ff00::0\tip6-mcastprefix
ff02::1\tip6-allnodes
ff02::2\tip6-allrouters
"""


def hosts(extra: list[tuple[str, str]]) -> str:
    """A new container's file; `extra` are names and addresses of `--add-host` and `--link`. One line comes with each network."""
    return HOSTS + "".join(f"{address}\t{host}\n" for host, address in extra)


def joined(text: str, container: Container, address: Ip) -> str:
    """With the line of a network that the container has joined."""
    short, _, domain = container.fqdn.partition(".")
    return f"{text}{ip_text(address)}\t{container.fqdn}{f' {short}' if domain else ''}\n"


def left(text: str, endpoint: Endpoint) -> str:
    """As 20.10 cleans up after a disconnect: away with every line that ends in a name known on that network but the endpoint's own."""
    others = {other.name for other in endpoint.network.members} - {endpoint.name}
    known = others | {alias for other in endpoint.network.members for alias in other.aliases}
    return "".join(line for line in text.splitlines(keepends=True) if line.split()[-1:] == [] or line.split()[-1] not in known)


def read(files: Files, path: str) -> str:
    """A file's text; nothing if it is not there."""
    return files.read(path) if files.exists(path) else ""


def edit(files: Files, path: str, change: Callable[[str], str]) -> None:
    if files.exists(path):
        files.write(path, change(files.read(path)))
