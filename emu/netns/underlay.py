"""A namespace as the carrier of tunnels (net/ipv4/udp_tunnel_core.c, ip_tunnel_core.c): kernel sockets that hand what comes to a tunnel
device, and outer packets that keep the trace id of what they carry.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from emu.netdev.device import NetDevice
from emu.netdev.drop import DropReason
from emu.netdev.ip_tunnel import IpTunnel, receive_tunnelled
from emu.netdev.vxlan import Vxlan, VxlanSocket
from emu.netns.socket import UdpSocket
from emu.packet import ipv4, udp
from emu.packet.address import Ip
from emu.packet.datagram import Datagram
from emu.packet.frame import Frame
from emu.packet.icmp import Type, Unreachable

if TYPE_CHECKING:
    from emu.netns.namespace import Netns


class EncapSocket(UdpSocket):
    """A UDP socket of the kernel: its datagrams go to `encap_rcv`, not into a buffer."""

    def __init__(self, netns: Netns, encap_rcv: Callable[[Datagram, bytes], None]) -> None:
        super().__init__(netns)
        self.encap_rcv = encap_rcv

    def deliver(self, data: bytes, source: bytes, port: int, datagram: Datagram) -> None:
        self.encap_rcv(datagram, data)

    def next_id(self) -> int:
        """The IP identification of the next packet that is sent for the socket."""
        self._id = self._id % 0xFFFF + 1
        return self._id


class Underlay:
    """What netdev.tunnel.Underlay asks of a namespace. `nesting` counts the tunnels that the packet on its way is in."""

    def __init__(self, netns: Netns) -> None:
        self.netns = netns
        self.nesting = 0
        self.vxlan_sockets: dict[int, VxlanSocket] = {}
        self.vxlans: list[Vxlan] = []
        self.tunnels: dict[int, list[IpTunnel]] = {}  # by IP protocol

    def listen_udp(self, port: int, encap_rcv: Callable[[Datagram, bytes], None]) -> Callable[[], None]:
        sock = EncapSocket(self.netns, encap_rcv)
        sock.bind(("0.0.0.0", port))
        return sock.close

    def route(self, dst: Ip, src: Ip, oif: NetDevice | None) -> tuple[NetDevice, Ip, bool]:
        netns = self.netns
        route, source = netns.ipv4.route(dst, src, oif if oif is not None and not netns.is_local(dst) else None)
        assert route.dev is not None
        return route.dev, source, route.kind == "local"

    def send_udp(
        self,
        src: Ip,
        dst: Ip,
        source_port: int,
        port: int,
        payload: bytes,
        frame: Frame,
        *,
        ttl: int,
        tos: int,
        checksum: bool,
        oif: NetDevice | None,
    ) -> None:
        segment = udp.build(src, dst, source_port, port, payload, with_checksum=checksum)
        self.send_ip(src, dst, ipv4.UDP, segment, frame, ttl=ttl, tos=tos, dont_fragment=False, oif=oif)

    def send_ip(
        self,
        src: Ip,
        dst: Ip,
        protocol: int,
        payload: bytes,
        frame: Frame,
        *,
        ttl: int,
        tos: int,
        dont_fragment: bool,
        oif: NetDevice | None,
    ) -> None:
        ip = self.netns.ipv4
        identification = ip.output.next_id(dst, src, protocol)
        ip.send(
            src,
            dst,
            protocol,
            payload,
            ttl=ttl or None,
            tos=tos,
            dont_fragment=dont_fragment,
            identification=identification,
            cause=frame.cause,
            oif=oif,
            trace_id=frame.trace_id,
        )

    def add_tunnel(self, dev: NetDevice) -> None:
        assert isinstance(dev, IpTunnel)
        self.tunnels.setdefault(dev.protocol, []).append(dev)
        self.netns.ipv4.encap_rcv[dev.protocol] = self._receive_tunnelled

    def remove_tunnel(self, dev: NetDevice) -> None:
        assert isinstance(dev, IpTunnel)
        self.tunnels[dev.protocol].remove(dev)
        if not self.tunnels[dev.protocol]:
            del self.tunnels[dev.protocol], self.netns.ipv4.encap_rcv[dev.protocol]

    def _receive_tunnelled(self, datagram: Datagram) -> None:
        """tunnel4_rcv, gre_rcv: a packet that no tunnel takes is answered with port unreachable."""
        reason = receive_tunnelled(self.tunnels[datagram.protocol], datagram)
        if reason is not None:
            self.drop(datagram, reason)
            if reason is DropReason.NO_TUNNEL:
                self.netns.icmp.send_error(datagram, Type.DEST_UNREACH, Unreachable.PORT)

    def local_port_range(self) -> tuple[int, int]:
        low, high = map(int, self.netns.sysctl.get("net.ipv4.ip_local_port_range").split())
        return low, high

    def join(self, group: Ip, dev: NetDevice | None) -> None:
        self.netns.igmp.join(group, dev)

    def leave(self, group: Ip, dev: NetDevice | None) -> None:
        self.netns.igmp.leave(group, dev)

    def drop(self, datagram: Datagram, reason: DropReason) -> None:
        self.netns.drop(datagram, reason, datagram.iif)
