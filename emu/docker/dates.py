"""Virtual time as dates, for people who look at one."""

from __future__ import annotations

from emu.engine import SECOND

EPOCH_S = 1_577_836_800  # 2020-01-01 00:00:00 UTC: when virtual time 0 is, for people who look at a date


def date(now_ns: int) -> str:
    """As Go prints a time in JSON: RFC 3339 with the nanoseconds that there are."""
    seconds, fraction = divmod(now_ns, SECOND)
    days, second = divmod(EPOCH_S + seconds, 86_400)
    year, month, day = _civil(days)
    clock = f"{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}"
    return f"{year:04d}-{month:02d}-{day:02d}T{clock}" + (f".{fraction:09d}".rstrip("0") if fraction else "") + "Z"


def _civil(days: int) -> tuple[int, int, int]:
    """Year, month and day of a number of days since 1970: years counted from March, so that the leap day is a year's last."""
    era, day_of_era = divmod(days + 719_468, 146_097)
    year_of_era = (day_of_era - day_of_era // 1460 + day_of_era // 36_524 - day_of_era // 146_096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    from_march = (5 * day_of_year + 2) // 153
    month = from_march + 3 if from_march < 10 else from_march - 9
    return year_of_era + era * 400 + (month <= 2), month, day_of_year - (153 * from_march + 2) // 5 + 1
