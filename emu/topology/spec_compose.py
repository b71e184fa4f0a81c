"""What a compose file says, as plain data: services, networks, ports (the Compose specification)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from emu.topology.source import NOWHERE, Source


class Exposed(NamedTuple):
    """A container port, as in EXPOSE: `80/tcp`."""

    port: int
    protocol: str = "tcp"

    def __str__(self) -> str:
        return f"{self.port}/{self.protocol}"


class PortSpec(NamedTuple):
    """A published port: `8080:80`.

    `host_ip` is '' for all addresses; `published` is None for a port of Docker's choice, out of a range if there is a `published_end`.
    """

    target: int
    published: int | None = None
    host_ip: str = ""
    protocol: str = "tcp"
    published_end: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Attachment:
    """A service's place on a network. `aliases` begins with the service's own name."""

    aliases: tuple[str, ...] = ()
    ipv4_address: str | None = None
    mac_address: str | None = None
    source: Source = NOWHERE


@dataclass(frozen=True, kw_only=True, slots=True)
class NetworkSpec:
    """A network of a compose file. `name` is what `docker network ls` prints."""

    name: str = ""
    driver: str = "bridge"
    driver_opts: Mapping[str, str] = field(default_factory=dict)
    subnet: str | None = None
    ip_range: str | None = None
    gateway: str | None = None
    aux_addresses: Mapping[str, str] = field(default_factory=dict)
    internal: bool = False
    attachable: bool = False
    source: Source = NOWHERE


@dataclass(frozen=True, kw_only=True, slots=True)
class ServiceSpec:
    """A service of a compose file: one container, named `container_name` (the service's name unless the file says otherwise).

    `command` is None for the image's own. `networks` is empty exactly when `network_mode` is given (`bridge`, `host`, `none`,
    `service:NAME`, `container:NAME`).
    """

    name: str
    image: str = ""
    container_name: str = ""
    entrypoint: tuple[str, ...] | None = None
    command: tuple[str, ...] | None = None
    hostname: str | None = None
    ports: tuple[PortSpec, ...] = ()
    expose: tuple[Exposed, ...] = ()
    networks: Mapping[str, Attachment] = field(default_factory=dict)
    network_mode: str | None = None
    mac_address: str | None = None
    depends_on: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    dns: tuple[str, ...] = ()
    dns_search: tuple[str, ...] = ()
    dns_opt: tuple[str, ...] = ()
    domainname: str | None = None
    extra_hosts: Mapping[str, str] = field(default_factory=dict)
    links: tuple[tuple[str, str], ...] = ()  # a service, and the alias for it
    privileged: bool = False
    cap_add: tuple[str, ...] = ()
    cap_drop: tuple[str, ...] = ()
    restart: str = "no"
    profiles: tuple[str, ...] = ()
    source: Source = NOWHERE


@dataclass(frozen=True, kw_only=True, slots=True)
class ComposeSpec:
    """A compose file: its services in the order in which they start, and its networks by the name the file gives them."""

    name: str = ""
    services: Mapping[str, ServiceSpec] = field(default_factory=dict)
    networks: Mapping[str, NetworkSpec] = field(default_factory=dict)
    source: Source = NOWHERE
