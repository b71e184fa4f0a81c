"""ipip: one IPIP device to all hosts, each subnet's route naming the host as next hop (flannel, backend/ipip)."""

from __future__ import annotations

from emu.flannel.backends.backend import Node, RoutedBackend
from emu.flannel.backends.device import set_only_address
from emu.flannel.config import Config, ConfigError
from emu.flannel.lease import Lease
from emu.netdev.ip_tunnel import Ipip, TunnelConfig
from emu.netns.fib import Route
from emu.packet.ipv4 import HEADER

DEVICE = "flannel.ipip"


class IpipBackend(RoutedBackend):
    """With `DirectRouting` hosts on the same segment are reached without the tunnel."""

    name = "ipip"

    def __init__(self, node: Node, config: Config) -> None:
        super().__init__(node, config)
        self.refuse_unknown_options("DirectRouting")
        self.direct_routing: bool = self.option("DirectRouting", bool, False)
        if node.public_ip != node.address:
            raise ConfigError(f"your PublicIP differs from interface IP, which is not supported by the {self.name} backend")
        self.device = self._device()

    def _device(self) -> Ipip:
        """`flannel.ipip`; one of an earlier run is used again."""
        netns = self.netns
        there = netns.devices.get(DEVICE)
        if isinstance(there, Ipip) and there.config.local == self.node.address:
            return there
        if there is not None:
            netns.delete_device(there)
        device = Ipip(netns.engine, DEVICE, netns.underlay, TunnelConfig(local=self.node.address), mtu=self.mtu)
        netns.add_device(device)
        return device

    @property
    def mtu(self) -> int:
        return self.node.interface.mtu - HEADER

    def configure(self, lease: Lease) -> None:
        set_only_address(self.netns, self.device, lease.subnet.ip, broadcast=self.node.broadcast)
        self.netns.set_up(self.device)
        super().configure(lease)

    def route_to(self, lease: Lease) -> Route:
        subnet, host = lease.subnet, lease.attributes.public_ip
        if self.direct_routing and self.is_direct(host):
            return Route(subnet.ip, subnet.length, self.node.interface, via=host)
        return Route(subnet.ip, subnet.length, self.device, via=host, onlink=True)
