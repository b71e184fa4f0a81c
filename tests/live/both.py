"""The same network and the same command lines on this machine's kernel and in emu, side by side."""

from __future__ import annotations

import re
import time
from pathlib import Path

from emu import programs
from emu.engine import SECOND, Engine
from emu.host import Host
from emu.netdev.macvlan import Macvlan
from emu.observe import pcap
from emu.observe.compare import compare
from emu.packet import address
from emu.packet.address import mac_text
from emu.programs import shell
from tests import wires
from tests.live.machine import Machine
from tests.wires import Seen

# What a new namespace takes over from the machine's own settings, as emu has it; the same line for both.
SETTINGS = (
    "sysctl -q -w net.ipv4.ip_forward=0 net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0"
    " net.ipv4.conf.all.send_redirects=1 net.ipv4.conf.default.send_redirects=1 net.ipv4.conf.lo.rp_filter=0"
    " 'net.ipv4.tcp_rmem=4096 131072 33554432'"
)
PAUSE_S = 0.05  # after each line, for what a closed connection still says
SETTLE_S = 0.3
IGMP = b"\x02"  # not captured on the machine either, where bridges join groups
TIMES = re.compile(r"time[= ]\d+(\.\d+)? ?ms|^rtt .*$", re.MULTILINE)


class Both:
    """Places are made when first named; a device is written `place:device`."""

    def __init__(self, machine: Machine, folder: Path) -> None:
        self.machine = machine
        self.engine = Engine(1)
        self.hosts: dict[str, Host] = {}
        self.seen: dict[str, Seen] = {}
        self.ours, self.reference = folder / "emu", folder / "machine"
        self.ours.mkdir()
        self.reference.mkdir()

    def wire(self, left: str, right: str, mtu: int = 1500) -> None:
        """A veth pair, with the same MAC addresses in both."""
        (one, one_dev), (two, two_dev) = left.split(":"), right.split(":")
        ends = wires.veth(self._host(one).netns, one_dev, self._host(two).netns, two_dev, mtu)
        macs = (mac_text(ends[0].mac), mac_text(ends[1].mac))
        self.machine.wire((one, one_dev), (two, two_dev), macs, mtu)

    def macvlan(self, parent: str, child: str, mode: str, mac: str) -> None:
        """A macvlan of one place's device in another place."""
        (home, lower), (place, dev) = parent.split(":"), child.split(":")
        netns, other = self._host(home).netns, self._host(place).netns
        made = Macvlan(self.engine, "new", address.mac(mac), netns.device(lower), mode)
        netns.add_device(made)
        netns.move_device(made, other, dev)
        other.set_up(made)
        self.machine.macvlan((home, lower), (place, dev), mode, mac)

    def _host(self, name: str) -> Host:
        if name not in self.hosts:
            self.hosts[name] = Host(self.engine, name, programs.find)
            self.run(name, SETTINGS)
        return self.hosts[name]

    def run(self, place: str, *lines: str, status: int = 0) -> None:
        """Each line ends alike in both: with this status, and the same standard output but for times."""
        for line in lines:
            process = shell.start(self._host(place).place, line)
            self.engine.run(until=process.exited)
            real = self.machine.run(place, line)
            assert (real.returncode, process.exit_status) == (status, status), f"{line}\n{real.stdout}{real.stderr}\nemu: {process.output}"
            assert TIMES.sub("(time)", process.stdout) == TIMES.sub("(time)", real.stdout), f"{line}\n{real.stdout}\nemu: {process.stdout}"
            self._pause(PAUSE_S)

    def _pause(self, seconds: float) -> None:
        time.sleep(seconds)
        self.engine.run(until_ns=self.engine.now + round(seconds * SECOND))

    def serve(self, place: str, line: str) -> None:
        shell.start(self._host(place).place, line)
        self.engine.run(until_ns=self.engine.now)
        self.machine.serve(place, line)

    def capture(self, *devices: str) -> None:
        for name in devices:
            place, dev = name.split(":")
            self.seen[f"{place}.{dev}.pcap"] = Seen(self._host(place).netns.device(dev))
            self.machine.capture(place, dev, self.reference / f"{place}.{dev}.pcap")

    def differences(self) -> list[str]:
        """What the captures differ in, once all is quiet; there must be frames in each."""
        self._pause(SETTLE_S)
        self.machine.end_captures()
        for name, seen in self.seen.items():
            frames = ((when, frame.wire) for when, _, frame in seen.frames if frame.wire[23:24] != IGMP)
            assert pcap.write(self.ours / name, frames), f"{name}: nothing was seen"
        return [str(difference) for difference in compare(self.ours, self.reference).differences]
