"""`trace.jsonl`: each packet's way through the lab, one line of JSON a packet id, for `emu trace` and other programs.

The first line says what the file is: `{"format": "emu-trace", "version": 1, "epoch_ns": …}`. Each other line is one packet:

    {"id": 7, "cause": 3, "dropped": "dropped at docker1/eth0: …", "hops": [
        {"t": 12000, "at": "docker1/eth0", "dir": "in", "packet": "192.168.50.20 > …", "notes": ["TTL 64 → 63"]}, …]}

`t` is virtual time in nanoseconds; `cause` the id of the packet that this one answers, where there is one; an entry without `dir` is
something that happened between two taps. Packets stand in the order of their last hop; those that no tap saw come last.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from emu.netdev.device import TX, Direction
from emu.observe.summary import changes, summary
from emu.packet import ethernet
from emu.packet.frame import Frame, PacketFrame

if TYPE_CHECKING:
    from emu.observe.recorder import Event

FORMAT = "emu-trace"
VERSION = 1
NO_LINK_LAYER = bytes(12) + ethernet.IPV4  # stands before a packet of a device without one
_encode: Callable[[Any], str] = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class Journey:
    """One packet under way: what was seen of it so far."""

    __slots__ = ("cause", "hops", "places", "text", "wire")

    def __init__(self, cause: int) -> None:
        self.cause = cause
        self.hops: list[dict[str, Any]] = []
        self.places: dict[str, bytes] = {}  # namespace -> the packet as last seen there
        self.wire = b""
        self.text = ""


class TraceWriter:
    """Takes the records of a run in order; writes a packet's line with its last hop, so only packets under way are in memory."""

    def __init__(self, file: TextIO, epoch_ns: int, events: list[Event]) -> None:
        self._file = file
        self._journeys: dict[int, Journey] = {}
        self._events: dict[int, list[Event]] = {}
        for event in events:
            self._events.setdefault(event.trace_id, []).append(event)
        self._write({"format": FORMAT, "version": VERSION, "epoch_ns": epoch_ns})

    def hop(self, now: int, label: str, place: str, direction: Direction, frame: Frame) -> list[str]:
        """Add a hop; gives what was done to the packet since the last tap in the same namespace."""
        wire = frame.wire if not isinstance(frame, PacketFrame) else NO_LINK_LAYER + frame.wire
        journey = self._journeys.get(frame.trace_id)
        if journey is None:
            journey = self._journeys[frame.trace_id] = Journey(frame.cause)
        if wire is not journey.wire:
            journey.wire, journey.text = wire, summary(wire)
        hop: dict[str, Any] = {"t": now, "at": label, "dir": direction.value, "packet": journey.text}
        before = journey.places.get(place)
        notes = changes(before, wire) if before is not None and direction is TX else []
        if notes:
            hop["notes"] = notes
        journey.places[place] = wire
        journey.hops.append(hop)
        return notes

    def end(self, trace_id: int) -> None:
        """The packet was seen for the last time."""
        self._line(trace_id, self._journeys.pop(trace_id))

    def close(self) -> None:
        """The packets that no tap has seen: dropped where they were born."""
        for trace_id in list(self._events):
            self._line(trace_id, Journey(0))

    def _line(self, trace_id: int, journey: Journey) -> None:
        events = self._events.pop(trace_id, ())
        hops = journey.hops
        if events:
            happened = [{"t": each.time_ns, "at": each.where, "note": each.text} for each in events]
            hops = sorted(hops + happened, key=lambda hop: int(hop["t"]))
        line: dict[str, Any] = {"id": trace_id, "cause": journey.cause, "hops": hops}
        if not journey.cause:
            del line["cause"]
        drops = [each.text for each in events if each.is_drop]
        if drops:
            line["dropped"] = drops[0] if len(drops) == 1 else drops
        self._write(line)

    def _write(self, line: dict[str, Any]) -> None:
        self._file.write(_encode(line) + "\n")


def read(path: Path) -> list[dict[str, Any]]:
    """The packets of a trace. Raises EmuError for a file of another format or version."""
    from emu.errors import EmuError

    try:
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError) as error:
        raise EmuError(f"{path}: cannot be read as a trace: {error}") from error
    if not lines or not isinstance(lines[0], dict) or lines[0].get("format") != FORMAT:
        raise EmuError(f"{path}: is no trace that emu wrote")
    if lines[0].get("version") != VERSION:
        raise EmuError(f"{path}: is a trace of version {lines[0].get('version')}; this emu reads version {VERSION}")
    return lines[1:]
