"""What MARK and CONNMARK share, and TOS in part: the ways to say which bits of a mark are cleared and which are flipped then (iptables'
libxt_MARK.c, libxt_TOS.c).
"""

from __future__ import annotations

from emu.netfilter.words import bounded, masked

ALL = 0xFFFFFFFF
OPTIONS = ("--set-xmark", "--set-mark", "--and-mark", "--or-mark", "--xor-mark")


def change(owner: str, option: str, text: str) -> tuple[int, int]:
    """The bits to flip, and those to clear before."""
    if option in ("--set-mark", "--set-xmark"):
        value, mask = masked(owner, option, text)
        return value, (value | mask if option == "--set-mark" else mask)
    return bitwise(option, bounded(owner, option, text, 0, ALL), ALL)


def bitwise(option: str, value: int, every: int) -> tuple[int, int]:
    """The same of `--and-…`, `--or-…` and `--xor-…`; `every` is all the bits there are."""
    return {"and": (0, ~value & every), "or": (value, value), "xor": (value, 0)}[option[2:].partition("-")[0]]


def bitwise_text(value: int, mask: int, every: int, form: str) -> str:
    """What `bitwise` has read, as `iptables -L` shows it, numbers in `form`; empty for what is no such change."""
    if value == 0:
        return f"and {~mask & every:{form}}"
    if value == mask:
        return f"or {value:{form}}"
    return "" if mask else f"xor {value:{form}}"


def change_text(value: int, mask: int) -> str:
    """As `iptables -L` shows it."""
    said = bitwise_text(value, mask, ALL, "#x")
    if said:
        return said
    return f"set {value:#x}" if mask == ALL else f"xset {value:#x}/{mask:#x}"
