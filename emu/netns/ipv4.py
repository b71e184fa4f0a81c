"""The IP path of a namespace, in the order in which a packet passes through it.

    receive -> PREROUTING -> route_input -> deliver (INPUT) -> icmp, udp, tcp
                                         -> forward (FORWARD) -> finish_output (POSTROUTING) -> neighbour -> device
    send -> OUTPUT -> finish_output

Sources: net/ipv4/ip_input.c, route.c, ip_forward.c, ip_output.c. Not modelled: source routing and other options that ask routers for
something (carried, not acted on), multicast routing and membership, policy routing.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from emu.engine import SECOND
from emu.netdev.device import NetDevice
from emu.netdev.drop import DropReason
from emu.netdev.loopback import Loopback
from emu.netfilter.hooks import Hook
from emu.netns.fib import Route
from emu.netns.fragment import Reassembly, fragment
from emu.netns.neighbour import Neighbour
from emu.packet import ipv4
from emu.packet.address import ANY, BROADCAST, BROADCAST_MAC, ZERO_MAC, Ip, is_multicast
from emu.packet.datagram import Datagram
from emu.packet.ethernet import IPV4
from emu.packet.frame import Frame
from emu.packet.icmp import Type, Unreachable

if TYPE_CHECKING:
    from emu.netns.namespace import Netns

PMTU_EXPIRES_NS = 600 * SECOND
MIN_PMTU = 552
LO_HEADER = ZERO_MAC + ZERO_MAC + IPV4
LOOPBACK_NET = 127
UDP = ipv4.UDP

PREROUTING, INPUT, FORWARD, OUTPUT, POSTROUTING = Hook.PREROUTING, Hook.INPUT, Hook.FORWARD, Hook.OUTPUT, Hook.POSTROUTING

UNREACHABLE_ROUTES = {
    "unreachable": (Unreachable.HOST, DropReason.UNREACHABLE_ROUTE, errno.EHOSTUNREACH),
    "prohibit": (Unreachable.ADMIN_PROHIBITED, DropReason.PROHIBIT_ROUTE, errno.EACCES),
    "blackhole": (None, DropReason.BLACKHOLE, errno.EINVAL),
}


def never_a_source(src: bytes, dst: bytes) -> bool:
    """Groups, 0.0.0.0/8, and 0.0.0.0 itself unless it asks a group (DHCP does)."""
    if src == ANY:
        return dst != BROADCAST and not is_multicast(dst)
    return src[0] == 0 or src == BROADCAST or is_multicast(src)


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


class Ipv4:
    """A namespace's IP: what ip_rcv, ip_forward and ip_queue_xmit do."""

    def __init__(self, netns: Netns) -> None:
        self.netns = netns
        self.engine = netns.engine
        self.netfilter = netns.netfilter
        self.reassembly = Reassembly(netns)
        self.encap_rcv: dict[int, Callable[[Datagram], None]] = {}  # by IP protocol: tunnels
        self._out: dict[bytes, tuple[Route, Ip]] = {}
        self._to_socket = self.deliver  # one bound method, so that a decision can be compared with it
        self._flows: dict[bytes, Flow] = {}  # by destination and source
        self._in: dict[tuple[Any, bytes], Callable[[Datagram], None]] = {}
        self._pmtu: dict[bytes, tuple[int, int]] = {}  # by destination: MTU and when it expires
        self._ids: dict[bytes, int] = {}
        self._random = netns.engine.stream(f"ip {netns.name}")

    # --- in

    def receive(self, dev: NetDevice, frame: Frame) -> None:
        """ip_rcv: is it for this host, and is the header sound?"""
        wire = frame.wire
        if wire[:6] != dev.mac and not wire[0] & 1:
            return dev.drop(frame, DropReason.NOT_MINE, rx=True)
        packet = wire[14:]
        if packet[:1] != b"E" or packet[2:4] != len(packet).to_bytes(2, "big") or int.from_bytes(packet[:20], "big") % 0xFFFF:
            # Not the plain header with a right sum that nearly all have.
            if not ipv4.is_valid(packet):
                return dev.drop(frame, DropReason.MALFORMED, rx=True)
            packet = packet[: packet[2] << 8 | packet[3]]
        datagram = Datagram(packet, frame.trace_id, frame.cause, dev, frame)
        if type(frame) is LoopbackFrame:
            sent = frame.datagram
            datagram.ct, datagram.ct_info, datagram.mark = sent.ct, sent.ct_info, sent.mark
        bridged = dev.bridged
        if bridged is not None:  # PREROUTING has seen it at the bridge's port (ip_sabotage_in)
            bridged.iif = dev
            return self.route_input(bridged)
        netfilter = self.netfilter
        active = netfilter.active
        if active[PREROUTING]:
            if netfilter.defrag and ipv4.is_fragment(packet):
                whole = self.reassembly.add(datagram)
                if whole is None:
                    return
                datagram = whole
            if not netfilter.run(PREROUTING, datagram, dev, None):
                return
        elif (
            packet[9] == UDP
            and not active[INPUT]
            and self._in.get((dev, packet[12:20])) is self._to_socket
            and not ipv4.is_fragment(packet)
            and not self.netns.raw_sockets.get(UDP)
        ):  # what deliver() comes to when nothing on the way would look at the packet
            return self.netns.udp.receive(datagram)
        self.route_input(datagram)

    def route_input(self, datagram: Datagram) -> None:
        """ip_route_input: to a socket of this host, onwards, or nowhere. What was decided is remembered until a route changes."""
        key = (datagram.iif, datagram.wire[12:20])
        way = self._in.get(key)
        if way is None:
            way = self._in[key] = self._decide(datagram)
        way(datagram)

    def _decide(self, datagram: Datagram) -> Callable[[Datagram], None]:
        """ip_route_input_slow: martians, local table, reverse path, main table."""
        src, dst = datagram.src, datagram.dst
        dev: NetDevice = datagram.iif
        sysctl, fib = self.netns.sysctl, self.netns.fib
        on_lo = isinstance(dev, Loopback)
        route_localnet = sysctl.either(dev.name, "route_localnet")
        if never_a_source(src, dst) or (src[0] == LOOPBACK_NET and not (on_lo or route_localnet)):
            return self._dropper(DropReason.MARTIAN_SOURCE)
        if dst[0] == 0 or (dst[0] == LOOPBACK_NET and not (on_lo or route_localnet)):
            return self._dropper(DropReason.MARTIAN_DESTINATION)
        if not on_lo and src != ANY:
            if self.netns.address_type(src) in {"LOCAL", "BROADCAST"} and not sysctl.either(dev.name, "accept_local"):
                return self._dropper(DropReason.MARTIAN_SOURCE)
            if not self._reverse_path_ok(src, dev):
                return self._dropper(DropReason.RP_FILTER)
        if dst == BROADCAST or fib.local_type(dst) is not None:
            return self._to_socket
        if is_multicast(dst):
            return self._to_socket if dst == b"\xe0\x00\x00\x01" else self._dropper(DropReason.NOT_MINE)
        if not sysctl.conf(dev.name, "forwarding"):
            return self._dropper(DropReason.FORWARDING_OFF)
        route = fib.lookup(dst)
        if route is None:
            return self._refuser(Unreachable.NET, DropReason.NO_ROUTE)
        if route.kind in UNREACHABLE_ROUTES:
            code, reason, _ = UNREACHABLE_ROUTES[route.kind]
            return self._refuser(code, reason)
        redirect = route.dev is dev and sysctl.either(dev.name, "send_redirects")

        def onwards(datagram: Datagram) -> None:
            datagram.route = route
            self.forward(datagram, redirect=redirect)

        return onwards

    def _reverse_path_ok(self, src: bytes, dev: NetDevice) -> bool:
        """rp_filter: 1 strict (the way back is by this device), 2 loose (there is a way back)."""
        mode = self.netns.sysctl.highest(dev.name, "rp_filter")
        if not mode:
            return True
        route = self.netns.fib.lookup(src)
        if route is None or route.kind != "unicast":
            return False
        return mode == 2 or route.dev is dev

    def _dropper(self, reason: DropReason) -> Callable[[Datagram], None]:
        return lambda datagram: self.netns.drop(datagram, reason, datagram.iif)

    def _refuser(self, code: Unreachable | None, reason: DropReason) -> Callable[[Datagram], None]:
        def refuse(datagram: Datagram) -> None:
            self.netns.drop(datagram, reason, datagram.iif)
            if code is not None:
                self.netns.icmp.send_error(datagram, Type.DEST_UNREACH, code)

        return refuse

    # --- to a socket of this host

    def deliver(self, datagram: Datagram) -> None:
        """ip_local_deliver: reassemble, INPUT, then by protocol."""
        wire = datagram.wire
        if wire[7] or wire[6] & 0x3F:  # a fragment
            whole = self.reassembly.add(datagram, self._reassembly_failed)
            if whole is None:
                return
            datagram = whole
        netfilter = self.netfilter
        if netfilter.active[INPUT] and not netfilter.run(INPUT, datagram, datagram.iif, None):
            return
        netns = self.netns
        protocol = datagram.protocol
        raw = netns.raw_sockets.get(protocol)
        if raw:
            for sock in list(raw):
                sock.deliver(datagram)
        if protocol == ipv4.UDP:
            netns.udp.receive(datagram)
        elif protocol == ipv4.TCP:
            netns.tcp.receive(datagram)
        elif protocol == ipv4.ICMP:
            netns.icmp.receive(datagram)
        elif protocol in self.encap_rcv:
            self.encap_rcv[protocol](datagram)
        elif not raw:
            netns.drop(datagram, DropReason.UNKNOWN_PROTOCOL, datagram.iif)
            netns.icmp.send_error(datagram, Type.DEST_UNREACH, Unreachable.PROTOCOL)

    def _reassembly_failed(self, first: Datagram) -> None:
        self.netns.icmp.send_error(first, Type.TIME_EXCEEDED, 1)

    # --- onwards

    def forward(self, datagram: Datagram, *, redirect: bool = False) -> None:
        """ip_forward: TTL, MTU, redirect, FORWARD; the datagram has its route."""
        netns = self.netns
        wire = datagram.wire
        route: Route = datagram.route
        oif = route.dev
        assert oif is not None
        if datagram.frame is not None and datagram.frame.wire[0] & 1:
            return netns.drop(datagram, DropReason.NOT_MINE, datagram.iif)
        if wire[8] <= 1:
            netns.drop(datagram, DropReason.TTL_EXCEEDED, datagram.iif)
            return netns.icmp.send_error(datagram, Type.TIME_EXCEEDED, 0)
        mtu = route.mtu or oif.mtu
        if (len(wire) > mtu or datagram.frag_max > mtu) and wire[6] & 0x40:
            netns.drop(datagram, DropReason.FRAG_NEEDED, datagram.iif)
            return netns.icmp.send_error(datagram, Type.DEST_UNREACH, Unreachable.FRAG_NEEDED, mtu.to_bytes(4, "big"))
        if redirect:
            netns.icmp.send_redirect(datagram, Ip(route.via or datagram.dst))
        datagram.set_wire(ipv4.decrement_ttl(wire))
        netfilter = self.netfilter
        if netfilter.active[FORWARD] and not netfilter.run(FORWARD, datagram, datagram.iif, oif):
            return
        self.finish_output(datagram, route)

    # --- out

    def route(self, dst: bytes, src: bytes = ANY, oif: NetDevice | None = None) -> tuple[Route, Ip]:
        """The route to `dst` and the source address to use (`src` unless it is 0.0.0.0). Raises OSError as connect(2) does."""
        key = dst + src
        if oif is None:
            known = self._out.get(key)
            if known is not None:
                return known
        if dst == BROADCAST or is_multicast(dst):
            found = self._group_route(dst, src, oif)
        else:
            found = self.netns.fib.lookup(Ip(dst) if dst != ANY else Ip(b"\x7f\x00\x00\x01"), oif)
        if found is None or found.dev is None:
            raise self._unroutable(found)
        source = Ip(src) if src != ANY else self._source(found, dst)
        if found.kind == "local":  # what goes to ourselves leaves by lo, whichever device has the address
            found = Route(Ip(dst), 32, self.netns.devices["lo"], src=found.src, scope="host", protocol="kernel", kind="local")
        if oif is None:
            self._out[key] = found, source
        return found, source

    def _group_route(self, dst: bytes, src: bytes, oif: NetDevice | None) -> Route | None:
        """Broadcast and multicast go out of the given device, the one that has the source, or that of a route."""
        if oif is None and src != ANY:
            oif = next((mine.dev for mine in self.netns.all_addresses() if mine.ip == src), None)
        if oif is None:
            return self.netns.fib.lookup(dst)
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
    ) -> int:
        """Make a packet and send it; its trace id.

        `src` 0.0.0.0 takes the route's. With `dont_fragment` DF is set on what fits the path's MTU, and what does not is fragmented here
        (IP_PMTUDISC_WANT); with `never_fragment` that is EMSGSIZE (IP_PMTUDISC_DO).
        Raises OSError: no route, EPERM if OUTPUT drops the packet.
        """
        if identification is not None and oif is None and not options and not never_fragment:
            flow = self._flow(dst + src, len(payload))
            if flow is not None:
                return self._send_plain(flow, dst, protocol, payload, ttl, tos, dont_fragment, identification, cause)
        known = self._out.get(dst + src) if oif is None else None
        route, source = known if known is not None else self.route(dst, src, oif)
        if ttl is None:
            ttl = self.netns.sysctl.integer("net.ipv4.ip_default_ttl")
        size = 20 + len(options) + len(payload)
        if size > 65535:
            raise OSError(errno.EMSGSIZE, "Message too long")
        word = 0
        if dont_fragment or never_fragment:
            if size <= self._mtu(dst, route):
                word = ipv4.DONT_FRAGMENT
            elif never_fragment:
                raise OSError(errno.EMSGSIZE, "Message too long")
        if identification is None:
            identification = self.next_id(dst, source, protocol)
        wire = ipv4.build(source, dst, protocol, payload, ttl, tos, identification, word, options)
        trace_id = self.engine.next_trace_id()
        datagram = Datagram(wire, trace_id, cause)
        datagram.socket = socket
        if mark:
            datagram.mark = mark
        self.output(datagram, route)
        if oif is None:
            self._keep_flow(dst, src, route, source)
        return trace_id

    def _keep_flow(self, dst: bytes, src: bytes, route: Route, source: Ip) -> None:
        """Remember what the next packet to `dst` need not look up again."""
        active = self.netfilter.active
        if route.kind != "unicast" or route.dev is None or active[OUTPUT] or active[POSTROUTING]:
            return
        next_hop = self.netns.neighbours.entries.get((route.dev, route.via or dst))
        if next_hop is not None:  # none on lo, for groups and without ARP
            room = (route.mtu or route.dev.mtu) - 20
            self._flows[dst + src] = Flow(next_hop, source, room, self.netns.sysctl.integer("net.ipv4.ip_default_ttl"))

    def _flow(self, key: bytes, size: int) -> Flow | None:
        flow = self._flows.get(key)
        if flow is None or not flow.next_hop.passes or size > flow.room or self._pmtu:
            return None
        active = self.netfilter.active
        return None if active[OUTPUT] or active[POSTROUTING] else flow

    def _send_plain(
        self, flow: Flow, dst: bytes, protocol: int, payload: bytes, ttl: int | None, tos: int, df: bool, identification: int, cause: int
    ) -> int:
        """What send() comes to when nothing on the way would look at the packet: no hook, and a next hop that is known."""
        word = ipv4.DONT_FRAGMENT if df else 0
        wire = ipv4.build(flow.source, dst, protocol, payload, flow.ttl if ttl is None else ttl, tos, identification, word)
        trace_id = self.engine.next_trace_id()
        next_hop = flow.next_hop
        next_hop.used_ns = self.engine.now
        next_hop.dev.transmit(Frame(next_hop.header + wire, trace_id, cause))
        return trace_id

    def output(self, datagram: Datagram, route: Route) -> None:
        """__ip_local_out: OUTPUT, and a new route if it changed what the route depends on."""
        netfilter = self.netfilter
        if netfilter.active[OUTPUT]:
            dst = datagram.dst
            datagram.route = route
            if not netfilter.run(OUTPUT, datagram, None, route.dev):
                raise PermissionError(errno.EPERM, "Operation not permitted")
            if datagram.dst != dst:
                route, _ = self.route(datagram.dst)
        self.finish_output(datagram, route)

    def finish_output(self, datagram: Datagram, route: Route) -> None:
        """ip_output and ip_finish_output: POSTROUTING, fragmentation, then the neighbour."""
        oif = route.dev
        assert oif is not None
        datagram.route = route
        datagram.oif = oif
        netfilter = self.netfilter
        if netfilter.active[POSTROUTING] and not netfilter.run(POSTROUTING, datagram, datagram.iif, oif):
            return
        wire = datagram.wire
        mtu = route.mtu or oif.mtu
        if datagram.frag_max:
            mtu = min(mtu, datagram.frag_max)
        elif self._pmtu and datagram.iif is None:
            mtu = self._mtu(datagram.dst, route)
        if route.kind == "broadcast":
            self.engine.post(0, self._loop_back, wire, datagram.trace_id)
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
        neighbours = self.netns.neighbours
        dst = datagram.dst
        entry = neighbours.entries.get((oif, route.via or dst))
        if entry is not None and route.kind == "unicast":  # nearly all
            return neighbours.send(entry, datagram)
        if oif.kind == "loopback":
            return oif.transmit(LoopbackFrame(datagram))
        if route.kind == "broadcast" or dst == BROADCAST:
            return oif.transmit(Frame(BROADCAST_MAC + oif.mac + IPV4 + datagram.wire, datagram.trace_id, datagram.cause))
        if dst[0] & 0xF0 == 0xE0:
            group = b"\x01\x00\x5e" + bytes([dst[1] & 0x7F]) + dst[2:4]
            return oif.transmit(Frame(group + oif.mac + IPV4 + datagram.wire, datagram.trace_id, datagram.cause))
        if not oif.arp:
            return oif.transmit(Frame(ZERO_MAC + oif.mac + IPV4 + datagram.wire, datagram.trace_id, datagram.cause))
        neighbours.send(neighbours.find_or_make(oif, route.via or dst), datagram)

    def _loop_back(self, wire: bytes, trace_id: int) -> None:
        """A broadcast of our own is heard by our own sockets too (ip_dev_loopback_xmit)."""
        self.deliver(Datagram(wire, trace_id, 0, self.netns.devices["lo"]))

    # --- path MTU

    def path_mtu(self, dst: bytes) -> int:
        """The MTU towards `dst`: the route's or device's, or what a router has told, for ten minutes."""
        return self._mtu(dst, self.route(dst)[0])

    def _mtu(self, dst: bytes, route: Route) -> int:
        assert route.dev is not None
        mtu = route.mtu or route.dev.mtu
        if self._pmtu:
            learnt = self._pmtu.get(dst)
            if learnt is not None and self.engine.now < learnt[1]:
                return min(mtu, learnt[0])
        return mtu

    def learnt_mtu(self, dst: bytes) -> tuple[int, int] | None:
        """What a router has told of the way to `dst`: the MTU, and when that is forgotten."""
        learnt = self._pmtu.get(dst)
        return learnt if learnt is not None and self.engine.now < learnt[1] else None

    def forget_learnt_mtus(self) -> None:
        """`ip route flush cache`."""
        self._pmtu.clear()

    def learn_pmtu(self, dst: bytes, mtu: int) -> None:
        """A router has said that only `mtu` bytes fit (RFC 1191; not below 552: ip_rt_min_pmtu)."""
        try:
            current = self.path_mtu(dst)
        except OSError:
            return
        if mtu < current:
            self._pmtu[bytes(dst)] = max(mtu, MIN_PMTU), self.engine.now + PMTU_EXPIRES_NS

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

    def forget_routes(self, *_: object) -> None:
        """Something that a decision may depend on has changed."""
        self._out.clear()
        self._in.clear()
        self._flows.clear()
