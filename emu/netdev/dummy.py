"""The dummy device (drivers/net/dummy.c): what is sent to it is gone, and counted as sent."""

from __future__ import annotations

from emu.netdev.device import NetDevice
from emu.packet.frame import Frame


class Dummy(NetDevice):
    """A device to hold an address."""

    kind = "dummy"

    def start_xmit(self, frame: Frame) -> None:
        pass
