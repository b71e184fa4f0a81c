"""What a network driver does, and how one is found by name (libnetwork driverapi).

A driver of one's own is a subclass of Driver, named in the entry-point group `emu.drivers` of an installed package (CONTRIBUTING has one).
The engine gives ids, addresses, default routes, names and files; the driver makes devices. Calls come in this order: create_network;
create_endpoint, join, publish for each container that starts; unpublish, leave, delete_endpoint when it stops; delete_network.
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
ENTRY_POINTS = "emu.drivers"


class Driver:
    """One kind of network on one engine. As it stands here it does nothing: its containers have only `lo`."""

    name = ""
    scope = "local"
    has_addresses = True  # does it want subnets and addresses from the engine?
    only_one = False  # may users make no second network of it?
    reports_ports = False  # does it tell the engine which ports its containers expose and publish?

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

    def down(self) -> None:
        """The machine goes down."""


def find_driver(name: str) -> type[Driver]:
    """Raises DockerError: in Docker's words when there is no such plugin, and for Docker's own drivers that are not here."""
    if name in NOT_MODELLED:
        raise DockerError(501, f"the {name} driver is not modelled")
    where = DRIVERS.get(name) or _entry_points().get(name)
    if where is None:
        raise DockerError(404, f'plugin "{name}" not found')
    module, _, attribute = where.partition(":")
    try:
        found = getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise DockerError(500, f'plugin "{name}": {where}: {error}') from None
    if not isinstance(found, type) or not issubclass(found, Driver):
        raise DockerError(500, f'plugin "{name}": {where} is not a class of emu.docker.driver.Driver')
    return found


def known_drivers() -> list[str]:
    """Those that a user can make networks of, with other packages' ones."""
    own = [name for name in DRIVERS if not find_driver(name).only_one]
    return [*own, *(name for name in _entry_points() if name not in DRIVERS)]


def _entry_points() -> dict[str, str]:
    """`module:class` by name, of the packages that are installed; read when a name is not one of emu's own."""
    from importlib.metadata import entry_points

    return {point.name: point.value for point in entry_points(group=ENTRY_POINTS)}
