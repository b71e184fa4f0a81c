"""A VXLAN device's forwarding database: behind which remote tunnel end a MAC address is (drivers/net/vxlan/vxlan_core.c, vxlan_snoop,
vxlan_fdb_…). The all-zero address stands for every destination that is not known: its remotes are where such frames are flooded to.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from emu.engine import SECOND
from emu.packet.address import ZERO_MAC, Ip, Mac

if TYPE_CHECKING:
    from emu.netdev.device import NetDevice

AGEING_NS = 300 * SECOND


def floods(mac: bytes) -> bool:
    """A group, or all that is unknown: such entries may have several remotes."""
    return bool(mac[0] & 1) or mac == ZERO_MAC


@dataclass(frozen=True, slots=True)
class Remote:
    """A tunnel end; None stands for the device's own port and VNI, and for any device that the route there takes."""

    ip: Ip
    port: int | None = None
    vni: int | None = None
    via: NetDevice | None = None


@dataclass(slots=True, eq=False)
class VxlanEntry:
    """`permanent` and `static` entries never age and are never moved by what is learned."""

    mac: Mac
    remotes: list[Remote]
    updated_ns: int
    permanent: bool = False
    static: bool = False

    @property
    def is_fixed(self) -> bool:
        return self.permanent or self.static


@dataclass
class VxlanFdb:
    """Entries by MAC address. `on_change` is called with the entry and whether it is (still) there."""

    ageing_ns: int = AGEING_NS
    entries: dict[bytes, VxlanEntry] = field(default_factory=dict)
    on_change: list[Callable[[VxlanEntry, bool], None]] = field(default_factory=list)

    def lookup(self, mac: bytes, now: int) -> VxlanEntry | None:
        entry = self.entries.get(mac)
        if entry is None or entry.permanent or entry.static or not self.ageing_ns or now - entry.updated_ns < self.ageing_ns:
            return entry
        self.remove(mac)
        return None

    def remotes(self, mac: bytes, now: int) -> list[Remote]:
        """Where a frame to `mac` goes: to its remote, or to where unknown ones go."""
        entry = self.lookup(mac, now) or self.entries.get(ZERO_MAC)
        return entry.remotes if entry is not None else []

    def learn(self, mac: bytes, remote: Remote, now: int) -> bool:
        """The source of a frame that came from `remote`. False: the entry is fixed elsewhere, and the frame is not taken."""
        entry = self.entries.get(mac)
        if entry is None:
            self._put(VxlanEntry(Mac(mac), [remote], now))
        elif entry.remotes[0].ip == remote.ip:
            entry.updated_ns = now
        elif entry.is_fixed:
            return False
        else:
            entry.updated_ns = now
            entry.remotes = [remote]
            self._changed(entry, True)
        return True

    def add(self, mac: Mac, remote: Remote, now: int, *, append: bool = False, permanent: bool = True, static: bool = False) -> None:
        """`bridge fdb add`, or `append`: one more remote of a group or of all that is unknown. Raises FileExistsError."""
        entry = self.entries.get(mac)
        if entry is None:
            return self._put(VxlanEntry(mac, [remote], now, permanent=permanent, static=static))
        if not append:
            raise FileExistsError("File exists")
        entry.permanent, entry.static = permanent, static
        if floods(mac) and remote not in entry.remotes:
            entry.remotes.append(remote)
        self._changed(entry, True)

    def replace(self, mac: Mac, remote: Remote, now: int, *, permanent: bool = True, static: bool = False) -> None:
        """`bridge fdb replace`, of an address that is one station's. Raises ValueError."""
        if floods(mac):
            raise ValueError("Cannot replace non-unicast fdb entries." if mac in self.entries else "")
        self._put(VxlanEntry(mac, [remote], now, permanent=permanent, static=static))

    def remove(self, mac: bytes, remote: Remote | None = None) -> None:
        """Remove one remote (one that is not there is none), or the whole entry. Raises LookupError."""
        entry = self.entries.get(mac)
        if entry is None:
            raise LookupError("No such file or directory")
        if remote is not None and entry.remotes != [remote]:
            entry.remotes = [each for each in entry.remotes if each != remote]
            return self._changed(entry, True)
        del self.entries[mac]
        self._changed(entry, False)

    def flush(self) -> None:
        """What the device forgets when it goes down: everything but what was set by hand."""
        for mac in [mac for mac, entry in self.entries.items() if not entry.is_fixed]:
            self.remove(mac)

    def age(self, now: int) -> None:
        """Remove what is too old, as the device's timer does."""
        for mac in list(self.entries):
            self.lookup(mac, now)

    def _put(self, entry: VxlanEntry) -> None:
        self.entries[entry.mac] = entry
        self._changed(entry, True)

    def _changed(self, entry: VxlanEntry, there: bool) -> None:
        for watcher in self.on_change:
            watcher(entry, there)
