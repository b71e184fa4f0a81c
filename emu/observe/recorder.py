"""Watches every interface of a lab, and writes down what it saw: one list append a frame while the lab runs, all files at the end.

A tap is where Linux has it: what `tcpdump -i DEVICE` shows. Interfaces are known by their label (`docker1/web/eth0`): one that is
renamed or goes away keeps what it saw, one of its kind that comes back under its old name goes on there.

Not modelled: capture filters, the snap length, and frames that tcpdump's own buffer would have lost.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from emu.errors import EmuError
from emu.netdev.bridge import Bridge
from emu.netdev.device import RX, Direction, NetDevice, Tap
from emu.netdev.drop import DropReason
from emu.observe.drop_counters import ORDINARY, DropCounters
from emu.observe.journey import Bridged, Dropped, Note, Unanswered
from emu.observe.pcap import LINKTYPE_ETHERNET, LINKTYPE_RAW
from emu.observe.store import RecordStore
from emu.observe.summary import NO_LINK
from emu.observe.watch import EventStore, Happening, bridge_decision, watch_namespace
from emu.packet.address import Mac, ip_text, mac_text

if TYPE_CHECKING:
    from emu.engine import Engine
    from emu.netns.namespace import Netns
    from emu.packet.datagram import Datagram
    from emu.packet.frame import Frame

EPOCH_NS = 1_577_836_800 * 1_000_000_000  # 2020-01-01T00:00:00Z: the moment at which virtual time is 0, for programs too
SWITCHING = ("bridge ", "macvlan ")  # kinds that see frames for others in promiscuous mode only; veths, tunnels and the like see all


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


@dataclass
class CapturedInterface:
    """An interface that was there, `place` being its namespace's name. `gone_ns` is None while it is there."""

    label: str
    place: str
    mac: bytes
    kind: str
    born_ns: int
    gone_ns: int | None = None
    link_type: int = LINKTYPE_ETHERNET

    @property
    def description(self) -> str:
        return f"{self.kind} in {self.place}"

    def whole(self, frame: Frame) -> bytes:
        """A frame seen here, with something in the place of its Ethernet header if it has none."""
        return frame.wire if self.link_type == LINKTYPE_ETHERNET else NO_LINK + frame.wire

    @cached_property
    def device(self) -> str:
        """Its name in the place."""
        return self.label.removeprefix(f"{self.place}/")


class Recorder:
    """Attaches to a lab before it comes up. `frames`, `dropped` and `captures` are the figures of the run.

    With `journeys` the packets' ways are watched too: rules, bridges' decisions, routes.
    """

    def __init__(
        self,
        lab: Watched,
        folder: Path | None = None,
        *,
        journeys: bool = False,
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
        self.events = EventStore()
        self.lost: dict[int, tuple[bytes, int]] = {}  # what was dropped, perhaps before a tap saw it, and its cause
        self.lost_later: dict[tuple[int, str], bytes] = {}  # by place too: what else was dropped of it, as an outer packet
        self.drops = DropCounters()
        self.captures = 0
        self._journeys = journeys
        self._promiscuous = promiscuous
        self._plain = plain
        self._stopped = False
        self._endings: list[Callable[[], None]] = [partial(lab.engine.now_and_then.remove, self._check)]
        self._numbers: dict[tuple[str, str], int] = {}
        self._taps: dict[NetDevice, tuple[Tap, int]] = {}
        lab.on_netns.append(self.watch)
        lab.engine.now_and_then.append(self._check)

    @property
    def frames(self) -> int:
        return len(self.store)

    @property
    def dropped(self) -> int:
        return self.drops.losses

    # --- attaching

    def watch(self, netns: Netns) -> None:
        """Watch a namespace: the devices that it has and those that it will have."""
        if netns.name not in self.places:
            self.places.append(netns.name)
        self.namespaces.append(netns)
        watchers: list[tuple[list[Any], Any]] = [
            (netns.on_device, self._on_device),
            (netns.on_drop, partial(self._datagram_dropped, netns.name)),
            (netns.on_unanswered, partial(self._unanswered, netns.name)),
        ]
        for point, watcher in watchers:
            point.append(watcher)
            self._endings.append(partial(point.remove, watcher))
        for dev in netns.devices.values():
            self._on_device(dev, True)
        if self._journeys:
            self._endings.append(watch_namespace(netns, self.events.teller(self.engine, self.store, netns.name)))

    def stop(self) -> None:
        """Watch nothing from now on."""
        for dev in list(self._taps):
            self._on_device(dev, False)
        for end in self._endings:
            end()
        self._endings.clear()
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
        """The interface's place in `interfaces`; the same label and kind is the same interface."""
        number = self._numbers.setdefault((dev.label, dev.kind), len(self.interfaces))
        if number == len(self.interfaces):
            place = dev.netns.name
            born = CapturedInterface(dev.label, place, dev.mac, dev.kind, self.engine.now)
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
        seen = for_this_host if plain and interface.description.startswith(SWITCHING) else everything
        return self._watching(seen, is_bridge=interface.kind == Bridge.kind) if self._journeys else seen

    def _watching(self, seen: Tap, *, is_bridge: bool) -> Tap:
        """The tap of an interface that is a bridge, or may be one's port."""
        known: dict[tuple[str, ...], Bridged] = {}

        def watching(dev: NetDevice, direction: Direction, frame: Frame) -> None:
            seen(dev, direction, frame)
            if dev.master is not None if direction is RX else is_bridge:
                decision = bridge_decision(dev, frame, known)
                if decision is not None:
                    self._happened(dev.netns.name, frame.trace_id, decision)

        return watching

    def _check(self) -> None:
        try:
            self.store.check()
        except OSError as error:  # must not reach the program whose send was being watched: the engine raises it
            self.store.recent.clear()
            self.engine.failures.append(("captures", EmuError(f"captures: {error.strerror or error}")))

    # --- what happens to packets between taps

    def note(self, place: str, trace_id: int, text: str) -> None:
        """Say something of a packet, last seen in the namespace `place`: a comment in the capture, a step in the trace."""
        self._happened(place, trace_id, Note(text))

    def _happened(self, place: str, trace_id: int, what: Happening) -> None:
        if not self._stopped:
            self.events.teller(self.engine, self.store, place)(trace_id, what)

    def _frame_dropped(self, dev: NetDevice, frame: Frame, reason: DropReason) -> None:
        place = dev.netns.name if dev.netns is not None else ""
        self._lost(frame.trace_id, frame.cause, frame.wire if dev.hard_header_len else NO_LINK + frame.wire, dev.label)
        to = mac_text(Mac(frame.wire[:6])) if reason is DropReason.NOT_MINE and dev.hard_header_len and not frame.wire[0] & 1 else ""
        self._dropped(place, frame.trace_id, dev.label, reason, to)

    def _datagram_dropped(self, place: str, datagram: Datagram, reason: DropReason, dev: NetDevice | None) -> None:
        at = dev.label if dev is not None else place
        self._lost(datagram.trace_id, datagram.cause, NO_LINK + datagram.wire, at)
        self._dropped(place, datagram.trace_id, at, reason)

    def _lost(self, trace_id: int, cause: int, wire: bytes, at: str) -> None:
        if self.lost.setdefault(trace_id, (wire, cause))[0] is not wire and self._journeys:
            self.lost_later.setdefault((trace_id, at), wire)

    def _unanswered(self, place: str, datagram: Datagram, reason: DropReason) -> None:
        self._happened(place, datagram.trace_id, Unanswered(reason.name, ip_text(datagram.src)))

    def _dropped(self, place: str, trace_id: int, at: str, reason: DropReason, to: str = "") -> None:
        self.drops[place, at, reason] += 1
        quiet = reason in ORDINARY
        if quiet and not self._journeys:
            return
        self._happened(place, trace_id, Dropped(at, reason.name, quiet=quiet, to=to))

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
