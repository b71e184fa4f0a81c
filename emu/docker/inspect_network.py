"""What the Engine API answers about networks (moby api/types, daemon/network.go), Docker's keys in Docker's order."""

from __future__ import annotations

from emu.docker import gateway
from emu.docker.dates import date
from emu.docker.inspect import Json, Map
from emu.docker.model import Endpoint, IpamConfig, Network
from emu.packet.address import ip_text, mac_text


def network(network: Network) -> Json:
    """`docker network inspect`. Of a swarm's network that has not come to the node there is less to say."""
    shared = network.shared
    far = shared is not None and not network.endpoints and shared.scope.balanced
    seen = network.endpoints.values() if shared is not None and shared.scope.balanced else network.members
    answer = {
        "Name": network.name,
        "Id": network.id,
        "Created": date(network.created_ns),
        "Scope": network.driver.scope,
        "Driver": network.driver.name,
        "EnableIPv6": False,
        "IPAM": {"Driver": "default", "Options": _ipam_options(network), "Config": _subnets(network)},
        "Internal": network.internal,
        "Attachable": network.config.attachable,
        "Ingress": shared is not None and shared.ingress,
        "ConfigFrom": {"Network": ""},
        "ConfigOnly": False,
        "Containers": None if far else Map((_key(network, endpoint), _member(endpoint)) for endpoint in seen),
        "Options": Map(network.config.options.items()),
        "Labels": None if far else Map(network.config.labels.items()),
    }
    if shared is not None and shared.scope.balanced and not far:
        answer["Peers"] = shared.scope.peers(shared)
    return answer


def _key(network: Network, endpoint: Endpoint) -> str:
    """Of other engines' containers only the endpoint is known."""
    return endpoint.container.id if endpoint.network is network else f"ep-{endpoint.id}"


def _ipam_options(network: Network) -> Json | None:
    """What a user's own networks have, and nobody sets."""
    made_by_docker = network.predefined or network.name == gateway.NAME or (network.shared is not None and network.shared.scope.balanced)
    return None if made_by_docker else {}


def _subnets(network: Network) -> list[Json]:
    """As the user typed them; what the engine chose comes with its gateway."""
    if network.pool is None:
        return []
    named = [_subnet(config) for config in network.config.ipam if config.subnet]
    if network.shared is not None and named and network.gateway is not None:
        named[0]["Gateway"] = ip_text(network.gateway)
    return named or [{"Subnet": str(network.pool.subnet), "Gateway": ip_text(network.gateway or b"\0\0\0\0")}]


def _subnet(config: IpamConfig) -> Json:
    entry: Json = {"Subnet": config.subnet}
    if config.ip_range:
        entry["IPRange"] = config.ip_range
    if config.gateway:
        entry["Gateway"] = config.gateway
    if config.aux_addresses:
        entry["AuxiliaryAddresses"] = Map(config.aux_addresses)
    return entry


def _member(endpoint: Endpoint) -> Json:
    return {
        "Name": endpoint.name,
        "EndpointID": endpoint.id,
        "MacAddress": mac_text(endpoint.mac) if endpoint.mac else "",
        "IPv4Address": f"{ip_text(endpoint.ip)}/{endpoint.length}" if endpoint.ip else "",
        "IPv6Address": "",
    }
