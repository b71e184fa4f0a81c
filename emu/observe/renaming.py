"""What of ours stands for what of the reference's: one to one in each kind of name, through a whole set of captures."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from itertools import count, product, takewhile

from emu.observe.values import Fields, Name, Value, in_turn


class Renaming:
    """The first time that two names meet in the same field, they stand for each other from then on."""

    def __init__(self) -> None:
        self._ours: dict[tuple[str, str], str] = {}
        self._theirs: dict[tuple[str, str], str] = {}

    def keep(self, kind: str, values: Iterable[str]) -> None:
        """These stand for themselves."""
        for value in values:
            self.agrees(Name(kind, value), Name(kind, value))

    def agrees(self, ours: Name, theirs: Name) -> bool:
        """Do the two stand for each other?"""
        known = self._ours.setdefault((theirs.kind, theirs.value), ours.value)
        back = self._theirs.setdefault((ours.kind, ours.value), theirs.value)
        return known == ours.value and back == theirs.value

    def meet(self, ours: Fields, theirs: Fields) -> bool:
        """Whether two frames of one shape may be the same, as far as is known; if so, they are from now on."""
        if not self.could_meet(ours, theirs):
            return False
        for mine, there in zip(ours.values(), theirs.values(), strict=True):
            if isinstance(mine, Name) and isinstance(there, Name):
                self.agrees(mine, there)
        return True

    def could_meet(self, ours: Fields, theirs: Fields) -> bool:
        """Whether each name may stand for its counterpart, also when all of them do."""
        forth: dict[tuple[str, str], str] = {}
        back: dict[tuple[str, str], str] = {}
        for mine, there in zip(ours.values(), theirs.values(), strict=True):
            if isinstance(mine, Name) and isinstance(there, Name):
                our_key, their_key = (mine.kind, mine.value), (there.kind, there.value)
                known, returned = self._ours.get(their_key, mine.value), self._theirs.get(our_key, there.value)
                if (known, returned) != (mine.value, there.value):
                    return False
                if (forth.setdefault(their_key, mine.value), back.setdefault(our_key, there.value)) != (mine.value, there.value):
                    return False
        return True

    # --- in texts, which do not tell of several things with one name which it is

    def meet_in_text(self, ours: Fields, theirs: Fields) -> bool:
        return any(self.meet(*pair) for pair in self._readings(ours, theirs))

    def could_meet_in_text(self, ours: Fields, theirs: Fields) -> bool:
        return any(self.could_meet(*pair) for pair in self._readings(ours, theirs))

    def _readings(self, ours: Fields, theirs: Fields) -> Iterator[tuple[Fields, Fields]]:
        return product(_readings(ours, self._theirs), _readings(theirs, self._ours))

    def expected(self, theirs: Value) -> str:
        """The reference's value in our words."""
        return self._ours.get((theirs.kind, theirs.value), theirs.value) if isinstance(theirs, Name) else str(theirs)


def _readings(fields: Fields, known: Container[tuple[str, str]]) -> Iterator[Fields]:
    """With each name for one of the things that are known to have it."""
    names = {value for value in fields.values() if isinstance(value, Name)}
    turns = {name: [name, *takewhile(lambda each: (each.kind, each.value) in known, _turns(name))] for name in names}
    for choice in product(*turns.values()):
        chosen = dict(zip(turns, choice, strict=True))
        yield {key: chosen[value] if isinstance(value, Name) else value for key, value in fields.items()}


def _turns(name: Name) -> Iterator[Name]:
    return (Name(name.kind, in_turn(name.value, turn)) for turn in count(2))
