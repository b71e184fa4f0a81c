"""A device's carrier is noticed a moment after it has changed (net/core/link_watch.c); others' hang on it: a veth's other end, a bridge, a
macvlan. Who watches `Netns.on_link` is told here. Not modelled: that moment; it is the same one.
"""

from __future__ import annotations

from emu.netdev.device import NetDevice


def carriers_behind(dev: NetDevice) -> list[tuple[NetDevice, bool]]:
    """All whose carrier may hang on the device, and what it is."""
    found = [dev]
    for each in found:
        found += [other for other in each.followers() if other not in found]
    return [(other, other.carrier) for other in found[1:]]


def settle(dev: NetDevice, followers: list[tuple[NetDevice, bool]]) -> None:
    """The carrier is noticed (linkwatch): the device's own, and that of those that hang on it."""
    _tell_master(dev)
    if dev.up:
        dev.changed("settled")
    for other, carrier in followers:
        if other.up and other.carrier != carrier:
            _tell_master(other)
            other.changed()


def _tell_master(dev: NetDevice) -> None:
    if dev.master is not None:
        dev.master.port_carrier_changed(dev)
        dev.changed("port")
