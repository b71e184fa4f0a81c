"""Packets that leave a namespace: OUTPUT for its own, then for all of them POSTROUTING, fragmentation and the neighbour.

Source: net/ipv4/ip_output.c.
"""

from __future__ import annotations

import errno
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from emu.netdev.device import NetDevice
from emu.netdev.drop import DropReason
from emu.netfilter.hooks import Hook
from emu.netns.fib import Route
from emu.netns.fragment import fragment
from emu.netns.ipv4_route import Routing
from emu.netns.neighbour import Neighbour
from emu.packet import ipv4
from emu.packet.address import BROADCAST, BROADCAST_MAC, ZERO_MAC, Ip
from emu.packet.datagram import Datagram
from emu.packet.ethernet import IPV4
from emu.packet.frame import Frame, PacketFrame
from emu.packet.icmp import Type, Unreachable

if TYPE_CHECKING:
    from random import Random

    from emu.netns.namespace import Netns

LO_HEADER = ZERO_MAC + ZERO_MAC + IPV4
OUTPUT, POSTROUTING = Hook.OUTPUT, Hook.POSTROUTING


class LoopbackFrame(Frame):
    """A frame on `lo`: the datagram is still the same one, with its conntrack entry and its route (skb_dst is kept)."""

    __slots__ = ("datagram",)

    def __init__(self, datagram: Datagram) -> None:
        super().__init__(LO_HEADER + datagram.wire, datagram.trace_id, datagram.cause)
        self.datagram = datagram


class Flow(NamedTuple):
    """What is known of packets to one destination: `room` is how much payload fits (Linux keeps as much in a socket's dst)."""

    next_hop: Neighbour
    source: Ip
    room: int
    ttl: int


class Ipv4Output:
    """What ip_queue_xmit and ip_output do."""

    def __init__(self, netns: Netns, routing: Routing) -> None:
        self.netns = netns
        self.engine = netns.engine
        self.netfilter = netns.netfilter
        self.routing = routing
        self.neighbours = netns.neighbours
        self.flows: dict[bytes, Flow] = {}  # by destination and source
        self._ids: dict[bytes, int] = {}

    @cached_property
    def _random(self) -> Random:
        return self.engine.stream(f"ip {self.netns.chances}")

    def send(
        self,
        src: bytes,
        dst: bytes,
        protocol: int,
        payload: bytes,
        *,
        ttl: int | None = None,
        tos: int = 0,
        dont_fragment: bool = True,
        never_fragment: bool = False,
        identification: int | None = None,
        options: bytes = b"",
        cause: int = 0,
        socket: Any = None,
        oif: NetDevice | None = None,
        mark: int = 0,
        trace_id: int = 0,
        attached: tuple[Any, Any] | None = None,
    ) -> int:
        """Make a packet and send it; its trace id, `trace_id` if it carries a packet that has one.

        `src` 0.0.0.0 takes the route's. With `dont_fragment` DF is set on what fits the path's MTU, and what does not is fragmented here
        (IP_PMTUDISC_WANT); with `never_fragment` that is EMSGSIZE (IP_PMTUDISC_DO).
        Raises OSError: no route, EPERM if OUTPUT drops the packet.
        """
        if self.flows and oif is None and not options and not never_fragment:
            flow = self.flow(dst, src, len(payload))
            if flow is not None:
                return self.send_on(flow, dst, protocol, payload, ttl, tos, dont_fragment, identification, cause, trace_id)
        known = self.routing.known.get(dst + src) if oif is None else None
        route, source = known if known is not None else self.routing.route(dst, src, oif)
        if ttl is None:
            ttl = self.netns.sysctl.integer("net.ipv4.ip_default_ttl")
        size = 20 + len(options) + len(payload)
        if size > 65535:
            raise OSError(errno.EMSGSIZE, "Message too long")
        word = 0
        if dont_fragment or never_fragment:
            if size <= self.routing.mtu(dst, route):
                word = ipv4.DONT_FRAGMENT
            elif never_fragment:
                raise OSError(errno.EMSGSIZE, "Message too long")
        if identification is None:
            identification = self.next_id(dst, source, protocol)
        wire = ipv4.build(source, dst, protocol, payload, ttl, tos, identification, word, options)
        trace_id = trace_id or self.engine.next_trace_id()
        datagram = Datagram(wire, trace_id, cause)
        datagram.socket = socket
        if mark:
            datagram.mark = mark
        if attached is not None:
            datagram.ct, datagram.ct_info = attached
        self.output(datagram, route)
        if oif is None:
            self._keep_flow(dst, src, route, source)
        return trace_id

    def _keep_flow(self, dst: bytes, src: bytes, route: Route, source: Ip) -> None:
        """Remember what the next packet to `dst` need not look up again."""
        active = self.netfilter.active
        if route.kind != "unicast" or route.dev is None or active[OUTPUT] or active[POSTROUTING]:
            return
        next_hop = self.neighbours.entries.get((route.dev, route.via or dst))
        if next_hop is not None:  # none on lo, for groups and without ARP
            room = (route.mtu or route.dev.mtu) - 20
            self.flows[dst + src] = Flow(next_hop, source, room, self.netns.sysctl.integer("net.ipv4.ip_default_ttl"))

    def flow(self, dst: bytes, src: bytes, size: int) -> Flow | None:
        """For send_on(): None unless a packet with `size` bytes of payload can go as the last one went, and no hook would look at it."""
        flow = self.flows.get(dst + src)
        if flow is None or not flow.next_hop.passes or size > flow.room or self.routing.learnt:
            return None
        active = self.netfilter.active
        return None if active[OUTPUT] or active[POSTROUTING] else flow

    def send_on(
        self,
        flow: Flow,
        dst: bytes,
        protocol: int,
        payload: bytes,
        ttl: int | None,
        tos: int,
        df: bool,
        identification: int | None,
        cause: int,
        trace_id: int,
    ) -> int:
        """What send() comes to with a flow: nothing on the way looks at the packet, and its next hop is known."""
        if identification is None:
            identification = self.next_id(dst, flow.source, protocol)
        word = ipv4.DONT_FRAGMENT if df else 0
        wire = ipv4.build(flow.source, dst, protocol, payload, flow.ttl if ttl is None else ttl, tos, identification, word)
        trace_id = trace_id or self.engine.next_trace_id()
        next_hop = flow.next_hop
        next_hop.used_ns = self.engine.now
        next_hop.dev.transmit(Frame(next_hop.header + wire, trace_id, cause))
        return trace_id

    def output(self, datagram: Datagram, route: Route) -> None:
        """__ip_local_out: OUTPUT, and a new route if it changed what the route depends on."""
        netfilter = self.netfilter
        if netfilter.active[OUTPUT]:
            before = datagram.wire
            datagram.route = route
            if not netfilter.run(OUTPUT, datagram, None, route.dev):
                raise PermissionError(errno.EPERM, "Operation not permitted")
            if datagram.wire is not before and datagram.dst != before[16:20]:
                route, _ = self.routing.route(datagram.dst)
        self.finish(datagram, route)

    def finish(self, datagram: Datagram, route: Route) -> None:
        """ip_output and ip_finish_output: POSTROUTING, fragmentation, then the neighbour."""
        oif = route.dev
        assert oif is not None
        datagram.route = route
        netfilter = self.netfilter
        if netfilter.active[POSTROUTING] and not netfilter.run(POSTROUTING, datagram, datagram.iif, oif):
            return
        wire = datagram.wire
        mtu = route.mtu or oif.mtu
        if datagram.frag_max:
            mtu = min(mtu, datagram.frag_max)
        elif self.routing.learnt and datagram.iif is None:
            mtu = self.routing.mtu(datagram.dst, route)
        entry = self.neighbours.entries.get((oif, route.via or wire[16:20]))
        if entry is not None and entry.passes and len(wire) <= mtu and route.kind == "unicast":
            # What all the rest comes to for nearly every packet.
            entry.used_ns = self.engine.now
            return oif.transmit(Frame(entry.header + wire, datagram.trace_id, datagram.cause))
        if route.kind == "broadcast":
            self.engine.post(0, self._loop_back, Datagram(wire, datagram.trace_id, 0, self.netns.devices["lo"]))
        if len(wire) <= mtu:
            return self._to_neighbour(datagram, route, oif)
        if wire[6] & 0x40:
            self.netns.drop(datagram, DropReason.FRAG_NEEDED, oif)
            return self.netns.icmp.send_error(datagram, Type.DEST_UNREACH, Unreachable.FRAG_NEEDED, mtu.to_bytes(4, "big"))
        for piece in fragment(wire, mtu):
            part = Datagram(piece, datagram.trace_id, datagram.cause, datagram.iif)
            part.route = route
            self._to_neighbour(part, route, oif)

    def _to_neighbour(self, datagram: Datagram, route: Route, oif: NetDevice) -> None:
        """ip_finish_output2: the next hop's Ethernet address goes on."""
        dst = datagram.dst
        entry = self.neighbours.entries.get((oif, route.via or dst))
        if entry is not None and route.kind == "unicast":
            return self.neighbours.send(entry, datagram)
        if oif.kind == "loopback":
            return oif.transmit(LoopbackFrame(datagram))
        if not oif.hard_header_len:
            return oif.transmit(PacketFrame(datagram.wire, datagram.trace_id, datagram.cause, route.via or b""))
        if route.kind == "broadcast" or dst == BROADCAST:
            return oif.transmit(Frame(BROADCAST_MAC + oif.mac + IPV4 + datagram.wire, datagram.trace_id, datagram.cause))
        if dst[0] & 0xF0 == 0xE0:
            group = b"\x01\x00\x5e" + bytes([dst[1] & 0x7F]) + dst[2:4]
            return oif.transmit(Frame(group + oif.mac + IPV4 + datagram.wire, datagram.trace_id, datagram.cause))
        if not oif.arp:
            return oif.transmit(Frame(ZERO_MAC + oif.mac + IPV4 + datagram.wire, datagram.trace_id, datagram.cause))
        self.neighbours.send(self.neighbours.find_or_make(oif, route.via or dst), datagram)

    def _loop_back(self, datagram: Datagram) -> None:
        """A broadcast of our own is heard by our own sockets too (ip_dev_loopback_xmit)."""
        self.netns.ipv4.deliver(datagram)

    # --- identification

    def next_id(self, dst: bytes, src: bytes, protocol: int) -> int:
        """A counter for each pair and protocol, from a random start (ip_idents; the kernel's also jumps with time)."""
        key = b"%b%b%c" % (dst, src, protocol)
        value = self._ids.get(key)
        if value is None:
            value = self._random.randrange(1, 0x10000)
        value = value % 0xFFFF + 1
        self._ids[key] = value
        return value
