"""Rates as `5/min`, which -m limit and -m hashlimit read and print (iptables' libxt_limit.c, libxt_hashlimit.c).

They are kept as the time between two packets, in parts of a second: the kernel's are tenths of milliseconds for one, microseconds for the
other.
"""

from __future__ import annotations

from emu.netfilter.words import integer

SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
SHORT = (("day", 86400), ("hour", 3600), ("min", 60), ("sec", 1))


def unit_of(text: str) -> int | None:
    """How many seconds the rate's unit has, of which the beginning is enough; it may be left out."""
    _, slash, unit = text.partition("/")
    return next((seconds for name, seconds in SECONDS.items() if unit and name.startswith(unit.lower())), None) if slash else 1


def period(text: str, scale: int) -> int | None:
    """None: it is no rate; 0: it is too fast."""
    amount, seconds = integer(text.partition("/")[0], 1, 0xFFFFFFFF), unit_of(text)
    return None if amount is None or seconds is None else scale * seconds // amount


def printed_unit(period: int, scale: int) -> tuple[str, int]:
    """The finest unit in which it is a whole number, or nearly (print_rate)."""
    found = SHORT[0]
    for unit in SHORT[1:]:
        ticks = unit[1] * scale
        if period > ticks or ticks // period < ticks % period:
            break
        found = unit
    return found


def rate_text(period: int, scale: int) -> str:
    name, seconds = printed_unit(period, scale)
    return f"{seconds * scale // period}/{name}"
