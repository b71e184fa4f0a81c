"""The networks of one engine: create, list, remove, connect, disconnect (moby daemon/network.go, libnetwork network.go)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from emu.docker import place
from emu.docker.allocation import DEFAULT_GATEWAY, allocate, ip_of
from emu.docker.errors import DockerError, network_not_found
from emu.docker.files import edit, joined, left
from emu.docker.ipam import AddressSpace, Prefix
from emu.docker.model import Container, Endpoint, EndpointConfig, IpamConfig, Network, NetworkConfig
from emu.packet import address
from emu.packet.address import ANY, Ip, Mac

if TYPE_CHECKING:
    from emu.docker.engine import DockerEngine

PREDEFINED = ("bridge", "host", "none", "default")
HOST_CONFLICT = "container cannot be disconnected from host network or connected to host network"
SHARED_CONFLICT = "container sharing network namespace with another container or host cannot be connected to any other network"
NO_SWARM = 'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.'
PRIVATE_CONFLICT = "container cannot be connected to multiple networks with one of the networks in private (none) mode"
ALIAS_CONFLICT = "network-scoped alias is supported only for containers in user defined networks"
IP_CONFLICT = "user specified IP address is supported on user defined networks only"
IP_UNCONFIGURED = "user specified IP address is supported only when connecting to networks with user configured subnets"


class Networks:
    def __init__(self, docker: DockerEngine) -> None:
        self.docker = docker
        self.space = AddressSpace(docker.config.default_pools)
        self.all: dict[str, Network] = {}

    def create_predefined(self) -> None:
        """As the engine does when it starts for the first time: none, host, bridge."""
        self._make("none", NetworkConfig(driver="null"), predefined=True)
        self._make("host", NetworkConfig(driver="host"), predefined=True)
        config = self.docker.config
        if config.bridge == "none":
            return
        bip = config.bip or str(self.space.first_default(self._host_uses))
        ipam = IpamConfig(
            subnet=str(Prefix.parse(bip)),
            ip_range=config.fixed_cidr,
            gateway=config.bip.partition("/")[0],
            aux_addresses=((DEFAULT_GATEWAY, config.default_gateway),) if config.default_gateway else (),
        )
        prefix = "com.docker.network."
        options = {
            prefix + "bridge.default_bridge": "true",
            prefix + "bridge.enable_icc": str(config.icc).lower(),
            prefix + "bridge.enable_ip_masquerade": str(config.ip_masq and config.iptables).lower(),
            prefix + "bridge.host_binding_ipv4": config.ip,
            prefix + "bridge.name": "docker0",
            prefix + "driver.mtu": str(config.mtu),
        }
        self._make("bridge", NetworkConfig(ipam=(ipam,), options=options), predefined=True)

    def create(self, name: str, config: NetworkConfig) -> Network:
        """Raises DockerError."""
        if not name.strip():
            raise DockerError(400, f"invalid name: {name}")
        if name in PREDEFINED:
            raise DockerError(403, f"operation is not permitted on predefined {name} network ")
        if any(network.name == name for network in self.known()):
            raise DockerError(409, f"network with name {name} already exists")
        if config.driver != "overlay":
            return self._make(name, config)
        scope = self.docker.scope
        if scope is None:
            raise DockerError(503, NO_SWARM)
        scope.check_can_change(self.docker)
        return scope.create(self.docker, name, config).seen_from(self.docker)

    def _make(self, name: str, config: NetworkConfig, *, predefined: bool = False) -> Network:
        docker = self.docker
        driver = docker.driver(config.driver)
        if driver.only_one and not predefined:
            raise DockerError(403, f'only one instance of "{driver.name}" network is allowed')
        network = Network(name, docker.new_id(f"network {name}"), config, docker.engine.now, driver, predefined=predefined)
        if driver.has_addresses:
            allocate(network, self.space, self._host_uses)
        try:
            driver.create_network(network)
        except DockerError:
            if network.pool is not None:
                self.space.release(network.pool)
            raise
        self.all[network.id] = network
        docker.firewall.network_created()
        return network

    def _host_uses(self, subnet: Prefix) -> bool:
        """Does it overlap a route of the host to a link, or hold one of its name servers?"""
        routes = (route for route in self.docker.netns.fib.routes if route.scope == "link")
        if any(Prefix(route.dst, route.length).overlaps(subnet) for route in routes):
            return True
        return any(subnet.contains(server) for server in self.docker.name_servers())

    # --- looking up

    def known(self) -> list[Network]:
        """Its own, and of those that it shares with other engines the ones that it may know of."""
        scope = self.docker.scope
        others = scope.visible(self.docker) if scope is not None else []
        return [*self.all.values(), *(shared.seen_from(self.docker) for shared in others if shared.id not in self.all)]

    def attach(self, text: str) -> Network:
        """For a container that is to be on it: a shared network comes to the engine that way. Raises DockerError."""
        scope = self.docker.scope
        found = scope.attach(self.docker, text) if scope is not None and text not in PREDEFINED else None
        return found or self.find(text)

    def find(self, text: str) -> Network:
        """By full id, name, or the beginning of an id. Raises DockerError."""
        if text in self.all:
            return self.all[text]
        networks = self.known()
        named = [network for network in networks if text in (network.name, network.id)]
        if named:
            return named[0]
        begun = [network for network in networks if text and network.id.startswith(text)]
        if len(begun) > 1:
            raise DockerError(400, f"network {text} is ambiguous ({len(begun)} matches found based on ID prefix)")
        if not begun:
            raise network_not_found(text)
        return begun[0]

    def by_name(self) -> list[Network]:
        """As people count: `n9` before `n10`."""
        return sorted(self.known(), key=lambda network: [_counted(part) for part in re.findall(r"\d+|\D+", network.name)])

    # --- removing

    def remove(self, text: str) -> None:
        network = self.find(text)
        if network.predefined:
            raise DockerError(403, f"{network.name} is a pre-defined network and cannot be removed")
        if network.shared is not None:
            return network.shared.scope.remove(self.docker, network.shared)
        if network.endpoints:
            text = f"error while removing network: network {network.name} id {network.id} has active endpoints"
            raise DockerError(403, text)
        self._delete(network)

    def prune(self) -> list[str]:
        """Remove what no container uses; the names."""
        unused = [network for network in self.by_name() if not network.predefined and not any(network.members)]
        for network in unused:
            self.remove(network.id)
        return [network.name for network in unused]

    def _delete(self, network: Network) -> None:
        network.driver.delete_network(network)
        if network.pool is not None:
            self.space.release(network.pool)
        del self.all[network.id]

    # --- containers on networks

    def connect(self, text: str, container: Container, config: EndpointConfig) -> None:
        """`docker network connect`. Raises DockerError."""
        network = self.attach(text) if container.running else self.find(text)
        mode = container.config.network_mode
        if mode.startswith("container:") or (mode == "host" and network.driver.name != "host"):
            raise DockerError(400, SHARED_CONFLICT)
        if network.driver.name == "host":
            raise DockerError(400, HOST_CONFLICT)
        if network.name in container.endpoints:
            raise DockerError(403, f"endpoint with name {container.name} already exists in network {network.name}")
        if container.networks and (network.driver.name == "null" or "none" in container.networks):
            raise DockerError(400, PRIVATE_CONFLICT)
        self.check(network, config)
        if container.running:
            self.join(container, network, config)
        container.networks[network.name] = config

    def disconnect(self, text: str, container: Container) -> None:
        network = self.find(text)
        if network.driver.name == "host" and container.config.network_mode == "host":
            raise DockerError(400, HOST_CONFLICT)
        if network.name not in container.networks:
            article = "" if container.running else "the "
            raise DockerError(403, f"container {container.id} is not connected to {article}network {network.name}")
        del container.networks[network.name]
        if network.name in container.endpoints:
            self.leave(container.endpoints[network.name])

    @staticmethod
    def check(network: Network, config: EndpointConfig) -> None:
        """May a container ask this of the network?"""
        if network.predefined:
            if config.aliases:
                raise DockerError(400, ALIAS_CONFLICT)
            if config.ip:
                raise DockerError(400, IP_CONFLICT)
        if config.ip:
            if not any(ipam.subnet for ipam in network.config.ipam):
                raise DockerError(400, IP_UNCONFIGURED)
            ip_of(config.ip, f"invalid IPv4 address: {config.ip}")

    def join(self, container: Container, network: Network, config: EndpointConfig, *, named: bool = True) -> Endpoint:
        """Make the endpoint and put it into the container's namespace. Raises DockerError, and leaves nothing behind then."""
        assert container.sandbox is not None
        endpoint = self.make_endpoint(container, network, config, container.name, named=named)
        container.endpoints[network.name] = endpoint
        try:
            container.sandbox.join(endpoint)
        except DockerError:
            self._forget(endpoint)
            raise
        if container.place is not None and endpoint.ip is not None:
            edit(container.place.files, "/etc/hosts", lambda text: joined(text, container, endpoint.ip or ANY))
            place.tell_parents(self.docker, endpoint)
        return endpoint

    def make_endpoint(self, container: Container, network: Network, config: EndpointConfig, name: str, *, named: bool = True) -> Endpoint:
        """With its address and what its driver needs on the host. Raises DockerError."""
        endpoint = Endpoint(self.docker.new_id(f"endpoint {name} {network.name}"), name, network, container, config, named=named)
        if network.pool is not None:
            endpoint.ip = self._address(network, config)
            endpoint.length = network.pool.subnet.length
            endpoint.mac = address.mac(config.mac) if config.mac else Mac(b"\x02\x42" + endpoint.ip)
            endpoint.gateway = network.default_gateway
        network.endpoints[endpoint.id] = endpoint
        try:
            network.driver.create_endpoint(endpoint)
        except DockerError:
            self.drop_endpoint(endpoint)
            raise
        return endpoint

    def leave(self, endpoint: Endpoint) -> None:
        container = endpoint.container
        assert container.sandbox is not None
        container.sandbox.leave(endpoint)
        if container.place is not None:
            edit(container.place.files, "/etc/hosts", lambda text: left(text, endpoint))
        self._forget(endpoint)

    def _forget(self, endpoint: Endpoint) -> None:
        del endpoint.container.endpoints[endpoint.network.name]
        self.drop_endpoint(endpoint)

    def drop_endpoint(self, endpoint: Endpoint) -> None:
        network = endpoint.network
        network.driver.delete_endpoint(endpoint)
        del network.endpoints[endpoint.id]
        if network.pool is not None and endpoint.ip is not None:
            network.pool.release(endpoint.ip)
        if network.shared is not None:
            network.shared.scope.left(network)

    @staticmethod
    def _address(network: Network, config: EndpointConfig) -> Ip:
        assert network.pool is not None
        if not config.ip:
            try:
                return network.pool.allocate()
            except DockerError:
                text = f"no available IPv4 addresses on this network's address pools: {network.name} ({network.id})"
                raise DockerError(500, text) from None
        ip = address.ip(config.ip)
        if not network.pool.subnet.contains(ip):
            raise DockerError(400, f"Invalid address {config.ip}: It does not belong to any of this network's subnets")
        return network.pool.reserve(ip)


def _counted(part: str) -> tuple[bool, int, str]:
    return (not part.isdecimal(), int(part) if part.isdecimal() else 0, part)
