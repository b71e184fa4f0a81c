"""Two captures compared as a person would: equal up to a one-to-one renaming of what a run chooses freely, differences in words.

    for difference in compare_folders(Path("emu-lab/captures"), Path("pcaps/linux/bridge-ping")):
        print(difference)           # docker0, frame 7: TTL 63, expected 64

Frames are compared in their order. Left out beside what `canonical` leaves out: TCP segments that only acknowledge, unicast ARP requests
that confirm a known neighbour (with their answers), and which of two FINs comes first, since each is a matter of timing. Of times only
those between retries are compared, within a quarter. Renaming (MAC addresses, ephemeral ports, ICMP and DNS ids, VXLAN source ports) is
kept through a whole set of captures; a MAC address that both sets have stands for itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from pathlib import Path

from emu.errors import EmuError
from emu.observe.canonical import Canonical, Canonicaliser, Flow, Name, Value
from emu.observe.pcap_reader import CapturedFrame, read
from emu.packet import arp

GAP_COST = 3  # a frame without counterpart weighs as much as three fields that differ
RETRY_NS = (500_000_000, 10_000_000_000)  # gaps between equal frames that are a timer's
TOLERANCE_NS = 50_000_000
SUFFIXES = (".pcap", ".pcapng", ".cap")

Pair = tuple[Canonical | None, Canonical | None]  # ours, reference
Point = tuple[str, list[Canonical], list[Canonical]]  # a capture point's name, our frames, the reference's


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as in the reference. `frame` counts in the reference's file, or in ours for a frame that only we have."""

    capture: str
    frame: int | None
    text: str

    def __str__(self) -> str:
        return f"{self.capture}: {self.text}" if self.frame is None else f"{self.capture}, frame {self.frame}: {self.text}"


class Renaming:
    """What of ours stands for what of the reference's, one to one in each kind of name."""

    def __init__(self) -> None:
        self._ours: dict[tuple[str, str], str] = {}
        self._theirs: dict[tuple[str, str], str] = {}

    def keep(self, kind: str, values: Iterable[str]) -> None:
        """These stand for themselves."""
        for value in values:
            self.agrees(Name(kind, value), Name(kind, value))

    def agrees(self, ours: Name, theirs: Name) -> bool:
        """Do the two stand for each other? The first time that two meet they do."""
        known = self._ours.setdefault((theirs.kind, theirs.value), ours.value)
        back = self._theirs.setdefault((ours.kind, ours.value), theirs.value)
        return known == ours.value and back == theirs.value

    def expected(self, theirs: Value) -> str:
        """The reference's value in our words."""
        return self._ours.get((theirs.kind, theirs.value), theirs.value) if isinstance(theirs, Name) else str(theirs)


def compare_folders(ours: Path, reference: Path, names: Mapping[str, str] | None = None) -> list[Difference]:
    """All captures of the reference against those of ours. `names`: file of the reference -> file of ours, where they differ.

    Raises EmuError for what cannot be read.
    """
    names = dict(names or {})
    theirs = _captures(reference)
    if not theirs:
        raise EmuError(f"{reference}: no captures in it")
    wanted = {name: names.get(name, name) for name in theirs}
    differences = []
    points: list[Point] = []
    for name in theirs:
        if not (ours / wanted[name]).exists():
            differences.append(Difference(Path(name).stem, None, f"there is no capture {wanted[name]}"))
            continue
        points += _points(ours / wanted[name], reference / name)
    if not names:
        more = [name for name in _captures(ours) if name not in theirs]
        differences += [Difference(Path(name).stem, None, "this capture is not in the reference") for name in more]
    return differences + _compare(points, Renaming())


def compare_captures(ours: Path, reference: Path, names: Renaming | None = None) -> list[Difference]:
    """Two files; of pcapng files each interface by its name. `names` is what other captures of the set have told already."""
    return _compare(_points(ours, reference), names or Renaming())


def _captures(folder: Path) -> list[str]:
    try:
        return sorted(path.name for path in folder.iterdir() if path.suffix in SUFFIXES)
    except OSError as error:
        raise EmuError(f"{folder}: {error.strerror or error}") from error


def _points(ours: Path, reference: Path) -> list[Point]:
    """The capture points of two files with their frames, made ready for comparison."""
    mine, theirs = _by_interface(ours), _by_interface(reference)
    if len(mine) == len(theirs) == 1:
        mine, theirs = {reference.stem: next(iter(mine.values()))}, {reference.stem: next(iter(theirs.values()))}
    points = []
    for name in {**theirs, **mine}:
        frames = theirs.get(name, [])
        points.append((name, prepare(_cut_like(mine.get(name, []), frames)), prepare(frames)))
    return points


def _cut_like(ours: list[CapturedFrame], reference: list[CapturedFrame]) -> list[CapturedFrame]:
    """Where a recording has only the first bytes of a frame, only those can be compared."""
    cuts = {frame.length: len(frame.wire) for frame in reference if frame.length > len(frame.wire)}
    return [replace(frame, wire=frame.wire[: cuts.get(frame.length)]) for frame in ours] if cuts else ours


def _by_interface(path: Path) -> dict[str, list[CapturedFrame]]:
    capture = read(path)
    found: dict[str, list[CapturedFrame]] = {name: [] for name in capture.interfaces or [""]}
    for frame in capture.frames:
        found[frame.interface].append(frame)
    return found


# --- frames in a comparable order


def prepare(frames: Sequence[CapturedFrame]) -> list[Canonical]:
    """The frames that are compared, two FINs of a connection in one order."""
    canonicaliser = Canonicaliser()
    canonical = [canonicaliser.frame(number, frame.time_ns, frame.wire) for number, frame in enumerate(frames, 1)]
    return _order_fins([frame for frame in _without_probes(canonical) if not frame.is_pure_ack])


def _without_probes(frames: Iterable[Canonical]) -> Iterable[Canonical]:
    """Unicast ARP requests and their answers are whether a neighbour was confirmed in time."""
    asked: Counter[tuple[bytes, bytes]] = Counter()
    for frame in frames:
        packet = frame.arp
        if packet is not None and frame.arp_is_unicast:
            if packet.operation == arp.REQUEST:
                asked[packet.sender_ip, packet.target_ip] += 1
                continue
            if asked[packet.target_ip, packet.sender_ip]:
                asked[packet.target_ip, packet.sender_ip] -= 1
                continue
        yield frame


def _order_fins(frames: list[Canonical]) -> list[Canonical]:
    """Where both sides of a connection send a FIN, both stand where the later one was, first that of the side that spoke first."""
    fins: dict[Flow, Canonical] = {}
    first: dict[frozenset[bytes], Flow] = {}
    for frame in frames:
        if frame.flow is not None:
            first.setdefault(frozenset(frame.flow), frame.flow)
            if frame.is_bare_fin:
                fins.setdefault(frame.flow, frame)
    pairs = [(fins[flow], fins[flow[1], flow[0]]) for flow in first.values() if flow in fins and (flow[1], flow[0]) in fins]
    moved = {id(fin) for pair in pairs for fin in pair}
    after = {id(max(pair, key=lambda fin: fin.number)): pair for pair in pairs}
    ordered: list[Canonical] = []
    for frame in frames:
        if id(frame) in after:
            ordered.extend(after[id(frame)])
        elif id(frame) not in moved:
            ordered.append(frame)
    return ordered


# --- alignment


def _compare(points: Sequence[Point], names: Renaming) -> list[Difference]:
    mine = _values("MAC", [frame for _, ours, _ in points for frame in ours])
    theirs = _values("MAC", [frame for _, _, reference in points for frame in reference])
    names.keep("MAC", sorted(mine & theirs))
    return [difference for name, ours, reference in points for difference in _point(name, align(ours, reference), names)]


def _values(kind: str, frames: Iterable[Canonical]) -> set[str]:
    return {value.value for frame in frames for value in frame.fields.values() if isinstance(value, Name) and value.kind == kind}


def align(ours: Sequence[Canonical], reference: Sequence[Canonical]) -> list[Pair]:
    """Which frame of ours is which of the reference; None where there is none."""
    keys: dict[object, int] = {}
    mine = [keys.setdefault(frame.shape(), len(keys)) for frame in ours]
    theirs = [keys.setdefault(frame.shape(), len(keys)) for frame in reference]
    pairs: list[Pair] = []
    for tag, start, end, their_start, their_end in SequenceMatcher(None, mine, theirs, autojunk=False).get_opcodes():
        if tag == "equal":
            pairs += zip(ours[start:end], reference[their_start:their_end], strict=True)
        else:
            pairs += _closest(ours[start:end], reference[their_start:their_end])
    return pairs


def _closest(ours: Sequence[Canonical], reference: Sequence[Canonical]) -> list[Pair]:
    """The pairing with the fewest fields that differ (Needleman and Wunsch)."""
    rows, columns = len(ours), len(reference)
    cost = [[GAP_COST * (row + column) for column in range(columns + 1)] for row in range(rows + 1)]
    for row in range(1, rows + 1):
        for column in range(1, columns + 1):
            cost[row][column] = min(
                cost[row - 1][column - 1] + _distance(ours[row - 1], reference[column - 1]),
                cost[row - 1][column] + GAP_COST,
                cost[row][column - 1] + GAP_COST,
            )
    pairs: list[Pair] = []
    row, column = rows, columns
    while row or column:
        if row and column and cost[row][column] == cost[row - 1][column - 1] + _distance(ours[row - 1], reference[column - 1]):
            row, column = row - 1, column - 1
            pairs.append((ours[row], reference[column]))
        elif row and cost[row][column] == cost[row - 1][column] + GAP_COST:
            row -= 1
            pairs.append((ours[row], None))
        else:
            column -= 1
            pairs.append((None, reference[column]))
    return pairs[::-1]


def _distance(ours: Canonical, reference: Canonical) -> int:
    mine, theirs = dict(ours.shape()), dict(reference.shape())
    return sum(mine.get(key) != theirs.get(key) for key in mine.keys() | theirs.keys())


# --- words


def _point(name: str, pairs: Sequence[Pair], names: Renaming) -> Iterable[Difference]:
    moved = _moved(pairs)
    for position, (ours, reference) in enumerate(pairs):
        if ours is not None and reference is not None:
            for text in _fields(ours, reference, names):
                yield Difference(name, reference.number, text)
        elif reference is not None:
            if id(reference) in moved:
                other = moved[id(reference)]
                yield Difference(name, reference.number, f"{reference.title} comes at another place, as frame {other.number}")
                for text in _fields(other, reference, names):
                    yield Difference(name, reference.number, text)
            else:
                yield Difference(name, reference.number, f"{reference.title} is missing")
        elif ours is not None and id(ours) not in moved:
            before = next((str(each.number) for _, each in pairs[position:] if each is not None), "")
            where = f"before frame {before} of the reference" if before else "at the end"
            yield Difference(name, None, f"{ours.title} (our frame {ours.number}) is not in the reference, {where}")
    yield from _retries(name, pairs)


def _moved(pairs: Sequence[Pair]) -> dict[int, Canonical]:
    """Frames that both have, at different places: by identity, the other one."""
    extra: dict[object, list[Canonical]] = {}
    for ours, reference in pairs:
        if reference is None and ours is not None:
            extra.setdefault(ours.shape(), []).append(ours)
    moved: dict[int, Canonical] = {}
    for ours, reference in pairs:
        if ours is None and reference is not None and (same := extra.get(reference.shape())):
            other = same.pop(0)
            moved[id(reference)], moved[id(other)] = other, reference
    return moved


def _fields(ours: Canonical, reference: Canonical, names: Renaming) -> Iterable[str]:
    for key in {**reference.fields, **ours.fields}:
        mine, theirs = ours.fields.get(key), reference.fields.get(key)
        if mine is None or theirs is None:
            yield (
                f"no {key}, expected {_shown(names.expected(theirs))}"
                if theirs is not None
                else f"{key} {_shown(str(mine))}, expected none"
            )
        elif isinstance(mine, Name) and isinstance(theirs, Name) and mine.kind == theirs.kind:
            if not names.agrees(mine, theirs):
                yield f"{key} {mine}, expected {names.expected(theirs)} ({theirs} in the reference)"
        elif mine != theirs:
            yield f"{key} {_shown(str(mine), names.expected(theirs))}, expected {_shown(names.expected(theirs), str(mine))}"


def _shown(text: str, other: str = "") -> str:
    """Long values from a little before where they differ."""
    if len(text) <= 80:
        return text
    start = next((position for position, (one, two) in enumerate(zip(text, other, strict=False)) if one != two), 0) & ~1
    return f"{len(text) // 2} bytes, from byte {start // 2} {text[start : start + 32]}…"


def _retries(name: str, pairs: Sequence[Pair]) -> Iterable[Difference]:
    """The delay between a request and its repetition is a timer's: unanswered ARP requests and SYNs."""
    last: dict[object, tuple[Canonical, Canonical]] = {}
    for ours, reference in pairs:
        if ours is None or reference is None:
            continue
        if reference.arp is not None and reference.arp.operation == arp.REPLY:
            last = {key: each for key, each in last.items() if key != (reference.arp.target_ip, reference.arp.sender_ip)}
            continue
        if reference.arp is not None:
            key: object = (reference.arp.sender_ip, reference.arp.target_ip)
        elif reference.fields.get("TCP flags") == "SYN":
            key = reference.flow
        else:
            continue
        if key in last:
            delay, expected = ours.time_ns - last[key][0].time_ns, reference.time_ns - last[key][1].time_ns
            if RETRY_NS[0] <= expected <= RETRY_NS[1] and abs(delay - expected) > expected // 4 + TOLERANCE_NS:
                text = f"{reference.title}: {delay / 1e9:.3f} s after the one before, expected {expected / 1e9:.3f} s"
                yield Difference(name, reference.number, text)
        last[key] = ours, reference
