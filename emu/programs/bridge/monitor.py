"""bridge monitor: a line for each change of links and of forwarding databases, VXLAN devices' too.

    bridge [-t|-ts] monitor [all | link | fdb]

Of a bridge's port there is a second line when its state changes. Not modelled: multicast databases, VLANs and VNIs, of which `all` shows
nothing; the repetitions of a line when several parts of the kernel tell of one change.
"""

from __future__ import annotations

from emu.engine import Future
from emu.netdev.bridge import Bridge, BridgePort
from emu.netdev.device import NetDevice
from emu.netdev.fdb import FdbEntry
from emu.netdev.vxlan import Vxlan
from emu.netdev.vxlan_fdb import Remote, VxlanEntry
from emu.process import UsageError
from emu.programs.bridge.common import STATUS
from emu.programs.bridge.fdb import Row, row_line
from emu.programs.ip.details import port_state
from emu.programs.ip.devices import flags, full_name, state
from emu.programs.ip.monitor import stamp, unnoticed
from emu.programs.ip.words import Context, Words
from emu.programs.libc.subscriptions import Subscriptions

OBJECTS = ("file", "link", "fdb", "mdb", "vlan", "vni", "all")  # as they are looked for
MODELLED = frozenset({"link", "fdb"})
USAGE = "Usage: bridge monitor [file | link | fdb | mdb | vlan | vni | all]"


async def run(context: Context, words: Words) -> int:
    context.refuse_options("json", "details", "statistics")
    monitor = Monitor(context)
    monitor.read(words)
    monitor.listen()
    await Future[None](context.process.engine)
    return 0


class Monitor:
    """What is asked for, and the lines."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.objects: set[str] = set()
        self.labelled = False
        self.remotes: dict[VxlanEntry, list[Remote]] = {}

    def read(self, words: Words) -> None:
        while words:
            word = words.next()
            if word == "help":
                raise UsageError(USAGE, STATUS)
            found = next((name for name in OBJECTS if name.startswith(word)), "")
            if found == "all":
                self.labelled = True
                self.objects |= MODELLED
            elif found in MODELLED:
                self.objects.add(found)
            elif found:
                raise UsageError(f"bridge: 'monitor {found}' is not modelled", STATUS)
            else:
                raise UsageError(f'Argument "{word}" is unknown, try "bridge monitor help".', STATUS)
        self.objects = self.objects or set(MODELLED)

    def listen(self) -> None:
        netns, subscriptions = self.context.netns, Subscriptions(self.context.process)
        if "link" in self.objects:
            subscriptions.add(netns.on_link, self._link)
        if "fdb" in self.objects:
            for dev in netns.devices.values():
                if isinstance(dev, Vxlan):
                    self.remotes |= {entry: list(entry.remotes) for entry in dev.fdb.entries.values()}
            subscriptions.add_bridges(netns, self._entry)
            subscriptions.add_vxlans(netns, self._remote)

    def _print(self, label: str, line: str, *, there: bool = True) -> None:
        line = f"{f'[{label}]' if self.labelled else ''}{'' if there else 'Deleted '}{line}"
        self.context.print_lines([stamp(self.context) + line])

    # --- links

    def _link(self, dev: NetDevice, what: str) -> None:
        if what == "settled" and state(dev) != "UP":
            return
        line = f"{dev.ifindex}: {full_name(self.context, dev)}: <{','.join(flags(self.context, dev))}> mtu {dev.mtu} "
        line += f"master {dev.master.name} " if dev.master is not None else ""
        if what == "port":
            port = dev.master.ports[dev]
            line += f"state {port_state(dev)} priority {port.priority} cost {port.cost} "
        if what == "up" and state(dev) == "UP":
            line = unnoticed(line)
        self._print("LINK", line, there=what not in {"deleted", "unport"})

    # --- forwarding databases

    def _entry(self, bridge: Bridge, entry: FdbEntry[BridgePort | None], there: bool) -> None:
        dev = entry.port.dev if entry.port is not None else bridge
        self._print("NEIGH", row_line(self.context, Row(entry.mac, dev, bridge, entry)), there=there)

    def _remote(self, dev: Vxlan, entry: VxlanEntry, there: bool) -> None:
        """An entry is told of remote by remote."""
        before, now = self.remotes.pop(entry, []), list(entry.remotes) if there else []
        for remote in before:
            if remote not in now:
                self._print("NEIGH", row_line(self.context, Row(entry.mac, dev, None, entry, remote)), there=False)
        for remote in now:
            if remote not in before:
                self._print("NEIGH", row_line(self.context, Row(entry.mac, dev, None, entry, remote)))
        if there:
            self.remotes[entry] = now
