"""Multicast group membership: IGMPv3 reports of a host (net/ipv4/igmp.c; RFC 3376).

A change is reported at once and, for lossy links, once more within a second. Not modelled: queries (their answers, older versions that
they would bring), source filters, IGMP of bridges.
"""

from __future__ import annotations

import errno
from collections import Counter
from typing import TYPE_CHECKING

from emu.engine import SECOND
from emu.netdev.device import NetDevice
from emu.netdev.drop import DropReason
from emu.packet import ipv4
from emu.packet.address import ANY, Ip, ip
from emu.packet.checksum import checksum

if TYPE_CHECKING:
    from emu.netns.namespace import Netns

ALL_HOSTS = ip("224.0.0.1")  # everybody is a member, nobody says so
ALL_IGMPV3_ROUTERS = ip("224.0.0.22")
ROUTER_ALERT = b"\x94\x04\x00\x00"
TOS_CONTROL = 0xC0
REPORT = 0x22
TO_INCLUDE = 3  # of no sources: leaves
TO_EXCLUDE = 4  # no sources: joins
ROBUSTNESS = 2  # sysctl igmp_qrv: how often a change is reported
FIRST_DELAY_NS = 4_000_000
INTERVAL_NS = 1 * SECOND


def report(kind: int, group: Ip) -> bytes:
    """A membership report with one group record without sources."""
    record = b"%c\x00\x00\x00%b" % (kind, group)
    message = b"%c\x00\x00\x00\x00\x00\x00\x01%b" % (REPORT, record)
    return message[:2] + checksum(message).to_bytes(2, "big") + message[4:]


class Igmp:
    """A namespace's groups, by device, with how many have joined."""

    def __init__(self, netns: Netns) -> None:
        self.netns = netns
        self.groups: Counter[tuple[NetDevice, Ip]] = Counter()
        self._random = netns.engine.stream(f"igmp {netns.chances}")

    def is_member(self, dev: NetDevice, group: bytes) -> bool:
        return group == ALL_HOSTS or self.groups[dev, Ip(group)] > 0

    def join(self, group: Ip, dev: NetDevice | None = None) -> None:
        """IP_ADD_MEMBERSHIP; without a device on the one that the route to the group takes. Raises OSError ENODEV, ENETUNREACH."""
        dev = dev or self._device(group)
        self.groups[dev, group] += 1
        if self.groups[dev, group] == 1:
            self.netns.forget_routes()
            self._report(dev, TO_EXCLUDE, group)

    def leave(self, group: Ip, dev: NetDevice | None = None) -> None:
        dev = dev or self._device(group)
        if self.groups[dev, group] == 0:
            return
        self.groups[dev, group] -= 1
        if not self.groups[dev, group]:
            del self.groups[dev, group]
            self.netns.forget_routes()
            self._report(dev, TO_INCLUDE, group)

    def _device(self, group: Ip) -> NetDevice:
        return self.netns.ipv4.route(group)[0].dev or self.netns.devices["lo"]

    def _report(self, dev: NetDevice, kind: int, group: Ip) -> None:
        if dev.kind == "loopback":
            return
        delay = FIRST_DELAY_NS
        for _ in range(ROBUSTNESS):
            self.netns.engine.call_later(delay, lambda: self._send(dev, kind, group))
            delay += self._random.randrange(INTERVAL_NS)

    def _send(self, dev: NetDevice, kind: int, group: Ip) -> None:
        if dev.netns is not self.netns or (kind == TO_EXCLUDE) != self.is_member(dev, group):
            return
        source = self.netns.best_source(dev, ALL_IGMPV3_ROUTERS) or ANY
        try:
            self.netns.ipv4.send(
                source,
                ALL_IGMPV3_ROUTERS,
                ipv4.IGMP,
                report(kind, group),
                ttl=1,
                tos=TOS_CONTROL,
                identification=0,
                options=ROUTER_ALERT,
                oif=dev,
            )
        except OSError as error:
            if error.errno != errno.EPERM:  # a rule of OUTPUT's has told of its drop
                self.netns.drops[DropReason.NO_ROUTE] += 1
