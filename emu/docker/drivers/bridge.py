"""Docker's bridge driver (libnetwork drivers/bridge): a bridge on the host, a veth pair for each container, rules and published ports.

Not modelled: IPv6, attaching to a bridge that exists already, more than one subnet a network.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from emu.docker import links
from emu.docker.checks import is_address
from emu.docker.driver import Driver
from emu.docker.errors import DockerError
from emu.netdev.bridge import Bridge
from emu.netdev.veth import Veth
from emu.packet.address import Mac

if TYPE_CHECKING:
    from emu.docker.ipam import Prefix
    from emu.docker.model import Endpoint, Network, PortBinding
    from emu.docker.port_mapping import Mapping
    from emu.netns.namespace import Netns

BRIDGE = "com.docker.network.bridge."
NAME, ICC, MASQUERADE = BRIDGE + "name", BRIDGE + "enable_icc", BRIDGE + "enable_ip_masquerade"
NO_ADDRESS, HOST_BINDING, DEFAULT = BRIDGE + "inhibit_ipv4", BRIDGE + "host_binding_ipv4", BRIDGE + "default_bridge"
MTU, HOST_IP, PREFIX = "com.docker.network.driver.mtu", "com.docker.network.host_ipv4", "com.docker.network.container_iface_prefix"
REFUSED = ("com.docker.network.enable_ipv6", "com.docker.network.bridge.enable_ipv6", "com.docker.network.internal")
LONGEST_NAME = 15  # IFNAMSIZ and its zero
TRUE, FALSE = {"1", "t", "T", "TRUE", "true", "True"}, {"0", "f", "F", "FALSE", "false", "False"}


@dataclass
class BridgeState:
    """What a bridge network has on its host."""

    bridge: Bridge
    name: str
    subnet: Prefix
    icc: bool
    masquerade: bool
    host_address: str
    mtu: int
    veths: dict[Endpoint, Veth] = field(default_factory=dict)  # the host's ends
    mappings: dict[Endpoint, list[Mapping]] = field(default_factory=dict)
    links: dict[Endpoint, list[tuple[Endpoint, list[str]]]] = field(default_factory=dict)  # other ends and rules, with icc=false


class BridgeDriver(Driver):
    name = "bridge"
    reports_ports = True

    def create_network(self, network: Network) -> None:
        """The device with its address, then the rules, then the device goes up."""
        assert network.pool is not None
        assert network.gateway is not None
        options = network.config.options
        for key in REFUSED:  # any other key that is unknown is no mistake for Docker either
            if key in options:
                raise DockerError(400, f"option {key} is not modelled")
        if options.get(HOST_BINDING) and not is_address(options[HOST_BINDING]):
            text = f"failed to parse {HOST_BINDING} value: {options[HOST_BINDING]} (nil ip)"
            raise DockerError(400, text)
        name = options.get(NAME, f"br-{network.short_id}")
        subnet = network.pool.subnet
        icc, masquerade = self._truth(options, ICC), self._truth(options, MASQUERADE)
        inhibited = self._truth(options, NO_ADDRESS, default=False)
        mtu = self._mtu(options)
        self._check_conflicts(network, name, subnet)
        netns = self.docker.netns
        bridge = Bridge(self.docker.engine, name, Mac(b"\x02\x42" + self.docker.stream(f"bridge {name} mac").randbytes(4)))
        bridge.txqueuelen = 0
        netns.add_device(bridge)
        if not inhibited:
            netns.add_address(bridge, network.gateway, subnet.length, broadcast=subnet.nth(subnet.size - 1))
        if not self.docker.config.userland_proxy:
            netns.sysctl.set(f"net.ipv4.conf.{name}.route_localnet", "1")
        state = BridgeState(bridge, name, subnet, icc, masquerade, options.get(HOST_IP, ""), mtu)
        network.state = state
        try:
            self._add_rules(network)
        except DockerError as error:
            self.delete_network(network)
            raise DockerError(error.status, f"Failed to Setup IP tables: {error.message}") from None
        netns.set_up(bridge)

    def _add_rules(self, network: Network) -> None:
        state, firewall = _state(network), self.docker.firewall
        if network.internal:
            return firewall.add_internal_bridge(state.name, state.subnet, icc=state.icc)
        firewall.add_bridge(state.name, state.subnet, icc=state.icc, masquerade=state.masquerade, host_address=state.host_address)

    def delete_network(self, network: Network) -> None:
        state = _state(network)
        self.docker.netns.delete_device(state.bridge)
        if network.internal:
            self.docker.firewall.remove_internal_bridge(state.name, state.subnet)
        else:
            self.docker.firewall.remove_bridge(state.name, state.subnet, masquerade=state.masquerade, host_address=state.host_address)

    def create_endpoint(self, endpoint: Endpoint) -> None:
        """A veth pair: the kernel makes the peer, which the container gets, before the end that stays. Raises DockerError: no bridge."""
        state, netns = _state(endpoint.network), self.docker.netns
        stream = self.docker.stream(f"veth {endpoint.id}")
        inner, outer = (self._veth(stream.getrandbits(28), stream.randbytes(5), state.mtu) for _ in range(2))
        if netns.devices.get(state.name) is not state.bridge:
            failed = f"failed to create endpoint {endpoint.name} on network {endpoint.network.name}: adding interface {outer.name}"
            missing = f"could not find bridge {state.name}: route ip+net: no such network interface"
            raise DockerError(500, f"{failed} to bridge {state.name} failed: {missing}")
        outer.connect(inner)
        netns.add_device(inner)
        netns.add_device(outer)
        port = state.bridge.enslave(outer)
        port.hairpin = not self.docker.config.userland_proxy
        netns.set_up(outer)
        endpoint.state = inner
        state.veths[endpoint] = outer

    def _veth(self, number: int, mac: bytes, mtu: int) -> Veth:
        name = f"veth{number:07x}"
        while name in self.docker.netns.devices:
            number = (number + 1) & 0xFFFFFFF
            name = f"veth{number:07x}"
        veth = Veth(self.docker.engine, name, Mac(bytes([mac[0] & 0xFC | 2]) + mac), mtu)
        veth.txqueuelen = 0
        return veth

    def join(self, endpoint: Endpoint, netns: Netns, name: str) -> bool:
        """Into the container: name, MAC, address, then up."""
        assert endpoint.ip is not None
        assert endpoint.mac is not None
        veth: Veth = endpoint.state
        subnet = _state(endpoint.network).subnet
        self.docker.netns.move_device(veth, netns, name)
        veth.mac = endpoint.mac
        netns.add_address(veth, endpoint.ip, subnet.length, broadcast=subnet.nth(subnet.size - 1))
        netns.set_up(veth)
        return True

    def leave(self, endpoint: Endpoint) -> None:
        """The interface leaves the container's namespace; with `delete_endpoint` it is gone."""
        self._unlink(endpoint)
        outer = _state(endpoint.network).veths.pop(endpoint, None)
        if outer is not None and outer.netns is not None:
            self.docker.netns.delete_device(outer)

    def delete_endpoint(self, endpoint: Endpoint) -> None:
        self.leave(endpoint)

    def publish(self, endpoint: Endpoint, bindings: list[PortBinding]) -> None:
        state = _state(endpoint.network)
        if not state.icc:
            self._link(endpoint)
        if endpoint.network.internal or not bindings:
            return
        assert endpoint.ip is not None
        default_ip = endpoint.network.config.options.get(HOST_BINDING, "")
        state.mappings[endpoint] = self.docker.ports.publish(state.name, endpoint.ip, bindings, default_ip)
        endpoint.published = [mapping.port for mapping in state.mappings[endpoint]]

    def _link(self, endpoint: Endpoint) -> None:
        state = _state(endpoint.network)
        state.links[endpoint] = links.openings(self.docker, endpoint)
        for _, rules in state.links[endpoint]:
            self.docker.firewall.link(rules)

    def _unlink(self, endpoint: Endpoint) -> None:
        """As Docker does it, up to the first other end that is gone."""
        for other, rules in _state(endpoint.network).links.pop(endpoint, []):
            if other.id not in endpoint.network.endpoints:
                break
            self.docker.firewall.unlink(rules)

    def unpublish(self, endpoint: Endpoint) -> None:
        self.docker.ports.withdraw(_state(endpoint.network).mappings.pop(endpoint, []))
        endpoint.published = []
        if endpoint.ip is not None:  # clearEndpointConnections, ports or not
            self.docker.netns.netfilter.flush_conntrack(address=endpoint.ip)

    def _check_conflicts(self, network: Network, name: str, subnet: Prefix) -> None:
        for other in self.docker.networks.all.values():
            if other is network or not isinstance(other.state, BridgeState):
                continue
            conflict = f"cannot create network {network.id} ({name}): conflicts with network {other.id} ({other.state.name}): "
            if other.state.name == name:
                raise DockerError(403, conflict + "networks have same bridge name")
            if other.state.subnet.overlaps(subnet):
                raise DockerError(403, conflict + "networks have overlapping IPv4")
        if not 0 < len(name) <= LONGEST_NAME or "/" in name or any(letter.isspace() for letter in name):
            raise DockerError(500, "failed to check bridge interface existence: numerical result out of range")
        if name in self.docker.netns.devices:
            raise DockerError(400, f"a device named {name} exists already on {self.docker.host.name}: using it as a bridge is not modelled")

    @staticmethod
    def _truth(options: dict[str, str], key: str, *, default: bool = True) -> bool:
        text = options.get(key)
        if text is None:
            return default
        if text not in TRUE | FALSE:
            raise DockerError(400, f'failed to parse {key} value: {text} (strconv.ParseBool: parsing "{text}": invalid syntax)')
        return text in TRUE

    @staticmethod
    def _mtu(options: dict[str, str]) -> int:
        text = options.get(MTU, "0")
        if not text.lstrip("-").isdigit():
            raise DockerError(400, f'failed to parse {MTU} value: {text} (strconv.Atoi: parsing "{text}": invalid syntax)')
        if int(text) != 0 and not 68 <= int(text) <= 65535:
            raise DockerError(400, f"invalid MTU number: {text}")
        return int(text) or 1500


def _state(network: Network) -> BridgeState:
    state: BridgeState = network.state
    return state
