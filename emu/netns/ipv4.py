"""The IP path of a namespace, in the order in which a packet passes through it.

    receive -> PREROUTING -> route_input -> deliver (INPUT) -> icmp, udp, tcp       ipv4_input.py
                                         -> forward (FORWARD) -> finish
    route, path_mtu                                                                  ipv4_route.py
    send -> OUTPUT -> finish (POSTROUTING) -> neighbour -> device                    ipv4_output.py

Not modelled: source routing and other options that ask routers for something (carried, not acted on), multicast routing and membership,
policy routing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu.netns.ipv4_input import Ipv4Input
from emu.netns.ipv4_output import Ipv4Output
from emu.netns.ipv4_route import Routing

if TYPE_CHECKING:
    from emu.netns.fib import Route
    from emu.netns.namespace import Netns


class Ipv4:
    """A namespace's IP: the three parts under one name, their methods as they are, without a step between."""

    def __init__(self, netns: Netns) -> None:
        self.routing = Routing(netns)
        self.route = self.routing.route
        self.path_mtu = self.routing.path_mtu
        self.learn_pmtu = self.routing.learn_pmtu
        self.learnt_mtu = self.routing.learnt_mtu
        self.forget_exceptions = self.routing.forget_exceptions
        self.output = Ipv4Output(netns, self.routing)
        self.send = self.output.send
        self.flow = self.output.flow
        self.send_on = self.output.send_on
        self.input = Ipv4Input(netns, self.output)
        self.receive = self.input.receive
        self.deliver = self.input.deliver
        self.reassembly = self.input.reassembly
        self.encap_rcv = self.input.encap_rcv

    def mtu_towards(self, dst: bytes, route: Route | None) -> int | None:
        """The path's MTU by that route, or by the one that is found; None: there is none."""
        try:
            return self.routing.mtu(dst, route) if route is not None else self.routing.path_mtu(dst)
        except OSError:
            return None

    def routes_changed(self) -> None:
        """What routers have said of ways that may be others now is forgotten too (rt_cache_flush)."""
        self.routing.redirected.clear()
        self.forget_routes()

    def forget_routes(self, *_: object) -> None:
        """Something that a decision may depend on has changed."""
        self.routing.known.clear()
        self.input.decisions.clear()
        self.output.flows.clear()
