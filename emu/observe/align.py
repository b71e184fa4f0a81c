"""Which frame of ours is which of the reference: the pairing with the fewest differences, and frames that come at another place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from emu.observe.canonical import Canonical
from emu.observe.renaming import Renaming

GAP_COST = 3  # a frame without counterpart weighs as much as three fields that differ
LARGEST = 250_000  # comparisons of two frames in a stretch without equal ones; a longer stretch is paired from its two ends
NEAR = 32  # frames: how far a frame of another conversation that overtook is looked for


@dataclass(slots=True)
class Pair:
    """A frame of ours and its counterpart; `moved`: they stand at different places."""

    ours: Canonical | None
    reference: Canonical | None
    moved: bool = False


def align(ours: Sequence[Canonical], reference: Sequence[Canonical], names: Renaming) -> list[Pair]:
    """In the reference's order, frames that only we have in between."""
    keys: dict[object, int] = {}
    mine = [keys.setdefault(frame.shape(), len(keys)) for frame in ours]
    theirs = [keys.setdefault(frame.shape(), len(keys)) for frame in reference]
    pairs = _paired(ours, mine, reference, theirs)
    _overtaken(pairs, names)
    return _moved(pairs)


def _paired(ours: Sequence[Canonical], mine: list[int], reference: Sequence[Canonical], theirs: list[int]) -> list[Pair]:
    """Equal frames at both ends first: two captures are mostly alike."""
    start, shorter = 0, min(len(mine), len(theirs))
    while start < shorter and mine[start] == theirs[start]:
        start += 1
    end = 0
    while end < shorter - start and mine[-1 - end] == theirs[-1 - end]:
        end += 1
    stop, their_stop = len(mine) - end, len(theirs) - end
    pairs = [Pair(*each) for each in zip(ours[:start], reference[:start], strict=True)]
    matcher = SequenceMatcher(None, mine[start:stop], theirs[start:their_stop], autojunk=shorter > 2000)
    for tag, one, two, three, four in matcher.get_opcodes():
        some, others = ours[start + one : start + two], reference[start + three : start + four]
        pairs += [Pair(*each) for each in zip(some, others, strict=True)] if tag == "equal" else _closest(some, others)
    return pairs + [Pair(*each) for each in zip(ours[stop:], reference[their_stop:], strict=True)]


def _closest(ours: Sequence[Canonical], reference: Sequence[Canonical]) -> list[Pair]:
    """The pairing with the fewest fields that differ (Needleman and Wunsch)."""
    rows, columns = len(ours), len(reference)
    if rows * columns > LARGEST:
        common = min(rows, columns)
        pairs = [Pair(*each) for each in zip(ours[:common], reference[:common], strict=True)]
        return pairs + [Pair(each, None) for each in ours[common:]] + [Pair(None, each) for each in reference[common:]]
    distances = [[_distance(mine, theirs) for theirs in reference] for mine in ours]
    cost = [[GAP_COST * (row + column) for column in range(columns + 1)] for row in range(rows + 1)]
    for row in range(1, rows + 1):
        for column in range(1, columns + 1):
            cost[row][column] = min(
                cost[row - 1][column - 1] + distances[row - 1][column - 1],
                cost[row - 1][column] + GAP_COST,
                cost[row][column - 1] + GAP_COST,
            )
    pairs = []
    row, column = rows, columns
    while row or column:
        if row and column and cost[row][column] == cost[row - 1][column - 1] + distances[row - 1][column - 1]:
            row, column = row - 1, column - 1
            pairs.append(Pair(ours[row], reference[column]))
        elif row and cost[row][column] == cost[row - 1][column] + GAP_COST:
            row -= 1
            pairs.append(Pair(ours[row], None))
        else:
            column -= 1
            pairs.append(Pair(None, reference[column]))
    return pairs[::-1]


def _distance(ours: Canonical, reference: Canonical) -> int:
    mine, theirs = dict(ours.shape()), dict(reference.shape())
    return sum(mine.get(key) != theirs.get(key) for key in mine.keys() | theirs.keys())


def _overtaken(pairs: list[Pair], names: Renaming) -> None:
    """Of frames of one shape that belong to two conversations, each is paired with its own."""
    same = [pair for pair in pairs if pair.ours is not None and pair.reference is not None and _is_alike(pair)]
    for position, pair in enumerate(same):
        assert pair.ours is not None
        assert pair.reference is not None
        if names.meet(pair.ours.fields, pair.reference.fields):
            continue
        for other in same[position + 1 : position + NEAR]:
            assert other.ours is not None
            if other.ours.shape() == pair.ours.shape() and names.meet(other.ours.fields, pair.reference.fields):
                pair.ours, other.ours = other.ours, pair.ours
                pair.moved = True
                break


def _is_alike(pair: Pair) -> bool:
    return pair.ours is not None and pair.reference is not None and pair.ours.shape() == pair.reference.shape()


def _moved(pairs: list[Pair]) -> list[Pair]:
    """Frames that both have, at different places, are made pairs."""
    extra: dict[object, list[Pair]] = {}
    for pair in pairs:
        if pair.ours is not None and pair.reference is None:
            extra.setdefault(pair.ours.shape(), []).append(pair)
    gone = set()
    for pair in pairs:
        if pair.ours is None and pair.reference is not None and (same := extra.get(pair.reference.shape())):
            other = same.pop(0)
            pair.ours, pair.moved = other.ours, True
            gone.add(id(other))
    return [pair for pair in pairs if id(pair) not in gone]
