"""The address of a back end's own device: the subnet's first one, /32, and no other (flannel, pkg/ip, EnsureV4AddressOnLink)."""

from __future__ import annotations

from emu.netdev.device import NetDevice
from emu.netns.namespace import Netns
from emu.packet.address import Ip


def set_only_address(netns: Netns, device: NetDevice, address: Ip, *, broadcast: bool) -> None:
    """Give the device this address; those of an earlier subnet go."""
    for there in list(netns.addresses(device)):
        if (there.ip, there.length) == (address, 32):
            return
        netns.remove_address(device, there.ip, there.length)
    netns.add_address(device, address, 32, broadcast=address if broadcast else None)
