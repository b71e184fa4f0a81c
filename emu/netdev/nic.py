"""A physical network card on a LAN segment."""

from __future__ import annotations

from emu.netdev.cable import LanSegment
from emu.netdev.device import NetDevice
from emu.netdev.drop import DropReason
from emu.packet.frame import Frame


class Nic(NetDevice):
    """`line_free_ns` is the time at which its line has sent what was given to it."""

    kind = "nic"
    segment: LanSegment | None = None
    line_free_ns = 0

    @property
    def carrier(self) -> bool:
        return self.segment is not None

    def start_xmit(self, frame: Frame) -> None:
        if self.segment is None:
            return self.drop(frame, DropReason.NO_CARRIER)
        if len(frame.wire) > self.mtu + 14:
            return self.drop(frame, DropReason.TOO_BIG)
        self.segment.carry(self, frame)
