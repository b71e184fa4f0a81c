"""The routes that each namespace had at each moment of a run, and which of them a packet took: `ip route get`, afterwards.

As in netns/ipv4_route.py: what a router's redirect has changed goes before the tables, and broadcasts and groups leave by the device that
their sender has chosen. Not modelled: routes of sockets that are bound to a device.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu.netdev.drop import DropReason
from emu.netns.fib import Fib
from emu.observe.journey import Routed
from emu.observe.watch import Named, Routes
from emu.packet.address import BROADCAST, Ip, ip_text, is_multicast

if TYPE_CHECKING:
    from emu.netdev.device import NetDevice
    from emu.netns.fib import Route

BEHIND_ROUTING = frozenset(  # what can only happen to a packet that has a route
    {
        DropReason.BLACKHOLE, DropReason.UNREACHABLE_ROUTE, DropReason.PROHIBIT_ROUTE, DropReason.TTL_EXCEEDED, DropReason.FRAG_NEEDED,
        DropReason.NO_NEIGHBOUR, DropReason.NEIGHBOUR_QUEUE_FULL, DropReason.NO_LISTENER, DropReason.SOCKET_BUFFER_FULL,
        DropReason.TCP_INVALID, DropReason.LISTEN_OVERFLOW, DropReason.ECHO_IGNORED, DropReason.GROUP_ECHO_IGNORED,
        DropReason.ICMP_IGNORED, DropReason.UNKNOWN_PROTOCOL, DropReason.VXLAN_FLAGS, DropReason.UNKNOWN_VNI, DropReason.NO_TUNNEL,
    }
)  # fmt: skip
REFUSING = frozenset({"unreachable", "prohibit", "blackhole"})


class RouteBook:
    """What is known of all namespaces at the moment that a reconstruction has come to."""

    def __init__(self) -> None:
        self._fibs: dict[str, Fib] = {}
        self._redirected: dict[str, dict[bytes, tuple[Ip, int]]] = {}
        self._chosen: dict[tuple[str, bytes], Routed | None] = {}
        self._names: dict[NetDevice, str] = {}

    def change(self, place: str, what: Routes | Named) -> None:
        if isinstance(what, Named):
            self._names[what.dev] = what.name
        else:
            fib = self._fibs[place] = Fib()
            fib.local, fib.routes = list(what.local), list(what.main)
            self._redirected[place] = what.redirected
        for key in [key for key in self._chosen if key[0] == place]:
            del self._chosen[key]

    def choose(self, place: str, dst: bytes, now: int, dev: str) -> Routed | None:
        """The route to `dst`; `dev` is the device that a packet to a group is seen at, empty if that is not known yet."""
        if len(dst) != 4:
            return None
        if dst == BROADCAST or is_multicast(dst):
            kind = "broadcast" if dst == BROADCAST else "multicast"
            return Routed(kind, ip_text(dst), "", dev, "") if dev else None
        redirected = self._redirected.get(place)
        if redirected and dst in redirected:
            gateway, until = redirected[dst]
            found = self._look_up(place, dst)
            return Routed("unicast", ip_text(dst), ip_text(gateway), found.dev, "redirected") if found and now < until else found
        key = place, dst
        if key not in self._chosen:
            self._chosen[key] = self._look_up(place, dst)
        return self._chosen[key]

    def _look_up(self, place: str, dst: bytes) -> Routed | None:
        fib = self._fibs.get(place)
        route = fib.lookup(dst) if fib is not None else None
        return self._routed(route, dst) if route is not None else None

    def _routed(self, route: Route, dst: bytes) -> Routed | None:
        matched = f"{ip_text(route.dst)}/{route.length}" if route.length else "default"
        if route.kind in REFUSING:
            return Routed(route.kind, ip_text(dst), "", "", matched)
        if route.dev is None:
            return None
        dev = "lo" if route.kind == "local" else self._names[route.dev]
        return Routed(route.kind, ip_text(dst), ip_text(route.via) if route.via else "", dev, matched)
