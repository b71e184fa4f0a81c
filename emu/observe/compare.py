"""Two captures, or two folders of them, compared as a person would: equal up to a one-to-one renaming of what a run chooses freely.

    comparison = compare(Path("emu-lab"), Path("pcaps/linux/bridge-ping"))
    for difference in comparison.differences:
        print(difference)           # host.docker0, frame 7: TTL 63, expected 64

Frames are compared in their order; `canonical` and `prepared` say what is left out, and why. Renaming (MAC addresses, ephemeral ports,
ICMP and DNS ids, ids of fragments) is kept through a whole set of captures; a MAC address that both sets have stands for itself. Of times
only those between retries are compared, within a quarter.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from emu.errors import EmuError
from emu.observe.accepted import Accepted, read_accepted
from emu.observe.align import align
from emu.observe.canonical import Canonical, Common
from emu.observe.pcap_reader import LINK_TYPES, CapturedFrame, read
from emu.observe.prepared import prepare
from emu.observe.renaming import Renaming
from emu.observe.unordered import unordered
from emu.observe.values import Name
from emu.observe.words import Difference, sentences

SUFFIXES = (".pcap", ".pcapng", ".cap", ".pcap.gz", ".pcapng.gz", ".cap.gz")
MOST_SHOWN = 200
MERGED = "all"  # emu's file of all interfaces beside one file for each: the same frames once more

Frames = list[CapturedFrame]
Points = dict[str, tuple[Frames, Frames]]  # by a capture point's name: our frames, the reference's


@dataclass
class Comparison:
    """`accepted` are the differences that the reference's list of accepted ones names."""

    differences: list[Difference] = field(default_factory=list)
    accepted: list[tuple[Difference, Accepted]] = field(default_factory=list)
    captures: int = 0
    frames: int = 0
    names: Renaming = field(default_factory=Renaming)

    @property
    def equal(self) -> bool:
        return not self.differences

    def report(self) -> str:
        """For people: what differs, what is accepted, and how much was compared."""
        lines = [str(difference) for difference in self.differences[:MOST_SHOWN]]
        if len(self.differences) > MOST_SHOWN:
            lines.append(f"… and {len(self.differences) - MOST_SHOWN} more (--json has all)")
        lines += [f"accepted: {difference} ({entry.reason})" for difference, entry in self.accepted]
        compared = f"{_count(self.captures, 'capture')}, {_count(self.frames, 'frame')}"
        return "\n".join([*lines, f"{compared}: {_count(len(self.differences), 'difference') if self.differences else 'equal'}"])

    def as_data(self) -> dict[str, Any]:
        return {
            "equal": self.equal,
            "captures": self.captures,
            "frames": self.frames,
            "differences": [difference.as_data() for difference in self.differences],
            "accepted": [difference.as_data() | {"reason": entry.reason} for difference, entry in self.accepted],
        }


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def compare(ours: Path, reference: Path, names: Mapping[str, str] | None = None) -> Comparison:
    """Two files or two folders. `names`: capture point of the reference -> of ours, where they differ. Raises EmuError: cannot be read."""
    comparison = Comparison()
    for path in (ours, reference):
        if not path.exists():
            raise EmuError(f"{path}: no such file or folder")
    if ours.is_dir() != reference.is_dir():
        raise EmuError(f"{ours}: is a {_kind(ours)}, and {reference} a {_kind(reference)}: two of one kind can be compared")
    if ours.is_dir():
        mine, there = captures_in(ours), dict(names or {})
        back = {there.get(name, name): name for name in captures_in(reference)}
        compare_points({back.get(name, name): path for name, path in mine.items()}, captures_in(reference), comparison)
    else:
        _compare(_of_files(ours, reference, "", comparison), comparison)
    if reference.is_dir():
        accept(comparison, read_accepted(reference))
    return comparison


def accept(comparison: Comparison, accepted: Iterable[Accepted]) -> None:
    """Sort out what is accepted; an entry that accepts nothing is a difference itself."""
    accepted = list(accepted)
    rest = []
    for difference in comparison.differences:
        entry = next((entry for entry in accepted if entry.accepts(difference)), None)
        if entry is None:
            rest.append(difference)
        else:
            comparison.accepted.append((difference, entry))
    used = {id(entry) for _, entry in comparison.accepted}
    rest += [
        Difference(str(each.source), f"'{each.differs}' at {each.at} does not occur any more")
        for each in accepted
        if not each.shared and id(each) not in used
    ]
    comparison.differences = rest


def _kind(path: Path) -> str:
    return "folder" if path.is_dir() else "file"


# --- capture points


def captures_in(folder: Path, *, needed: bool = True) -> dict[str, Path]:
    """The capture files in a folder and those below it, by name without suffix; those of a run of emu, if it is one. Raises EmuError."""
    root = folder / "captures" if (folder / "captures").is_dir() else folder
    found: dict[str, Path] = {}
    for path in sorted(root.rglob("*")):
        suffix = next((each for each in reversed(SUFFIXES) if path.name.endswith(each)), None)
        if suffix is None or not path.is_file():
            continue
        name = str(path.relative_to(root))[: -len(suffix)]
        if name in found:
            raise EmuError(f"{path}: {found[name].name} beside it is of the same capture point")
        found[name] = path
    if len(found) > 1 and found.get(MERGED, Path()).suffix == ".pcapng":
        del found[MERGED]
    if needed and not found:
        raise EmuError(f"{folder}: no captures in it")
    return found


def compare_points(ours: Mapping[str, Path], reference: Mapping[str, Path], comparison: Comparison) -> None:
    """Two sets of captures by the names of their capture points. Raises EmuError."""
    points: Points = {}
    for name, path in reference.items():
        if name in ours:
            points |= _of_files(ours[name], path, name, comparison)
        else:
            comparison.differences.append(Difference(name, "there is no such capture, expected one"))
    comparison.differences += [Difference(name, "this capture is not in the reference") for name in ours if name not in reference]
    _compare(points, comparison)


def _of_files(ours: Path, reference: Path, name: str, comparison: Comparison) -> Points:
    """Of pcapng files each interface by its name."""
    mine, theirs = _by_interface(ours), _by_interface(reference)
    name = name or ours.name.partition(".pcap")[0]
    if len(mine) == len(theirs) == 1:
        return {name: (next(iter(mine.values())), next(iter(theirs.values())))}
    points: Points = {}
    for interface in {**theirs, **mine}:
        point = f"{name} {interface}".strip()
        if interface not in mine:
            comparison.differences.append(Difference(point, "there is no such interface, expected one"))
        elif interface not in theirs:
            comparison.differences.append(Difference(point, "this interface is not in the reference"))
        else:
            points[point] = mine[interface], theirs[interface]
    return points


def _by_interface(path: Path) -> dict[str, Frames]:
    capture = read(path)
    found: dict[str, Frames] = {name: [] for name in capture.interfaces or [""]}
    for frame in capture.frames:
        found[frame.interface].append(frame)
    return found


# --- frames


def _compare(points: Points, comparison: Comparison) -> None:
    names = comparison.names
    theirs_common, comparable = Common(), {}
    for name, (ours, reference) in points.items():
        comparison.captures += 1
        comparison.frames += len(reference)
        if _links(ours) and _links(reference) and _links(ours) != _links(reference):
            text = f"link type {_links(ours)}, expected {_links(reference)}: the frames are not compared"
            comparison.differences.append(Difference(name, text))
        else:
            comparable[name] = ours, prepare(_cut_like(reference, ours), theirs_common), reference
    our_common = Common(apart=theirs_common.has_one_port_for_two)
    prepared = {name: (prepare(_cut_like(ours, like), our_common), their) for name, (ours, their, like) in comparable.items()}
    mine, theirs = (_macs(frame for pair in prepared.values() for frame in pair[side].everything) for side in (0, 1))
    names.keep("MAC", sorted(mine & theirs))
    for name, (our, their) in prepared.items():
        comparison.differences += sentences(name, align(our.ordered, their.ordered, names), names)
    for name, (our, their) in prepared.items():
        comparison.differences += unordered(name, our, their, names)


def _links(frames: Frames) -> str:
    return ", ".join(sorted({LINK_TYPES[frame.link] for frame in frames}))


def _cut_like(ours: Frames, others: Frames) -> Frames:
    """Where a recording has only the first bytes of a frame, only those can be compared."""
    cuts = {frame.length: len(frame.wire) for frame in others if frame.length > len(frame.wire)}
    if not cuts:
        return ours
    return [replace(frame, wire=frame.wire[: cuts.get(frame.length)]) for frame in ours]


def _macs(frames: Iterable[Canonical]) -> set[str]:
    return {value.value for frame in frames for value in frame.fields.values() if isinstance(value, Name) and value.kind == "MAC"}
