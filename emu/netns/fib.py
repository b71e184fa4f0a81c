"""Routing tables (net/ipv4/fib_trie.c, fib_semantics.c): local before main, longest prefix first, then the lowest metric.

Not modelled: policy rules beyond those two tables, multipath, type of service.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emu.packet.address import Ip, netmask, number

if TYPE_CHECKING:
    from emu.netdev.device import NetDevice

KINDS = frozenset({"unicast", "local", "broadcast", "unreachable", "prohibit", "blackhole"})


@dataclass(slots=True, eq=False)
class Route:
    """`dst/length [via via] dev dev [src src] [metric metric]`. `kind` is unicast, local, broadcast, unreachable, prohibit or blackhole."""

    dst: Ip
    length: int
    dev: NetDevice | None = None
    via: Ip | None = None
    src: Ip | None = None
    metric: int = 0
    scope: str = "global"
    protocol: str = "boot"
    kind: str = "unicast"
    onlink: bool = False
    mtu: int | None = None
    flushed: bool = False  # it has gone with its device, of which the kernel tells nobody

    def same_key(self, other: Route) -> bool:
        """Would the kernel say "File exists"? (prefix and metric; fib_table_insert)"""
        return (self.dst, self.length, self.metric) == (other.dst, other.length, other.metric)


class Fib:
    """The two tables as lists in the order in which a lookup tries them. `on_change` is called after each change."""

    def __init__(self) -> None:
        self.routes: list[Route] = []
        self.local: list[Route] = []
        self.on_change: list[Callable[[Route, bool], None]] = []

    def add(self, route: Route) -> None:
        """Raises FileExistsError for the same prefix and metric in the main table."""
        table = self._table(route)
        if table is self.routes and any(route.same_key(other) for other in table):
            raise FileExistsError("File exists")
        place = 0
        while place < len(table) and (-table[place].length, table[place].metric) <= (-route.length, route.metric):
            place += 1
        table.insert(place, route)
        self._changed(route, True)

    def replace(self, old: Route, new: Route) -> None:
        """One takes the place of another; who watches is told of the new one."""
        self._table(old).remove(old)
        self.add(new)

    def remove(self, route: Route) -> None:
        """Raises ValueError if it is not there."""
        self._table(route).remove(route)
        self._changed(route, False)

    def remove_all(self, unwanted: Callable[[Route], bool]) -> None:
        for route in [route for route in (*self.routes, *self.local) if unwanted(route)]:
            self.remove(route)

    def flush(self, dev: NetDevice, kinds: Iterable[str] = KINDS) -> None:
        """The device has lost its IP (fib_sync_down_dev)."""
        for route in [route for route in (*self.routes, *self.local) if route.dev is dev and route.kind in kinds]:
            route.flushed = True
            self.remove(route)

    def lookup(self, dst: bytes, oif: NetDevice | None = None) -> Route | None:
        """The route to `dst`, by `oif` if given. A route of a device that is down is not there (it was removed)."""
        return self._search(self.local, dst, oif) or self._search(self.routes, dst, oif)

    def default_device(self) -> NetDevice | None:
        """The one that the default route goes out of."""
        return next((route.dev for route in self.routes if route.length == 0 and route.dev is not None), None)

    def local_type(self, dst: bytes) -> str | None:
        """`local` or `broadcast` if the local table has the address."""
        route = self._search(self.local, dst, None)
        return route.kind if route is not None else None

    @staticmethod
    def _search(table: Iterable[Route], dst: bytes, oif: NetDevice | None) -> Route | None:
        value = int.from_bytes(dst, "big")
        for route in table:
            if (value ^ number(route.dst)) & netmask(route.length) == 0 and (oif is None or route.dev is oif or route.dev is None):
                return route
        return None

    def _table(self, route: Route) -> list[Route]:
        return self.local if route.kind in {"local", "broadcast"} else self.routes

    def _changed(self, route: Route, there: bool) -> None:
        for watcher in self.on_change:
            watcher(route, there)
