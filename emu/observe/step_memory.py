"""What is said of steps, remembered: most hops of a run have the same few objects as steps, in the same order."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from emu.observe.journey import SHARED, Step

LIMIT = 50_000  # of what is remembered; then it begins anew


class StepMemory:
    """Called with steps it gives what `say` says of each. Shared steps are known by identity, and kept alive here."""

    def __init__(self, say: Callable[[Step], str]) -> None:
        self._say = say
        self._each: dict[int, tuple[Step, str]] = {}
        self._rows: dict[tuple[int, ...], tuple[Sequence[Step], Sequence[str]]] = {}

    def __call__(self, steps: Sequence[Step]) -> Sequence[str]:
        row = tuple(map(id, steps))
        known = self._rows.get(row)
        if known is not None:
            return known[1]
        said = tuple(map(self._one, steps))
        if all(isinstance(step, SHARED) for step in steps):
            if len(self._rows) >= LIMIT:
                self._rows.clear()
            self._rows[row] = tuple(steps), said
        return said

    def _one(self, step: Step) -> str:
        if not isinstance(step, SHARED):
            return self._say(step)
        known = self._each.get(id(step))
        if known is None:
            if len(self._each) >= LIMIT:
                self._each.clear()
            known = self._each[id(step)] = step, self._say(step)
        return known[1]
