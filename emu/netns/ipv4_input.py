"""Packets that come into a namespace: to a socket, onwards, or nowhere, in the order in which a packet passes.

Sources: net/ipv4/ip_input.c, ip_forward.c, and ip_route_input of route.c. Not modelled: source routing and other options that ask routers
for something (carried, not acted on), multicast routing and membership.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from emu.netdev.device import NetDevice
from emu.netdev.drop import DropReason
from emu.netdev.loopback import Loopback
from emu.netfilter.hooks import Hook
from emu.netns.fib import Route
from emu.netns.fragment import Reassembly
from emu.netns.ipv4_output import Ipv4Output, LoopbackFrame
from emu.netns.ipv4_route import UNREACHABLE_ROUTES
from emu.packet import ipv4
from emu.packet.address import ANY, BROADCAST, Ip, is_multicast
from emu.packet.datagram import Datagram
from emu.packet.frame import Frame
from emu.packet.icmp import Type, Unreachable

if TYPE_CHECKING:
    from emu.netns.namespace import Netns

LOOPBACK_NET = 127
UDP = ipv4.UDP
number = int.from_bytes
PREROUTING, INPUT, FORWARD = Hook.PREROUTING, Hook.INPUT, Hook.FORWARD


def never_a_source(src: bytes, dst: bytes) -> bool:
    """Groups, 0.0.0.0/8, and 0.0.0.0 itself unless it asks a group (DHCP does)."""
    if src == ANY:
        return dst != BROADCAST and not is_multicast(dst)
    return src[0] == 0 or src == BROADCAST or is_multicast(src)


class Ipv4Input:
    """What ip_rcv, ip_local_deliver and ip_forward do."""

    def __init__(self, netns: Netns, output: Ipv4Output) -> None:
        self.netns = netns
        self.netfilter = netns.netfilter
        self.output = output
        self.reassembly = Reassembly(netns)
        self.encap_rcv: dict[int, Callable[[Datagram], None]] = {}  # by IP protocol: tunnels
        self.decisions: dict[tuple[Any, bytes], Callable[[Datagram], None]] = {}  # by device, source and destination
        self._to_socket = self.deliver  # one bound method, so that a decision can be compared with it

    def receive(self, dev: NetDevice, frame: Frame) -> None:
        """ip_rcv: is it for this host, and is the header sound?"""
        packet = wire = frame.wire
        if dev.hard_header_len:
            if wire[:6] != dev.mac and not wire[0] & 1:
                return dev.drop(frame, DropReason.NOT_MINE, rx=True)
            packet = wire[14:]
            link: Frame | None = frame
        else:
            link = None
        bridged = dev.bridged
        if bridged is not None:  # it is sound, and PREROUTING has seen it, at the bridge's port (ip_sabotage_in)
            bridged.iif = dev
            bridged.frag_max = 0  # ip_rcv clears the control block: what the bridge put together is one packet from here on
            return self.route_input(bridged)
        size = len(packet)
        if size < 20 or packet[0] != 0x45 or packet[2] << 8 | packet[3] != size or number(packet[:20]) % 0xFFFF:
            # Not the plain header with a right sum that nearly all have.
            if not ipv4.is_valid(packet):
                return dev.drop(frame, DropReason.MALFORMED, rx=True)
            packet = packet[: packet[2] << 8 | packet[3]]
        datagram = Datagram(packet, frame.trace_id, frame.cause, dev, link)
        if type(frame) is LoopbackFrame:
            sent = frame.datagram
            datagram.ct, datagram.ct_info, datagram.mark = sent.ct, sent.ct_info, sent.mark
        netfilter = self.netfilter
        active = netfilter.active
        if active[PREROUTING]:
            if (packet[7] or packet[6] & 0x3F) and netfilter.defrag:  # a fragment
                whole = self.reassembly.add(datagram)
                if whole is None:
                    return
                datagram = whole
            if not netfilter.run(PREROUTING, datagram, dev, None):
                return
        elif (
            packet[9] == UDP
            and not active[INPUT]
            and self.decisions.get((dev, packet[12:20])) is self._to_socket
            and not (packet[7] or packet[6] & 0x3F)  # a fragment
            and not self.netns.raw_sockets.get(UDP)
        ):  # what deliver() comes to when nothing on the way would look at the packet
            return self.netns.udp.receive(datagram)
        self.route_input(datagram)

    def route_input(self, datagram: Datagram) -> None:
        """ip_route_input: to a socket of this host, onwards, or nowhere. What was decided is remembered until a route changes."""
        key = (datagram.iif, datagram.wire[12:20])
        way = self.decisions.get(key)
        if way is None:
            way = self.decisions[key] = self._decide(datagram)
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
        wrong = self.wrong_source(src, dev)
        if wrong is not None:
            return self._dropper(wrong)
        if dst == BROADCAST or fib.local_type(dst) is not None:
            return self._to_socket
        if is_multicast(dst):
            return self._to_socket if self.netns.igmp.is_member(dev, dst) else self._dropper(DropReason.NOT_MINE)
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
            self.forward(datagram, route, redirect=redirect)

        return onwards

    def wrong_source(self, src: bytes, dev: NetDevice) -> DropReason | None:
        """fib_validate_source: an address of our own, or one that is not reached by the device."""
        if isinstance(dev, Loopback) or src == ANY:
            return None
        if self.netns.address_type(src) in {"LOCAL", "BROADCAST"} and not self.netns.sysctl.either(dev.name, "accept_local"):
            return DropReason.MARTIAN_SOURCE
        return None if self._reverse_path_ok(src, dev) else DropReason.RP_FILTER

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
        protocol = wire[9]
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

    def forward(self, datagram: Datagram, route: Route, *, redirect: bool = False) -> None:
        """ip_forward: TTL, MTU, redirect, FORWARD."""
        netns = self.netns
        wire = datagram.wire
        oif = route.dev
        assert oif is not None
        frame = datagram.frame
        if frame is not None and frame.wire[0] & 1:
            return netns.drop(datagram, DropReason.NOT_MINE, datagram.iif)
        if wire[8] <= 1:
            netns.drop(datagram, DropReason.TTL_EXCEEDED, datagram.iif)
            return netns.icmp.send_error(datagram, Type.TIME_EXCEEDED, 0)
        mtu = route.mtu or oif.mtu
        if (len(wire) > mtu or datagram.frag_max > mtu) and wire[6] & 0x40:
            netns.drop(datagram, DropReason.FRAG_NEEDED, datagram.iif)
            return netns.icmp.send_error(datagram, Type.DEST_UNREACH, Unreachable.FRAG_NEEDED, mtu.to_bytes(4, "big"))
        datagram.wire = ipv4.decrement_ttl(wire)
        if redirect:
            netns.icmp.send_redirect(datagram, Ip(route.via or datagram.dst))
        netfilter = self.netfilter
        if netfilter.active[FORWARD]:
            datagram.route = route
            if not netfilter.run(FORWARD, datagram, datagram.iif, oif):
                return
        self.output.finish(datagram, route)
