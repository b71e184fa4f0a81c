"""Answers of the REJECT target (net/ipv4/netfilter/nf_reject_ipv4.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu.packet import ipv4, tcp
from emu.packet.datagram import Datagram
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
    try:
        netns.ipv4.send(datagram.dst, datagram.src, ipv4.TCP, wire, identification=0, cause=datagram.trace_id)
    except OSError as error:
        netns.answer_failed(datagram, error)
