"""host-gw: a route to each subnet by the host that has it; no tunnel, so all hosts must be on one segment (flannel, backend/hostgw)."""

from __future__ import annotations

from emu.flannel.backends.backend import Node, RoutedBackend
from emu.flannel.config import Config, ConfigError
from emu.flannel.lease import Lease
from emu.netns.fib import Route


class HostGw(RoutedBackend):
    """Packets go out as they are."""

    name = "host-gw"

    def __init__(self, node: Node, config: Config) -> None:
        super().__init__(node, config)
        self.refuse_unknown_options()
        if node.public_ip != node.address:
            raise ConfigError(
                "your PublicIP differs from interface IP, meaning that probably you're on a NAT, which is not supported by host-gw backend"
            )

    @property
    def mtu(self) -> int:
        return self.node.interface.mtu

    def route_to(self, lease: Lease) -> Route:
        return Route(lease.subnet.ip, lease.subnet.length, self.node.interface, via=lease.attributes.public_ip)
