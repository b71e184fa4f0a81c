"""ethtool(8) 6.1: settings, -i (driver) and -S (statistics) of veths, bridges and loopback. A NIC shows as a veth does, but has no peer.

Not modelled: offloads (-k), rings, coalescing, and all that changes a device.
"""

from __future__ import annotations

from emu.netdev.device import NetDevice
from emu.netdev.veth import Veth
from emu.process import Process, UsageError
from emu.programs.libc.getopt import getopt

BAD_LINE = "ethtool: bad command line argument(s)\nFor more information run ethtool -h"
NO_DEVICE = "netlink error: no device matches name (offset 24)\nnetlink error: No such device"
REQUESTS = 5  # a device's settings are asked for in five parts, each refused in the same words
LINK_MODES = """\tSupported ports: [  ]
\tSupported link modes:   Not reported
\tSupported pause frame use: No
\tSupports auto-negotiation: No
\tSupported FEC modes: Not reported
\tAdvertised link modes:  Not reported
\tAdvertised pause frame use: No
\tAdvertised auto-negotiation: No
\tAdvertised FEC modes: Not reported
"""
QUEUE = ("xdp_packets", "xdp_bytes", "drops", "xdp_redirect", "xdp_drops", "xdp_tx", "xdp_tx_errors")


async def main(process: Process, argv: list[str]) -> int:
    options = getopt(argv, "iS", {"driver": "i", "statistics": "S"})
    if len(options.words) != 1:
        raise UsageError(BAD_LINE, 1)
    dev = process.netns.devices.get(options.words[0])
    if dev is None:
        if "i" in options:
            raise UsageError("Cannot get driver information: No such device", 71)
        if "S" in options:
            raise UsageError("no stats available", 94)
        process.error("\n".join([NO_DEVICE] * REQUESTS))
        process.print("No data available")
        return 75
    if "S" in options:
        return _statistics(process, dev)
    process.write(_driver(dev) if "i" in options else _settings(dev))
    return 0


def _statistics(process: Process, dev: NetDevice) -> int:
    """The peer's number is how people find the other end of a container's veth."""
    if not isinstance(dev, Veth):
        raise UsageError("no stats available", 94)
    lines = [f"peer_ifindex: {dev.peer.ifindex if dev.peer is not None else 0}"]
    lines += [f"rx_queue_0_{name}: 0" for name in QUEUE] + ["tx_queue_0_xdp_xmit: 0", "tx_queue_0_xdp_xmit_errors: 0"]
    process.print("NIC statistics:\n" + "\n".join(f"     {line}" for line in lines))
    return 0


def _driver(dev: NetDevice) -> str:
    if dev.kind == "loopback":
        raise UsageError("Cannot get driver information: Operation not supported", 71)
    bridge = dev.kind == "bridge"
    version, nothing = ("2.3", "N/A") if bridge else ("1.0", "")
    values = {
        "driver": dev.kind or "veth",
        "version": version,
        "firmware-version": nothing,
        "expansion-rom-version": "",
        "bus-info": nothing,
    }
    values |= {"supports-statistics": "yes" if isinstance(dev, Veth) else "no"}
    values |= dict.fromkeys(("supports-test", "supports-eeprom-access", "supports-register-dump", "supports-priv-flags"), "no")
    return "".join(f"{name}: {value}\n" for name, value in values.items())


def _settings(dev: NetDevice) -> str:
    detected = f"\tLink detected: {'yes' if dev.up and dev.carrier else 'no'}\n"
    head = f"Settings for {dev.name}:\n"
    if dev.kind == "loopback":
        return head + detected
    speed, duplex, port, end = ("Unknown!", "Unknown! (255)", "Other", "") if dev.kind == "bridge" else (
        "10000Mb/s", "Full", "Twisted Pair", "\tMDI-X: Unknown\n")  # fmt: skip
    line = f"\tSpeed: {speed}\n\tDuplex: {duplex}\n\tAuto-negotiation: off\n\tPort: {port}\n\tPHYAD: 0\n\tTransceiver: internal\n"
    return head + LINK_MODES + line + end + detected
