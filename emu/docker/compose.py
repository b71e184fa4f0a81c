"""`docker compose up -d`: the networks and containers of a compose file (docker/compose v2).

A network that no service is on is not made. Not modelled: waiting until a service that others depend on is healthy, or has ended.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from emu.docker.errors import DockerError
from emu.docker.model import ContainerConfig, EndpointConfig, IpamConfig, NetworkConfig, PortBinding
from emu.errors import EmuError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from emu.docker.engine import DockerEngine


class PortLike(Protocol):
    """A published port of a compose file; `published` None: of the engine's choice."""

    @property
    def target(self) -> int: ...
    @property
    def published(self) -> int | None: ...
    @property
    def published_end(self) -> int | None: ...
    @property
    def host_ip(self) -> str: ...
    @property
    def protocol(self) -> str: ...


class AttachmentLike(Protocol):
    @property
    def aliases(self) -> Sequence[str]: ...
    @property
    def ipv4_address(self) -> str | None: ...
    @property
    def mac_address(self) -> str | None: ...


class NetworkLike(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def driver(self) -> str: ...
    @property
    def driver_opts(self) -> Mapping[str, str]: ...
    @property
    def subnet(self) -> str | None: ...
    @property
    def ip_range(self) -> str | None: ...
    @property
    def gateway(self) -> str | None: ...
    @property
    def aux_addresses(self) -> Mapping[str, str]: ...
    @property
    def internal(self) -> bool: ...
    @property
    def attachable(self) -> bool: ...
    @property
    def source(self) -> object: ...


class ServiceLike(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def image(self) -> str: ...
    @property
    def container_name(self) -> str: ...
    @property
    def entrypoint(self) -> Sequence[str] | None: ...
    @property
    def command(self) -> Sequence[str] | None: ...
    @property
    def hostname(self) -> str | None: ...
    @property
    def ports(self) -> Sequence[PortLike]: ...
    @property
    def expose(self) -> Sequence[tuple[int, str]]: ...
    @property
    def networks(self) -> Mapping[str, AttachmentLike]: ...
    @property
    def network_mode(self) -> str | None: ...
    @property
    def mac_address(self) -> str | None: ...
    @property
    def environment(self) -> Mapping[str, str]: ...
    @property
    def dns(self) -> Sequence[str]: ...
    @property
    def dns_search(self) -> Sequence[str]: ...
    @property
    def dns_opt(self) -> Sequence[str]: ...
    @property
    def domainname(self) -> str | None: ...
    @property
    def extra_hosts(self) -> Mapping[str, str]: ...
    @property
    def links(self) -> Sequence[tuple[str, str]]: ...
    @property
    def privileged(self) -> bool: ...
    @property
    def cap_add(self) -> Sequence[str]: ...
    @property
    def cap_drop(self) -> Sequence[str]: ...
    @property
    def restart(self) -> str: ...
    @property
    def source(self) -> object: ...


class ComposeLike(Protocol):
    """A compose file as data: services in the order in which they start, networks by the name that the file gives them."""

    @property
    def name(self) -> str: ...
    @property
    def services(self) -> Mapping[str, ServiceLike]: ...
    @property
    def networks(self) -> Mapping[str, NetworkLike]: ...


def compose_up(docker: DockerEngine, spec: ComposeLike, on_started: Callable[[], None] = lambda: None) -> None:
    """`on_started` is called after each container. Raises EmuError, with the place in the file where the daemon refused."""
    used = {name for service in spec.services.values() for name in service.networks}
    for key, network in spec.networks.items():
        if key not in used:
            continue
        try:
            docker.networks.create(network.name, _network_config(spec, network))
        except DockerError as error:
            raise EmuError(f"{network.source}: networks.{key}: {error.message}") from None
    for service in spec.services.values():
        try:
            container = docker.create(service.container_name or service.name, _container_config(spec, service))
            docker.life.start(container)
            on_started()
        except DockerError as error:
            raise EmuError(f"{service.source}: services.{service.name}: {error.message}") from None
        if container.command[:1] and container.command == container.image.command and container.command[0].endswith("sh"):
            docker.notice(f"{service.name}: its shell waits for input; without `stdin_open` or `tty` it would end at once under Docker")


def _network_config(spec: ComposeLike, network: NetworkLike) -> NetworkConfig:
    ipam = IpamConfig(network.subnet or "", network.ip_range or "", network.gateway or "", tuple(network.aux_addresses.items()))
    labels = {"com.docker.compose.project": spec.name}
    driver = network.driver or "bridge"
    return NetworkConfig(driver, (ipam,) if network.subnet else (), dict(network.driver_opts), labels, network.internal, network.attachable)


def _container_config(spec: ComposeLike, service: ServiceLike) -> ContainerConfig:
    mode = service.network_mode or ""
    links = [(spec.services[name].container_name or name, alias) for name, alias in service.links]
    networks = {
        spec.networks[key].name: EndpointConfig(
            place.ipv4_address, place.mac_address, tuple(place.aliases), links=tuple((alias, name) for name, alias in links)
        )
        for key, place in sorted(service.networks.items())
    }
    if service.mac_address is not None and networks:  # like `--mac-address`: for the first network
        first = next(iter(networks.values()))
        first.mac = first.mac or service.mac_address
    if mode.startswith("service:"):
        other = spec.services[mode.removeprefix("service:")]
        mode = f"container:{other.container_name or other.name}"
    elif mode == "bridge":
        networks = {"bridge": EndpointConfig(mac=service.mac_address)}
    return ContainerConfig(
        image=service.image,
        command=tuple(service.command or ()),
        entrypoint=tuple(service.entrypoint) if service.entrypoint is not None else None,
        hostname=service.hostname or "",
        env=tuple(f"{name}={value}" for name, value in service.environment.items()),
        expose=tuple((port, protocol) for port, protocol in service.expose),
        publish=tuple(_binding(port) for port in service.ports),
        network_mode=mode or next(iter(networks), "none"),
        networks=networks,
        extra_hosts=tuple(f"{name}:{address}" for name, address in service.extra_hosts.items()),
        dns=tuple(service.dns),
        dns_search=tuple(service.dns_search),
        dns_options=tuple(service.dns_opt),
        domainname=service.domainname or "",
        links=() if networks and mode != "bridge" else tuple(links),
        stand_in=True,
        interactive=True,
        privileged=service.privileged,
        cap_add=tuple(service.cap_add),
        cap_drop=tuple(service.cap_drop),
        restart=service.restart,
        labels={"com.docker.compose.project": spec.name, "com.docker.compose.service": service.name},
    )


def _binding(port: PortLike) -> PortBinding:
    return PortBinding(port.target, port.protocol, port.host_ip, port.published or 0, port.published_end or port.published or 0)
