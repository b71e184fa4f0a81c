"""The network's configuration, the JSON under PREFIX/config (flannel, subnet/config.go). Not modelled: IPv6, nftables."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from emu.packet.address import Ip, from_number, ip, ip_text, network, number, prefix


class ConfigError(ValueError):
    """What flanneld says of a configuration that it cannot use."""


@dataclass(frozen=True, slots=True)
class Subnet:
    """A host's share of the network; also the network itself."""

    ip: Ip
    length: int

    def __str__(self) -> str:
        return f"{ip_text(self.ip)}/{self.length}"

    @property
    def key(self) -> str:
        """Its name in the store: `10.1.15.0-24`."""
        return f"{ip_text(self.ip)}-{self.length}"

    @property
    def size(self) -> int:
        return 1 << (32 - self.length)

    @property
    def first_host(self) -> Ip:
        return from_number(number(self.ip) + 1)

    def contains(self, address: bytes) -> bool:
        return network(address, self.length) == self.ip

    @classmethod
    def parse(cls, text: str) -> Subnet:
        """From `10.1.15.0/24` or `10.1.15.0-24`. Raises ValueError."""
        address, length = prefix(text.replace("-", "/"), -1)
        if length < 0 or network(address, length) != address:
            raise ValueError(f"{text!r} is not a subnet")
        return cls(address, length)


@dataclass(frozen=True, slots=True)
class Config:
    """`minimum` and `maximum` are the first and last subnets that are leased; `backend` is the JSON object, `Type` in it."""

    network: Subnet
    subnet_length: int
    minimum: Ip
    maximum: Ip
    backend_type: str = "udp"
    backend: dict[str, Any] = field(default_factory=dict)

    def allows(self, subnet: Subnet) -> bool:
        """Is it one that this configuration could have given?"""
        return subnet.length == self.subnet_length and number(self.minimum) <= number(subnet.ip) <= number(self.maximum)

    def subnets(self) -> list[Subnet]:
        step = 1 << (32 - self.subnet_length)
        return [Subnet(from_number(at), self.subnet_length) for at in range(number(self.minimum), number(self.maximum) + 1, step)]


def parse_config(text: str) -> Config:
    """Read and complete a configuration. Raises ConfigError."""
    try:
        keys = json.loads(text)
    except ValueError as error:
        raise ConfigError(f"error decoding JSON: {error}") from error
    if not isinstance(keys, dict):
        raise ConfigError("the configuration is not a JSON object")
    try:
        whole = Subnet.parse(str(keys.get("Network", "")))
    except ValueError as error:
        raise ConfigError(f"Network: {error}") from error
    length = _subnet_length(whole, keys.get("SubnetLen", 0))
    size = 1 << (32 - length)
    first, last = number(whole.ip), number(whole.ip) + whole.size - size
    minimum = _bound(whole, "SubnetMin", keys.get("SubnetMin"), first + size, size)
    maximum = _bound(whole, "SubnetMax", keys.get("SubnetMax"), last, size)
    backend = keys.get("Backend") or {}
    if not isinstance(backend, dict):
        raise ConfigError("Backend is not a JSON object")
    return Config(whole, length, minimum, maximum, str(backend.get("Type") or "udp"), backend)


def _subnet_length(whole: Subnet, wanted: object) -> int:
    """The length asked for, else /24, or a quarter of a network that is too small for that."""
    if not isinstance(wanted, int) or isinstance(wanted, bool):
        raise ConfigError(f"SubnetLen: {wanted!r} is not a number")
    if wanted:
        if wanted > 30:
            raise ConfigError("SubnetLen must be less than /31")
        if wanted < whole.length + 2:
            raise ConfigError("Network must be able to accommodate at least four subnets")
        return wanted
    if whole.length > 28:
        raise ConfigError("Network is too small. Minimum useful network prefix is /28")
    return 24 if whole.length <= 22 else whole.length + 2


def _bound(whole: Subnet, name: str, wanted: object, default: int, size: int) -> Ip:
    if not wanted:
        return from_number(default)
    try:
        bound = ip(str(wanted))
    except ValueError as error:
        raise ConfigError(f"{name}: {error}") from error
    if not whole.contains(bound):
        raise ConfigError(f"{name} is not in the range of the Network")
    if number(bound) % size:
        raise ConfigError(f"{name} is not on a SubnetLen boundary: {ip_text(bound)}")
    return bound
