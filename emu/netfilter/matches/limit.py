"""-m limit (xt_limit.c): a bucket of tokens that fills in virtual time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from emu.engine import SECOND
from emu.netfilter import rates
from emu.netfilter.match import Match
from emu.netfilter.table import Rule, Test
from emu.netfilter.words import integer, usage

if TYPE_CHECKING:
    from emu.netfilter.netfilter import Netfilter
    from emu.packet.datagram import Datagram

SCALE = 10_000  # the kernel counts in tenths of milliseconds
DEFAULT_BURST = 5
MAX_BURST = 10_000


def _period(text: str) -> int:
    """`5/min`: the time between two packets, in units of SCALE."""
    period = rates.period(text, SCALE)
    if period is None:
        raise usage(f'bad rate "{text}"\'')
    if period == 0:
        raise usage(f'Rate too fast "{text}"\n')
    return period


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
        return f"--limit {rates.rate_text(self.period, SCALE)}{burst}"

    def list(self, numeric: bool) -> str:
        return f"limit: avg {rates.rate_text(self.period, SCALE)} burst {self.burst}"

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
