"""arp(8): the neighbour table as /proc/net/arp has it. net-tools' 2.10 on hosts, busybox's 1.35 in containers that have busybox.

Not modelled: published (proxy) entries, `-f`, hardware other than Ethernet.
"""

from __future__ import annotations

from emu.netdev.device import NetDevice
from emu.netns.neighbour import VALID, Neighbour, NeighbourState
from emu.packet.address import Ip, ip, ip_text, mac, mac_text
from emu.process import Process, UsageError
from emu.programs.libc.getopt import Options, getopt
from emu.programs.libc.resolver import UnknownName, name_of, resolve
from emu.programs.libc.userland import has_busybox

TITLE = "Address                  HWtype  HWaddress           Flags Mask            Iface"


async def main(process: Process, argv: list[str]) -> int:
    busybox = has_busybox(process.place)
    options = getopt(argv, "anvdsi:H:" if busybox else "anvedsi:H:", status=1 if busybox else 255)
    if options.text("H", "ether") != "ether" or (options.text("i") and options.text("i") not in process.netns.devices):
        raise UsageError(
            f"arp: {options.text('i') or options.text('H')}: unknown {'interface' if 'i' in options else 'hardware type'}", 255
        )
    arp = _Arp(process, options, busybox=busybox)
    if not process.place.net_admin and ("d" in options or "s" in options):
        text = "SIOCSARP: Operation not permitted" if "s" in options else "SIOCDARP(pub): Operation not permitted"
        raise UsageError(f"arp: {text}" if busybox else text, 1 if busybox else 255)
    if "d" in options:
        return arp.delete()
    if "s" in options:
        return arp.add()
    return arp.show()


class _Arp:
    def __init__(self, process: Process, options: Options, *, busybox: bool) -> None:
        self.process = process
        self.options = options
        self.busybox = busybox
        self.neighbours = process.netns.neighbours
        self.dev: NetDevice | None = process.netns.devices.get(options.text("i"))

    # --- show

    def show(self) -> int:
        """Entries that were never completed are shown by net-tools, not by busybox; those of devices without ARP by neither."""
        every = [entry for entry in self.neighbours.shown() if entry.state is not NeighbourState.FAILED or entry.mac is None]
        wanted = self._address() if self.options.words else None
        found = [entry for entry in every if (wanted is None or entry.ip == wanted) and self.dev in {None, entry.dev}]
        if self.busybox:
            found = [entry for entry in found if entry.state in VALID]
            for entry in found:
                self.process.print(self._bsd_line(entry))
            if wanted is not None and not found:
                self.process.print(f"No match found in {len(every)} entries")
            return 0
        if wanted is not None and not found:
            self.process.print(f"{self.options.words[0]} ({ip_text(wanted)}) -- no entry")
            return 1 if "a" in self.options else 0
        if "a" not in self.options and found:
            self.process.print(TITLE)
        for entry in found:
            self.process.print(self._bsd_line(entry) if "a" in self.options else self._line(entry))
        return 0

    def _line(self, entry: Neighbour) -> str:
        name = ip_text(entry.ip) if "n" in self.options else name_of(self.process, ip_text(entry.ip)) or ip_text(entry.ip)
        if entry.state not in VALID or entry.mac is None:
            return f"{name[:23]:<23}  {'':8}{'(incomplete)':<20}{'':22}{entry.dev.name}"
        flags = "CM" if entry.state is NeighbourState.PERMANENT else "C"
        return f"{name[:23]:<23}  {'ether':<8}{mac_text(entry.mac):<20}{flags:<6}{'':<16}{entry.dev.name}"

    def _bsd_line(self, entry: Neighbour) -> str:
        address = ip_text(entry.ip)
        name = "?" if "n" in self.options else name_of(self.process, address) or "?"
        if entry.state not in VALID or entry.mac is None:
            return f"{name} ({address}) at <incomplete> on {entry.dev.name}"
        permanent = "PERM " if entry.state is NeighbourState.PERMANENT else " " if self.busybox else ""
        return f"{name} ({address}) at {mac_text(entry.mac)} [ether] {permanent}on {entry.dev.name}"

    # --- change: SIOCDARP, SIOCSARP

    def delete(self) -> int:
        address = self._address()
        found = [
            entry for entry in self.neighbours.shown() if entry.ip == address and self.dev in {None, entry.dev} and self._counts(entry)
        ]
        if not found:
            if self.busybox:
                raise UsageError("arp: SIOCDARP(pub): No such file or directory", 1)
            raise UsageError(f"No ARP entry for {ip_text(address)}", 255)
        self.neighbours.remove(found[0].dev, address)
        return 0

    @staticmethod
    def _counts(entry: Neighbour) -> bool:
        return entry.state is not NeighbourState.FAILED

    def add(self) -> int:
        words = self.options.words
        if len(words) < 2:
            raise UsageError("arp: need hardware address", 1 if self.busybox else 255)
        kind = NeighbourState.PERMANENT
        for word in words[2:]:
            if word != "temp":
                raise UsageError(f"arp: '{word}' is not modelled", 1)
            kind = NeighbourState.REACHABLE
        address = self._address()
        try:
            hardware = mac(words[1])
        except ValueError:
            raise UsageError("arp: invalid hardware address", 1 if self.busybox else 255) from None
        self.neighbours.set_state(self._device_for(address), address, hardware, kind)
        return 0

    def _device_for(self, address: Ip) -> NetDevice:
        if self.dev is not None:
            return self.dev
        route = self.process.netns.fib.lookup(address)
        if route is None or route.dev is None or route.via is not None:  # it must be a neighbour (RTO_ONLINK)
            text = "SIOCSARP: Network is unreachable"
            raise UsageError(f"arp: {text}" if self.busybox else text, 1 if self.busybox else 255)
        return route.dev

    def _address(self) -> Ip:
        if not self.options.words:
            raise UsageError("arp: need host name", 1 if self.busybox else 255)
        text = self.options.words[0]
        try:
            return ip(resolve(self.process, text))
        except UnknownName:
            raise UsageError(
                f"arp: bad address '{text}'" if self.busybox else f"{text}: Host name lookup failure", 1 if self.busybox else 255
            ) from None
