"""VXLAN devices (drivers/net/vxlan/vxlan_core.c; RFC 7348), in the order in which a frame passes through them.

Out: proxy ARP, the forwarding database, then one outer datagram for each remote. In: the port's socket finds the device by VNI, the
device learns where the frame came from. Not modelled: IPv6 underlays, route short circuit (`rsc`), GBP, GPE, `external` mode, netlink
messages for l2miss and l3miss (those who want them set `on_miss`), the path MTU of the underlay (an outer packet that is too big is
fragmented, as DF is not set).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emu.encap import vxlan
from emu.netdev.device import LARGEST_MTU, NetDevice
from emu.netdev.drop import DropReason
from emu.netdev.tunnel import MAX_NESTING, Underlay, not_sent, outer_tos, take_congestion_mark
from emu.netdev.vxlan_fdb import AGEING_NS, Remote, VxlanFdb
from emu.packet import arp, ethernet
from emu.packet.address import ANY, ZERO_MAC, Ip, Mac, ip, is_multicast
from emu.packet.datagram import Datagram
from emu.packet.ethernet import ARP, IPV4
from emu.packet.flow import flow_hash, flow_key, source_port
from emu.packet.frame import Frame

if TYPE_CHECKING:
    from emu.engine import Engine

KNOWN_FLOWS = 4096
SMALLEST_MTU = 68
SHORTEST_IPV4 = 14 + 20
LOOPBACK = ip("127.0.0.1")


@dataclass(frozen=True)
class VxlanConfig:
    """What `ip link add … type vxlan` says. `remote` is a unicast address or a group; `lower` the device of the underlay (`dev`)."""

    vni: int
    port: int = vxlan.LINUX_PORT
    local: Ip = ANY
    remote: Ip | None = None
    lower: NetDevice | None = None
    learning: bool = True
    proxy: bool = False
    l2miss: bool = False
    l3miss: bool = False
    ttl: int = 0  # 0: the route's
    ttl_inherit: bool = False  # the inner packet's
    tos: int = 0  # 1: the inner packet's
    udp_checksum: bool = True
    ageing_ns: int = AGEING_NS
    port_range: tuple[int, int] = (0, 0)  # of source ports; 0: the namespace's local range


class VxlanSocket:
    """The devices that share a UDP port of one namespace, by VNI (struct vxlan_sock)."""

    def __init__(self) -> None:
        self.devices: dict[int, Vxlan] = {}
        self.close: Callable[[], None] = lambda: None

    def encap_rcv(self, datagram: Datagram, payload: bytes) -> None:
        """vxlan_rcv: header, VNI, then the device."""
        found = vxlan.decapsulate(payload)
        any_device = next(iter(self.devices.values()))
        if isinstance(found, vxlan.Fault):
            reason = DropReason.MALFORMED if found is vxlan.Fault.SHORT else DropReason.VXLAN_FLAGS
            return any_device.underlay.drop(datagram, reason)
        vni, inner = found
        dev = self.devices.get(vni)
        if dev is None:
            return any_device.underlay.drop(datagram, DropReason.UNKNOWN_VNI)
        wire = datagram.wire
        dev.receive_inner(inner, wire[12:16], wire[1], datagram.trace_id, datagram.cause)


class Vxlan(NetDevice):
    """`underlay` is the namespace that it was made in; `neighbour` looks up what the device's present namespace knows of an address."""

    kind = "vxlan"

    def __init__(self, engine: Engine, name: str, mac: Mac, underlay: Underlay, config: VxlanConfig, mtu: int | None = None) -> None:
        lower = config.lower
        self.config = config
        super().__init__(engine, name, mac, min(mtu or (1500 if lower is None else LARGEST_MTU), self.largest_mtu))
        self.underlay = underlay
        underlay.vxlans.append(self)
        self.fdb = VxlanFdb(config.ageing_ns)
        self.on_miss: list[Callable[[Ip | Mac], None]] = []
        self.neighbour: Callable[[Ip], Mac | None] = lambda _: None
        self._secret = engine.stream("flow hash").getrandbits(32)
        self._source_ports: dict[bytes, int] = {}
        if config.remote is not None:
            self.fdb.add(ZERO_MAC, Remote(config.remote, via=lower), engine.now)

    @property
    def largest_mtu(self) -> int:
        lower = self.config.lower
        return LARGEST_MTU if lower is None else max(lower.mtu - vxlan.OVERHEAD, SMALLEST_MTU)

    @property
    def _group(self) -> Ip | None:
        remote = self.config.remote
        return remote if remote is not None and is_multicast(remote) else None

    def change(self, config: VxlanConfig) -> None:
        """vxlan_changelink: what may be another from now on; the entry for what is unknown follows `remote`."""
        old, self.config = self.config, config
        self.fdb.ageing_ns = config.ageing_ns
        if (config.remote, config.lower) != (old.remote, old.lower):
            if old.remote is not None:
                self.fdb.remove(ZERO_MAC, Remote(old.remote, via=old.lower))
            if config.remote is not None:
                self.fdb.add(ZERO_MAC, Remote(config.remote, via=config.lower), self.engine.now, append=True)
        self.mtu = min(self.mtu, self.largest_mtu)

    # --- out

    def start_xmit(self, frame: Frame) -> None:
        """vxlan_xmit."""
        wire = frame.wire
        self.counters.tx_packets -= 1  # counted by iptunnel_xmit: each copy, what is behind its Ethernet header
        self.counters.tx_bytes -= len(wire)
        if wire[12:14] == ARP and self.config.proxy:
            return self._answer_arp(frame)
        remotes = self.fdb.remotes(wire[:6], self.engine.now)
        if not remotes:
            if self.config.l2miss and not wire[0] & 1:
                self._missed(Mac(wire[:6]))
            return self.drop(frame, DropReason.NO_REMOTE)
        if wire[12:14] == IPV4 and len(wire) < SHORTEST_IPV4:  # skb_vlan_inet_prepare
            return self.drop(frame, DropReason.MALFORMED)
        for remote in remotes[1:]:
            self._send(frame, remote)
        self._send(frame, remotes[0])  # the frame itself goes last, copies first

    def _answer_arp(self, frame: Frame) -> None:
        """arp_reduce: no ARP goes into the tunnel; a request for a known neighbour is answered in its name."""
        packet = arp.parse(frame.wire[14:])
        if packet is None or packet.operation != arp.REQUEST or packet.target_ip[0] == 127 or is_multicast(packet.target_ip):
            return self.drop(frame, DropReason.ARP_IGNORED)
        mac = self.neighbour(packet.target_ip)
        if mac is None:
            if self.config.l3miss:
                self._missed(packet.target_ip)
            return self.drop(frame, DropReason.NO_NEIGHBOUR)
        reply = arp.Arp(arp.REPLY, mac, packet.target_ip, packet.sender_mac, packet.sender_ip)
        wire = ethernet.build(packet.sender_mac, mac, ARP, arp.build(reply))
        self.engine.post(0, self._pass_up, Frame(wire, self.engine.next_trace_id(), frame.trace_id))

    def _missed(self, what: Ip | Mac) -> None:
        for watcher in self.on_miss:
            watcher(what)

    def _send(self, frame: Frame, remote: Remote) -> None:
        """vxlan_xmit_one: the outer datagram, or the way round it when the remote is this host."""
        config, underlay = self.config, self.underlay
        port = remote.port or config.port
        vni = config.vni if remote.vni is None else remote.vni
        if underlay.nesting >= MAX_NESTING:
            return self.drop(frame, DropReason.NESTED_TOO_DEEP)
        try:
            oif, source, to_ourselves = underlay.route(remote.ip, config.local, remote.via)
            if oif is self:
                return self.drop(frame, DropReason.CIRCULAR_ROUTE)
            if to_ourselves:
                return self._pass_round(frame, port, vni)
            wire = frame.wire
            is_ipv4 = wire[12:14] == IPV4
            tos = outer_tos(config.tos, wire[14:16]) if is_ipv4 else config.tos & ~1
            ttl = (wire[22] if is_ipv4 else 0) if config.ttl_inherit else config.ttl
            ttl = ttl or (1 if is_multicast(remote.ip) else 0)
            key = flow_key(wire)
            sport = self._source_ports.get(key) or self._choose_port(key)
            payload = vxlan.encapsulate(vni, wire)
            underlay.nesting += 1
            try:
                underlay.send_udp(
                    source, remote.ip, sport, port, payload, frame, ttl=ttl, tos=tos, checksum=config.udp_checksum, oif=remote.via
                )
            finally:
                underlay.nesting -= 1
            self.counters.tx_packets += 1
            self.counters.tx_bytes += len(wire) - ethernet.HEADER
        except OSError as error:
            not_sent(self, frame, error)

    def _choose_port(self, key: bytes) -> int:
        low, high = self.config.port_range if any(self.config.port_range) else self.underlay.local_port_range()
        if len(self._source_ports) >= KNOWN_FLOWS:
            self._source_ports.clear()
        port = self._source_ports[key] = source_port(flow_hash(key, self._secret), low, high)
        return port

    def _pass_round(self, frame: Frame, port: int, vni: int) -> None:
        """vxlan_encap_bypass: to the device with that VNI here, without a packet; it learns that it came from 127.0.0.1."""
        sock = self.underlay.vxlan_sockets.get(port)
        dev = sock.devices.get(vni) if sock is not None else None
        if dev is None:
            return self.drop(frame, DropReason.UNKNOWN_VNI)
        self.engine.call_later(0, dev.receive_inner, frame.wire, LOOPBACK, 0, frame.trace_id, frame.cause)

    # --- in

    def receive_inner(self, inner: bytes, source: bytes, tos: int, trace_id: int, cause: int) -> None:
        """The rest of vxlan_rcv: a frame that came from the remote `source` in a packet with `tos`."""
        frame = Frame(inner, trace_id, cause)
        if inner[6:12] == self.mac or inner[6] & 1 or inner[6:12] == ZERO_MAC:
            return self.drop(frame, DropReason.OWN_SOURCE if inner[6:12] == self.mac else DropReason.BRIDGE_INVALID_SOURCE, rx=True)
        if self.config.learning and not self.fdb.learn(inner[6:12], Remote(Ip(source)), self.engine.now):
            return self.drop(frame, DropReason.FDB_FIXED, rx=True)
        if tos & 3 == 3 and inner[12:14] == IPV4:
            marked = take_congestion_mark(tos, inner[14:])
            if marked is None:
                return self.drop(frame, DropReason.NOT_ECN_CAPABLE, rx=True)
            frame = Frame(inner[:14] + marked, trace_id, cause)
        self._pass_up(frame)

    def _pass_up(self, frame: Frame) -> None:
        if self.up:
            self.counters.rx_bytes -= ethernet.HEADER  # vxlan_rcv counts what is behind it
        self.receive(frame)

    # --- up and down

    def set_up(self, up: bool) -> None:
        """vxlan_open and vxlan_stop: the UDP port is open while a device is up. Raises OSError EADDRINUSE."""
        if up and not self.up:
            self._open()
        elif not up and self.up:
            self._close()
        super().set_up(up)

    def _open(self) -> None:
        sockets = self.underlay.vxlan_sockets
        sock = sockets.get(self.config.port)
        if sock is None:
            sock = VxlanSocket()
            sock.close = self.underlay.listen_udp(self.config.port, sock.encap_rcv)
            sockets[self.config.port] = sock
        sock.devices[self.config.vni] = self
        if self._group is not None:
            self.underlay.join(self._group, self.config.lower)

    def _close(self) -> None:
        if self._group is not None:
            self.underlay.leave(self._group, self.config.lower)
        sock = self.underlay.vxlan_sockets[self.config.port]
        del sock.devices[self.config.vni]
        if not sock.devices:
            sock.close()
            del self.underlay.vxlan_sockets[self.config.port]
        self.fdb.flush()

    def delete(self) -> None:
        if self.up:
            self.set_up(False)
        if self in self.underlay.vxlans:
            self.underlay.vxlans.remove(self)
        super().delete()

    def details(self) -> dict[str, Any]:
        return {"config": self.config}
