"""A bridge's forwarding database (net/bridge/br_fdb.c): which MAC address is behind which port. Ageing is looked at when an entry is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from emu.engine import SECOND
from emu.packet.address import Mac

AGEING_NS = 300 * SECOND

Port = TypeVar("Port")


class FdbEntry(Generic[Port]):
    """`is_local`: an address of the bridge itself; `is_static`: set by hand, never ages."""

    __slots__ = ("is_local", "is_static", "mac", "port", "updated_ns")

    def __init__(self, mac: Mac, port: Port, updated_ns: int, *, is_local: bool = False, is_static: bool = False) -> None:
        self.mac = mac
        self.port = port
        self.updated_ns = updated_ns
        self.is_local = is_local
        self.is_static = is_static


class Fdb(Generic[Port]):
    """Entries by MAC address. `on_change` is called with the entry and whether it is (still) there."""

    def __init__(self) -> None:
        self.entries: dict[bytes, FdbEntry[Port]] = {}
        self.ageing_ns = AGEING_NS
        self.on_change: list[Callable[[FdbEntry[Port], bool], None]] = []

    def learn(self, mac: bytes, port: Port, now: int) -> None:
        """The source of a frame that came in by `port`."""
        entry = self.entries.get(mac)
        if entry is None:
            self._put(FdbEntry(Mac(mac), port, now))
        elif not entry.is_local:
            entry.updated_ns = now
            if entry.port is not port and not entry.is_static:
                entry.port = port
                self._changed(entry, True)

    def lookup(self, mac: bytes, now: int) -> FdbEntry[Port] | None:
        entry = self.entries.get(mac)
        if entry is None or entry.is_local or entry.is_static or now - entry.updated_ns < self.ageing_ns:
            return entry
        self.remove(mac)
        return None

    def add(self, mac: Mac, port: Port, now: int, *, is_local: bool = False, is_static: bool = True) -> None:
        """An entry set by hand or by the bridge itself; of its own addresses one that two devices have stays the first one's."""
        known = self.entries.get(mac)
        if is_local and known is not None and known.is_local:
            return
        self._put(FdbEntry(mac, port, now, is_local=is_local, is_static=is_static))

    def remove(self, mac: bytes) -> bool:
        entry = self.entries.pop(mac, None)
        if entry is not None:
            self._changed(entry, False)
        return entry is not None

    def flush(self, *ports: Port) -> None:
        """Remove all that was learned (`fdb_flush`), or what was learned at these ports."""
        for mac, entry in list(self.entries.items()):
            if not (entry.is_local or entry.is_static) and (not ports or entry.port in ports):
                self.remove(mac)

    def forget_port(self, port: Port) -> None:
        """Remove all entries of a port, its own address too."""
        for mac in [mac for mac, entry in self.entries.items() if entry.port is port]:
            self.remove(mac)

    def age(self, now: int) -> None:
        """Remove what is too old, as the bridge's timer does."""
        for mac in list(self.entries):
            self.lookup(mac, now)

    def _put(self, entry: FdbEntry[Port]) -> None:
        self.entries[entry.mac] = entry
        self._changed(entry, True)

    def _changed(self, entry: FdbEntry[Port], there: bool) -> None:
        for watcher in self.on_change:
            watcher(entry, there)
