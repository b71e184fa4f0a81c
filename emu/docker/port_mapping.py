"""Publishing ports: who gets which host port, and what a published port starts (libnetwork portallocator, portmapper, port_mapping.go).

The range of ports chosen by the engine is that of 20.10.22 and later: `net.ipv4.ip_local_port_range`. Not modelled: IPv6 bindings (`[::]`),
so that a port published on every address has one binding, 0.0.0.0, as on a host without IPv6.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from emu.docker.errors import DockerError
from emu.docker.model import PortBinding, PublishedPort
from emu.docker.proxy import listen
from emu.packet.address import Ip, ip_text

if TYPE_CHECKING:
    from emu.docker.firewall import Firewall
    from emu.netns.namespace import Netns

PROTOCOLS = ("tcp", "udp")
ATTEMPTS = 10  # for a port that the engine chooses


class PortAllocator:
    """Host ports in use, apart for each host address and protocol; each range has its cursor, so a released port comes back late."""

    def __init__(self, first: int, last: int) -> None:
        self.first = first
        self.last = last
        self._used: dict[tuple[str, str], set[int]] = {}
        self._cursors: dict[tuple[str, str, int, int], int] = {}

    def request(self, host_ip: str, protocol: str, first: int = 0, last: int = 0) -> int:
        """A port from `first` to `last`; 0: from the engine's own range. Raises DockerError."""
        used = self._used.setdefault((host_ip, protocol), set())
        if first and first == last:
            if first in used:
                raise DockerError(500, f"Bind for {host_ip}:{first} failed: port is already allocated")
            used.add(first)
            return first
        if not first:
            first, last = self.first, self.last
        cursor = (host_ip, protocol, first, last)
        port = self._cursors.get(cursor, last)
        for _ in range(last - first + 1):
            port = port + 1 if port < last else first
            if port not in used:
                used.add(port)
                self._cursors[cursor] = port
                return port
        raise DockerError(500, "all ports are allocated")

    def release(self, host_ip: str, protocol: str, port: int) -> None:
        self._used.get((host_ip, protocol), set()).discard(port)


class Listener(Protocol):
    def close(self) -> None: ...


@dataclass
class Mapping:
    """A published port with what serves it."""

    bridge: str
    container: Ip
    port: PublishedPort
    proxy: Listener


class PortMapper:
    """Publishes and withdraws the ports of one engine."""

    def __init__(self, netns: Netns, firewall: Firewall, userland_proxy: bool) -> None:
        first, last = netns.sysctl.get("net.ipv4.ip_local_port_range").split()
        self.netns = netns
        self.firewall = firewall
        self.userland_proxy = userland_proxy
        self.allocator = PortAllocator(int(first), int(last))
        self._proxies: dict[Listener, None] = {}

    @property
    def proxies(self) -> list[Listener]:
        """What listens for published ports, in the order in which it began."""
        return list(self._proxies)

    def publish(self, bridge: str, container: Ip, bindings: list[PortBinding], default_ip: str = "") -> list[Mapping]:
        """All of them or none; `default_ip` is the network's, for bindings that name no address. Raises DockerError."""
        done: list[Mapping] = []
        try:
            for binding in in_order(bindings):
                mapping = self._publish(bridge, container, binding, default_ip or "0.0.0.0")
                done.append(mapping)
        except DockerError:
            self.withdraw(done)
            raise
        return done

    def _publish(self, bridge: str, container: Ip, binding: PortBinding, default_ip: str) -> Mapping:
        """A port that the engine may choose is tried for a few times, one that the user named once."""
        end = binding.host_port_end or binding.host_port
        attempts = 1 if binding.host_port and end == binding.host_port else ATTEMPTS
        for attempt in range(attempts):
            try:
                return self._map(bridge, container, replace(binding, host_ip=binding.host_ip or default_ip, host_port_end=end))
            except DockerError:
                if attempt == attempts - 1:
                    raise
        raise AssertionError("no attempt was made")

    def _map(self, bridge: str, container: Ip, binding: PortBinding) -> Mapping:
        """Allocate, install the rules, start the proxy."""
        host_ip, protocol = binding.host_ip, binding.protocol
        if protocol not in PROTOCOLS:
            raise DockerError(400, f"publishing {protocol} ports is not modelled")
        host_port = self.allocator.request(host_ip, protocol, binding.host_port, binding.host_port_end)
        port = PublishedPort(binding.port, protocol, host_ip, host_port)
        try:
            self.firewall.publish(bridge, container, port)
            proxy = self._listen(port, container)
        except DockerError:
            self.firewall.unpublish(bridge, container, port)
            self.allocator.release(host_ip, protocol, host_port)
            raise
        self._proxies[proxy] = None
        return Mapping(bridge, container, port, proxy)

    def _listen(self, port: PublishedPort, container: Ip) -> Listener:
        """The proxy, or what only holds the port. Raises DockerError."""
        try:
            return listen(self.netns, port, ip_text(container), forward=self.userland_proxy)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            text = f"listen {port.protocol}4 {port.host_ip}:{port.host_port}: bind: {reason}"
            raise DockerError(500, f"Error starting userland proxy: {text}" if self.userland_proxy else text) from None

    def close(self) -> None:
        """Stop all proxies, and nothing else: the machine goes down."""
        for proxy in self._proxies:
            proxy.close()
        self._proxies.clear()

    def withdraw(self, mappings: list[Mapping]) -> None:
        """Stop the proxies, delete the rules, free the ports; the container's connections are forgotten."""
        for mapping in mappings:
            mapping.proxy.close()
            self._proxies.pop(mapping.proxy, None)
            self.firewall.unpublish(mapping.bridge, mapping.container, mapping.port)
            self.allocator.release(mapping.port.host_ip, mapping.port.protocol, mapping.port.host_port)
        for container in {mapping.container for mapping in mappings}:
            self.netns.netfilter.flush_conntrack(address=container)


def in_order(bindings: list[PortBinding]) -> list[PortBinding]:
    """Docker's order of publishing. Its comparison is no strict order, so the algorithm counts too: Go's insertion sort."""
    ordered: list[PortBinding] = []
    for binding in bindings:
        place = len(ordered)
        while place and _before(binding, ordered[place - 1]):
            place -= 1
        ordered.insert(place, binding)
    return ordered


def _before(one: PortBinding, other: PortBinding) -> bool:
    """Higher host port, higher container port, tcp before others."""
    return one.host_port > other.host_port or one.port > other.port or (one.port == other.port and one.protocol == "tcp")
