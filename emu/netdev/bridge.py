"""The Linux bridge (net/bridge/br_input.c, br_forward.c, br_device.c, br_if.c), in the order in which a frame passes through it.

Not modelled: spanning tree (ports forward at once, as with STP off), VLAN filtering, multicast snooping (group traffic is flooded), IGMP
and MLD of the bridge itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from emu.netdev.device import ETHERNET_OVERHEAD, RX, NetDevice
from emu.netdev.drop import DropReason
from emu.netdev.fdb import Fdb
from emu.packet.address import ZERO_MAC, Mac
from emu.packet.ethernet import IPV4
from emu.packet.frame import Frame

if TYPE_CHECKING:
    from weakref import WeakValueDictionary

    from emu.engine import Engine
    from emu.packet.datagram import Datagram

LINK_LOCAL = b"\x01\x80\xc2\x00\x00"  # 01:80:c2:00:00:0x: never forwarded but for …:00 without STP


class BridgePort:
    """A device enslaved to a bridge, with what `bridge -d link` shows."""

    __slots__ = ("bridge", "cost", "dev", "flood", "hairpin", "isolated", "learning", "number", "priority")

    def __init__(self, bridge: Bridge, dev: NetDevice, number: int) -> None:
        self.bridge = bridge
        self.dev = dev
        self.number = number
        self.hairpin = False
        self.learning = True
        self.flood = True
        self.isolated = False
        self.cost = 2  # a veth reports 10 Gbit/s
        self.priority = 32


class BridgeNetfilter(Protocol):
    """br_netfilter: the namespace's hooks for bridged IPv4 frames. None means that the frame ends there, counted."""

    def prerouting(self, port: BridgePort, frame: Frame) -> tuple[Frame, Datagram] | None: ...

    def forward(self, source: BridgePort, target: BridgePort, frame: Frame, datagram: Datagram) -> list[Frame]: ...

    waiting: WeakValueDictionary[int, Datagram]

    def resume(self, sent: Frame) -> tuple[BridgePort, Frame, Datagram] | None: ...


class Bridge(NetDevice):
    """A bridge device and its ports; towards the host it is a device like others, with its own address."""

    kind = "bridge"

    def __init__(self, engine: Engine, name: str, mac: Mac | None = None, mtu: int = 1500) -> None:
        super().__init__(engine, name, mac or Mac(b"\x02" + engine.stream(f"bridge {name}").randbytes(5)), mtu)
        self.mac_is_set = mac is not None
        self.mtu_is_set = False
        self.forward_delay = 1500  # hundredths of a second; without spanning tree nothing waits for it
        self.ports: dict[NetDevice, BridgePort] = {}
        self.has_had_ports = False
        self.told_carrier = False
        self.fdb: Fdb[BridgePort | None] = Fdb()
        self.fdb.add(self.mac, None, 0, is_local=True)
        self.call_iptables: BridgeNetfilter | None = None

    @property
    def carrier(self) -> bool:
        return any(dev.up and dev.carrier for dev in self.ports)

    def changed(self, what: str = "changed") -> None:
        self.told_carrier = self.carrier
        super().changed(what)

    # --- a frame from a port

    def handle_frame(self, dev: NetDevice, frame: Frame) -> None:
        """The rx_handler of every port: br_handle_frame."""
        port = self.ports[dev]
        wire = frame.wire
        if wire[6] & 1 or wire[6:12] == ZERO_MAC:
            return dev.drop(frame, DropReason.BRIDGE_INVALID_SOURCE, rx=True)
        if not self.up:
            return dev.drop(frame, DropReason.DEVICE_DOWN, rx=True)
        if wire[0] == 1 and wire[:5] == LINK_LOCAL and 0 < wire[5] < 16:
            return dev.drop(frame, DropReason.BRIDGE_LINK_LOCAL, rx=True)
        if self.call_iptables is not None and wire[12:14] == IPV4:
            passed = self.call_iptables.prerouting(port, frame)
            if passed is not None:
                self._forward_or_up(port, *passed)
            return
        self._forward_or_up(port, frame, None)

    def _forward_or_up(self, port: BridgePort, frame: Frame, datagram: Datagram | None) -> None:
        """br_handle_frame_finish: learn, then to a port, to all, or up to the host."""
        wire = frame.wire
        fdb = self.fdb
        now = self.engine.now
        if port.learning:
            known = fdb.entries.get(wire[6:12])
            if known is not None and known.port is port and not known.is_local:
                known.updated_ns = now  # what learn() comes to for nearly every frame
            else:
                fdb.learn(wire[6:12], port, now)
        dst = wire[:6]
        if dst[0] & 1:
            self._flood(port, frame, datagram)
            return self._pass_up(frame, datagram)
        entry = fdb.lookup(dst, now)
        if entry is None:
            self._flood(port, frame, datagram)
        elif entry.is_local or entry.port is None:
            return self._pass_up(frame, datagram)
        elif entry.port is port and not port.hairpin:
            port.dev.drop(frame, DropReason.BRIDGE_SAME_PORT, rx=True)
        elif datagram is None and not port.isolated and entry.port.dev.up:
            self._push(entry.port.dev, frame)  # what _deliver() comes to for nearly every frame
        else:
            self._deliver(port, entry.port, frame, datagram)
        if self.macvlans is not None or self.promiscuous:
            self._pass_up(frame, datagram)
        elif self.taps:  # a bridge in promiscuous mode, as tcpdump sets it, gets its own copy of what it forwards
            for tap in self.taps:
                tap(self, RX, frame)

    def _flood(self, source: BridgePort | None, frame: Frame, datagram: Datagram | None = None) -> None:
        multicast = frame.wire[0] & 1
        for port in list(self.ports.values()):
            if (port is not source or port.hairpin) and (port.flood or multicast):
                self._deliver(source, port, frame, datagram)

    def _deliver(self, source: BridgePort | None, target: BridgePort, frame: Frame, datagram: Datagram | None) -> None:
        """__br_forward: to one port, if it may (isolated ports talk to others only)."""
        if not target.dev.up:
            return target.dev.drop(frame, DropReason.DEVICE_DOWN)
        if source is not None and source.isolated and target.isolated:
            return target.dev.drop(frame, DropReason.BRIDGE_NO_PORT)
        if datagram is not None and source is not None and self.call_iptables is not None:
            for passed in self.call_iptables.forward(source, target, frame, datagram):
                self._push(target.dev, passed)
        else:
            self._push(target.dev, frame)

    def _push(self, dev: NetDevice, frame: Frame) -> None:
        if len(frame.wire) > dev.mtu + 14:
            return dev.drop(frame, DropReason.TOO_BIG)
        dev.transmit(frame)

    def _pass_up(self, frame: Frame, datagram: Datagram | None) -> None:
        """br_pass_frame_up: the frame goes on as one received by the bridge device."""
        self.bridged = datagram
        if self.up:
            self.counters.rx_bytes -= ETHERNET_OVERHEAD  # it counts what is behind the header
        self.receive(frame)
        self.bridged = None

    # --- a frame from the host

    def start_xmit(self, frame: Frame) -> None:
        """br_dev_xmit."""
        hooks = self.call_iptables
        if hooks is not None and hooks.waiting:
            resumed = hooks.resume(frame)
            if resumed is not None:
                return self._forward_or_up(*resumed)
        dst = frame.wire[:6]
        entry = None if dst[0] & 1 else self.fdb.lookup(dst, self.engine.now)
        if entry is None or entry.port is None:
            if not self.ports:
                return self.drop(frame, DropReason.BRIDGE_NO_PORT)
            return self._flood(None, frame)
        if entry.port.dev.up:
            return self._push(entry.port.dev, frame)  # what _deliver() comes to for nearly every frame
        self._deliver(None, entry.port, frame, None)

    # --- ports

    def enslave(self, dev: NetDevice) -> BridgePort:
        """`ip link set DEV master BRIDGE`."""
        taken = {port.number for port in self.ports.values()}
        port = BridgePort(self, dev, next(number for number in range(1, 1024) if number not in taken))
        self.ports[dev] = port
        self.has_had_ports = True
        dev.master = self
        dev.rx_handler = self.handle_frame
        dev.changed()
        self.fdb.add(dev.mac, port, self.engine.now, is_local=True)
        dev.changed("port")
        self._follow_ports()
        return port

    def release(self, dev: NetDevice) -> None:
        """`ip link set DEV nomaster`; the namespace takes over what the device receives."""
        port = self.ports.pop(dev)
        self.fdb.forget_port(port)
        dev.changed("unport")
        dev.master = None
        dev.rx_handler = dev.netns.receive if dev.netns is not None else None
        dev.changed()
        self._follow_ports()

    def set_mac(self, mac: Mac) -> None:
        self.mac_is_set = True
        self._take_mac(mac)
        if self.macvlans is not None:
            self.macvlans.parent_changed()

    def _take_mac(self, mac: Mac) -> None:
        if mac != self.mac:
            old = self.fdb.entries.get(self.mac)
            if old is not None and old.port is None:  # not a port's, which stays
                self.fdb.remove(self.mac)
            self.mac = mac
        if mac != ZERO_MAC and mac not in self.fdb.entries:
            self.fdb.add(mac, None, self.engine.now, is_local=True)

    def port_mac_changed(self, dev: NetDevice) -> None:
        """br_fdb_changeaddr: the port's old address is no longer one of the bridge's own."""
        port = self.ports[dev]
        for entry in [entry for entry in self.fdb.entries.values() if entry.is_local and entry.port is port]:
            self.fdb.remove(entry.mac)
        self.fdb.add(dev.mac, port, self.engine.now, is_local=True)
        self._follow_ports()

    def port_carrier_changed(self, dev: NetDevice) -> None:
        """br_port_carrier_check: with the carrier goes what was learned at the port (br_stp_disable_port)."""
        if not (dev.up and dev.carrier):
            self.fdb.flush(self.ports[dev])

    def port_mtu_changed(self) -> None:
        self._follow_ports()

    def _follow_ports(self) -> None:
        """Without an address of its own a bridge takes its ports' lowest, zeros after the last has gone; and their smallest MTU."""
        before = self.mac, self.mtu
        if not self.mac_is_set:
            self._take_mac(min((dev.mac for dev in self.ports), default=ZERO_MAC))
        elif self.mac not in self.fdb.entries:
            self._take_mac(self.mac)
        if not self.mtu_is_set:
            self.mtu = min((dev.mtu for dev in self.ports), default=1500)
        if before != (self.mac, self.mtu):
            self.changed("address" if self.mac != before[0] else "changed")
        if self.carrier != self.told_carrier:
            self.changed()
        for dev, port in self.ports.items():  # one whose address was another's too, which has gone (fdb_delete_local)
            if dev.mac not in self.fdb.entries:
                self.fdb.add(dev.mac, port, self.engine.now, is_local=True)

    def delete(self) -> None:
        for dev in list(self.ports):
            self.release(dev)
        super().delete()

    def details(self) -> dict[str, Any]:
        return {"ageing_time": self.fdb.ageing_ns // 10_000_000, "stp_state": 0, "forward_delay": self.forward_delay, "priority": 32768}
