"""A physical Ethernet segment: NICs on a switch that learns, with delay, rate, queue and loss on the way in.

The switch has no address, no name in a capture and no spanning tree.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu.engine import MICROSECOND, SECOND
from emu.netdev.drop import DropReason
from emu.netdev.fdb import Fdb
from emu.packet.frame import Frame

if TYPE_CHECKING:
    from emu.engine import Engine
    from emu.netdev.nic import Nic

DELAY_NS = 20 * MICROSECOND
QUEUE = 1000  # frames that may wait for a sender's line, as a NIC's txqueuelen
FRAMING = 24  # preamble, FCS and gap: bytes on the line beyond the frame's own


class LanSegment:
    """`delay_ns` one way; `rate_bps` of each NIC's line, None for as fast as it comes; `loss` a probability from 0 to 1."""

    def __init__(
        self,
        engine: Engine,
        name: str,
        *,
        delay_ns: int = DELAY_NS,
        rate_bps: int | None = None,
        loss: float = 0.0,
        queue: int = QUEUE,
    ) -> None:
        self.engine = engine
        self.name = name
        self.delay_ns = delay_ns
        self.rate_bps = rate_bps
        self.loss = loss
        self.queue = queue
        self.nics: list[Nic] = []
        self.fdb: Fdb[Nic] = Fdb()
        self._random = engine.stream(f"lan {name}")

    def plug(self, nic: Nic) -> None:
        self.nics.append(nic)
        nic.segment = self

    def carry(self, sender: Nic, frame: Frame) -> None:
        """Take a frame from a NIC's line to the switch and on."""
        if self.loss and self._random.random() < self.loss:
            return sender.drop(frame, DropReason.LOSS)
        delay = self.delay_ns
        if self.rate_bps is not None:
            bits = (len(frame.wire) + FRAMING) * 8
            start = max(self.engine.now, sender.line_free_ns)
            if (start - self.engine.now) * self.rate_bps > self.queue * 1538 * 8 * SECOND:
                return sender.drop(frame, DropReason.QUEUE_FULL)
            sender.line_free_ns = start + bits * SECOND // self.rate_bps
            delay += sender.line_free_ns - self.engine.now
        self.engine.post(delay, self._switch, (sender, frame))

    def _switch(self, sent: tuple[Nic, Frame]) -> None:
        sender, frame = sent
        wire = frame.wire
        now = self.engine.now
        if not wire[6] & 1:
            self.fdb.learn(wire[6:12], sender, now)
        if not wire[0] & 1:
            entry = self.fdb.lookup(wire[:6], now)
            if entry is not None:
                if entry.port is not sender:
                    entry.port.receive(frame)
                return
        for nic in self.nics:
            if nic is not sender:
                nic.receive(frame)
