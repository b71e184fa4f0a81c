"""Docker's overlay driver (libnetwork drivers/overlay): one layer-2 network for containers of several hosts, over VXLAN.

A host's first container on a network brings a namespace `1-ID`, with bridge br0, which has the gateway's address, and vxlan0 beside each
container's veth. vxlan0 answers ARP for the other hosts' containers itself; for each of them there is a fixed neighbour and a fixed entry
in its forwarding database, which come and go with the container. There is no flooding to other hosts.
Not modelled: encryption, IPv6, more than one subnet a network.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from emu.docker.driver import Driver
from emu.docker.errors import DockerError
from emu.docker.sandbox import new_namespace
from emu.docker.swarm.balancer import Balancer, place_name, seen_by
from emu.netdev.bridge import Bridge
from emu.netdev.veth import Veth
from emu.netdev.vxlan import Vxlan, VxlanConfig
from emu.netdev.vxlan_fdb import Remote
from emu.packet.address import Mac

if TYPE_CHECKING:
    from emu.docker.engine import DockerEngine
    from emu.docker.model import Endpoint, Network
    from emu.docker.swarm.shared import SharedNetwork
    from emu.netns.namespace import Netns

KEY_LENGTH = 12
VXLAN_COST = 100  # of a port whose speed nobody knows
GC_THRESHOLDS = {1: 8192, 2: 49152, 3: 65536}


@dataclass
class OverlayState:
    """A network's namespace on one host. `number` is the next container's."""

    file: str
    netns: Netns
    bridge: Bridge
    vxlan: Vxlan
    number: int = 0
    veths: dict[Endpoint, Veth] = field(default_factory=dict)  # the bridge's ends


class OverlayDriver(Driver):
    name = "overlay"

    def __init__(self, docker: DockerEngine) -> None:
        super().__init__(docker)
        self.scope = "global" if docker.config.cluster_store else "swarm"
        self.balancers: dict[Network, Balancer] = {}

    def create_network(self, network: Network) -> None:
        """Nothing but room for many neighbours on the host; the rest comes with the first container."""
        sysctl = self.docker.netns.sysctl
        for number, least in GC_THRESHOLDS.items():
            key = f"net.ipv4.neigh.default.gc_thresh{number}"
            if sysctl.integer(key) < least:
                sysctl.set(key, str(least))

    def delete_network(self, network: Network) -> None:
        if network.state is not None:
            self._close(network)

    def create_endpoint(self, endpoint: Endpoint) -> None:
        """In a swarm a node's own endpoint comes with its first container, once it is known which address the container has."""
        if _shared(endpoint.network).scope.balanced:
            self.balance(endpoint.network)

    def balance(self, network: Network) -> None:
        """Have the endpoint of the node itself. Raises DockerError."""
        if network not in self.balancers:
            self.balancers[network] = Balancer(self.docker, network)
            try:
                self.balancers[network].open()
            except DockerError:
                self.unbalance(network)
                raise

    def unbalance(self, network: Network) -> None:
        self.balancers[network].close()
        del self.balancers[network]

    def down(self) -> None:
        for balancer in self.balancers.values():
            if balancer.sandbox.dns is not None:
                balancer.sandbox.dns.close()

    # --- a container comes

    def join(self, endpoint: Endpoint, netns: Netns, name: str) -> bool:
        """A veth pair: one end becomes a port of br0, the other the container's interface."""
        assert endpoint.ip is not None
        assert endpoint.mac is not None
        network, host = endpoint.network, self.docker.netns
        assert network.pool is not None
        state = network.state or self._open(network)
        chance = self.docker.stream(f"veth {endpoint.id}")
        inner, outer = (self._veth(chance.getrandbits(28), chance.randbytes(5), _shared(network).mtu) for _ in range(2))
        outer.connect(inner)
        host.add_device(inner)
        host.add_device(outer)
        host.move_device(outer, state.netns, f"veth{state.number}")
        state.number += 1
        state.bridge.enslave(outer)
        state.netns.set_up(outer)
        subnet = network.pool.subnet
        host.move_device(inner, netns, name)
        inner.mac = endpoint.mac
        netns.add_address(inner, endpoint.ip, subnet.length, broadcast=subnet.nth(subnet.size - 1))
        netns.set_up(inner)
        state.veths[endpoint] = outer
        self._tell_others(endpoint, there=True)
        return True

    def _veth(self, number: int, mac: bytes, mtu: int) -> Veth:
        while (name := f"veth{number:07x}") in self.docker.netns.devices:
            number = (number + 1) & 0xFFFFFFF
        veth = Veth(self.docker.engine, name, _local_mac(mac), mtu)
        veth.txqueuelen = 0
        return veth

    def _open(self, network: Network) -> OverlayState:
        """The network's namespace on this host, with what is known of other hosts' containers. Raises DockerError."""
        docker, shared = self.docker, _shared(network)
        assert network.pool is not None
        assert network.gateway is not None
        shared.vni = shared.vni or shared.scope.choose_vni()
        port, subnet = shared.scope.data_port, network.pool.subnet
        if any((other.config.vni, other.config.port) == (shared.vni, port) for other in docker.netns.underlay.vxlans):
            raise DockerError(500, f'subnet sandbox join failed for "{subnet}": error creating vxlan interface: file exists')
        netns = new_namespace(docker, f"{docker.host.name}/{place_name(f'sbox-{network.name}')}")
        bridge = Bridge(docker.engine, "br0")
        bridge.txqueuelen = 0
        netns.add_device(bridge)
        netns.add_address(bridge, network.gateway, subnet.length, broadcast=subnet.nth(subnet.size - 1))
        netns.set_up(bridge)
        name, mac = f"vx-{shared.vni:06x}-{network.id[:5]}", _local_mac(docker.stream(f"overlay {network.id}").randbytes(5))
        config = VxlanConfig(shared.vni, port, proxy=True, l2miss=True, l3miss=True)
        vxlan = Vxlan(docker.engine, name, mac, docker.netns.underlay, config, shared.mtu)
        vxlan.txqueuelen = 0
        docker.netns.add_device(vxlan)
        docker.netns.move_device(vxlan, netns, "vxlan0")
        bridge.enslave(vxlan).cost = VXLAN_COST
        try:
            netns.set_up(vxlan)
        except OSError as error:
            docker.host.close_namespace(netns)
            text = f'subnet sandbox join failed for "{subnet}": vxlan interface creation failed for subnet "{subnet}"'
            raise DockerError(500, f"{text}: failed to set link up: {(error.strerror or '').lower()}") from None
        state = network.state = OverlayState(f"1-{network.id}"[:KEY_LENGTH], netns, bridge, vxlan)
        docker.name_namespace(state.file, netns, seen_by(docker, netns))
        for part in shared.parts.values():
            if part is not network and part.state is not None:
                for endpoint in part.state.veths:
                    self.peer_came(network, endpoint)
        return state

    # --- and goes

    def leave(self, endpoint: Endpoint) -> None:
        """The last one takes the namespace along."""
        state: OverlayState | None = endpoint.network.state
        if state is None or endpoint not in state.veths:
            return
        state.netns.delete_device(state.veths.pop(endpoint))
        self._tell_others(endpoint, there=False)
        if not state.veths:
            self._close(endpoint.network)

    def delete_endpoint(self, endpoint: Endpoint) -> None:
        self.leave(endpoint)

    def _close(self, network: Network) -> None:
        state: OverlayState = network.state
        network.state = None
        self.docker.forget_namespace(state.file)
        self.docker.host.close_namespace(state.netns)

    # --- other hosts' containers

    def _tell_others(self, endpoint: Endpoint, *, there: bool) -> None:
        shared = _shared(endpoint.network)
        shared.scope.changed(endpoint, there)
        for part in shared.parts.values():
            if part is not endpoint.network and part.state is not None:
                assert isinstance(part.driver, OverlayDriver)
                (part.driver.peer_came if there else part.driver.peer_went)(part, endpoint)

    def peer_came(self, network: Network, endpoint: Endpoint) -> None:
        """peerAdd: where another host's container is."""
        assert endpoint.ip is not None
        assert endpoint.mac is not None
        state: OverlayState = network.state
        end = _shared(network).scope.tunnel_end(endpoint.network.driver.docker)
        state.netns.neighbours.add_permanent(state.vxlan, endpoint.ip, endpoint.mac)
        state.vxlan.fdb.replace(endpoint.mac, Remote(end), self.docker.engine.now)

    def peer_went(self, network: Network, endpoint: Endpoint) -> None:
        """peerDelete: its neighbour, its entry of vxlan0, and what br0 has learned of it."""
        assert endpoint.ip is not None
        assert endpoint.mac is not None
        state: OverlayState = network.state
        state.netns.neighbours.remove(state.vxlan, endpoint.ip)
        if endpoint.mac in state.vxlan.fdb.entries:
            state.vxlan.fdb.remove(endpoint.mac)
        learned = state.bridge.fdb.entries.get(endpoint.mac)
        if learned is not None and not learned.is_local:
            state.bridge.fdb.remove(endpoint.mac)


def _local_mac(random: bytes) -> Mac:
    return Mac(bytes([random[0] & 0xFC | 2]) + random)


def _shared(network: Network) -> SharedNetwork:
    assert network.shared is not None
    return network.shared
