"""TUN devices: a program at the other end reads the IP packets that are sent to it, and writes such that are received (drivers/net/tun.c).

Not modelled: TAP devices, several queues, packet information headers (as with IFF_NO_PI).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from emu.netdev.device import NetDevice
from emu.netdev.drop import DropReason
from emu.packet.address import ZERO_MAC
from emu.packet.frame import Frame, PacketFrame

if TYPE_CHECKING:
    from emu.engine import Engine


class Tun(NetDevice):
    """`reader` is the program that has it open; without one the device has no carrier."""

    kind = "tun"
    hard_header_len = 0
    reader: Callable[[Frame], None] | None = None
    persistent = False  # made by `ip tuntap`: there without a program too

    def __init__(self, engine: Engine, name: str, mtu: int = 1500) -> None:
        super().__init__(engine, name, ZERO_MAC, mtu)
        self.arp = False
        self.txqueuelen = 500

    @property
    def carrier(self) -> bool:
        return self.reader is not None

    def start_xmit(self, frame: Frame) -> None:
        """tun_net_xmit: to the program, which runs later."""
        if self.reader is None:
            return self.drop(frame, DropReason.NO_CARRIER)
        self.engine.post(0, self.reader, frame)

    def write(self, packet: bytes, trace_id: int, cause: int = 0) -> None:
        """The program writes a packet; the namespace receives it."""
        self.receive(PacketFrame(packet, trace_id, cause))
