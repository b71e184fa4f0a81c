"""`trace.jsonl`: each packet's way through the lab, one line of JSON a packet id, for `emu trace` and other programs.

The first line says what the file is, the last one that it is whole:

    {"format": "emu-trace", "version": 3, "epoch_ns": …}
    {"id": 7, "cause": 3, "hops": [{"t": 12000, "place": "docker1", "dev": "eth0", "dir": "in", "packet": "192.168.50.20 > …",
        "steps": [{"kind": "ttl", "before": 64, "after": 63}, …]}, …]}
    {"end": 86}

`t` is virtual time in nanoseconds, `cause` the id of the packet that this one answers or is about, 0 for none; the kinds of steps are
those of observe/journey.py. Packets stand in the order in which they ended.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, TextIO

from emu.errors import EmuError
from emu.observe.journey import Hop, Journey, Linked, Waited, as_data, journey_of
from emu.observe.step_memory import StepMemory

FORMAT = "emu-trace"
VERSION = 3
FILE = "trace.jsonl"
encode: Callable[[Any], str] = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=as_data).encode
_quoted = lru_cache(maxsize=4096)(encode)


@lru_cache(maxsize=4096)
def _at(place: str, device: str, direction: str) -> str:
    return f',"place":{encode(place)},"dev":{encode(device)},"dir":"{direction}"'


class TraceWriter:
    """Writes journeys as they end."""

    def __init__(self, file: TextIO, epoch_ns: int) -> None:
        self._file = file
        self._count = 0
        self._encoded = StepMemory(encode)
        self._write({"format": FORMAT, "version": VERSION, "epoch_ns": epoch_ns})

    def add(self, journey: Journey) -> None:
        self._count += 1
        hops = ",".join(map(self._hop, journey.hops))
        self._file.write(f'{{"id":{journey.id},"cause":{journey.cause},"hops":[{hops}]}}\n')

    def _hop(self, hop: Hop) -> str:
        """As `encode` does it, with a memory for what is the same in many packets."""
        text = f'{{"t":{hop.time_ns}{_at(hop.place, hop.device, hop.direction)},"packet":{_quoted(hop.packet)}'
        if hop.steps:
            text += f',"steps":[{",".join(self._encoded(hop.steps))}]'
        return text + (',"copy":true}' if hop.copy else "}")

    def close(self) -> None:
        self._write({"end": self._count})

    def _write(self, line: Any) -> None:
        self._file.write(encode(line) + "\n")


def read(path: Path) -> dict[int, Journey]:
    """The packets of a trace by id. Raises EmuError for a file of another format or version, cut short or changed by hand."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise EmuError(f"{path}: there is no such file; `emu run` writes it") from None
    except (OSError, ValueError) as error:
        raise EmuError(f"{path}: cannot be read as a trace: {error}") from error
    _check_head(path, lines)
    journeys: dict[int, Journey] = {}
    for number, line in enumerate(lines[1:-1], 2):
        try:
            journey = journey_of(json.loads(line))
        except (ValueError, KeyError, TypeError, AttributeError):
            raise EmuError(f"{path}:{number}: is no packet that emu wrote: was the file changed? `emu run` writes it anew") from None
        journeys[journey.id] = journey
    _check_end(path, lines, len(journeys))
    _check_links(path, journeys)
    return journeys


def _check_links(path: Path, journeys: Mapping[int, Journey]) -> None:
    """Whatever packet another one names is there."""
    for number, journey in enumerate(journeys.values(), 2):
        named = {step.id if isinstance(step, Linked) else step.request for _, step in journey.steps() if isinstance(step, (Linked, Waited))}
        missing = sorted((named | {journey.cause} - {0}) - journeys.keys())
        if missing:
            raise EmuError(
                f"{path}:{number}: packet {journey.id} names packet {missing[0]}, which is not in the file: was the file changed? "
                "`emu run` writes it anew"
            )


def _check_head(path: Path, lines: list[str]) -> None:
    head = _parsed(lines[0]) if lines else None
    if not isinstance(head, dict) or head.get("format") != FORMAT:
        raise EmuError(f"{path}: is no trace that emu wrote")
    if head.get("version") != VERSION:
        raise EmuError(f"{path}: is a trace of version {head.get('version')}, this emu reads version {VERSION}: `emu run` writes it anew")


def _check_end(path: Path, lines: list[str], found: int) -> None:
    end = _parsed(lines[-1])
    if not isinstance(end, dict) or "end" not in end:
        raise EmuError(f"{path}: is cut short after line {len(lines)}: `emu run` writes it anew")
    if end["end"] != found:
        raise EmuError(f"{path}: has {found} packets and says {end['end']}: was the file changed? `emu run` writes it anew")


def _parsed(line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return None
