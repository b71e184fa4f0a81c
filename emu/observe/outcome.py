"""A disposition in a word or two, for a cell of a table and for what a topology says must hold: `answered`, `dropped`, `no route`."""

from __future__ import annotations

from emu.netdev.drop import DropReason
from emu.observe.dispositions import DROPPED, WORDS, Disposition

ELSEWHERE = "elsewhere"  # another place, which has the same address, was reached
BY_A_RULE = "NETFILTER"

MEANINGS = {
    "answered": "an answer came home",
    "delivered": "it arrived, and no answer came home",
    "refused": "nobody listens there, and said so",
    "rejected": "a rule said no, and said so",
    "dropped": "a rule or policy, in silence",
    "unfinished": "still under way after twelve seconds",
    ELSEWHERE: "another place that has the same address was reached",
}
REASONS = {reason.name.lower().replace("_", " "): reason.value for reason in DropReason if reason.name != BY_A_RULE}
OUTCOMES = (*WORDS, ELSEWHERE, *REASONS)


def outcome(disposition: Disposition) -> str:
    """Of a drop that no rule made, the reason's name."""
    if disposition.word == DROPPED and disposition.reason not in ("", BY_A_RULE):
        return disposition.reason.lower().replace("_", " ")
    return disposition.word


def agrees(found: str, expected: str) -> bool:
    """Whether an outcome is what was expected: `dropped` stands for a drop of any kind."""
    return found == expected or (expected == DROPPED and found in REASONS)


def meaning(found: str) -> str:
    return MEANINGS.get(found) or f"dropped: {REASONS[found]}"
