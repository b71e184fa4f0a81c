"""The files that Docker writes for a container: /etc/hosts, /etc/hostname, /etc/resolv.conf (libnetwork etchosts, resolvconf).

Container DNS is not modelled yet: on a user-defined network resolv.conf names Docker's server 127.0.0.11, as Docker writes it, but nobody
answers there.
"""

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
FALLBACK = "nameserver 8.8.8.8\nnameserver 8.8.4.4\n"
EMBEDDED = "127.0.0.11"


def hosts(extra: list[tuple[str, str]]) -> str:
    """A new container's file; `extra` are `--add-host`'s names and addresses. A line comes for each network that is joined."""
    return HOSTS + "".join(f"{address}\t{host}\n" for host, address in extra)


def joined(text: str, container: Container, address: Ip) -> str:
    """With the line of a network that the container has joined."""
    short, _, domain = container.hostname.partition(".")
    return f"{text}{ip_text(address)}\t{container.hostname}{f' {short}' if domain else ''}\n"


def left(text: str, endpoint: Endpoint) -> str:
    """As 20.10 cleans up after a disconnect: away with every line that ends in a name known on that network but the endpoint's own."""
    others = {other.name for other in endpoint.network.endpoints.values()} - {endpoint.name}
    known = others | {alias for other in endpoint.network.endpoints.values() for alias in other.aliases}
    return "".join(line for line in text.splitlines(keepends=True) if line.split()[-1:] == [] or line.split()[-1] not in known)


def resolv_conf(container: Container, host: str, engine_dns: tuple[str, ...]) -> str:
    """From the host's file; `--dns` and daemon.json's `dns` replace its servers."""
    user_defined = any(not endpoint.network.predefined for endpoint in container.endpoints.values())
    servers = container.config.dns or engine_dns
    kept = [line for line in host.splitlines() if not (servers and line.startswith("nameserver"))]
    kept = [line for line in kept if not _unreachable(line)] + [f"nameserver {server}" for server in servers]
    if not user_defined:
        return "".join(line + "\n" for line in kept) + ("" if any(line.startswith("nameserver") for line in kept) else FALLBACK)
    search = [line for line in kept if line.startswith("search")]
    options = " ".join(line.removeprefix("options").strip() for line in kept if line.startswith("options"))
    if "ndots:" not in options:
        options = f"{options} ndots:0".strip()
    return "".join(f"{line}\n" for line in [*search, f"nameserver {EMBEDDED}", f"options {options}"])


def _unreachable(line: str) -> bool:
    """A server on the host's own loopback, or one of IPv6, is of no use in a container."""
    words = line.split()
    return len(words) > 1 and words[0] == "nameserver" and (words[1].startswith("127.") or ":" in words[1])


def read(files: Files, path: str) -> str:
    """A file's text; nothing if it is not there."""
    return files.read(path) if files.exists(path) else ""


def edit(files: Files, path: str, change: Callable[[str], str]) -> None:
    if files.exists(path):
        files.write(path, change(files.read(path)))
