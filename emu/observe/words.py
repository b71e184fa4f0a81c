"""Differences in words: what a person would say who looks at both captures. Frames are numbered as Wireshark numbers ours."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from emu.observe.align import Pair
from emu.observe.canonical import Canonical
from emu.observe.renaming import Renaming
from emu.observe.values import Name
from emu.packet import arp

RETRY_NS = (500_000_000, 10_000_000_000)  # gaps between equal frames that are a timer's
TOLERANCE_NS = 50_000_000
_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_MOST = 12  # frame numbers in one sentence


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as in the reference: `frames` count in our file, `expected_frames` in the reference's."""

    capture: str
    text: str
    frames: tuple[int, ...] = ()
    expected_frames: tuple[int, ...] = ()
    line: int = 0  # of a text

    def __str__(self) -> str:
        where = f", line {self.line}" if self.line else frame_numbers(self.frames)
        return f"{self.capture}{where}: {self.text}"

    def as_data(self) -> dict[str, Any]:
        place = {"line": self.line} if self.line else {"frames": self.frames, "expected_frames": self.expected_frames}
        return {"capture": self.capture, **place, "text": self.text}


def frame_numbers(frames: Sequence[int]) -> str:
    if not frames:
        return ""
    shown = [str(number) for number in frames[:_MOST]]
    if len(frames) > _MOST:
        return f", {len(frames)} frames from {shown[0]} on"
    return f", frame {shown[0]}" if len(shown) == 1 else f", frames {', '.join(shown[:-1])} and {shown[-1]}"


def sentences(name: str, pairs: Sequence[Pair], names: Renaming) -> list[Difference]:
    """Everything about frames that count in their order, in that order; what several frames have alike is said once."""
    found: list[Difference] = []
    following = _following(pairs)
    for (is_missing, where), group in groupby(range(len(pairs)), lambda at: (pairs[at].ours is None, following[at])):
        if is_missing:
            found += _missing(name, [pairs[at].reference for at in group], where)
        else:
            found += [difference for at in group for difference in _pair(name, pairs[at], following[at], names)]
    return merged([*found, *_retries(name, pairs)])


def _following(pairs: Sequence[Pair]) -> list[int | None]:
    """For each pair, the number of our next frame that has its place."""
    numbers: list[int | None] = []
    number = None
    for pair in reversed(pairs):
        numbers.append(number)
        if pair.ours is not None and pair.reference is not None and not pair.moved:
            number = pair.ours.number
    return numbers[::-1]


def _missing(name: str, frames: Sequence[Canonical | None], where: int | None) -> Iterator[Difference]:
    there = [frame for frame in frames if frame is not None]
    for kind, group in groupby(there, lambda frame: frame.kind):
        some = list(group)
        details = [frame.title.removeprefix(frame.kind).strip() for frame in some if frame.title != frame.kind]
        details = list(dict.fromkeys(details))
        shown = f": {', '.join(details[:_MOST])}{', …' if len(details) > _MOST else ''}" if details else ""
        before = f"before frame {where}" if where is not None else "at the end"
        yield Difference(name, f"{counted(len(some), kind)} missing {before}{shown}", (), tuple(frame.number for frame in some))


def counted(number: int, kind: str) -> str:
    if number == 1:
        return f"one {kind}"
    plural = kind[:-1] + "ies" if kind.endswith("y") else kind + "s"
    return f"{_NUMBERS[number] if number < len(_NUMBERS) else number} {plural}"


def _pair(name: str, pair: Pair, following: int | None, names: Renaming) -> Iterator[Difference]:
    ours, reference = pair.ours, pair.reference
    assert ours is not None
    if reference is None:
        yield Difference(name, f"{ours.title} is not expected", (ours.number,))
        return
    if pair.moved:
        late = following is not None and following < ours.number
        place = f"expected before frame {following}" if following is not None else "expected at the end"
        text = f"{ours.title} comes too {'late' if late else 'early'}, {place}"
        yield Difference(name, text, (ours.number,), (reference.number,))
    for text in field_texts(ours, reference, names):
        yield Difference(name, text, (ours.number,), (reference.number,))


def field_texts(ours: Canonical, reference: Canonical, names: Renaming) -> Iterable[str]:
    for key in {**reference.fields, **ours.fields}:
        mine, theirs = ours.fields.get(key), reference.fields.get(key)
        if theirs is None:
            yield f"{key} {_shown(str(mine))}, expected none"
        elif mine is None:
            yield f"no {key}, expected {_shown(names.expected(theirs))}"
        elif isinstance(mine, Name) and isinstance(theirs, Name) and mine.kind == theirs.kind:
            if not names.agrees(mine, theirs):
                expected = names.expected(theirs)
                yield f"{key} {mine}, expected {expected}" + (f" ({theirs} in the reference)" if expected != str(theirs) else "")
        elif mine != theirs:
            yield f"{key} {_shown(str(mine), names.expected(theirs))}, expected {_shown(names.expected(theirs), str(mine))}"


def _shown(text: str, other: str = "") -> str:
    """Long values from a little before where they differ."""
    if len(text) <= 80:
        return text
    start = next((position for position, (one, two) in enumerate(zip(text, other, strict=False)) if one != two), 0) & ~1
    return f"{len(text) // 2} bytes, from byte {start // 2} {text[start : start + 32]}…"


def merged(differences: Iterable[Difference]) -> list[Difference]:
    """One sentence for what several frames of a capture have alike."""
    alike: dict[tuple[str, str], list[Difference]] = {}
    for each in differences:
        alike.setdefault((each.capture, each.text), []).append(each)
    return [
        Difference(name, text, _numbers(each.frames for each in group), _numbers(each.expected_frames for each in group))
        for (name, text), group in alike.items()
    ]


def _numbers(frames: Iterable[tuple[int, ...]]) -> tuple[int, ...]:
    return tuple(sorted({number for numbers in frames for number in numbers}))


def _retries(name: str, pairs: Sequence[Pair]) -> Iterator[Difference]:
    """The delay between a request and its repetition is a timer's: unanswered ARP requests and SYNs."""
    last: dict[object, tuple[Canonical, Canonical]] = {}
    for pair in pairs:
        ours, reference = pair.ours, pair.reference
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
                yield Difference(name, text, (ours.number,), (reference.number,))
        last[key] = ours, reference
