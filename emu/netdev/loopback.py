"""The loopback device (drivers/net/loopback.c): what is sent is received, at once. Its frames have zero MAC addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu.netdev.device import NetDevice
from emu.netdev.drop import DropReason
from emu.packet.address import ZERO_MAC
from emu.packet.frame import Frame

if TYPE_CHECKING:
    from emu.engine import Engine

MTU = 65536


class Loopback(NetDevice):
    """`lo`. A tap sees each frame once, as tcpdump does: the copy that goes out is not shown."""

    kind = "loopback"

    def __init__(self, engine: Engine, name: str = "lo") -> None:
        super().__init__(engine, name, ZERO_MAC, MTU)

    def transmit(self, frame: Frame) -> None:
        if not self.up:
            return self.drop(frame, DropReason.DEVICE_DOWN)
        if self.qdisc is not None:
            return self.qdisc.enqueue(frame)
        self.transmit_now(frame)

    def transmit_now(self, frame: Frame) -> None:
        self.counters.tx_packets += 1
        self.counters.tx_bytes += len(frame.wire)
        self.start_xmit(frame)

    def start_xmit(self, frame: Frame) -> None:
        # Through the engine: a program's answer must not run inside its question (Linux has the backlog queue here).
        self.engine.post(0, self.receive, frame)
