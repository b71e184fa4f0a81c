"""Differences from a reference that are right: one file, `accepted.yaml`, beside the captures, each with its reason.

    - at: host.docker0                              # capture point or state dump; * stands for anything
      differs: "TCP SYN * comes too early*"         # the sentence after its frame numbers
      frames: [3, 9]                                # optional: only at these frames of the reference
      reason: two connections race through the proxy
    - at: { c1.eth0: [18], h1.eth0: [17, 20] }      # several points, with the frames at each; [] stands for anywhere there
      differs: "TCP flags PSH ACK, expected FIN PSH ACK"
      reason: whether the last segment has the FIN is a race

An entry that accepts nothing any more is itself a difference, so that the list stays true. A list in the folder above is shared by all
references there: of that one an entry may be for others.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

import yaml

from emu.errors import EmuError
from emu.observe.words import Difference

FILE = "accepted.yaml"
_KEYS = {"at", "differs", "frames", "reason"}


@dataclass(frozen=True, slots=True)
class Accepted:
    """`source` is the entry's file and line."""

    at: str
    differs: str
    reason: str
    frames: frozenset[int] = frozenset()
    source: str = ""
    shared: bool = False

    def accepts(self, difference: Difference) -> bool:
        if not (_matches(self.at, difference.capture) and _matches(self.differs, difference.text)):
            return False
        return not self.frames or (bool(difference.expected_frames) and self.frames.issuperset(difference.expected_frames))


def _matches(pattern: str, text: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text, re.DOTALL) is not None


def read_accepted(folder: Path) -> list[Accepted]:
    """The folder's list and the one above. Raises EmuError with file and line for an entry that says too little."""
    above = [replace(entry, shared=True) for entry in _read(folder.resolve().parent / FILE)]
    return _read(folder / FILE) + above


def _read(path: Path) -> list[Accepted]:
    if not path.is_file():
        return []
    try:
        text = path.read_text(encoding="utf-8")
        entries, root = yaml.safe_load(text) or [], yaml.compose(text)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise EmuError(f"{path}: cannot be read: {error}") from error
    if not isinstance(entries, list):
        raise EmuError(f"{path}: must be a list of entries with 'at', 'differs' and 'reason'")
    lines = [node.start_mark.line + 1 for node in root.value] if root is not None else []
    return [each for entry, line in zip(entries, lines, strict=True) for each in _entry(entry, f"{path}:{line}")]


def _entry(entry: object, source: str) -> list[Accepted]:
    """One for each point that it names."""
    if not isinstance(entry, dict):
        raise EmuError(f"{source}: must be a mapping with 'at', 'differs' and 'reason'")
    if unknown := sorted(map(str, entry.keys() - _KEYS)):
        raise EmuError(f"{source}: unknown key '{unknown[0]}'; known: {', '.join(sorted(_KEYS))}")
    points = entry.get("at")
    several = isinstance(points, dict) and bool(points)
    for key in ("differs", "reason") if several else ("at", "differs", "reason"):
        if not isinstance(entry.get(key), str) or not entry[key].strip():
            raise EmuError(f"{source}: '{key}' is missing")
    if several and "frames" in entry:
        raise EmuError(f"{source}: 'frames' stand with their points in 'at'")
    places = points if isinstance(points, dict) else {points: entry.get("frames", [])}
    for frames in places.values():
        if not isinstance(frames, list) or not all(isinstance(number, int) for number in frames):
            raise EmuError(f"{source}: 'frames' must be a list of numbers")
    return [Accepted(str(at), entry["differs"], entry["reason"].strip(), frozenset(frames), source) for at, frames in places.items()]
