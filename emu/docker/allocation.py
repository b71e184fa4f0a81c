"""The addresses that a network begins with: its subnet, its gateway, and what its user wants to be left free (libnetwork network.go)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu.docker.errors import DockerError
from emu.docker.ipam import AddressSpace, Pool, Prefix
from emu.docker.model import IpamConfig
from emu.packet import address
from emu.packet.address import Ip, ip_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from emu.docker.model import Network

DEFAULT_GATEWAY = "DefaultGatewayIPv4"  # an aux-address of this name is what containers route to


def allocate(network: Network, space: AddressSpace, in_use: Callable[[Prefix], bool]) -> None:
    """Raises DockerError, and nothing is taken then. `in_use`: subnets that are not to be chosen."""
    if len(network.config.ipam) > 1:
        text = "bridge driver doesn't support multiple subnets"
        raise DockerError(400, text if network.driver.name == "bridge" else f"{network.driver.name}: several subnets are not modelled")
    config = network.config.ipam[0] if network.config.ipam else IpamConfig()
    pool = network.pool = _pool(config, space, in_use)
    try:
        aux = {name: ip_of(text, f"invalid auxiliary address: ({name}:{text})") for name, text in config.aux_addresses}
        wrong = f"invalid gateway address {config.gateway} in Ipam configuration"
        network.gateway = _reserve(pool, ip_of(config.gateway, wrong) if config.gateway else None, config.gateway)
        for name, ip in aux.items():
            _reserve_aux(pool, name, ip)
    except DockerError:
        space.release(pool)
        raise
    network.default_gateway = aux.get(DEFAULT_GATEWAY, network.gateway)


def _pool(config: IpamConfig, space: AddressSpace, in_use: Callable[[Prefix], bool]) -> Pool:
    if not config.subnet:
        return space.request_default(in_use)
    subnet = _prefix(config.subnet, f"Invalid subnet {config.subnet} : invalid CIDR address: {config.subnet}")
    part = _prefix(config.ip_range, f"invalid CIDR address: {config.ip_range}") if config.ip_range else None
    return space.request(subnet, part)


def _reserve(pool: Pool, ip: Ip | None, text: str) -> Ip:
    try:
        return pool.reserve(ip) if ip is not None else pool.allocate()
    except DockerError as error:
        raise DockerError(error.status, f"failed to allocate gateway ({text}): {error.message}") from None


def _reserve_aux(pool: Pool, name: str, ip: Ip) -> None:
    if not pool.subnet.contains(ip):
        raise DockerError(400, f"auxiliary address: ({name}:{ip_text(ip)}) must belong to the master pool: {pool.subnet}")
    try:
        pool.reserve(ip)
    except DockerError as error:
        raise DockerError(500, f"failed to allocate secondary ip address ({name}:{ip_text(ip)}): {error.message}") from None


def _prefix(text: str, wrong: str) -> Prefix:
    try:
        return Prefix.parse(text)
    except ValueError:
        raise DockerError(400, wrong) from None


def ip_of(text: str, wrong: str) -> Ip:
    """Raises DockerError with the words `wrong`."""
    try:
        return address.ip(text)
    except ValueError:
        raise DockerError(400, wrong) from None
