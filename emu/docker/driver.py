"""What a network driver does, and how one is found by name (libnetwork driverapi).

A driver of one's own is a class like this one, named in the entry-point group `emu.drivers` of an installed package.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from emu.docker.drivers import DRIVERS
from emu.docker.errors import DockerError

if TYPE_CHECKING:
    from emu.docker.engine import DockerEngine
    from emu.docker.model import Endpoint, Network, PortBinding
    from emu.netns.namespace import Netns

NOT_MODELLED = ("ipvlan",)
NO_SWARM = 'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.'
ENTRY_POINTS = "emu.drivers"


class Driver:
    """One kind of network on one engine. As it stands here it does nothing: its containers have only `lo`."""

    name = ""
    scope = "local"
    has_addresses = True  # does it want subnets and addresses from the engine?
    only_one = False  # may users make no second network of it?

    def __init__(self, docker: DockerEngine) -> None:
        self.docker = docker

    def create_network(self, network: Network) -> None:
        """Make what the network needs on the host. Raises DockerError."""

    def delete_network(self, network: Network) -> None: ...

    def create_endpoint(self, endpoint: Endpoint) -> None:
        """Make the endpoint's devices on the host; its address and MAC are known. Raises DockerError."""

    def join(self, endpoint: Endpoint, netns: Netns, name: str) -> bool:
        """Put the endpoint into the container's namespace as interface `name`; False: it needs none there."""
        return False

    def leave(self, endpoint: Endpoint) -> None: ...

    def delete_endpoint(self, endpoint: Endpoint) -> None: ...

    def publish(self, endpoint: Endpoint, bindings: list[PortBinding]) -> None:
        """Publish ports through this endpoint. Raises DockerError."""

    def unpublish(self, endpoint: Endpoint) -> None: ...


def find_driver(name: str) -> type[Driver]:
    """Raises DockerError: in Docker's words when there is no such plugin, and for Docker's own drivers that are not here."""
    if name == "overlay":
        raise DockerError(503, NO_SWARM)
    if name in NOT_MODELLED:
        raise DockerError(501, f"the {name} driver is not modelled")
    where = DRIVERS.get(name) or _entry_point(name)
    if where is None:
        raise DockerError(404, f'plugin "{name}" not found')
    module, _, attribute = where.partition(":")
    found: type[Driver] = getattr(import_module(module), attribute)
    return found


def _entry_point(name: str) -> str | None:
    from importlib.metadata import entry_points

    return next((point.value for point in entry_points(group=ENTRY_POINTS) if point.name == name), None)
