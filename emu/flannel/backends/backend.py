"""What a back end is asked: to say what goes into the lease, to make its device, and to know the other hosts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

from emu.engine import SECOND
from emu.flannel.config import Config, ConfigError
from emu.flannel.lease import Attributes, Lease
from emu.netdev.device import NetDevice
from emu.netns.fib import Route
from emu.netns.namespace import Netns
from emu.packet.address import Ip, ip_text

ROUTE_CHECK_S = 10


@dataclass(frozen=True, slots=True)
class Node:
    """The host that flanneld runs on: its namespace, the interface to the other hosts, and the address they know it by.

    `broadcast`: a tunnel's address gets itself as its broadcast address.
    """

    netns: Netns
    interface: NetDevice
    address: Ip
    public_ip: Ip
    log: Callable[[str], None]
    broadcast: bool = True


class Backend(ABC):
    """`own` is the host's lease, once there is one. A back end fails by ConfigError, or by the OSError of what it tries."""

    name: ClassVar[str]
    own: Lease

    def __init__(self, node: Node, config: Config) -> None:
        self.node = node
        self.netns = node.netns
        self.config = config
        self.stopped = False

    def attributes(self) -> Attributes:
        """What others have to know."""
        return Attributes(self.node.public_ip, self.name)

    @property
    @abstractmethod
    def mtu(self) -> int:
        """The room that is left for containers' packets."""

    def configure(self, lease: Lease) -> None:
        """The lease is there: give the device its address."""
        self.own = lease

    @abstractmethod
    def add(self, lease: Lease) -> None:
        """Another host has come, or has a new value."""

    @abstractmethod
    def remove(self, lease: Lease) -> None:
        """Another host has gone."""

    def stop(self) -> None:
        """The program ends; what it has set up stays."""
        self.stopped = True

    def option(self, name: str, kind: type, default: Any) -> Any:
        """A key of the Backend object. Raises ConfigError for another type."""
        value = self.config.backend.get(name, default)
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise ConfigError(f"error decoding {self.name.upper()} backend config: {name}: {value!r}")
        return value

    def refuse_unknown_options(self, *known: str) -> None:
        """Raises ConfigError for an option of the back end that is not modelled."""
        for name in self.config.backend:
            if name not in {"Type", *known}:
                raise ConfigError(f"{self.name} backend: option {name} is not modelled; known: {', '.join(sorted(known)) or 'none'}")

    # --- routes to other hosts' subnets

    def set_route(self, lease: Lease, route: Route) -> None:
        """Replace what is there for the subnet."""
        self.drop_route(lease)
        self.netns.fib.add(route)

    def drop_route(self, lease: Lease) -> None:
        subnet = lease.subnet
        self.netns.fib.remove_all(lambda there: (there.dst, there.length) == (subnet.ip, subnet.length) and there.via is not None)

    def is_direct(self, address: Ip) -> bool:
        """Can the other host be reached without a router? (DirectRouting)"""
        try:
            route, _ = self.netns.ipv4.route(address)
        except OSError:
            return False
        return route.via is None


class RoutedBackend(Backend):
    """Its ways to other hosts are routes, put back every ten seconds if somebody has taken them away."""

    def __init__(self, node: Node, config: Config) -> None:
        super().__init__(node, config)
        self.routes: dict[str, Route] = {}

    @abstractmethod
    def route_to(self, lease: Lease) -> Route:
        """The route to another host's subnet."""

    def configure(self, lease: Lease) -> None:
        super().configure(lease)
        self._later()

    def add(self, lease: Lease) -> None:
        if lease.attributes.backend_type != self.name:
            self.node.log(f"Ignoring non-{self.name} subnet: type={lease.attributes.backend_type}")
            return
        self.node.log(f"Subnet added: {lease.subnet} via {ip_text(lease.attributes.public_ip)}")
        route = self.route_to(lease)
        self.routes[lease.subnet.key] = route
        self._try(lambda: self.set_route(lease, route))

    def remove(self, lease: Lease) -> None:
        if self.routes.pop(lease.subnet.key, None) is not None:
            self.node.log(f"Subnet removed: {lease.subnet}")
            self.drop_route(lease)

    def _later(self) -> None:
        self.netns.engine.call_later(ROUTE_CHECK_S * SECOND, self._check, background=True)

    def _check(self) -> None:
        if self.stopped:
            return
        for route in self.routes.values():
            if not any(there.same_key(route) and there.via == route.via for there in self.netns.fib.routes):
                self._try(partial(self.netns.fib.add, route))
        self._later()

    def _try(self, change: Callable[[], None]) -> None:
        try:
            change()
        except OSError as error:
            self.node.log(f"Error adding route: {error.strerror or error}")
