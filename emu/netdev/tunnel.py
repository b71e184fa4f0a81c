"""What tunnel devices of all kinds have in common: the namespace that carries them, their outer TTL and TOS, and a limit to nesting.

Sources: net/ipv4/ip_tunnel_core.c, include/net/inet_ecn.h, net/core/dev.c (XMIT_RECURSION_LIMIT).
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Any, Protocol

from emu.netdev.device import NetDevice
from emu.netdev.drop import DropReason
from emu.packet import ipv4
from emu.packet.address import Ip
from emu.packet.datagram import Datagram
from emu.packet.frame import Frame

MAX_NESTING = 8  # a packet in a tunnel in a tunnel …: then it is given up
ECN = 3
CE = 3
ECT_0 = 2


class Underlay(Protocol):
    """The namespace that a tunnel device was made in: its outer packets go this way, even when the device itself has moved on."""

    nesting: int
    vxlan_sockets: dict[int, Any]  # by port: netdev.vxlan.VxlanSocket
    vxlans: list[Any]  # netdev.vxlan.Vxlan, up or not

    def drop(self, datagram: Datagram, reason: DropReason) -> None:
        """An outer packet that no device takes."""

    def listen_udp(self, port: int, encap_rcv: Callable[[Datagram, bytes], None]) -> Callable[[], None]:
        """Take all datagrams to `port`, and what is behind their UDP header; what it returns stops that. Raises OSError EADDRINUSE."""

    def route(self, dst: Ip, src: Ip, oif: NetDevice | None) -> tuple[NetDevice, Ip, bool]:
        """The outgoing device, the source address, and whether `dst` is this host. Raises OSError."""

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
        """Send the outer packet of `frame`. Raises OSError."""

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
        """Send the outer packet of `frame`. Raises OSError."""

    def add_tunnel(self, dev: NetDevice) -> None:
        """From now on packets of the device's IP protocol come to it."""

    def remove_tunnel(self, dev: NetDevice) -> None: ...

    def local_port_range(self) -> tuple[int, int]:
        """net.ipv4.ip_local_port_range."""

    def join(self, group: Ip, dev: NetDevice | None) -> None:
        """Take part in a multicast group on `dev`."""

    def leave(self, group: Ip, dev: NetDevice | None) -> None: ...


def not_sent(dev: NetDevice, frame: Frame, error: OSError) -> None:
    """The outer packet of `frame` does not go (iptunnel_xmit_stats). A rule of OUTPUT's that has dropped it has told of that already."""
    if error.errno == errno.EPERM:
        dev.counters.tx_dropped += 1
    else:
        dev.drop(frame, DropReason.TOO_BIG if error.errno == errno.EMSGSIZE else DropReason.NO_ROUTE)


def outer_tos(configured: int, inner: bytes) -> int:
    """The outer TOS for the IPv4 packet `inner`: `configured` (1: inherited), with inner's ECN bits; CE becomes ECT(0)."""
    tos = inner[1] if configured == 1 else configured
    ecn = inner[1] & ECN
    return (tos & ~ECN) | (ecn if ecn != CE else ECT_0)


def take_congestion_mark(outer_tos: int, inner: bytes) -> bytes | None:
    """The inner IPv4 packet, marked if the outer one was on its way; None if the inner one cannot be marked and must go (RFC 6040)."""
    if outer_tos & ECN != CE or inner[1] & ECN == CE:
        return inner
    if not inner[1] & ECN:
        return None
    return ipv4.replace(inner, slice(0, 2), bytes([inner[0], inner[1] | CE]))
