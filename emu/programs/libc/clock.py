"""The wall clock of a lab: virtual time counted from a fixed epoch, so that two runs show the same."""

from __future__ import annotations

from emu.engine import MICROSECOND, SECOND, Engine

EPOCH = 1_577_836_800  # 2020-01-01 00:00:00 UTC
DAYS = ("Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed")  # 1970-01-01 was a Thursday
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def gettimeofday(engine: Engine) -> tuple[int, int]:
    """Seconds since 1970 and microseconds."""
    seconds, rest = divmod(engine.now, SECOND)
    return EPOCH + seconds, rest // MICROSECOND


def civil(seconds: int) -> tuple[int, int, int, int, int, int, int]:
    """Year, month, day, hour, minute, second and day of the week (0: Thursday) of a time since 1970, in UTC."""
    days, rest = divmod(seconds, 86400)
    weekday = days % 7
    days += 719468  # days since 0000-03-01: years begin in March, so the leap day is their last
    era, day_of_era = divmod(days, 146097)
    year_of_era = (day_of_era - day_of_era // 1460 + day_of_era // 36524 - day_of_era // 146096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    month_from_march = (5 * day_of_year + 2) // 153
    day = day_of_year - (153 * month_from_march + 2) // 5 + 1
    month = month_from_march + 3 if month_from_march < 10 else month_from_march - 9
    return era * 400 + year_of_era + (month <= 2), month, day, rest // 3600, rest // 60 % 60, rest % 60, weekday


def http_date(seconds: int) -> str:
    """`Sat, 21 Nov 2026 03:31:31 GMT` (RFC 9110 §5.6.7)."""
    year, month, day, hour, minute, second, weekday = civil(seconds)
    return f"{DAYS[weekday]}, {day:02} {MONTHS[month - 1]} {year} {hour:02}:{minute:02}:{second:02} GMT"
