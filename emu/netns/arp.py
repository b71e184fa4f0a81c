"""ARP (net/ipv4/arp.c): what is asked, what is answered, and what a namespace learns from both.

Not modelled: arp_ignore above 1, arp_announce above 0, proxy_arp's delay (an answer comes at once), arp_filter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu.netdev.device import NetDevice
from emu.netdev.drop import DropReason
from emu.netns.ipv4_input import never_a_source
from emu.netns.neighbour import NeighbourState
from emu.packet import arp, ethernet
from emu.packet.address import ANY, BROADCAST_MAC, ZERO_MAC, Ip, Mac, is_multicast
from emu.packet.frame import Frame

if TYPE_CHECKING:
    from emu.netns.namespace import Netns


class ArpProtocol:
    """A namespace's ARP."""

    def __init__(self, netns: Netns) -> None:
        self.netns = netns

    def receive(self, dev: NetDevice, frame: Frame) -> None:
        """arp_rcv and arp_process."""
        packet = arp.parse(frame.wire[14:])
        if packet is None:
            return dev.drop(frame, DropReason.MALFORMED, rx=True)
        if not dev.accepts(frame.wire[:6]):
            return dev.drop(frame, DropReason.NOT_MINE, rx=True)
        if packet.operation not in {arp.REQUEST, arp.REPLY} or is_multicast(packet.target_ip) or not dev.arp:
            return dev.drop(frame, DropReason.ARP_IGNORED, rx=True)
        if packet.operation == arp.REQUEST:
            self._request(dev, frame, packet)
        else:
            self._reply(dev, frame, packet)

    def _request(self, dev: NetDevice, frame: Frame, packet: arp.Arp) -> None:
        answers = self._answers_for(dev, packet)
        if packet.sender_ip == ANY:  # a probe for duplicates: answered, nothing learnt
            if answers:
                self._answer(dev, frame, packet)
            return
        neighbours = self.netns.neighbours
        if answers:
            neighbours.learn(dev, packet.sender_ip, packet.sender_mac, NeighbourState.STALE, create=True, override=True)
            self._answer(dev, frame, packet)
            return
        gratuitous = self._is_gratuitous(packet)
        create = gratuitous and self.netns.sysctl.either(dev.name, "arp_accept")
        neighbours.learn(dev, packet.sender_ip, packet.sender_mac, NeighbourState.STALE, create=create, override=gratuitous)
        dev.drop(frame, DropReason.ARP_IGNORED, rx=True)

    def _reply(self, dev: NetDevice, frame: Frame, packet: arp.Arp) -> None:
        """A reply to us makes a neighbour reachable; one that everybody hears only says that it may be."""
        to_us = frame.wire[:6] == dev.mac
        state = NeighbourState.REACHABLE if to_us else NeighbourState.STALE
        create = self.netns.sysctl.either(dev.name, "arp_accept") and self.netns.address_type(packet.sender_ip) == "UNICAST"
        override = self._is_gratuitous(packet)
        self.netns.neighbours.learn(dev, packet.sender_ip, packet.sender_mac, state, create=create, override=override)

    def _is_gratuitous(self, packet: arp.Arp) -> bool:
        """arp_is_garp: somebody tells of himself; a reply has his address in both places."""
        if packet.sender_ip != packet.target_ip or (packet.operation == arp.REPLY and packet.target_mac != packet.sender_mac):
            return False
        return self.netns.address_type(packet.sender_ip) == "UNICAST"

    def _answers_for(self, dev: NetDevice, packet: arp.Arp) -> bool:
        """The weak host model: any address of the host is answered for, unless arp_ignore says otherwise."""
        netns = self.netns
        target, asker = packet.target_ip, packet.sender_ip
        if (target[0] == 127 or asker[0] == 127) and not netns.sysctl.either(dev.name, "route_localnet"):
            return False
        if asker != ANY and (never_a_source(asker, target) or netns.ipv4.input.wrong_source(asker, dev) is not None):
            return False  # ip_route_input refuses such a packet
        if netns.is_local(target):
            return not netns.sysctl.highest(dev.name, "arp_ignore") or any(mine.ip == target for mine in netns.addresses(dev))
        if not netns.sysctl.either(dev.name, "proxy_arp") or not netns.sysctl.conf(dev.name, "forwarding"):
            return False
        route = netns.fib.lookup(target)
        return route is not None and route.kind == "unicast" and route.dev is not dev

    def _answer(self, dev: NetDevice, frame: Frame, packet: arp.Arp) -> None:
        reply = arp.Arp(arp.REPLY, dev.mac, packet.target_ip, packet.sender_mac, packet.sender_ip)
        self._send(dev, packet.sender_mac, reply, cause=frame.trace_id)

    def solicit(self, dev: NetDevice, target: Ip, known: Mac | None, packet_source: bytes | None, cause: int) -> None:
        """arp_solicit: a broadcast request, or a unicast one to the MAC address that is `known`.

        The sender is the source of the packet that waits, if it is ours (arp_announce 0), else the device's best address.
        """
        netns = self.netns
        if packet_source is not None and netns.is_local(packet_source):
            sender = Ip(packet_source)
        else:
            sender = netns.best_source(dev, target) or ANY
        request = arp.Arp(arp.REQUEST, dev.mac, sender, ZERO_MAC, target)
        self._send(dev, known or BROADCAST_MAC, request, cause=cause)

    def _send(self, dev: NetDevice, to: bytes, packet: arp.Arp, cause: int) -> None:
        wire = ethernet.build(to, dev.mac, ethernet.ARP, arp.build(packet))
        dev.transmit(Frame(wire, self.netns.engine.next_trace_id(), cause))
