"""Pairs of virtual Ethernet devices (drivers/net/veth.c)."""

from __future__ import annotations

from emu.netdev.device import NetDevice
from emu.netdev.drop import DropReason
from emu.packet.frame import Frame

LATENCY_NS = 5_000  # a softirq's delay between the two ends: the order of magnitude seen in recordings


class Veth(NetDevice):
    """One end of a pair; `peer` is the other one."""

    kind = "veth"
    peer: Veth | None = None

    @property
    def carrier(self) -> bool:
        return self.peer is not None and self.peer.up

    def connect(self, peer: Veth) -> None:
        self.peer, peer.peer = peer, self

    def start_xmit(self, frame: Frame) -> None:
        peer = self.peer
        if peer is None or not peer.up:
            return self.drop(frame, DropReason.NO_CARRIER)
        if len(frame.wire) > peer.mtu + 14:
            return self.drop(frame, DropReason.TOO_BIG)
        self.engine.post(LATENCY_NS, peer.receive, frame)

    def followers(self) -> list[NetDevice]:
        return super().followers() + ([self.peer] if self.peer is not None else [])

    def delete(self) -> None:
        """Deleting one end deletes both."""
        peer, self.peer = self.peer, None
        if peer is not None:
            peer.peer = None
        super().delete()
        if peer is not None and peer.netns is not None:
            peer.netns.delete_device(peer)
