"""How many packets a run lost, where and why: counted by namespace, device and reason as the drops happen.

What every network does all the time with frames that are for someone else (ORDINARY) is counted too, and told apart: it is no loss.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from emu.netdev.drop import DropReason

# Counted by the devices, but no drop to be told of.
ORDINARY = frozenset(
    {
        DropReason.NOT_MINE, DropReason.ARP_IGNORED, DropReason.ECHO_IGNORED, DropReason.GROUP_ECHO_IGNORED, DropReason.ICMP_IGNORED,
        DropReason.BRIDGE_SAME_PORT,
    }
)  # fmt: skip

Where = tuple[str, str, DropReason]  # namespace, label of the device (the namespace's name where there is none), reason
SHOWN = 8


class DropCounters(Counter[Where]):
    """`losses` is what a run's summary calls dropped."""

    @property
    def losses(self) -> int:
        return sum(count for (_, _, reason), count in self.items() if reason not in ORDINARY)

    def lines(self) -> list[str]:
        """`2 at docker1/eth0: dropped by a rule or policy`, the most first."""
        rows = sorted((-count, at, reason.value) for (_, at, reason), count in self.items() if reason not in ORDINARY)
        lines = [f"{-count} at {at}: {text}" for count, at, text in rows[:SHOWN]]
        if len(rows) > SHOWN:
            lines.append(f"… {-sum(count for count, _, _ in rows[SHOWN:])} more; --json has all")
        return lines


def as_data(drops: Mapping[Where, int]) -> list[dict[str, Any]]:
    """For JSON, in the order of places; `device` is null for what a namespace dropped that came by none."""
    return [
        {
            "place": place,
            "device": at.removeprefix(f"{place}/") if at != place else None,
            "reason": reason.name,
            "text": reason.value,
            "count": count,
            "ordinary": reason in ORDINARY,
        }
        for (place, at, reason), count in sorted(drops.items(), key=lambda item: (item[0][:2], item[0][2].name))
    ]
