"""tcpdump(8) 4.99.3 with libpcap 1.10.3: what passes a device, or what a file has.

Options: -i -r -w -c -n -e -v -q -S -X -x -A -t -l -U -p -Q -# -D, and a filter (expression.py). Times are UTC. Not modelled: rotating
files, -E, -F, -T, cutting packets (-s is taken and changes nothing), buffers that are too small. printer.py and transport.py say which
protocols it knows.
"""

from __future__ import annotations

from emu.engine import SECOND, Cancelled, Future
from emu.netdev.device import Direction, NetDevice
from emu.packet.address import ip
from emu.packet.frame import Frame
from emu.process import Process, UsageError
from emu.programs.libc.clock import EPOCH
from emu.programs.libc.getopt import Options, getopt
from emu.programs.libc.resolver import UnknownName, name_of, resolve
from emu.programs.tcpdump import savefile
from emu.programs.tcpdump.dump import Dump
from emu.programs.tcpdump.expression import parse
from emu.programs.tcpdump.frame_tests import FilterError, Test
from emu.programs.tcpdump.printer import Style
from emu.programs.tcpdump.savefile import BadFile, Packet

LONG = {"interface": "i", "number": "#", "list-interfaces": "D", "version": "version", "immediate-mode": "l", "direction": "Q"}
SIGKILL = 128 + 9
VERSION = "tcpdump version 4.99.3\nlibpcap version 1.10.3 (with TPACKET_V3)"
DIRECTIONS = {"in": {Direction.RX}, "out": {Direction.TX}, "inout": {Direction.RX, Direction.TX}}


async def main(process: Process, argv: list[str]) -> int:
    options = getopt(argv, "i:r:w:c:s:B:Q:nevqSXxAtlUpKD#", LONG)
    if "version" in options:
        process.print(VERSION)
        return 0
    if "D" in options:
        return _list_devices(process)
    tcpdump = _Tcpdump(process, options)
    if "r" in options:
        return tcpdump.read()
    return await tcpdump.listen()


def _list_devices(process: Process) -> int:
    devices = sorted(process.netns.devices.values(), key=lambda dev: (not dev.up, dev.kind == "loopback", dev.ifindex))
    names = [(dev.name, ", ".join(["Up", *(["Running"] if dev.carrier else []), *(["Loopback"] if dev.kind == "loopback" else [])]))
             for dev in devices if dev.up]  # fmt: skip
    names.insert(len([dev for dev in devices if dev.up and dev.kind != "loopback"]), ("any", "Up, Running"))
    for number, (name, state) in enumerate(names, 1):
        text = "any (Pseudo-device that captures on all interfaces)" if name == "any" else name
        process.print(f"{number}.{text} [{state}]")
    return 0


class _Tcpdump:
    def __init__(self, process: Process, options: Options) -> None:
        self.process = process
        self.options = options
        count = options.text("c", "0")
        if not count.isdigit() or ("c" in options and not int(count)):
            raise UsageError(f"tcpdump: invalid packet count {count}", 1)
        self.limit = int(count)
        self.captured = self.received = 0
        self.finished: Future[None] = Future(process.engine)
        self.devices: list[NetDevice] = []
        self.link = savefile.ETHERNET
        self.test: Test = self._filter()
        self.dump: Dump | None = None
        self.path = ""

    def _filter(self) -> Test:
        try:
            return parse(" ".join(self.options.words), self._resolve)
        except FilterError as error:
            raise UsageError(f"tcpdump: {error}", 1) from None

    def _resolve(self, name: str) -> bytes | None:
        try:
            return ip(resolve(self.process, name))
        except UnknownName:
            return None

    def _output(self) -> None:
        """Where packets go: to a file, or to the screen."""
        options, process = self.options, self.process
        if "w" in options:
            self.path = process.path(options.text("w"))
            if options.text("w") == "-":
                raise UsageError("tcpdump: '-w -' is not modelled", 1)
            process.place.files.write(self.path, savefile.header(self.link))
            return
        style = Style(
            numeric="n" in options, link="e" in options, verbose=len(options.all("v")), quick="q" in options, absolute="S" in options,
            name_of=lambda address: name_of(process, address),
        )  # fmt: skip
        names = {dev.ifindex: dev.name for dev in process.netns.devices.values()}
        self.dump = Dump(options, style, self.link, names)

    def _take(self, packet: Packet) -> None:
        """A packet that the filter has let pass."""
        self.captured += 1
        if self.dump is not None:
            self.process.write(self.dump.text(packet))
        else:
            self.process.place.files.append(self.path, savefile.record(packet))

    # --- a file

    def read(self) -> int:
        name = self.options.text("r")
        try:
            self.link, snaplen, packets = savefile.read(self.process.place.files.read(self.process.path(name)))
        except OSError:
            raise UsageError(f"tcpdump: {name}: No such file or directory", 1) from None
        except BadFile as error:
            raise UsageError(f"tcpdump: {error}", 1) from None
        if self.link not in savefile.NAMES:
            raise UsageError(f"tcpdump: packets of link type {self.link} are not modelled", 1)
        self.process.error(f"reading from file {name}, link-type {savefile.NAMES[self.link]}, snapshot length {snaplen}")
        self._output()
        for packet in packets:
            if self.test(savefile.as_ethernet(self.link, packet.wire)):
                self._take(packet)
                if self.captured == self.limit:
                    break
        return 0

    # --- devices

    async def listen(self) -> int:
        process = self.process
        name = self._choose()
        self._output()
        if self.link == savefile.COOKED:
            process.error("tcpdump: data link type LINUX_SLL2")
        if self.dump is not None and not self.dump.style.verbose:
            process.error("tcpdump: verbose output suppressed, use -v[v]... for full protocol decode")
        prefix = "tcpdump: " if self.dump is None or self.dump.style.verbose else ""
        process.error(f"{prefix}listening on {name}, link-type {savefile.NAMES[self.link]}, snapshot length {savefile.SNAPLEN} bytes")
        for dev in self.devices:
            dev.taps.append(self._tap)
        process.at_exit(self._detach)
        try:
            await self.finished
        except Cancelled:
            if process.exit_status == SIGKILL:
                raise
            process.write("\n")
        self._detach()
        self._statistics()
        return 0

    def _choose(self) -> str:
        """The device asked for, or the first that is up."""
        devices = self.process.netns.devices
        name = self.options.text("i") or next((dev.name for dev in devices.values() if dev.up and dev.kind != "loopback"), "lo")
        if name == "any":
            self.devices, self.link = list(devices.values()), savefile.COOKED
        elif name not in devices:
            raise UsageError(f"tcpdump: {name}: No such device exists\n(No such device exists)", 1)
        elif not devices[name].up:
            raise UsageError(f"tcpdump: {name}: That device is not up", 1)
        else:
            self.devices = [devices[name]]
        if self.options.text("Q", "inout") not in DIRECTIONS:
            raise UsageError(f"tcpdump: unknown capture direction `{self.options.text('Q')}'", 1)
        return name

    def _tap(self, dev: NetDevice, direction: Direction, frame: Frame) -> None:
        wire = frame.wire
        if self.finished.done or direction not in DIRECTIONS[self.options.text("Q", "inout")]:
            return
        if "p" in self.options and direction is Direction.RX and not dev.accepts(wire[:6]):
            return
        if not self.test(wire):
            return
        self.received += 1
        if self.link == savefile.COOKED:
            wire = savefile.cook(dev, direction, wire)
        self._take(Packet(EPOCH * SECOND + self.process.engine.now, wire, len(wire)))
        if self.captured == self.limit:
            self.finished.set_result(None)

    def _detach(self) -> None:
        for dev in self.devices:
            dev.taps.remove(self._tap)
        self.devices = []

    def _statistics(self) -> None:
        for count, what in ((self.captured, "captured"), (self.received, "received by filter"), (0, "dropped by kernel")):
            self.process.error(f"{count} packet{'' if count == 1 else 's'} {what}")
