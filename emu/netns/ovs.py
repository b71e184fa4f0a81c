"""ovs-vswitchd: makes the bridges and ports that the database of Open vSwitch asks for (vswitchd/bridge.c 3.1).

A device that is named and not there yet becomes a port when it appears. Not modelled: bridges of the kernel's own datapath
(`datapath_type=system`, the default), patch ports, types of interfaces other than system, internal, gre and vxlan.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from emu.netdev.device import NetDevice
from emu.netdev.ovs import LOCAL, OvsBridge, OvsPort
from emu.netdev.ovs_datapath import DevicePort, OvsDatapath, OvsInternal, TunnelPort, Way
from emu.netdev.ovs_tunnel import KINDS, parse_options
from emu.packet.address import Ip, Mac, mac

if TYPE_CHECKING:
    from emu.netns.namespace import Netns


@dataclass
class Interface:
    """A record of the tables Port and Interface, which are one to one without bonds."""

    name: str
    type: str = ""
    options: dict[str, str] = field(default_factory=dict)
    error: str = ""


@dataclass
class BridgeRecord:
    """A record of the table Bridge; its own port is first of its interfaces."""

    name: str
    datapath_type: str = ""
    other_config: dict[str, str] = field(default_factory=dict)
    interfaces: dict[str, Interface] = field(default_factory=dict)


class OvsSwitch:
    """A host's database and what the daemon has made of it."""

    def __init__(self, netns: Netns) -> None:
        self.netns = netns
        self.engine = netns.engine
        self._random = self.engine.stream(f"ovs {netns.name}")
        self.uuid = _random_uuid(self._random.randbytes(16))
        self.records: dict[str, BridgeRecord] = {}
        self.datapath = OvsDatapath(self.engine, self, netns.name)
        netns.on_device.append(lambda dev, _: self.engine.post(0, self._device_changed, dev.name))

    # --- what the datapath asks of the kernel

    def way(self, dst: Ip, src: Ip) -> Way | None:
        try:
            route, source = self.netns.ipv4.route(dst, src)
        except OSError:
            return None
        assert route.dev is not None
        return Way(route.dev.name, source, route.via or dst)

    def addresses_of(self, dev: NetDevice) -> set[Ip]:
        return {address.ip for address in self.netns.addresses(dev)} if dev.netns is self.netns else set()

    # --- the database

    def commit(self, records: dict[str, BridgeRecord]) -> list[Interface]:
        """Take a changed copy of the database over; the interfaces that could not be made, with the reasons."""
        before = {(bridge.name, port.name): deepcopy(port) for bridge in self.records.values() for port in bridge.interfaces.values()}
        self.records = records
        self.reconfigure()
        now = {(bridge.name, port.name): port for bridge in records.values() for port in bridge.interfaces.values()}
        return [port for key, port in now.items() if port.error and before.get(key) != port]

    def bridge_of(self, port: str) -> BridgeRecord | None:
        return next((bridge for bridge in self.records.values() if port in bridge.interfaces), None)

    def port(self, bridge: str, name: str) -> OvsPort | None:
        """The running port; None if it could not be made."""
        running = self.datapath.bridges.get(bridge)
        return next((port for port in running.ports.values() if port.name == name), None) if running is not None else None

    # --- the daemon

    def _device_changed(self, name: str) -> None:
        if self.bridge_of(name) is not None:
            self.reconfigure()

    def reconfigure(self) -> None:
        """bridge_reconfigure: take away what is not wanted any more, then add what is missing."""
        for running in list(self.datapath.bridges.values()):
            self._remove_unwanted(running, self.records.get(running.name))
        for record in self.records.values():
            if record.name not in self.datapath.bridges and not self._add_bridge(record):
                continue
            running = self.datapath.bridges[record.name]
            for interface in record.interfaces.values():
                if self.port(record.name, interface.name) is None:
                    interface.error = self._add_port(running, interface)
            self._set_address_and_mtu(running, record)
        self.datapath.number_ports()

    def _remove_unwanted(self, running: OvsBridge, record: BridgeRecord | None) -> None:
        for port in list(running.ports.values()):
            wanted = record.interfaces.get(port.name) if record is not None else None
            if wanted is None or not self._is_as_wanted(port, wanted):
                self._remove_port(running, port)
        if record is None:
            del self.datapath.bridges[running.name]
        if not self.datapath.bridges and self.datapath.device_name in self.netns.devices:
            self.netns.delete_device(self.netns.devices[self.datapath.device_name])

    def _is_as_wanted(self, port: OvsPort, wanted: Interface) -> bool:
        if isinstance(port, TunnelPort):
            return wanted.type == port.options.kind and _options_or_none(wanted) == port.options
        assert isinstance(port, DevicePort)
        return wanted.type == ("internal" if port.is_internal else "") and self.netns.devices.get(port.name) is port.dev

    def _remove_port(self, running: OvsBridge, port: OvsPort) -> None:
        running.remove(port)
        if isinstance(port, TunnelPort):
            self.datapath.tunnels.remove(port)
            return
        assert isinstance(port, DevicePort)
        port.detach()
        if port.is_internal and self.netns.devices.get(port.name) is port.dev:
            self.netns.delete_device(port.dev)

    def _add_bridge(self, record: BridgeRecord) -> bool:
        """A bridge is there if its own device can be made."""
        if record.name in self.netns.devices:
            return False
        if not self.datapath.bridges:
            self._make_device(self.datapath.device_name)
        running = OvsBridge(self.engine, record.name)
        self.datapath.bridges[record.name] = running
        running.add(DevicePort(self.datapath, running, self._make_device(record.name), LOCAL))
        return True

    def _make_device(self, name: str) -> OvsInternal:
        dev = OvsInternal(self.engine, name, self._random_mac(name))
        self.netns.add_device(dev)
        return dev

    def _random_mac(self, name: str) -> Mac:
        wire = bytearray(self.engine.stream(f"mac {self.netns.name}/{name}").randbytes(6))
        wire[0] = wire[0] & 0xFE | 0x02
        return Mac(bytes(wire))

    def _add_port(self, running: OvsBridge, interface: Interface) -> str:
        """Make a port; what is wrong if it cannot be made."""
        name = interface.name
        if interface.type in KINDS:
            return self._add_tunnel(running, interface)
        if interface.type not in {"", "system", "internal"}:
            return f"could not open network device {name} (Address family not supported by protocol)"
        dev = self.netns.devices.get(name)
        if interface.type == "internal":
            if dev is not None:
                return f"could not open network device {name} (File exists)"
            dev = self._make_device(name)
        if dev is None:
            return f"could not open network device {name} (No such device)"
        running.add(DevicePort(self.datapath, running, dev, running.free_number()))
        return ""

    def _add_tunnel(self, running: OvsBridge, interface: Interface) -> str:
        try:
            options = parse_options(interface.name, interface.type, interface.options)
        except ValueError as error:
            return str(error)
        if any(options.ends == other.options.ends for other in self.datapath.tunnels):
            return f"could not add network device {interface.name} to ofproto (File exists)"
        port = TunnelPort(self.datapath, running, interface.name, running.free_number(), options)
        self.datapath.tunnels.append(port)
        running.add(port)
        return ""

    def _set_address_and_mtu(self, running: OvsBridge, record: BridgeRecord) -> None:
        """The bridge's own device: `hwaddr`, or the lowest address that a manufacturer gave a port; the smallest MTU of its ports."""
        local = running.ports[LOCAL]
        assert isinstance(local, DevicePort)
        others = [port.dev for port in running.ports.values() if isinstance(port, DevicePort) and not port.is_internal]
        given = record.other_config.get("hwaddr")
        lowest = min((dev.mac for dev in others if not dev.mac[0] & 2 and any(dev.mac)), default=None)
        wanted = _mac_or_none(given) or lowest or local.dev.mac
        if wanted != local.dev.mac:
            self.netns.set_mac(local.dev, wanted)
        mtu = min((dev.mtu for dev in others), default=local.dev.mtu)
        if mtu != local.dev.mtu:
            self.netns.set_mtu(local.dev, mtu)


def _random_uuid(data: bytes) -> str:
    """Version 4 (RFC 4122)."""
    text = bytes([*data[:6], data[6] & 0x0F | 0x40, data[7], data[8] & 0x3F | 0x80, *data[9:]]).hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def _options_or_none(interface: Interface) -> object:
    try:
        return parse_options(interface.name, interface.type, interface.options)
    except ValueError:
        return None


def _mac_or_none(text: str | None) -> Mac | None:
    try:
        found = mac(text) if text else None
    except ValueError:
        return None
    return found if found is not None and not found[0] & 1 and any(found) else None
