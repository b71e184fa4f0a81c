"""Open vSwitch: a bridge without a controller, whose one flow is `actions=NORMAL` (xlate_normal in ofproto/ofproto-dpif-xlate.c 3.1).

Not modelled: OpenFlow rules and controllers, VLAN tags, bonds, mirrors, spanning tree, multicast snooping (group traffic is flooded), the
limit of 8192 addresses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from emu.netdev.drop import DropReason
from emu.netdev.fdb import Fdb
from emu.packet.frame import Frame

if TYPE_CHECKING:
    from emu.engine import Engine

LOCAL = 65534  # OFPP_LOCAL: the port that is the bridge's own device
_RESERVED = (b"\x01\x80\xc2\x00\x00", b"\x01\x00\x0c\xcc\xcc")  # 01:80:c2:00:00:0x, and Cisco's 01:00:0c:cc:cc:cc and …:cd
_RESERVED_CISCO = (0xCC, 0xCD)


class OvsPort(Protocol):
    """A port as its bridge sees it. `number` is OpenFlow's."""

    number: int
    name: str

    def output(self, frame: Frame) -> None:
        """Send a frame out of the port."""

    def drop(self, frame: Frame, reason: DropReason) -> None:
        """Count a frame that came in by the port and goes nowhere."""


class OvsBridge:
    """Ports by number, in the order in which a flood reaches them."""

    def __init__(self, engine: Engine, name: str) -> None:
        self.engine = engine
        self.name = name
        self.ports: dict[int, OvsPort] = {}
        self.fdb: Fdb[OvsPort] = Fdb()
        self._last_number = 0

    def normal(self, source: OvsPort | None, frame: Frame) -> None:
        """Learn, then to a port or to all others; `source` None: made by the switch itself."""
        wire = frame.wire
        if _is_reserved(wire[:6]):
            return self._drop(source, frame, DropReason.BRIDGE_LINK_LOCAL)
        now = self.engine.now
        if source is not None and not wire[6] & 1:
            self.fdb.learn(wire[6:12], source, now)
        entry = None if wire[0] & 1 else self.fdb.lookup(wire[:6], now)
        if entry is None:
            self._flood(source, frame)
        elif entry.port is source:
            self._drop(source, frame, DropReason.BRIDGE_SAME_PORT)
        else:
            entry.port.output(frame)

    def _flood(self, source: OvsPort | None, frame: Frame) -> None:
        for port in list(self.ports.values()):
            if port is not source:
                port.output(frame)

    def _drop(self, source: OvsPort | None, frame: Frame, reason: DropReason) -> None:
        (source or self.ports[LOCAL]).drop(frame, reason)

    # --- ports

    def add(self, port: OvsPort) -> None:
        self.ports[port.number] = port

    def remove(self, port: OvsPort) -> None:
        del self.ports[port.number]
        self.fdb.forget_port(port)

    def free_number(self) -> int:
        """The next after the one that was given last, so that a number is not soon another port's (alloc_ofp_port)."""
        self._last_number += 1
        return self._last_number


def _is_reserved(dst: bytes) -> bool:
    """eth_addr_is_reserved: what bridges keep to themselves."""
    if dst[:5] == _RESERVED[0]:
        return dst[5] < 16
    return dst[:5] == _RESERVED[1] and dst[5] in _RESERVED_CISCO
