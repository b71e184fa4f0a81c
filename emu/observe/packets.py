"""The packets of a run, or those that a probe was about, and what each of them caused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from emu.observe.dispositions import Disposition, is_request_for_address, judge
from emu.observe.journey import Journey


class Packets:
    """`by_id` has the journeys by packet id."""

    def __init__(self, by_id: Mapping[int, Journey]) -> None:
        self.by_id = by_id
        self._caused: dict[int, list[Journey]] = {}
        for each in by_id.values():
            self._caused.setdefault(each.cause, []).append(each)

    def disposition(self, journey: Journey) -> Disposition:
        return judge(journey, self._caused.get(journey.id, ()))

    def answers(self, journey: Journey) -> list[Journey]:
        """All that it caused, but for questions for an address."""
        return [each for each in self._caused.get(journey.id, ()) if not is_request_for_address(each)]

    def addresses_asked_for(self, askers: Iterable[Journey]) -> dict[int, Journey]:
        """ARP requests that they needed, what those caused, and so on: one that goes through a tunnel needs another one."""
        wanted = {asker.id for asker in askers}
        found: dict[int, Journey] = {}
        for journey in sorted(self.by_id.values(), key=lambda each: each.id):  # a cause is born before its effect
            if journey.cause in found or (journey.cause in wanted and is_request_for_address(journey)):
                found[journey.id] = journey
        return found
