"""Ways out of a namespace: the route to a destination with the source address to use, and the path's MTU (net/ipv4/route.c).

Not modelled: policy routing, multicast routing.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from emu.engine import SECOND
from emu.netdev.device import NetDevice
from emu.netdev.drop import DropReason
from emu.netns.fib import Route
from emu.packet.address import ANY, BROADCAST, Ip, is_multicast
from emu.packet.icmp import Unreachable

if TYPE_CHECKING:
    from emu.netns.namespace import Netns

PMTU_EXPIRES_NS = 600 * SECOND
REDIRECT_EXPIRES_NS = 300 * SECOND
MIN_PMTU = 552

UNREACHABLE_ROUTES = {
    "unreachable": (Unreachable.HOST, DropReason.UNREACHABLE_ROUTE, errno.EHOSTUNREACH),
    "prohibit": (Unreachable.ADMIN_PROHIBITED, DropReason.PROHIBIT_ROUTE, errno.EACCES),
    "blackhole": (None, DropReason.BLACKHOLE, errno.EINVAL),
}


class Routing:
    """What was looked up once is remembered until a route changes."""

    def __init__(self, netns: Netns) -> None:
        self.netns = netns
        self.engine = netns.engine
        self.known: dict[bytes, tuple[Route, Ip]] = {}  # by destination and asked source
        self.redirected: dict[bytes, tuple[Ip, int]] = {}  # by destination: the gateway that a router told, and when that is forgotten
        self.learnt: dict[bytes, tuple[int, int]] = {}  # by destination: the MTU that a router told, and when that is forgotten
        self.on_redirect: list[Callable[[], None]] = []  # called after `redirected` has changed by other than a change of routes

    def route(self, dst: bytes, src: bytes = ANY, oif: NetDevice | None = None) -> tuple[Route, Ip]:
        """The route to `dst` and the source address to use (`src` unless it is 0.0.0.0). Raises OSError as connect(2) does."""
        key = dst + src
        if oif is None:
            known = self.known.get(key)
            if known is not None:
                return known
        if dst == BROADCAST or is_multicast(dst):
            found = self._group_route(dst, src, oif)
        else:
            found = self.netns.fib.lookup(Ip(dst) if dst != ANY else Ip(b"\x7f\x00\x00\x01"), oif)
        if found is None or found.dev is None:
            raise self._unroutable(found)
        if dst in self.redirected and found.kind == "unicast":
            found = self._redirected_route(dst, found)
        source = Ip(src) if src != ANY else self._source(found, dst)
        if found.kind == "local":  # what goes to ourselves leaves by lo, whichever device has the address
            found = Route(Ip(dst), 32, self.netns.devices["lo"], src=found.src, scope="host", protocol="kernel", kind="local")
        if oif is None:
            self.known[key] = found, source
        return found, source

    def _group_route(self, dst: bytes, src: bytes, oif: NetDevice | None) -> Route | None:
        """Broadcast and multicast go out of the given device, the one that has the source, or that of a route."""
        if oif is None and src != ANY:
            oif = next((mine.dev for mine in self.netns.all_addresses() if mine.ip == src), None)
        if oif is None:
            found = self.netns.fib.lookup(dst)
            return replace(found, via=None, kind="broadcast") if found is not None and found.dev is not None and dst == BROADCAST else found
        return Route(Ip(dst), 32, oif, scope="link", kind="broadcast" if dst == BROADCAST else "unicast")

    @staticmethod
    def _unroutable(route: Route | None) -> OSError:
        number = UNREACHABLE_ROUTES[route.kind][2] if route is not None and route.kind in UNREACHABLE_ROUTES else errno.ENETUNREACH
        texts = {errno.ENETUNREACH: "Network is unreachable", errno.EHOSTUNREACH: "No route to host", errno.EACCES: "Permission denied"}
        return OSError(number, texts.get(number, "Invalid argument"))

    def _source(self, route: Route, dst: bytes) -> Ip:
        """The route's `src`, for an address of our own that address, else the device's best one."""
        if route.src is not None:
            return route.src
        if route.kind == "local":
            return Ip(dst)
        assert route.dev is not None
        return self.netns.best_source(route.dev, route.via or dst) or ANY

    # --- redirects

    def redirect(self, dst: bytes, gateway: Ip) -> None:
        """A router has said that another one is nearer; that holds for five minutes (fib_nh_exception)."""
        until = self.engine.now + REDIRECT_EXPIRES_NS
        self.redirected[bytes(dst)] = gateway, until
        self._redirects_changed()
        self.engine.call_later(REDIRECT_EXPIRES_NS, self.netns.forget_routes, background=True)

    def _redirected_route(self, dst: bytes, route: Route) -> Route:
        gateway, until = self.redirected[dst]
        if self.engine.now >= until:
            del self.redirected[dst]
            return route
        return replace(route, dst=Ip(dst), length=32, via=gateway, protocol="redirect")

    # --- path MTU

    def path_mtu(self, dst: bytes) -> int:
        """The MTU towards `dst`: the route's or device's, or what a router has told, for ten minutes."""
        return self.mtu(dst, self.route(dst)[0])

    def mtu(self, dst: bytes, route: Route) -> int:
        """The same by the route that `dst` has."""
        assert route.dev is not None
        mtu = route.mtu or route.dev.mtu
        if self.learnt:
            learnt = self.learnt.get(dst)
            if learnt is not None and self.engine.now < learnt[1]:
                return min(mtu, learnt[0])
        return mtu

    def learnt_mtu(self, dst: bytes) -> tuple[int, int] | None:
        """What a router has told of the way to `dst`: the MTU, and when that is forgotten."""
        learnt = self.learnt.get(dst)
        return learnt if learnt is not None and self.engine.now < learnt[1] else None

    def forget_exceptions(self) -> None:
        """`ip route flush cache`."""
        self.learnt.clear()
        self.redirected.clear()
        self._redirects_changed()
        self.netns.forget_routes()

    def _redirects_changed(self) -> None:
        for watcher in self.on_redirect:
            watcher()

    def learn_pmtu(self, dst: bytes, mtu: int) -> None:
        """A router has said that only `mtu` bytes fit (RFC 1191; not below 552: ip_rt_min_pmtu)."""
        try:
            current = self.path_mtu(dst)
        except OSError:
            return
        if mtu < current:
            self.learnt[bytes(dst)] = max(mtu, MIN_PMTU), self.engine.now + PMTU_EXPIRES_NS
