"""The addresses of a namespace's devices, and the routes that come and go with them (net/ipv4/devinet.c, fib_frontend.c).

Not modelled: address lifetimes, the peer of a point-to-point address.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emu.netdev.device import NetDevice
from emu.netns.fib import Fib, Route
from emu.packet.address import ANY, BROADCAST, Ip, broadcast, is_multicast, network

if TYPE_CHECKING:
    from emu.packet.datagram import Datagram

SCOPES = {"global": 0, "site": 200, "link": 253, "host": 254, "nowhere": 255}


@dataclass(slots=True, eq=False)
class InterfaceAddress:
    """An address of a device. `secondary`: another one of the same subnet came first."""

    ip: Ip
    length: int
    dev: NetDevice
    broadcast: Ip | None
    scope: str
    label: str
    secondary: bool


class Addresses:
    """What a namespace knows of its own addresses, by device."""

    def __init__(self) -> None:
        self.fib = Fib()
        self.on_address: list[Callable[[InterfaceAddress, bool], None]] = []  # told before the routes that come and go with it
        self._addresses: dict[NetDevice, list[InterfaceAddress]] = {}

    def address_changed(self, address: InterfaceAddress, there: bool) -> None:
        """For the namespace to fill in."""

    def addresses(self, dev: NetDevice) -> list[InterfaceAddress]:
        return self._addresses.get(dev, [])

    def all_addresses(self) -> Iterable[InterfaceAddress]:
        for addresses in self._addresses.values():
            yield from addresses

    def add_address(
        self, dev: NetDevice, address: Ip, length: int, *, broadcast: Ip | None = None, scope: str = "global", label: str | None = None
    ) -> None:
        """`ip addr add`. Raises FileExistsError for the same address and length on the device."""
        mine = self._addresses[dev]
        if any((other.ip, other.length) == (address, length) for other in mine):
            raise FileExistsError("File exists")
        secondary = any(other.length == length and network(other.ip, length) == network(address, length) for other in mine)
        added = InterfaceAddress(address, length, dev, broadcast, scope, label or dev.name, secondary)
        mine.insert(_place(mine, added), added)
        self._tell_address(added, True)
        self._add_routes(added)
        self.address_changed(added, True)

    def remove_address(self, dev: NetDevice, address: Ip, length: int) -> None:
        """`ip addr del`: a primary address takes its secondaries along. Raises LookupError if it is not there."""
        mine = self._addresses[dev]
        gone = next((other for other in mine if (other.ip, other.length) == (address, length)), None)
        if gone is None:
            raise LookupError("Cannot assign requested address")
        subnet = network(address, length)
        also = [other for other in mine if other.secondary and other.length == length and network(other.ip, length) == subnet]
        for each in [] if gone.secondary else also:
            self.remove_address(dev, each.ip, length)
        mine.remove(gone)
        self._tell_address(gone, False)
        self._remove_routes(gone)
        self.address_changed(gone, False)

    def _tell_address(self, address: InterfaceAddress, there: bool) -> None:
        for watcher in self.on_address:
            watcher(address, there)

    def _remove_routes(self, gone: InterfaceAddress) -> None:
        """fib_del_ifaddr: of the subnet, its broadcast addresses, the address itself; all of a device that has none left."""
        dev, address, mine = gone.dev, gone.ip, self._addresses[gone.dev]
        if not gone.secondary:
            self.fib.remove_all(lambda route: _hangs_on(route, gone) and route.protocol == "kernel" and route.length < 32)
        own = {broadcast(address, gone.length), *(other.broadcast for other in mine)}
        self.fib.remove_all(lambda route: route.kind == "broadcast" and route.dev is dev and route.dst == gone.broadcast not in own)
        if not gone.secondary:
            self.fib.remove_all(lambda route: _hangs_on(route, gone) and route.protocol == "kernel" and route.kind != "local")
        kept = {other.ip for other in self.all_addresses()}
        self.fib.remove_all(lambda route: route.kind == "local" and route.dev is dev and route.length == 32 and route.dst not in kept)
        if not gone.secondary:
            self.fib.remove_all(lambda route: _hangs_on(route, gone) and (route.protocol == "kernel" or route.kind == "unicast"))
        if not mine:  # fib_disable_ip: without an address the device has no IP, and no routes
            self.fib.flush(dev)

    def _add_routes(self, address: InterfaceAddress) -> None:
        """fib_add_ifaddr: the address itself, its subnet, and its broadcast addresses, the subnet's and one of its own choice."""
        dev, length = address.dev, address.length
        subnet = network(address.ip, length)
        primary = next(mine for mine in self._addresses[dev] if mine.length == length and network(mine.ip, length) == subnet)
        self._add_once(Route(address.ip, 32, dev, src=primary.ip, scope="host", protocol="kernel", kind="local"))
        if not dev.up:
            return
        if not address.secondary and (length < 32 or subnet != address.ip):
            on_lo = dev.kind == "loopback"
            kind, scope = ("local", "host") if on_lo else ("unicast", "link")
            self._add_once(Route(subnet, length, dev, src=address.ip, scope=scope, protocol="kernel", kind=kind))
        last = broadcast(address.ip, length) if length < 31 and not address.secondary else None
        for each in (address.broadcast, last):
            if each not in (None, BROADCAST):
                self._add_once(Route(each, 32, dev, src=primary.ip, scope="link", protocol="kernel", kind="broadcast"))

    def _add_once(self, route: Route) -> None:
        table = self.fib.local if route.kind in {"local", "broadcast"} else self.fib.routes
        if not any(route.same_key(other) and (route.dev, route.kind) == (other.dev, other.kind) for other in table):
            if table is self.fib.routes and any(route.same_key(other) for other in table):
                return  # a second device in the same subnet: the first one's route stays the one that is used
            self.fib.add(route)

    def is_local(self, address: bytes) -> bool:
        return self.fib.local_type(address) == "local"

    def address_type(self, address: bytes, dev: NetDevice | None = None) -> str:
        """inet_addr_type, in the words of `-m addrtype`: LOCAL, BROADCAST, MULTICAST, UNICAST, ANYCAST never; with `dev`, local to it."""
        if address == BROADCAST:
            return "BROADCAST"
        if is_multicast(address):
            return "MULTICAST"
        if address == ANY:
            return "UNSPEC"
        if dev is not None:
            return "LOCAL" if any(mine.ip == address for mine in self.addresses(dev)) else "UNICAST"
        kind = self.fib.local_type(address)
        if kind is not None:
            return kind.upper()
        route = self.fib.lookup(address)
        return route.kind.upper() if route is not None and route.kind != "unicast" else "UNICAST"

    def best_source(self, dev: NetDevice, towards: bytes) -> Ip | None:
        """inet_select_addr: the primary address in the subnet of `towards`, else the first of the device, else one of another device."""
        primary = [mine for mine in self.addresses(dev) if not mine.secondary and mine.scope != "host"]
        for mine in primary:
            if network(mine.ip, mine.length) == network(towards, mine.length):
                return mine.ip
        if primary:
            return primary[0].ip
        if dev.kind == "loopback" and self.addresses(dev):
            return self.addresses(dev)[0].ip
        return next((mine.ip for mine in self.all_addresses() if not mine.secondary and mine.scope == "global"), None)

    def masquerade_address(self, datagram: Datagram, oif: NetDevice) -> Ip | None:
        """MASQUERADE's new source: the output device's address towards the next hop (nf_nat_masquerade_ipv4)."""
        if not self.addresses(oif):
            return None
        via = datagram.route.via if datagram.route is not None and datagram.route.via is not None else datagram.dst
        return self.best_source(oif, via)


def _hangs_on(route: Route, address: InterfaceAddress) -> bool:
    return route.dev is address.dev and route.src == address.ip


def _place(mine: list[InterfaceAddress], added: InterfaceAddress) -> int:
    """After the primary addresses of its scope or a narrower one, before all secondary ones (__inet_insert_ifa)."""
    if added.secondary:
        return len(mine)
    return max((at for at, other in enumerate(mine, 1) if not other.secondary and _rank(added) <= _rank(other)), default=0)


def _rank(address: InterfaceAddress) -> int:
    return SCOPES.get(address.scope, 0) if not address.scope.isdigit() else int(address.scope)
