"""Open vSwitch's datapath in user space, `datapath_type=netdev` (dpif-netdev.c, netdev-linux.c, ofproto-dpif-xlate.c, tnl-neigh-cache.c).

It reads a device through a packet socket: the kernel's own stack sees every frame of such a device too, and answers what it takes for
its own. Frames are read and written in batches of up to 32: one that is too large for a device takes the rest of its batch with it.
Tunnels leave by a bridge of Open vSwitch's or not at all; their next hop is asked for by ARP, and the frame that needed it is not kept.

Not modelled: the flow cache and its statistics, DPDK, meters.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, Protocol

from emu.engine import MICROSECOND, SECOND
from emu.netdev.device import RX, Direction, NetDevice
from emu.netdev.drop import DropReason
from emu.netdev.ovs import LOCAL, OvsBridge
from emu.netdev.ovs_tunnel import TunnelOptions, decapsulate, encapsulate, is_tunnelled, marked
from emu.packet import arp, ethernet
from emu.packet.address import ANY, BROADCAST_MAC, ZERO_MAC, Ip, Mac
from emu.packet.frame import Frame

if TYPE_CHECKING:
    from emu.engine import Engine

BATCH = 32  # NETDEV_MAX_BURST
POLL_NS = 100 * MICROSECOND  # until the daemon's thread looks at a device again: a crossing takes about as much
SEND_NS = 15 * MICROSECOND  # from one frame of a batch to the next: what is behind a veth has answered the first by then
NEIGHBOUR_NS = 15 * 60 * SECOND
MAX_DEPTH = 64
TAP_LARGEST_MTU = 65521


class Way(NamedTuple):
    """How a tunnel's packets leave: by which device, from which address, to which next hop."""

    dev: str
    source: Ip
    next_hop: Ip


class Kernel(Protocol):
    """What the daemon asks of the kernel."""

    def way(self, dst: Ip, src: Ip) -> Way | None: ...

    def addresses_of(self, dev: NetDevice) -> set[Ip]: ...


class OvsInternal(NetDevice):
    """A bridge's own device, which is a tap here: what the host sends through it goes to the switch."""

    kind = "tap"
    on_xmit: Callable[[Frame], None] | None = None

    def __init__(self, engine: Engine, name: str, mac: Mac) -> None:
        super().__init__(engine, name, mac)
        self.promiscuous = True

    @property
    def largest_mtu(self) -> int:
        return TAP_LARGEST_MTU

    def start_xmit(self, frame: Frame) -> None:
        if self.on_xmit is None:
            return self.drop(frame, DropReason.NO_CARRIER)
        self.on_xmit(frame)


class DevicePort:
    """A device of the kernel's as a port: `system`, or `internal` (made by Open vSwitch)."""

    def __init__(self, datapath: OvsDatapath, bridge: OvsBridge, dev: NetDevice, number: int) -> None:
        self.datapath = datapath
        self.bridge = bridge
        self.dev = dev
        self.name = dev.name
        self.number = number
        self.waiting: list[Frame] = []  # to be read
        self.to_send: list[Frame] = []
        self._was_promiscuous = dev.promiscuous
        if isinstance(dev, OvsInternal):
            dev.on_xmit = self.receive
        else:
            dev.taps.append(self._tap)
            dev.promiscuous = True

    @property
    def is_internal(self) -> bool:
        return isinstance(self.dev, OvsInternal)

    def detach(self) -> None:
        if isinstance(self.dev, OvsInternal):
            self.dev.on_xmit = None
        else:
            self.dev.taps.remove(self._tap)
            self.dev.promiscuous = self._was_promiscuous

    def _tap(self, _: NetDevice, direction: Direction, frame: Frame) -> None:
        if direction is RX and len(frame.wire) >= ethernet.HEADER:
            self.receive(frame)

    def receive(self, frame: Frame) -> None:
        self.waiting.append(frame)
        if len(self.waiting) == 1:
            self.datapath.engine.post(POLL_NS, self.datapath.poll, self)

    def output(self, frame: Frame) -> None:
        if self.number != LOCAL or not self.datapath.terminate(self, frame):
            self.to_send.append(frame)
            self.datapath.sending[self] = None

    def flush(self) -> None:
        """netdev_send: a batch ends where one frame cannot be sent."""
        frames, self.to_send = self.to_send, []
        dev = self.dev
        too_big = (number for number, frame in enumerate(frames) if len(frame.wire) > dev.mtu + ethernet.HEADER)
        end = len(frames) if self.is_internal else next(too_big, len(frames))
        for number, frame in enumerate(frames[:end]):
            self.datapath.engine.post(number * SEND_NS, dev.receive if self.is_internal else dev.transmit, frame)
        for number, frame in enumerate(frames[end:]):
            dev.drop(frame, DropReason.LOST_BATCH if number else DropReason.TOO_BIG)

    def drop(self, frame: Frame, reason: DropReason) -> None:
        self.dev.drop(frame, reason, rx=True)


class TunnelPort:
    """A tunnel as a port; what is said of its drops is said of the bridge's own device."""

    def __init__(self, datapath: OvsDatapath, bridge: OvsBridge, name: str, number: int, options: TunnelOptions) -> None:
        self.datapath = datapath
        self.bridge = bridge
        self.name = name
        self.number = number
        self.options = options

    def output(self, frame: Frame) -> None:
        self.datapath.push(self, frame)

    def drop(self, frame: Frame, reason: DropReason) -> None:
        local = self.bridge.ports[LOCAL]
        assert isinstance(local, DevicePort)
        local.dev.drop(frame, reason)


class OvsDatapath:
    """The bridges of one host, and the tunnels between its and others'."""

    device_name = "ovs-netdev"

    def __init__(self, engine: Engine, kernel: Kernel, name: str) -> None:
        self.engine = engine
        self.kernel = kernel
        self.bridges: dict[str, OvsBridge] = {}
        self.tunnels: list[TunnelPort] = []
        self.numbers = {self.device_name: 0}  # of the datapath's ports, which tunnels of a kind share
        self.neighbours: dict[tuple[str, Ip], tuple[Mac, int]] = {}  # of a bridge: MAC, and until when it holds
        self.sending: dict[DevicePort, None] = {}
        self._secret = engine.stream(f"ovs {name} flows").getrandbits(32)
        self._depth = 0

    def number_ports(self) -> None:
        """Give each new port of the datapath the lowest number that is free, and take those of ports that are gone."""
        ports = [port for bridge in self.bridges.values() for port in bridge.ports.values()]
        names = [port.options.system_name if isinstance(port, TunnelPort) else port.name for port in ports]
        self.numbers = {name: number for name, number in self.numbers.items() if name in names or not number}
        for name in names:
            taken = set(self.numbers.values())
            self.numbers.setdefault(name, next(number for number in range(len(names) + 2) if number not in taken))

    # --- in and out in batches

    def poll(self, port: DevicePort) -> None:
        batch, port.waiting = port.waiting[:BATCH], port.waiting[BATCH:]
        if port.waiting:
            self.engine.post(0, self.poll, port)
        for frame in batch:
            if port.bridge.ports.get(port.number) is port:  # it may have been removed meanwhile
                port.bridge.normal(port, frame)
        sending, self.sending = self.sending, {}
        for target in sending:
            target.flush()

    # --- out of a tunnel port

    def push(self, port: TunnelPort, frame: Frame) -> None:
        """native_tunnel_output: the outer frame goes through the bridge that the way to the remote is by."""
        options = port.options
        way = self.kernel.way(options.remote, options.local)
        if way is None:
            return port.drop(frame, DropReason.NO_ROUTE)
        bridge = self.bridges.get(way.dev)
        if bridge is None:
            return port.drop(frame, DropReason.TUNNEL_OFF_BRIDGE)
        local = bridge.ports[LOCAL]
        assert isinstance(local, DevicePort)
        mac = self.neighbour(bridge, way.next_hop)
        if mac is None:
            port.drop(frame, DropReason.TUNNEL_NEIGHBOUR)
            return self._ask(bridge, local.dev.mac, way, frame)
        if self._depth >= MAX_DEPTH:
            return port.drop(frame, DropReason.NESTED_TOO_DEEP)
        self._depth += 1
        try:
            wire = encapsulate(options, frame.wire, way.source, (mac, local.dev.mac), self._secret)
            bridge.normal(local, Frame(wire, frame.trace_id, frame.cause))
        finally:
            self._depth -= 1

    def _ask(self, bridge: OvsBridge, mac: Mac, way: Way, frame: Frame) -> None:
        """tnl_send_arp_request: once for each frame that finds no neighbour."""
        request = arp.build(arp.Arp(arp.REQUEST, mac, way.source, ZERO_MAC, way.next_hop))
        wire = ethernet.build(BROADCAST_MAC, mac, ethernet.ARP, request)
        bridge.normal(None, Frame(wire, self.engine.next_trace_id(), frame.trace_id))

    def neighbour(self, bridge: OvsBridge, address: Ip) -> Mac | None:
        """An entry that is used lasts another 15 minutes."""
        mac, until = self.neighbours.get((bridge.name, address), (None, 0))
        if mac is None or self.engine.now >= until:
            return None
        self._learn(bridge, address, mac)
        return mac

    def _learn(self, bridge: OvsBridge, address: Ip, mac: Mac) -> None:
        self.neighbours[bridge.name, address] = mac, self.engine.now + NEIGHBOUR_NS

    # --- into a tunnel port

    def terminate(self, local: DevicePort, frame: Frame) -> bool:
        """terminate_native_tunnel: what would go up to the host is a tunnel's, or says where a neighbour is."""
        wire = frame.wire
        if wire[12:14] == ethernet.ARP:
            self._snoop(local, wire)
            return False
        kind = is_tunnelled(wire[14:]) if wire[12:14] == ethernet.IPV4 and wire[:6] == local.dev.mac else None
        if kind is None or not any(self._is_of(port.options, kind) for port in self.tunnels):
            return False
        if Ip(wire[30:34]) not in self.kernel.addresses_of(local.dev):
            return False
        self._learn(local.bridge, Ip(wire[26:30]), Mac(wire[6:12]))
        self._pop(local, kind[0], frame)
        return True

    @staticmethod
    def _is_of(options: TunnelOptions, kind: tuple[str, int]) -> bool:
        return options.kind == kind[0] and (kind[0] == "gre" or options.port == kind[1])

    def _snoop(self, local: DevicePort, wire: bytes) -> None:
        """tnl_arp_snoop: answers to us, and announcements."""
        packet = arp.parse(wire[14:])
        if packet is None or packet.sender_mac == ZERO_MAC:
            return
        announced = packet.sender_ip == packet.target_ip
        if announced or (packet.operation == arp.REPLY and packet.target_ip in self.kernel.addresses_of(local.dev)):
            self._learn(local.bridge, packet.sender_ip, packet.sender_mac)

    def _pop(self, local: DevicePort, kind: str, frame: Frame) -> None:
        packet = frame.wire[14:]
        found = decapsulate(kind, packet)
        if found is None:
            return local.drop(frame, DropReason.MALFORMED)
        fitting = [
            port
            for port in self.tunnels
            if self._is_of(port.options, (kind, found.port))
            and port.options.remote == found.src
            and port.options.local in {ANY, found.dst}
            and (port.options.in_key or 0) == (found.key or 0)
        ]
        if not fitting:
            return local.drop(frame, DropReason.NO_TUNNEL)
        port = max(fitting, key=lambda each: each.options.local != ANY)
        inner = marked(packet, found.inner)
        if inner is None:
            return local.drop(frame, DropReason.NOT_ECN_CAPABLE)
        port.bridge.normal(port, Frame(inner, frame.trace_id, frame.cause))
