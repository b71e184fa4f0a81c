"""`--link NAME:ALIAS` on the default bridge (moby daemon/links, container_operations_unix.go; libnetwork drivers/bridge link.go).

The linking container (parent) gets a line in /etc/hosts and variables; the linked one (child) hears nothing of it. With icc=false the
child's exposed ports are opened between the two. On user-defined networks a link is one more name, for the parent alone (see dns.py).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from emu.docker.errors import DockerError
from emu.packet.address import Ip, ip_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emu.docker.engine import DockerEngine
    from emu.docker.model import Container, Endpoint, Port

DEFAULT = "bridge"
HOST_CONFLICT = "conflicting options: host type networking can't be used with links. This would result in undefined behavior"
NOT_FOR_CHILDREN = {"HOME", "PATH"}


def parse(text: str) -> tuple[str, str]:
    """`NAME:ALIAS`, or `NAME` for both. Raises ValueError in Docker's words."""
    if not text:
        raise ValueError("empty string specified for links")
    name, colon, alias = text.partition(":")
    if ":" in alias:
        raise ValueError(f"bad format for links: {text}")
    return name, alias if colon else name


def register(docker: DockerEngine, config_links: tuple[tuple[str, str], ...]) -> dict[str, Container]:
    """Children by alias, at a container's creation. Raises DockerError."""
    children = {}
    for name, alias in config_links:
        try:
            child = docker.find(name)
            while child.config.network_mode.startswith("container:"):
                child = docker.find(child.config.network_mode.removeprefix("container:"))
        except DockerError as error:
            raise DockerError(400, f"could not get container for {name}: {error.message}") from None
        if child.config.network_mode == "host":
            raise DockerError(400, HOST_CONFLICT)
        children[alias] = child
    return children


def children(docker: DockerEngine, parent: Container) -> dict[str, Container]:
    """Those that have not been removed."""
    return {alias: child for alias, child in parent.links.items() if child.id in docker.containers}


def parents(docker: DockerEngine, child: Container) -> Iterator[tuple[str, Container]]:
    """Running containers that link to this one, with the alias that each uses."""
    for parent in docker.containers.values():
        if parent.running:
            yield from ((alias, parent) for alias, other in parent.links.items() if other is child)


def check(docker: DockerEngine, parent: Container) -> None:
    """Every child must run, when its parent is started or runs another program. Raises DockerError."""
    if DEFAULT not in parent.networks:
        return
    for alias, child in children(docker, parent).items():
        if not child.running:
            raise DockerError(400, f"Cannot link to a non running container: /{child.name} AS /{parent.name}/{alias}")
        if DEFAULT not in child.networks:
            raise DockerError(400, f"Cannot link to /{child.name}, as it does not belong to the default network")


# --- what the parent sees


def host_lines(docker: DockerEngine, parent: Container) -> list[tuple[str, str]]:
    """Names and address for /etc/hosts, as `--add-host` has them."""
    if DEFAULT not in parent.networks:
        return []
    lines = []
    for alias, child in children(docker, parent).items():
        names = [alias, child.hostname] + ([child.name] if child.name != alias else [])
        lines.append((" ".join(names), _address(child)))
    return lines


def renamed(text: str, alias: str, address: Ip) -> str:
    """/etc/hosts with the new address of an alias."""
    return re.sub(rf"(\S*)(\t{re.escape(alias)})(\s|\.)", rf"{ip_text(address)}\g<2>\g<3>", text)


def environment(docker: DockerEngine, parent: Container) -> dict[str, str]:
    """The variables of all links."""
    if DEFAULT not in parent.networks:
        return {}
    found: dict[str, str] = {}
    for alias, child in children(docker, parent).items():
        env = [(name, value) for name, equals, value in (entry.partition("=") for entry in child.config.env) if equals]
        found |= variables(f"/{parent.name}/{alias}", _address(child), child.exposed, env)
    return found


def variables(link: str, address: str, exposed: tuple[Port, ...], env: list[tuple[str, str]]) -> dict[str, str]:
    """Link.ToEnv; `link` is /PARENT/ALIAS."""
    alias = link.rpartition("/")[2].upper().replace("-", "_")
    found: dict[str, str] = {}
    ports = sorted(exposed, key=lambda port: (port[1] != "tcp", port[1], port[0]))
    if ports:
        number, protocol = min(ports, key=lambda port: (port[0], port[1] != "tcp"))
        found[f"{alias}_PORT"] = f"{protocol}://{address}:{number}"
    at = 0
    while at < len(ports):
        last = _next_contiguous(ports, at)
        if last > at + 1:
            found |= _range(alias, address, ports[at], ports[last])
            at = last + 1
        else:
            at += 1
    for number, protocol in ports:
        name = f"{alias}_PORT_{number}_{protocol.upper()}"
        found |= {name: f"{protocol}://{address}:{number}", f"{name}_ADDR": address}
        found |= {f"{name}_PORT": str(number), f"{name}_PROTO": protocol}
    found[f"{alias}_NAME"] = link
    found |= {f"{alias}_ENV_{name}": value for name, value in env if name not in NOT_FOR_CHILDREN}
    return found


def _range(alias: str, address: str, first: Port, last: Port) -> dict[str, str]:
    begin, end = (f"{alias}_PORT_{number}_{protocol.upper()}" for number, protocol in (first, last))
    return {
        f"{begin}_START": f"{first[1]}://{address}:{first[0]}",
        f"{begin}_ADDR": address,
        f"{begin}_PROTO": first[1],
        f"{begin}_PORT_START": str(first[0]),
        f"{end}_END": f"{last[1]}://{address}:{last[0]}",
        f"{end}_PORT_END": str(last[0]),
    }


def _next_contiguous(ports: list[Port], at: int) -> int:
    """The last of a run of ports, as Docker counts it."""
    value = ports[at][0]
    for place in range(at + 1, len(ports)):
        if ports[place][0] > value + 1:
            return place - 1
        value += 1
    return len(ports) - 1


def _address(child: Container) -> str:
    endpoint = child.endpoints.get(DEFAULT)
    return ip_text(endpoint.ip) if endpoint is not None and endpoint.ip is not None else ""


# --- what icc=false lets through


def openings(docker: DockerEngine, endpoint: Endpoint) -> list[tuple[Endpoint, list[str]]]:
    """For the other ends of the container's links: the rules of chain DOCKER that open the child's exposed ports.

    They are made when the parent starts. A child that starts anew opens nothing to its parents: Docker takes its last child for each of
    them (buildSandboxOptions), and so opens its ports to that one.
    """
    here = endpoint.container
    below = [other for child in children(docker, here).values() for other in _on(endpoint, child)]
    has_parents = any(child is here for parent in docker.containers.values() for child in parent.links.values())
    upwards = [(other, _rules(other, endpoint)) for other in below[-1:] if has_parents]
    return upwards + [(other, _rules(endpoint, other)) for other in below]


def _on(endpoint: Endpoint, other: Container) -> list[Endpoint]:
    return [each for each in endpoint.network.endpoints.values() if each.container is other and endpoint.network.name == DEFAULT]


def _rules(parent: Endpoint, child: Endpoint) -> list[str]:
    """There and back, for each port; Docker sorts them downwards."""
    bridge = parent.network.state.name
    one, other = ip_text(parent.ip or b""), ip_text(child.ip or b"")
    rules = []
    for number, protocol in sorted(child.container.exposed, key=lambda port: (-port[0], port[1] != "tcp")):
        between = f"-i {bridge} -o {bridge} -p {protocol}"
        rules.append(f"{between} -s {one} -d {other} --dport {number} -j ACCEPT")
        rules.append(f"{between} -s {other} -d {one} --sport {number} -j ACCEPT")
    return rules
