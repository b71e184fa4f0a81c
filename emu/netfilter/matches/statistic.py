"""-m statistic (xt_statistic.c)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from emu.netfilter.extension import bang
from emu.netfilter.match import Match
from emu.netfilter.table import Rule, Test
from emu.netfilter.words import integer, usage

if TYPE_CHECKING:
    from emu.netfilter.netfilter import Netfilter
    from emu.packet.datagram import Datagram

ONE = 0x80000000


@dataclass(slots=True)
class Statistic(Match):
    """True of a share of the packets (random), or of every so many-th (nth)."""

    name: ClassVar[str] = "statistic"
    OPTIONS: ClassVar[dict[str, int]] = {"--mode": 1, "--probability": 1, "--every": 1, "--packet": 1}
    INVERTIBLE: ClassVar[frozenset[str]] = frozenset({"--probability", "--every"})
    APART: ClassVar[dict[str, tuple[str, ...]]] = {"--probability": ("--every", "--packet")}
    mode: str = ""
    probability: int | None = None  # of ONE
    every: int | None = None
    packet: int | None = None
    inverted: bool = False

    def set(self, option: str, values: list[str], inverted: bool, rule: Rule) -> None:
        text = values[0]
        if option == "--mode":
            if text not in ("random", "nth"):
                raise usage(f'Bad mode "{text}"')
            self.mode = text
        elif option == "--probability":
            self.probability, self.inverted = _probability(text), inverted
        elif option == "--every":
            self.every, self.inverted = _count("every", text, 1), inverted
        else:
            self.packet = _count("packet", text, 0)

    def check(self, rule: Rule) -> None:
        if not self.mode:
            raise usage('statistic: option "--mode" must be specified\n')
        if self.mode == "random" and self.probability is None:
            raise usage("--probability must be specified when using random mode")
        if self.mode == "nth" and self.every is None:
            raise usage("--every must be specified when using nth mode")
        if self.every is not None and self.packet is None:
            raise usage('statistic: option "--every" also requires "--packet".\n')
        if self.every is not None and (self.packet or 0) >= self.every:
            raise usage("the --packet p must be 0 <= p <= n-1")

    def _words(self, dashes: str) -> str:
        if self.mode == "random":
            return f"{dashes}mode random {bang(self.inverted)}{dashes}probability {(self.probability or 0) / ONE:.11f}"
        return f"{dashes}mode nth {bang(self.inverted)}{dashes}every {self.every} {dashes}packet {self.packet}"

    def save(self) -> str:
        return self._words("--")

    def list(self, numeric: bool) -> str:
        return f"statistic {self._words('')}"

    def compile(self, netfilter: Netfilter) -> Test:
        inverted = self.inverted
        if self.mode == "random":
            share, random = (self.probability or 0) / ONE, netfilter.random
            return lambda datagram, iif, oif: (random.random() < share) is not inverted
        every = self.every or 1
        seen = every - 1 - (self.packet or 0)

        def test(datagram: Datagram, iif: Any, oif: Any) -> bool:
            nonlocal seen
            seen = (seen + 1) % every
            return (seen == 0) is not inverted

        return test


def _probability(text: str) -> int:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise usage('statistic: bad value for option "--probability", or out of range (0.0-1.0).\n')
    return round(value * ONE)


def _count(option: str, text: str, low: int) -> int:
    value = integer(text, low, 0xFFFFFFFF)
    if value is None:
        raise usage(f'statistic: bad value for option "--{option}", or out of range.\n')
    return value
