"""ICMP (net/ipv4/icmp.c): answers to echo, errors about packets, and what errors of others mean here.

Not modelled: timestamp and address mask requests (ignored), parameter problem as a reaction to bad options.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Any

from emu.engine import MILLISECOND, SECOND
from emu.netdev.drop import DropReason
from emu.netfilter.conntrack import RELATED, RELATED_REPLY, REPLIES
from emu.packet import icmp, ipv4
from emu.packet.address import ANY, Ip, is_multicast
from emu.packet.datagram import Datagram
from emu.packet.icmp import Type, Unreachable

if TYPE_CHECKING:
    from emu.netns.namespace import Netns

QUOTED_TOTAL = 576  # of the whole error packet
BURST = 6  # errors to one destination, before one a second (XRLIM_BURST_FACTOR)
REDIRECTS = 9  # to one source before it is given up
REDIRECT_LOAD_NS = 20 * MILLISECOND
REDIRECT_SILENCE_NS = 20_480 * MILLISECOND

# icmp_err_convert: what a socket gets for a code of destination unreachable, and whether that ends a connection attempt of TCP.
UNREACHABLE_ERRORS = {
    0: (errno.ENETUNREACH, False),
    1: (errno.EHOSTUNREACH, False),
    2: (errno.ENOPROTOOPT, True),
    3: (errno.ECONNREFUSED, True),
    4: (errno.EMSGSIZE, False),
    5: (errno.EOPNOTSUPP, False),
    6: (errno.ENETUNREACH, True),
    7: (errno.EHOSTDOWN, True),
    8: (errno.ENONET, True),
    9: (errno.ENETUNREACH, True),
    10: (errno.EHOSTUNREACH, True),
    11: (errno.ENETUNREACH, False),
    12: (errno.EHOSTUNREACH, False),
    13: (errno.EHOSTUNREACH, True),
    14: (errno.EHOSTUNREACH, True),
    15: (errno.EHOSTUNREACH, True),
}


class Icmp:
    """A namespace's ICMP."""

    def __init__(self, netns: Netns) -> None:
        self.netns = netns
        self._peers: dict[bytes, tuple[int, int]] = {}  # tokens (ns) and when they were counted
        self._global: tuple[float, int] | None = None
        self._redirects: dict[bytes, tuple[int, int]] = {}  # sent so far, and when last

    # --- in

    def receive(self, datagram: Datagram) -> None:
        """icmp_rcv."""
        message = datagram.payload
        if not icmp.is_valid(message):
            return self.netns.drop(datagram, DropReason.BAD_CHECKSUM, datagram.iif)
        kind = message[0]
        if kind == Type.ECHO:
            self._echo(datagram, message)
        elif kind in icmp.ERRORS:
            self._error(datagram, message)
        elif kind != Type.ECHO_REPLY:  # replies are for raw sockets, which have had them
            self.netns.drop(datagram, DropReason.ICMP_IGNORED, datagram.iif)

    def _echo(self, datagram: Datagram, message: bytes) -> None:
        """icmp_echo: same data and TOS, from the address that was asked."""
        sysctl = self.netns.sysctl
        group = not self.netns.is_local(datagram.dst)
        if sysctl.integer("net.ipv4.icmp_echo_ignore_all"):
            return self.netns.drop(datagram, DropReason.ECHO_IGNORED, datagram.iif)
        if group and sysctl.integer("net.ipv4.icmp_echo_ignore_broadcasts"):
            return self.netns.drop(datagram, DropReason.GROUP_ECHO_IGNORED, datagram.iif)
        reply = icmp.build(Type.ECHO_REPLY, 0, message[4:8], message[8:])
        source = ANY if group else datagram.dst
        self._send(datagram, source, reply, tos=datagram.wire[1])

    def _error(self, datagram: Datagram, message: bytes) -> None:
        """icmp_unreach, icmp_redirect: who had sent the packet that is quoted?"""
        quoted = message[8:]
        if len(quoted) < 20 or quoted[0] >> 4 != 4 or len(quoted) < (quoted[0] & 15) * 4 + 8:
            return self.netns.drop(datagram, DropReason.MALFORMED, datagram.iif)
        kind, code = message[0], message[1]
        mtu = 0
        if kind == Type.REDIRECT:
            return self._redirected(datagram, quoted, Ip(message[4:8]))
        if kind == Type.DEST_UNREACH and code == Unreachable.FRAG_NEEDED:
            mtu = int.from_bytes(message[6:8], "big")
            if mtu == 0 or self.netns.sysctl.integer("net.ipv4.ip_no_pmtu_disc"):
                return self.netns.drop(datagram, DropReason.ICMP_IGNORED, datagram.iif)
            self.netns.ipv4.learn_pmtu(quoted[16:20], mtu)
        if quoted[9] == ipv4.UDP:
            self.netns.udp.error(quoted, kind, code, mtu, datagram.src)
        elif quoted[9] == ipv4.TCP:
            self.netns.tcp.error(quoted, kind, code, mtu, datagram.src)

    def _redirected(self, datagram: Datagram, quoted: bytes, gateway: Ip) -> None:
        """Taken from the present gateway only, and not by routers (ip_do_redirect)."""
        netns, dev = self.netns, datagram.iif
        accepts = netns.sysctl.conf(dev.name, "accept_redirects") and netns.sysctl.conf("all", "accept_redirects")
        if netns.sysctl.conf(dev.name, "forwarding") or not accepts or not netns.redirect(dev, quoted[16:20], datagram.src, gateway):
            netns.drop(datagram, DropReason.ICMP_IGNORED, dev)

    # --- out

    def send_error(self, datagram: Datagram, kind: int, code: int, rest: bytes = b"\x00\x00\x00\x00") -> None:
        """icmp_send: an error about `datagram` to its sender, quoting as much as fits in 576 bytes.

        None about broadcasts, later fragments and errors; and not more than the rate limits allow.
        """
        wire = datagram.wire
        frame = datagram.frame
        if frame is not None and frame.wire[0] & 1:
            return
        if self.netns.address_type(datagram.dst) in {"BROADCAST", "MULTICAST"} or is_multicast(datagram.src) or datagram.src == ANY:
            return
        if ipv4.fragment_offset(wire):
            return
        if datagram.protocol == ipv4.ICMP:
            payload = datagram.payload
            if not payload or payload[0] not in icmp.QUERIES:
                return
        source = datagram.dst if self.netns.is_local(datagram.dst) and datagram.iif is not None else ANY
        try:
            route, source = self.netns.ipv4.route(datagram.src, source)
        except OSError as error:
            return self.netns.answer_failed(datagram, error)
        limited = not (kind == Type.DEST_UNREACH and code == Unreachable.FRAG_NEEDED)
        on_lo = route.dev is not None and route.dev.kind == "loopback"
        if limited and not on_lo and not self._allowed(kind, datagram.src):
            return self.netns.unanswered(datagram, DropReason.ICMP_RATE_LIMIT)
        room = min(QUOTED_TOTAL, self.netns.ipv4.path_mtu(datagram.src)) - 28
        message = icmp.build(kind, code, rest, wire[:room])
        about = None  # the connection of what it is about, confirmed or not, is its own too (nf_ct_attach)
        if datagram.ct is not None:
            about = datagram.ct, RELATED if datagram.ct_info in REPLIES else RELATED_REPLY
        self._send(datagram, source, message, tos=wire[1] & 0x1E | 0xC0, about=about)

    def send_redirect(self, datagram: Datagram, gateway: Ip) -> None:
        """ip_rt_send_redirect: nine at growing distances, then silence until the sender has been quiet for 20 s."""
        now = self.netns.engine.now
        sent, last = self._redirects.get(datagram.src, (0, 0))
        if now > last + REDIRECT_SILENCE_NS:
            sent = 0
        if sent >= REDIRECTS:
            self._redirects[datagram.src] = sent, now
            return
        if sent == 0 or now > last + (REDIRECT_LOAD_NS << sent):
            self._redirects[datagram.src] = sent + 1, now
            self.send_error(datagram, Type.REDIRECT, 1, gateway)

    def _send(self, datagram: Datagram, source: bytes, message: bytes, *, tos: int, about: Any = None) -> None:
        """To the sender of the datagram."""
        cause = datagram.trace_id
        try:
            self.netns.ipv4.send(source, datagram.src, ipv4.ICMP, message, tos=tos, dont_fragment=False, cause=cause, attached=about)
        except OSError as error:
            self.netns.answer_failed(datagram, error)

    def _allowed(self, kind: int, dst: bytes) -> bool:
        """icmpv4_global_allow and icmpv4_xrlim_allow: token buckets for all and for each destination."""
        sysctl = self.netns.sysctl
        if not sysctl.integer("net.ipv4.icmp_ratemask") >> kind & 1:
            return True
        now = self.netns.engine.now
        burst = sysctl.integer("net.ipv4.icmp_msgs_burst")
        tokens, counted = self._global or (float(burst), now)
        tokens = min(burst, tokens + (now - counted) * sysctl.integer("net.ipv4.icmp_msgs_per_sec") / SECOND)
        self._global = tokens, now
        if tokens < 1:
            return False
        price = sysctl.integer("net.ipv4.icmp_ratelimit") * MILLISECOND
        saved, counted = self._peers.get(dst, (BURST * price, now))
        saved = min(BURST * price, saved + now - counted)
        allowed = saved >= price
        self._peers[dst] = saved - price if allowed else saved, now
        if allowed:
            self._global = tokens - 1, now
        return allowed
