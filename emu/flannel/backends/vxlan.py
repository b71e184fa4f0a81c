"""vxlan: a VXLAN device that learns nothing; each other host is one neighbour, one forwarding entry and one route, all set by hand
(flannel, backend/vxlan/{device,vxlan_network}.go). Not modelled: the options GBP and Learning.
"""

from __future__ import annotations

from dataclasses import replace

from emu.encap.vxlan import LINUX_PORT, MAX_VNI, OVERHEAD
from emu.flannel.backends.backend import Backend, Node
from emu.flannel.backends.device import set_only_address
from emu.flannel.config import Config, ConfigError
from emu.flannel.lease import Attributes, Lease
from emu.netdev.vxlan import Vxlan, VxlanConfig
from emu.netdev.vxlan_fdb import Remote
from emu.netns.fib import Route
from emu.netns.neighbour import NeighbourState
from emu.packet.address import Mac, ip_text, mac, mac_text


class VxlanBackend(Backend):
    """Device `flannel.VNI`. With `DirectRouting` hosts on the same segment are reached without the tunnel."""

    name = "vxlan"

    def __init__(self, node: Node, config: Config) -> None:
        super().__init__(node, config)
        self.refuse_unknown_options("VNI", "Port", "DirectRouting")
        self.vni: int = self.option("VNI", int, 1)
        self.port: int = self.option("Port", int, 0) or LINUX_PORT
        self.direct_routing: bool = self.option("DirectRouting", bool, False)
        if not 0 <= self.vni <= MAX_VNI:
            raise ConfigError(f"vxlan backend: VNI {self.vni} is not in the range 0-{MAX_VNI}")
        if not 0 < self.port < 65536:
            raise ConfigError(f"vxlan backend: Port {self.port} is not in the range 1-65535")
        node.log(f"VXLAN config: VNI={self.vni} Port={config.backend.get('Port', 0)} GBP=false Learning=false "
                 f"DirectRouting={str(self.direct_routing).lower()}")  # fmt: skip
        self.device = self._device()
        self.remotes: dict[str, Mac] = {}  # by subnet: those that are reached by the tunnel

    def _device(self) -> Vxlan:
        """A device of an earlier run is used again if it is the same."""
        netns, node = self.netns, self.node
        name = f"flannel.{self.vni}"
        wanted = VxlanConfig(self.vni, port=self.port, local=node.address, lower=node.interface, learning=False)
        there = netns.devices.get(name)
        if isinstance(there, Vxlan) and replace(there.config, ageing_ns=wanted.ageing_ns) == wanted:
            return there
        if there is not None:
            netns.delete_device(there)
        chance = netns.engine.stream(f"{netns.name}/{name} mac").randbytes(6)
        device = Vxlan(netns.engine, name, Mac(bytes([chance[0] & 0xFC | 2]) + chance[1:]), netns.underlay, wanted)
        device.txqueuelen = 0  # as Go's netlink library makes it
        netns.add_device(device)
        return device

    def attributes(self) -> Attributes:
        return Attributes(self.node.public_ip, self.name, {"VNI": self.vni, "VtepMAC": mac_text(self.device.mac)})

    @property
    def mtu(self) -> int:
        return self.node.interface.mtu - OVERHEAD

    def configure(self, lease: Lease) -> None:
        set_only_address(self.netns, self.device, lease.subnet.ip, broadcast=self.node.broadcast)
        self.netns.set_up(self.device)
        super().configure(lease)

    def add(self, lease: Lease) -> None:
        """Neighbour, forwarding entry, route: in this order."""
        subnet, attributes = lease.subnet, lease.attributes
        if attributes.backend_type != self.name:
            self.node.log(f"ignoring non-vxlan subnet({subnet}): type={attributes.backend_type}")
            return
        if self.direct_routing and self.is_direct(attributes.public_ip):
            self.node.log(f"Adding direct route to subnet: {subnet} PublicIP: {ip_text(attributes.public_ip)}")
            return self.set_route(lease, Route(subnet.ip, subnet.length, self.node.interface, via=attributes.public_ip))
        try:
            vtep = mac(str(attributes.backend_data.get("VtepMAC")))
        except ValueError as error:
            self.node.log(f"error decoding subnet lease JSON: {error}")
            return
        self.node.log(f"adding subnet: {subnet} PublicIP: {ip_text(attributes.public_ip)} VtepMAC: {mac_text(vtep)}")
        self._forget(lease)
        now = self.netns.engine.now
        self.netns.neighbours.set_state(self.device, subnet.ip, vtep, NeighbourState.PERMANENT)
        self.device.fdb.replace(vtep, Remote(attributes.public_ip), now)
        self.set_route(lease, Route(subnet.ip, subnet.length, self.device, via=subnet.ip, onlink=True))
        self.remotes[subnet.key] = vtep

    def remove(self, lease: Lease) -> None:
        self.node.log(f"removing subnet: {lease.subnet} PublicIP: {ip_text(lease.attributes.public_ip)}")
        self._forget(lease)
        self.drop_route(lease)

    def _forget(self, lease: Lease) -> None:
        """The neighbour and the forwarding entry of the subnet, if it has any."""
        vtep = self.remotes.pop(lease.subnet.key, None)
        if vtep is not None:
            self.netns.neighbours.remove(self.device, lease.subnet.ip)
            if vtep in self.device.fdb.entries:
                self.device.fdb.remove(vtep)
