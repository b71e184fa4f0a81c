"""UDP (net/ipv4/udp.c): which socket a datagram is for, and errors back to the one that sent.

Not modelled: multicast groups, SO_REUSEPORT, UDP-Lite.
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from emu.netdev.drop import DropReason
from emu.netns.icmp import UNREACHABLE_ERRORS
from emu.packet import udp
from emu.packet.address import ANY, ip_text
from emu.packet.datagram import Datagram
from emu.packet.icmp import Type, Unreachable

if TYPE_CHECKING:
    from random import Random

    from emu.netns.namespace import Netns
    from emu.netns.socket import UdpSocket


class Udp:
    """A namespace's UDP ports."""

    def __init__(self, netns: Netns) -> None:
        self.netns = netns
        self.ports: dict[int, list[UdpSocket]] = {}
        self._bound = 0  # sockets, so far

    # --- in

    def receive(self, datagram: Datagram) -> None:
        """udp_rcv: verify, find the socket, or tell the sender that there is none."""
        wire = datagram.wire
        start = 20 if wire[0] == 0x45 else datagram.header_length
        netns = self.netns
        if not udp.is_valid(wire, start):  # the packet is cut to its length already
            return netns.drop(datagram, DropReason.BAD_CHECKSUM, datagram.iif)
        source_port, port, length, _ = udp.HEADER_FIELDS.unpack_from(wire, start)
        src = wire[12:16]
        sock = self.lookup(wire[16:20], port, src, source_port)
        if sock is not None:
            return sock.deliver(wire[start + 8 : start + length], src, source_port, datagram)
        netns.drop(datagram, DropReason.NO_LISTENER, datagram.iif)
        netns.icmp.send_error(datagram, Type.DEST_UNREACH, Unreachable.PORT)

    def lookup(self, dst: bytes, port: int, src: bytes, source_port: int) -> UdpSocket | None:
        """compute_score: a connected socket before a bound one before one for any address; among equals the latest."""
        best: UdpSocket | None = None
        best_score = -1
        for sock in self.ports.get(port, ()):
            score = 0
            if sock.local_ip != ANY:
                if sock.local_ip != dst:
                    continue
                score += 4
            if sock.remote_port:
                if sock.remote_port != source_port or sock.remote_ip != src:
                    continue
                score += 8
            if score >= best_score:
                best, best_score = sock, score
        return best

    def error(self, quoted: bytes, kind: int, code: int, mtu: int, source: bytes) -> None:
        """udp_err: a connected socket gets the error; one that is not connected does not hear of it (no IP_RECVERR)."""
        header = (quoted[0] & 15) * 4
        ports = quoted[header : header + 4]
        sock = self.lookup(quoted[12:16], ports[0] << 8 | ports[1], quoted[16:20], ports[2] << 8 | ports[3])
        if sock is None or not sock.remote_port:
            return
        if kind == Type.DEST_UNREACH:
            number, hard = UNREACHABLE_ERRORS.get(code, (errno.EHOSTUNREACH, True))
            if hard or number == errno.EMSGSIZE:
                sock.fail(OSError(number, os.strerror(number)))
        elif kind == Type.PARAMETER_PROBLEM:
            sock.fail(OSError(errno.EPROTO, os.strerror(errno.EPROTO)))

    # --- ports

    def stream_for_socket(self) -> Random:
        """One for each socket that is bound, to be drawn from and forgotten: kept, it would be the largest thing of an idle namespace."""
        self._bound += 1
        return self.netns.engine.stream(f"udp {self.netns.chances} {self._bound}")

    def bind(self, sock: UdpSocket, address: bytes, port: int, random: Random) -> int:
        """Give the socket a port (0: a random one of the local range). Raises OSError EADDRINUSE."""
        if port:
            others = [other.local_ip for other in self.ports.get(port, ()) if not other.remote_port]
            if any(ANY in {address, other} or address == other for other in others):
                raise OSError(errno.EADDRINUSE, "Address already in use")
        else:
            low, high = map(int, self.netns.sysctl.get("net.ipv4.ip_local_port_range").split())
            start = random.randint(low, high)
            free = (low + (start - low + step) % (high - low + 1) for step in range(high - low + 1))
            port = next((candidate for candidate in free if candidate not in self.ports), 0)
            if not port:
                raise OSError(errno.EAGAIN, "Resource temporarily unavailable")
        self.ports.setdefault(port, []).append(sock)
        return port

    def unbind(self, sock: UdpSocket) -> None:
        sockets = self.ports.get(sock.local_port, [])
        if sock in sockets:
            sockets.remove(sock)
            if not sockets:
                del self.ports[sock.local_port]

    def describe(self) -> list[tuple[str, int, str, int]]:
        """For `ss`: local and remote address and port of each socket."""
        return [
            (ip_text(sock.local_ip), sock.local_port, ip_text(sock.remote_ip), sock.remote_port)
            for port in sorted(self.ports)
            for sock in self.ports[port]
        ]
