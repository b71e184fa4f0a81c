"""Network devices as `ip link` lists them (net/core/dev.c).

Not modelled: hardware queues, offloads, VLAN filtering; frames are never segmented or coalesced, as with offloads off.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from enum import Enum
from functools import cached_property
from typing import TYPE_CHECKING, Any

from emu.netdev.drop import DropReason
from emu.packet.address import Mac
from emu.packet.frame import Frame

if TYPE_CHECKING:
    from emu.engine import Engine
    from emu.netdev.qdisc import Qdisc

ETHERNET_OVERHEAD = 14
LARGEST_MTU = 65535


class Direction(Enum):
    """As seen from the device's own namespace."""

    RX = "in"
    TX = "out"


RX, TX = Direction.RX, Direction.TX
Tap = Callable[["NetDevice", Direction, Frame], None]


class DeviceCounters:
    """What `ip -s link` shows."""

    __slots__ = ("rx_bytes", "rx_dropped", "rx_packets", "tx_bytes", "tx_dropped", "tx_packets")

    def __init__(self) -> None:
        self.rx_packets = self.rx_bytes = self.rx_dropped = 0
        self.tx_packets = self.tx_bytes = self.tx_dropped = 0


class NetDevice:
    """A thing with a name that frames go in and out of.

    A child gives `start_xmit`, which takes a frame to the other end. `rx_handler` is installed by whoever owns what the device
    receives: its namespace, or the bridge or macvlan that enslaves it (`netdev_rx_handler_register`).
    """

    kind = ""  # the word after `type` in `ip link add`
    hard_header_len = ETHERNET_OVERHEAD  # 0: no link layer, what goes in and out is an IP packet (packet.frame.PacketFrame)
    bridged: Any = None  # of a bridge: the datagram that PREROUTING has seen already
    macvlans: Any = None  # of a parent of macvlans: netdev.macvlan.MacvlanPort

    def __init__(self, engine: Engine, name: str, mac: Mac, mtu: int = 1500) -> None:
        self.engine = engine
        self.name = name
        self.mac = mac
        self.mtu = mtu
        self.ifindex = 0  # given by the namespace
        self.up = False
        self.activated = False  # has been up once: that is when the kernel attaches a queueing discipline
        self.promiscuous = False
        self.arp = True
        self.netns: Any = None  # netns.namespace.Netns
        self.master: Any = None  # netdev.bridge.Bridge
        self.rx_handler: Callable[[NetDevice, Frame], None] | None = None
        self.taps: list[Tap] = []
        self.on_drop: list[Callable[[NetDevice, Frame, DropReason], None]] = []
        self.counters = DeviceCounters()
        self.qdisc: Qdisc | None = None
        self.txqueuelen = 1000
        self.label = name  # the place in captures and traces, unique in the lab: `docker1/web/eth0`

    @cached_property
    def drops(self) -> Counter[DropReason]:
        """Made with the first one."""
        return Counter()

    @property
    def carrier(self) -> bool:
        """Is the other end there and up?"""
        return True

    @property
    def largest_mtu(self) -> int:
        return LARGEST_MTU

    def transmit(self, frame: Frame) -> None:
        """Send a frame out of the device: dev_queue_xmit. Taps lie behind the queueing discipline, as Linux's do."""
        if not self.up:
            return self.drop(frame, DropReason.DEVICE_DOWN)
        if self.qdisc is not None:
            return self.qdisc.enqueue(frame)
        # As transmit_now(), without the call: every frame passes here.
        counters = self.counters
        counters.tx_packets += 1
        counters.tx_bytes += len(frame.wire)
        for tap in self.taps:
            tap(self, TX, frame)
        self.start_xmit(frame)

    def transmit_now(self, frame: Frame) -> None:
        """What the queueing discipline hands over: dev_hard_start_xmit."""
        counters = self.counters
        counters.tx_packets += 1
        counters.tx_bytes += len(frame.wire)
        for tap in self.taps:
            tap(self, TX, frame)
        self.start_xmit(frame)

    def start_xmit(self, frame: Frame) -> None:
        raise AssertionError(f"{self.kind} device {self.name} has no start_xmit")

    def receive(self, frame: Frame) -> None:
        """A frame has come in: netif_receive_skb."""
        if not self.up:
            return self.drop(frame, DropReason.DEVICE_DOWN, rx=True)
        size = len(frame.wire)
        counters = self.counters
        counters.rx_packets += 1
        counters.rx_bytes += size
        for tap in self.taps:
            tap(self, RX, frame)
        if size < self.hard_header_len:
            return self.drop(frame, DropReason.MALFORMED, rx=True)
        if self.rx_handler is None:
            return self.drop(frame, DropReason.UNKNOWN_PROTOCOL, rx=True)
        self.rx_handler(self, frame)

    def drop(self, frame: Frame, reason: DropReason, *, rx: bool = False) -> None:
        """The one way a frame ends unseen."""
        if rx:
            self.counters.rx_dropped += 1
        else:
            self.counters.tx_dropped += 1
        self.drops[reason] += 1
        for watcher in self.on_drop:
            watcher(self, frame, reason)

    def inject(self, packet: Frame | bytes | Any) -> Frame:
        """Let the device receive a frame made by hand: a Frame, its bytes, or a Scapy packet (from tests and scripts)."""
        if isinstance(packet, Frame):
            frame = packet
        elif isinstance(packet, bytes):
            frame = Frame(packet, self.engine.next_trace_id())
        else:
            from emu.packet.scapy_view import build, build_packet

            wire = build(packet) if self.hard_header_len else build_packet(packet)
            frame = Frame(wire, self.engine.next_trace_id())
        self.receive(frame)
        return frame

    def accepts(self, dst: bytes) -> bool:
        """Is a frame to `dst` for this host? (PACKET_HOST, PACKET_BROADCAST, PACKET_MULTICAST: eth_type_trans)"""
        return dst == self.mac or bool(dst[0] & 1)

    def set_up(self, up: bool) -> None:
        self.up = up
        self.activated |= up

    def followers(self) -> list[NetDevice]:
        """Devices whose carrier may hang on this one's state."""
        return ([self.master] if self.master is not None else []) + (self.macvlans.children if self.macvlans is not None else [])

    def changed(self, what: str = "changed") -> None:
        """Something that `ip link` shows is another now (netdev_state_change); the words are those of Netns.on_link."""
        if self.netns is not None:
            self.netns.link_changed(self, what)

    def set_mac(self, mac: Mac) -> None:
        self.mac = mac
        if self.master is not None:
            self.master.port_mac_changed(self)
        if self.macvlans is not None:
            self.macvlans.parent_changed()

    def delete(self) -> None:
        """Undo what ties the device to others; the namespace removes it from its list."""
        if self.master is not None:
            self.master.release(self)
        if self.macvlans is not None:
            self.macvlans.close()
        if self.up:
            self.up = False
            self.changed()

    def details(self) -> dict[str, Any]:
        """What `ip -d link` shows of this kind beyond the common attributes."""
        return {}

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.label}>"
