"""-m limit (xt_limit.c): a bucket of tokens that fills in virtual time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from emu.engine import SECOND
from emu.netfilter.match import Match
from emu.netfilter.table import Rule, Test
from emu.netfilter.words import integer, usage

if TYPE_CHECKING:
    from emu.netfilter.netfilter import Netfilter
    from emu.packet.datagram import Datagram

SCALE = 10_000  # the kernel counts in tenths of milliseconds
UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
SHORT = {"day": "day", "hour": "hour", "minute": "min", "second": "sec"}
DEFAULT_BURST = 5
MAX_BURST = 10_000


def _period(text: str) -> int:
    """`5/min`: the time between two packets, in units of SCALE."""
    count, slash, unit = text.partition("/")
    amount = integer(count, 1, 0xFFFFFFFF)
    seconds = next((value for name, value in UNITS.items() if unit and name.startswith(unit.lower())), None) if slash else 1
    if amount is None or seconds is None:
        raise usage(f'bad rate "{text}"\'')
    period = SCALE * seconds // amount
    if period == 0:
        raise usage(f'Rate too fast "{text}"\n')
    return period


def _rate_text(period: int) -> str:
    """The unit in which it is a whole number, or nearly (print_rate)."""
    for name, seconds in reversed(UNITS.items()):
        ticks = seconds * SCALE
        if name == "second" or (period <= ticks and ticks / period < _next_finer(name, period)):
            return f"{ticks // period}/{SHORT[name]}"
    raise AssertionError("seconds always do")


def _next_finer(name: str, period: int) -> float:
    """A coarser unit is used only where the finer one would lose much by rounding."""
    finer = {"day": 3600, "hour": 60, "minute": 1}[name] * SCALE
    return float("inf") if period > finer or finer // period < finer % period else 0.0


@dataclass(slots=True)
class Limit(Match):
    """True at most so often, after a first burst."""

    name: ClassVar[str] = "limit"
    OPTIONS: ClassVar[dict[str, int]] = {"--limit": 1, "--limit-burst": 1}
    period: int = SCALE * 3600 // 3
    burst: int = DEFAULT_BURST

    def set(self, option: str, values: list[str], inverted: bool, rule: Rule) -> None:
        if option == "--limit":
            self.period = _period(values[0])
            return
        burst = integer(values[0], 0, MAX_BURST)
        if burst is None:
            raise usage('limit: bad value for option "--limit-burst", or out of range (0-10000).\n')
        self.burst = burst

    def save(self) -> str:
        burst = f" --limit-burst {self.burst}" if self.burst != DEFAULT_BURST else ""
        return f"--limit {_rate_text(self.period)}{burst}"

    def list(self, numeric: bool) -> str:
        return f"limit: avg {_rate_text(self.period)} burst {self.burst}"

    def compile(self, netfilter: Netfilter) -> Test:
        engine = netfilter.engine
        cost = self.period * (SECOND // SCALE)
        full = cost * self.burst
        credit, since = full, engine.now

        def test(datagram: Datagram, iif: Any, oif: Any) -> bool:
            nonlocal credit, since
            credit, since = min(full, credit + engine.now - since), engine.now
            if credit < cost:
                return False
            credit -= cost
            return True

        return test
