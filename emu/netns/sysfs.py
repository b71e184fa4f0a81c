"""/sys/class/net of a namespace (net/core/net-sysfs.c, net/bridge/br_sysfs_br.c): what scripts read of a device; nothing is written there.

Not modelled: speed, duplex, queues, the attributes in `bridge` and `brport`, and all of /sys that is not of a network device.
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from emu.netdev.bridge import Bridge
from emu.netdev.ip_tunnel import IpTunnel
from emu.netdev.macvlan import Macvlan
from emu.netdev.veth import Veth
from emu.packet.address import mac_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from emu.netdev.device import NetDevice
    from emu.netns.namespace import Netns

ROOT = "/sys/class/net"
UP, BROADCAST, LOOPBACK, POINTOPOINT, NOARP, PROMISC, ALLMULTI, MULTICAST = 0x1, 0x2, 0x8, 0x10, 0x80, 0x100, 0x200, 0x1000  # if.h
OF_KIND = {"loopback": LOOPBACK, "dummy": BROADCAST | NOARP, "tun": POINTOPOINT | MULTICAST | NOARP, "gre": NOARP, "ipip": NOARP}
HARDWARE = {"loopback": 772, "ipip": 768, "gre": 778, "tun": 65534}  # ARPHRD_…; all others are Ethernet, 1
NO_STATE = frozenset({"loopback", "dummy", "vxlan", "gre", "gretap", "ipip", "tun", "tap"})  # their state is unknown


def linked(dev: NetDevice) -> NetDevice | None:
    """The device that it hangs on (IFLA_LINK): a veth's other end, a macvlan's parent, a tunnel's `dev`."""
    if isinstance(dev, IpTunnel):
        return dev.config.lower
    return dev.peer if isinstance(dev, Veth) else dev.parent if isinstance(dev, Macvlan) else None


def operstate(dev: NetDevice) -> str:
    if not dev.up:
        return "down"
    if dev.carrier:
        return "unknown" if dev.kind in NO_STATE else "up"
    lower = linked(dev)
    return "lowerlayerdown" if lower is not None and lower.netns is dev.netns else "down"


def _flags(dev: NetDevice) -> str:
    port = PROMISC | ALLMULTI if dev.master is not None else PROMISC if dev.promiscuous else 0
    return hex((UP if dev.up else 0) | OF_KIND.get(dev.kind, BROADCAST | MULTICAST) | port)


def _carrier(dev: NetDevice) -> str:
    if not dev.up:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
    return str(int(dev.carrier))


ATTRIBUTES: dict[str, Callable[[NetDevice], object]] = {
    "address": lambda dev: mac_text(dev.mac),
    "carrier": _carrier,
    "flags": _flags,
    "ifindex": lambda dev: dev.ifindex,
    "iflink": lambda dev: (linked(dev) or dev).ifindex,
    "mtu": lambda dev: dev.mtu,
    "operstate": operstate,
    "tx_queue_len": lambda dev: dev.txqueuelen,
    "type": lambda dev: HARDWARE.get(dev.kind, 1),
}
STATISTICS = ("rx_bytes", "rx_dropped", "rx_packets", "tx_bytes", "tx_dropped", "tx_packets")


def names(netns: Netns, directory: str) -> list[str] | None:
    """What is in a directory below /sys/class; None if there is none."""
    parts = directory.removeprefix("/sys/class").strip("/").split("/")
    if parts == [""]:
        return ["net"]
    if parts == ["net"]:
        return sorted(netns.devices)
    dev = netns.devices.get(parts[1]) if parts[0] == "net" else None
    if dev is None:
        return None
    bridge = isinstance(dev, Bridge)
    if len(parts) == 2:
        return sorted([*ATTRIBUTES, "statistics", *(["brif"] if bridge else [])])
    if len(parts) == 3 and parts[2] == "statistics":
        return list(STATISTICS)
    return sorted(port.name for port in dev.ports) if isinstance(dev, Bridge) and parts[2:] == ["brif"] else None


def exists(netns: Netns, path: str) -> bool:
    """Is a file there?"""
    directory, _, name = path.rpartition("/")
    return names(netns, path) is None and name in (names(netns, directory) or ()) and not directory.endswith("/brif")


def read(netns: Netns, path: str) -> str:
    """The text of a file that exists. Raises OSError (EINVAL) for the carrier of a device that is down."""
    _, device, *rest = path.removeprefix("/sys/class/").split("/")
    dev = netns.devices[device]
    value = getattr(dev.counters, rest[1]) if rest[0] == "statistics" else ATTRIBUTES[rest[0]](dev)
    return f"{value}\n"
