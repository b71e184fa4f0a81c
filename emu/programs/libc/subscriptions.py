"""What a program that listens to a namespace has subscribed to: all of it ends with the program (rtnetlink's groups)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from emu.netdev.bridge import Bridge, BridgePort
from emu.netdev.device import NetDevice
from emu.netdev.fdb import FdbEntry
from emu.netdev.vxlan import Vxlan
from emu.netdev.vxlan_fdb import VxlanEntry
from emu.netns.namespace import Netns
from emu.process import Process

T = TypeVar("T", bound=Callable[..., Any])
OnRemote = Callable[[Vxlan, VxlanEntry, bool], None]
OnEntry = Callable[[Bridge, FdbEntry[BridgePort | None], bool], None]


class Subscriptions:
    """Callbacks put into lists, and taken out when the process ends."""

    def __init__(self, process: Process) -> None:
        self._undo: list[Callable[[], None]] = []
        process.at_exit(self.close)

    def add(self, watchers: list[T], callback: T) -> None:
        if callback not in watchers:
            watchers.append(callback)
            self._undo.append(partial(watchers.remove, callback))

    def close(self) -> None:
        while self._undo:
            self._undo.pop()()

    def add_vxlans(self, netns: Netns, on_remote: OnRemote) -> None:
        """The databases of the VXLAN devices that are there and of those to come, with what they hold then."""
        self._add_databases(netns, Vxlan, on_remote)

    def add_bridges(self, netns: Netns, on_entry: OnEntry) -> None:
        """The forwarding databases of the bridges that are there and of those to come, whose own address is told of at once."""
        self._add_databases(netns, Bridge, on_entry)

    def _add_databases(self, netns: Netns, kind: type[Bridge] | type[Vxlan], tell: Callable[[Any, Any, bool], None]) -> None:
        watched: set[NetDevice] = set()

        def on_device(dev: NetDevice, there: bool) -> None:
            if there and isinstance(dev, kind) and dev not in watched:
                watch(dev)
                for entry in dev.fdb.entries.values():
                    tell(dev, entry, True)

        def watch(dev: Any) -> None:
            watched.add(dev)
            self.add(dev.fdb.on_change, lambda entry, there: tell(dev, entry, there))

        for dev in netns.devices.values():
            if isinstance(dev, kind):
                watch(dev)
        self.add(netns.on_device, on_device)
