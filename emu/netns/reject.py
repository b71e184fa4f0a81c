"""Answers of the REJECT target (net/ipv4/netfilter/nf_reject_ipv4.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu.netfilter.conntrack import RELATED, RELATED_REPLY, REPLIES
from emu.packet import ipv4, tcp
from emu.packet.datagram import Datagram
from emu.packet.ethernet import IPV4
from emu.packet.frame import Frame
from emu.packet.icmp import Type, Unreachable

if TYPE_CHECKING:
    from emu.netns.namespace import Netns

REJECT_CODES = {
    "icmp-net-unreachable": Unreachable.NET,
    "icmp-host-unreachable": Unreachable.HOST,
    "icmp-proto-unreachable": Unreachable.PROTOCOL,
    "icmp-port-unreachable": Unreachable.PORT,
    "icmp-net-prohibited": Unreachable.NET_PROHIBITED,
    "icmp-host-prohibited": Unreachable.HOST_PROHIBITED,
    "icmp-admin-prohibited": Unreachable.ADMIN_PROHIBITED,
}


def reject(netns: Netns, datagram: Datagram, how: str) -> None:
    """`how` is the word after `--reject-with`: an ICMP error, or a RST."""
    if how != "tcp-reset":
        return netns.icmp.send_error(datagram, Type.DEST_UNREACH, REJECT_CODES[how])
    segment = tcp.parse(datagram.payload)
    if segment is None or segment.flags & tcp.RST or ipv4.fragment_offset(datagram.wire):
        return
    if segment.flags & tcp.ACK:
        sequence, acknowledgment, flags = segment.acknowledgment, 0, tcp.RST
    else:
        length = len(segment.payload) + bool(segment.flags & tcp.SYN) + bool(segment.flags & tcp.FIN)
        sequence, acknowledgment, flags = 0, (segment.sequence + length) & 0xFFFFFFFF, tcp.RST | tcp.ACK
    reset = tcp.Segment(segment.destination_port, segment.source_port, sequence, acknowledgment, flags, 0, b"", b"")
    wire = tcp.build(datagram.dst, datagram.src, reset)
    if datagram.bridge_port_in is not None:
        return _reset_bridged(netns, datagram, wire)
    about = None  # the RST belongs to the connection, confirmed or not, and is translated as its answers are (nf_ct_attach)
    if datagram.ct is not None:
        about = datagram.ct, RELATED if datagram.ct_info in REPLIES else RELATED_REPLY
    try:
        netns.ipv4.send(datagram.dst, datagram.src, ipv4.TCP, wire, identification=0, cause=datagram.trace_id, attached=about)
    except OSError as error:
        netns.answer_failed(datagram, error)


def _reset_bridged(netns: Netns, datagram: Datagram, wire: bytes) -> None:
    """To a frame from a bridge's port: as if its receiver had sent it, from its MAC address and out of that port, past all hooks."""
    assert datagram.frame is not None
    ethernet = datagram.frame.wire[6:12] + datagram.frame.wire[:6] + IPV4
    ttl = netns.sysctl.integer("net.ipv4.ip_default_ttl")
    packet = ipv4.build(datagram.dst, datagram.src, ipv4.TCP, wire, ttl, 0, 0, ipv4.DONT_FRAGMENT)
    datagram.bridge_port_in.dev.transmit(Frame(ethernet + packet, netns.engine.next_trace_id(), datagram.trace_id))
