"""IP tunnels: IPIP, GRE, and GRE with Ethernet inside (net/ipv4/ip_tunnel.c, ipip.c, ip_gre.c).

A device without a remote sends to the next hop of the inner packet's route. Not modelled: `external` mode, GRE checksums and sequence
numbers on what is sent, FOU and GUE, ERSPAN, 6in4, the path MTU of the underlay as learnt by ICMP (its devices' MTU counts).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emu.encap import gre
from emu.netdev.device import NetDevice
from emu.netdev.drop import DropReason
from emu.netdev.tunnel import MAX_NESTING, Underlay, not_sent, outer_tos, take_congestion_mark
from emu.packet import ipv4
from emu.packet.address import ANY, ZERO_MAC, Ip, Mac
from emu.packet.datagram import Datagram
from emu.packet.ethernet import IPV4
from emu.packet.frame import Frame, PacketFrame

if TYPE_CHECKING:
    from emu.engine import Engine


SMALLEST_MTU = 68


@dataclass(frozen=True)
class TunnelConfig:
    """What `ip link add … type ipip|gre|gretap` says. 0.0.0.0: any; `ttl` 0: the inner packet's; `tos` 1: the inner packet's."""

    local: Ip = ANY
    remote: Ip = ANY
    ikey: int | None = None
    okey: int | None = None
    ttl: int = 0
    tos: int = 0
    path_mtu_discovery: bool = True
    lower: NetDevice | None = None

    def same_ends(self, other: TunnelConfig) -> bool:
        """Two devices of a kind cannot have the same ends: ip_tunnel_find."""
        return (self.local, self.remote, self.lower, self.ikey) == (other.local, other.remote, other.lower, other.ikey)


class IpTunnel(NetDevice):
    """What the kinds share. A child says its protocol and how a packet is put into it and taken out."""

    protocol = 0
    hard_header_len = 0

    def __init__(
        self, engine: Engine, name: str, underlay: Underlay, config: TunnelConfig, mac: Mac = ZERO_MAC, mtu: int | None = None
    ) -> None:
        overhead = ipv4.HEADER + self.header_size(config) + self.hard_header_len
        super().__init__(engine, name, mac, mtu or max(self._carrier_mtu(underlay, config) - overhead, SMALLEST_MTU))
        self.underlay = underlay
        self.config = config
        underlay.add_tunnel(self)
        if not self.hard_header_len:
            self.arp = False

    @staticmethod
    def _carrier_mtu(underlay: Underlay, config: TunnelConfig) -> int:
        """ip_tunnel_bind_dev: of the device that the route to the remote takes, now; else of `dev`; else Ethernet's."""
        try:
            lower = underlay.route(config.remote, config.local, config.lower)[0] if config.remote != ANY else config.lower
        except OSError:
            lower = config.lower
        return lower.mtu if lower is not None else 1500

    @staticmethod
    def header_size(_: TunnelConfig) -> int:
        return 0

    def encapsulate(self, frame: Frame) -> bytes:
        return frame.wire

    def inner_packet(self, frame: Frame) -> bytes:
        """The inner IP packet; empty if it is none."""
        return frame.wire

    # --- out

    def start_xmit(self, frame: Frame) -> None:
        """ip_tunnel_xmit: remote, route, TTL, TOS, DF, and off."""
        config, underlay = self.config, self.underlay
        inner = self.inner_packet(frame)
        if len(inner) < ipv4.HEADER and not self.hard_header_len:  # pskb_inet_may_pull
            return self.drop(frame, DropReason.MALFORMED)
        remote = config.remote if config.remote != ANY else Ip(getattr(frame, "next_hop", b"") or ANY)
        if remote == ANY:
            return self.drop(frame, DropReason.NO_REMOTE)
        if underlay.nesting >= MAX_NESTING:
            return self.drop(frame, DropReason.NESTED_TOO_DEEP)
        try:
            oif, source, _ = underlay.route(remote, config.local, config.lower)
            if oif is self:
                return self.drop(frame, DropReason.CIRCULAR_ROUTE)
            underlay.nesting += 1
            try:
                underlay.send_ip(
                    source,
                    remote,
                    self.protocol,
                    self.encapsulate(frame),
                    frame,
                    ttl=config.ttl or (inner[8] if inner else 0),
                    tos=outer_tos(config.tos, inner) if inner else config.tos & ~1,
                    dont_fragment=config.path_mtu_discovery or bool(inner and inner[6] & 0x40),
                    oif=config.lower,
                )
            finally:
                underlay.nesting -= 1
        except OSError as error:
            not_sent(self, frame, error)

    # --- in

    def score(self, datagram: Datagram, key: int | None) -> int:
        """How well an outer packet fits this tunnel, -1 for not at all (ip_tunnel_lookup: remote and local, remote, local, key)."""
        config = self.config
        if not self.up or key != config.ikey:
            return -1
        if config.remote not in {ANY, datagram.src} or config.local not in {ANY, datagram.dst}:
            return -1
        return 2 * (config.remote != ANY) + (config.local != ANY)

    def receive_inner(self, inner: bytes, outer: Datagram) -> None:
        """ip_tunnel_rcv."""
        ethernet = self.hard_header_len
        trace_id, cause = outer.trace_id, outer.cause
        if outer.wire[1] & 3 == 3 and (not ethernet or inner[12:14] == IPV4) and len(inner) >= ethernet + ipv4.HEADER:
            marked = take_congestion_mark(outer.wire[1], inner[ethernet:])
            if marked is None:
                return self.drop(Frame(inner, trace_id, cause), DropReason.NOT_ECN_CAPABLE, rx=True)
            inner = inner[:ethernet] + marked
        self.receive(Frame(inner, trace_id, cause) if ethernet else PacketFrame(inner, trace_id, cause))

    def delete(self) -> None:
        self.underlay.remove_tunnel(self)
        super().delete()

    def details(self) -> dict[str, Any]:
        return {"config": self.config}


class Ipip(IpTunnel):
    """IP in IP (RFC 2003)."""

    kind = "ipip"
    protocol = ipv4.IPIP


class Gre(IpTunnel):
    """IP in GRE."""

    kind = "gre"
    protocol = ipv4.GRE
    carries = gre.IPV4

    @staticmethod
    def header_size(config: TunnelConfig) -> int:
        return gre.header_length(config.okey)

    def encapsulate(self, frame: Frame) -> bytes:
        return gre.encapsulate(self.carries, self.config.okey, frame.wire)


class Gretap(Gre):
    """Ethernet in GRE: a device that can be a bridge's port."""

    kind = "gretap"
    hard_header_len = 14
    carries = gre.ETHERNET

    def inner_packet(self, frame: Frame) -> bytes:
        return frame.wire[14:] if frame.wire[12:14] == IPV4 and len(frame.wire) >= 34 else b""


def receive_tunnelled(tunnels: list[IpTunnel], datagram: Datagram) -> DropReason | None:
    """Find the tunnel that an outer packet of its protocol is for, and let it receive; the reason if there is none or it is malformed."""
    if datagram.protocol == ipv4.GRE:
        found = gre.decapsulate(datagram.payload)
        if isinstance(found, gre.Fault):
            return DropReason.BAD_CHECKSUM if found is gre.Fault.CHECKSUM else DropReason.MALFORMED
        key, inner = found.key, found.inner
        kinds: list[IpTunnel] = [dev for dev in tunnels if isinstance(dev, Gre) and dev.carries == found.protocol]
    else:
        key, inner = None, datagram.payload
        kinds = tunnels
    best = max(kinds, key=lambda dev: dev.score(datagram, key), default=None)
    if best is None or best.score(datagram, key) < 0:
        return DropReason.NO_TUNNEL
    best.receive_inner(inner, datagram)
    return None
