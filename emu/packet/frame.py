"""What crosses a wire: immutable bytes, with a Scapy view for those who look."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scapy.packet import Packet


class Frame:
    """An Ethernet frame from its destination address to its last payload byte (no preamble, no FCS).

    `trace_id` is given where a packet is born and kept through forwarding, NAT, flooding and encapsulation; `cause` is the id of the
    packet that a reply or an error answers, 0 for none. A frame is never changed: whoever rewrites makes a new one with the same id.
    """

    __slots__ = ("_packet", "cause", "trace_id", "wire")

    def __init__(self, wire: bytes, trace_id: int, cause: int = 0) -> None:
        self.wire = wire
        self.trace_id = trace_id
        self.cause = cause
        self._packet: Packet | None = None

    @property
    def packet(self) -> Packet:
        """The frame as Scapy dissects it, done once. Changing it does not change the frame."""
        if self._packet is None:
            from emu.packet.scapy_view import dissect

            self._packet = dissect(self.wire)
        return self._packet

    def __len__(self) -> int:
        return len(self.wire)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} #{self.trace_id} {len(self.wire)} bytes>"


class PacketFrame(Frame):
    """What goes in and out of a device without a link layer (tun, ipip, gre): `wire` is an IP packet, without an Ethernet header.

    `next_hop` is the route's next hop, which a tunnel without a fixed remote sends to.
    """

    __slots__ = ("next_hop",)

    def __init__(self, wire: bytes, trace_id: int, cause: int = 0, next_hop: bytes = b"") -> None:
        super().__init__(wire, trace_id, cause)
        self.next_hop = next_hop

    @property
    def packet(self) -> Packet:
        if self._packet is None:
            from emu.packet.scapy_view import dissect_packet

            self._packet = dissect_packet(self.wire)
        return self._packet
