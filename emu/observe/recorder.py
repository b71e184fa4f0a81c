"""Watches every interface of a lab, and writes down what it saw: one list append a frame while the lab runs, all files at the end.

A tap is where Linux has it: what `tcpdump -i DEVICE` shows. Interfaces are known by their label (`docker1/web/eth0`): one that is
renamed or goes away keeps what it saw, one that comes back under its old name goes on there.

Not modelled: capture filters, the snap length, and frames that tcpdump's own buffer would have lost.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from emu.errors import EmuError
from emu.netdev.device import RX, Direction, NetDevice, Tap
from emu.netdev.drop import DropReason
from emu.observe.pcap import LINKTYPE_ETHERNET, LINKTYPE_RAW
from emu.observe.store import RecordStore

if TYPE_CHECKING:
    from emu.engine import Engine
    from emu.netns.namespace import Netns
    from emu.packet.datagram import Datagram
    from emu.packet.frame import Frame

EPOCH_NS = 1_577_836_800 * 1_000_000_000  # 2020-01-01T00:00:00Z: the moment at which virtual time is 0, for programs too
SWITCHING = ("bridge ", "macvlan ")  # kinds that see frames for others in promiscuous mode only; veths, tunnels and the like see all
LOOK_BACK = 4096  # records; a packet that dropped was last seen just before

# What every network does all the time with frames that are for someone else: counted by the devices, but no drop to be told of.
ORDINARY = frozenset({DropReason.NOT_MINE, DropReason.ARP_IGNORED, DropReason.ICMP_IGNORED, DropReason.BRIDGE_SAME_PORT})


class Watched(Protocol):
    """What of a lab a recorder needs."""

    engine: Engine
    on_netns: list[Callable[[Netns], None]]


class Ran(Protocol):
    """A command line that was run: what `steps.log` and the captures say of it."""

    started_ns: int
    output: str
    exit_status: int | None
    problems: list[str]

    @property
    def step(self) -> Command: ...


class Command(Protocol):
    @property
    def place(self) -> str: ...

    @property
    def line(self) -> str: ...


@dataclass(slots=True)
class CapturedInterface:
    """An interface that was there, `place` being its namespace's name. `gone_ns` is None while it is there."""

    label: str
    place: str
    mac: bytes
    description: str
    born_ns: int
    gone_ns: int | None = None
    link_type: int = LINKTYPE_ETHERNET


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a packet between two taps: a drop, a rule. `position` is the record it belongs to, if there is one."""

    position: int | None
    time_ns: int
    trace_id: int
    where: str
    text: str
    is_drop: bool


class Recorder:
    """Attaches to a lab before it comes up. `frames`, `dropped` and `captures` are the figures of the run."""

    def __init__(
        self,
        lab: Watched,
        folder: Path | None = None,
        *,
        promiscuous: bool = True,
        plain: Collection[str] = (),
        epoch_ns: int = EPOCH_NS,
        memory_limit: int | None = None,
    ) -> None:
        self.engine = lab.engine
        self.folder = folder
        self.epoch_ns = epoch_ns
        self.store = RecordStore(folder) if memory_limit is None else RecordStore(folder, memory_limit)
        self.interfaces: list[CapturedInterface] = []
        self.places: list[str] = []
        self.namespaces: list[Netns] = []
        self.steps: list[Ran] = []
        self.events: list[Event] = []
        self.dropped = 0
        self.captures = 0
        self._promiscuous = promiscuous
        self._plain = plain
        self._stopped = False
        self._numbers: dict[str, int] = {}
        self._taps: dict[NetDevice, tuple[Tap, int]] = {}
        lab.on_netns.append(self.watch)
        lab.engine.now_and_then.append(self._check)

    @property
    def frames(self) -> int:
        return len(self.store)

    # --- attaching

    def watch(self, netns: Netns) -> None:
        """Watch a namespace: the devices that it has and those that it will have."""
        if netns.name not in self.places:
            self.places.append(netns.name)
        self.namespaces.append(netns)
        netns.on_device.append(self._on_device)
        netns.on_drop.append(lambda datagram, reason, dev: self._datagram_dropped(netns.name, datagram, reason, dev))
        for dev in netns.devices.values():
            self._on_device(dev, True)

    def stop(self) -> None:
        """Watch nothing from now on."""
        for dev in list(self._taps):
            self._on_device(dev, False)
        self._stopped = True

    def _on_device(self, dev: NetDevice, there: bool) -> None:
        if self._stopped:
            return
        if there:
            number = self._number(dev)
            tap = self._tap(number)
            self._taps[dev] = tap, number
            dev.taps.append(tap)
            dev.on_drop.append(self._frame_dropped)
        elif dev in self._taps:
            tap, number = self._taps.pop(dev)
            dev.taps.remove(tap)
            dev.on_drop.remove(self._frame_dropped)
            self.interfaces[number].gone_ns = self.engine.now

    def _number(self, dev: NetDevice) -> int:
        """The interface's place in `interfaces`; the same label is the same interface."""
        number = self._numbers.setdefault(dev.label, len(self.interfaces))
        if number == len(self.interfaces):
            place = dev.netns.name
            born = CapturedInterface(dev.label, place, dev.mac, f"{dev.kind} in {place}", self.engine.now)
            if not dev.hard_header_len:
                born.mac, born.link_type = b"", LINKTYPE_RAW
            self.interfaces.append(born)
        self.interfaces[number].gone_ns = None
        return number

    def _tap(self, number: int) -> Tap:
        """The tap of one interface: this is what a captured frame costs."""
        engine, append = self.engine, self.store.recent.append

        def everything(_: NetDevice, direction: Direction, frame: Frame) -> None:
            append((engine.now, number, direction, frame))

        def for_this_host(dev: NetDevice, direction: Direction, frame: Frame) -> None:
            if direction is not RX or dev.accepts(frame.wire[:6]):
                everything(dev, direction, frame)

        interface = self.interfaces[number]
        plain = not self._promiscuous or interface.label in self._plain
        return for_this_host if plain and interface.description.startswith(SWITCHING) else everything

    def _check(self) -> None:
        try:
            self.store.check()
        except OSError as error:  # must not reach the program whose send was being watched: the engine raises it
            self.store.recent.clear()
            self.engine.failures.append(("captures", EmuError(f"captures: {error.strerror or error}")))

    # --- what happens to packets between taps

    def note(self, place: str, trace_id: int, text: str, *, is_drop: bool = False) -> None:
        """Say something of a packet, last seen in the namespace `place`: a comment in the capture, a line in the trace."""
        self.events.append(Event(self._last_seen(place, trace_id), self.engine.now, trace_id, place, text, is_drop))

    def _last_seen(self, place: str, trace_id: int) -> int | None:
        recent, interfaces = self.store.recent, self.interfaces
        for position in range(len(recent) - 1, max(len(recent) - LOOK_BACK, 0) - 1, -1):
            record = recent[position]
            if record[3].trace_id == trace_id and interfaces[record[1]].place == place:
                return self.store.spilled + position
        return None

    def _frame_dropped(self, dev: NetDevice, frame: Frame, reason: DropReason) -> None:
        if reason not in ORDINARY:
            self.dropped += 1
            place = dev.netns.name if dev.netns is not None else ""
            self.note(place, frame.trace_id, f"dropped at {dev.label}: {reason.value}", is_drop=True)

    def _datagram_dropped(self, place: str, datagram: Datagram, reason: DropReason, dev: NetDevice | None) -> None:
        if reason not in ORDINARY:
            self.dropped += 1
            where = dev.label if dev is not None else place
            self.note(place, datagram.trace_id, f"dropped at {where}: {reason.value}", is_drop=True)

    # --- the end

    def log_step(self, ran: Ran) -> None:
        """Keep a step's command and output for `steps.log`."""
        self.steps.append(ran)

    def finish(self) -> None:
        """Write all files of the run into the folder. Raises OSError, and EmuError for an epoch that the formats cannot hold."""
        from emu.observe.files import write_run

        if self.folder is None:
            raise EmuError("captures: no folder was given to write to")
        try:
            self.captures = write_run(self, self.folder)
        finally:
            self.store.close()
