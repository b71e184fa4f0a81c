"""Macvlans: devices with addresses of their own on one parent (drivers/net/macvlan.c).

The parent hands each frame to the macvlan it is for before its own namespace sees it, and what a macvlan sends leaves by the parent without
passing its namespace: that is why a host and its own macvlans cannot talk. Modes, as the kernel's:
  bridge    siblings reach each other directly: their frames turn round at the parent, where its taps see them, and never go out
  vepa      everything goes out; a switch that sends it back (reflects it) reaches siblings
  private   as vepa, and what comes back does not reach siblings
  passthru  the only child of its parent, with the parent's address, gets all that comes in

Not modelled: mode source, `nodst`, lists of groups that a device has joined (it gets them all), queues for broadcasts that overflow.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Any

from emu.netdev.device import NetDevice
from emu.netdev.drop import DropReason
from emu.packet.address import Mac
from emu.packet.frame import Frame

if TYPE_CHECKING:
    from emu.engine import Engine

MODES = ("private", "vepa", "bridge", "passthru")
BACKLOG_NS = 5_000  # a softirq's delay, as between the ends of a veth


class MacvlanPort:
    """What a parent has for its macvlans."""

    def __init__(self, parent: NetDevice) -> None:
        self.parent = parent
        self.own_mac = parent.mac
        self.children: list[Macvlan] = []

    @property
    def passthru(self) -> bool:
        return any(child.mode == "passthru" for child in self.children)

    def find(self, mac: bytes) -> Macvlan | None:
        """Among those that are up, as in the kernel's table."""
        return next((child for child in self.children if child.up and child.mac == mac), None)

    def handle_frame(self, dev: NetDevice, frame: Frame) -> None:
        """The parent's rx_handler: macvlan_handle_frame."""
        if frame.wire[0] & 1:
            return self._handle_multicast(dev, frame)
        child = self.children[0] if self.passthru else self.find(frame.wire[:6])
        if child is None:
            dev.netns.receive(dev, frame)
        elif child.up:
            child.receive(frame)
        else:
            dev.drop(frame, DropReason.DEVICE_DOWN, rx=True)

    def _handle_multicast(self, dev: NetDevice, frame: Frame) -> None:
        """To the children, but for a child's whose siblings have it already or must not have it; then to the parent's own stack."""
        source = self.find(frame.wire[6:12])
        if source is None:
            self.flood(frame, None, MODES)
        elif source.mode == "vepa":
            self.flood(frame, source, ("vepa", "bridge"))
        elif source.mode == "bridge":
            self.flood(frame, source, ("vepa",))
        else:
            return source.receive(frame)
        dev.netns.receive(dev, frame)

    def flood(self, frame: Frame, source: Macvlan | None, modes: tuple[str, ...]) -> None:
        for child in self.children:
            if child.up and child is not source and child.mode in modes:
                self.parent.engine.post(BACKLOG_NS, child.receive, frame)

    def close(self) -> None:
        """The parent goes, and its children with it."""
        for child in list(self.children):
            child.netns.delete_device(child)

    def parent_changed(self) -> None:
        """NETDEV_CHANGEMTU and NETDEV_CHANGEADDR: no child has a larger MTU; one that passes through has the parent's address."""
        for child in self.children:
            if child.mtu > self.parent.mtu:
                child.netns.set_mtu(child, self.parent.mtu)
            if child.mode == "passthru":
                child.mac = self.parent.mac


class Macvlan(NetDevice):
    """One child of `parent`. Without an MTU of its own it has the parent's."""

    kind = "macvlan"
    parent: NetDevice
    port: MacvlanPort

    def __init__(self, engine: Engine, name: str, mac: Mac, parent: NetDevice, mode: str = "vepa", mtu: int | None = None) -> None:
        """Raises OSError: EINVAL for a parent that takes no (further) child, EBUSY for one that is a bridge's port."""
        lower: NetDevice = parent.parent if isinstance(parent, Macvlan) else parent
        port: MacvlanPort = lower.macvlans or MacvlanPort(lower)
        if lower.kind == "loopback" or port.passthru or (mode == "passthru" and port.children) or (mtu or 0) > lower.mtu:
            raise OSError(errno.EINVAL, "Invalid argument")
        if lower.master is not None:
            raise OSError(errno.EBUSY, "Device or resource busy")
        super().__init__(engine, name, lower.mac if mode == "passthru" else mac, mtu or lower.mtu)
        self.parent, self.port, self.mode = lower, port, mode
        port.children.append(self)
        lower.macvlans, lower.rx_handler = port, port.handle_frame

    @property
    def carrier(self) -> bool:
        return self.parent.up and self.parent.carrier

    @property
    def largest_mtu(self) -> int:
        return self.parent.mtu

    def start_xmit(self, frame: Frame) -> None:
        """macvlan_queue_xmit."""
        if self.mode == "bridge":
            dst = frame.wire[:6]
            if dst[0] & 1:
                self.port.flood(frame, self, ("bridge",))
            else:
                sibling = self.port.find(dst)
                if sibling is not None and sibling.mode == "bridge":
                    return self.engine.post(BACKLOG_NS, self.parent.receive, frame)
        self.parent.transmit(frame)

    def set_up(self, up: bool) -> None:
        """Raises OSError EADDRINUSE for the address of the parent or of a sibling."""
        if up:
            self._check_address(self.mac)
        super().set_up(up)

    def set_mac(self, mac: Mac) -> None:
        """Raises OSError EADDRINUSE as `set_up` does."""
        if self.mode == "passthru":
            return self.parent.netns.set_mac(self.parent, mac)  # type: ignore[no-any-return]
        if self.up:
            self._check_address(mac)
        super().set_mac(mac)

    def _check_address(self, mac: Mac) -> None:
        if self.mode != "passthru" and (mac == self.parent.mac or self.port.find(mac) not in {None, self}):
            raise OSError(errno.EADDRINUSE, "Address already in use")

    def set_mode(self, mode: str) -> None:
        """Raises OSError EINVAL: a device does not begin or cease to pass through."""
        if "passthru" in {mode, self.mode} and mode != self.mode:
            raise OSError(errno.EINVAL, "Invalid argument")
        self.mode = mode

    def delete(self) -> None:
        super().delete()
        self.port.children.remove(self)
        if not self.port.children:
            self._leave_parent()

    def _leave_parent(self) -> None:
        """The last child goes; an address that one passing through has set goes with it (macvlan_port_destroy)."""
        parent = self.parent
        parent.macvlans = None
        parent.rx_handler = parent.netns.receive if parent.netns is not None else None
        if self.mode == "passthru" and parent.mac != self.port.own_mac and parent.netns is not None:
            parent.netns.set_mac(parent, self.port.own_mac)

    def details(self) -> dict[str, Any]:
        return {"mode": self.mode, "bcqueuelen": 1000, "usedbcqueuelen": 1000}
