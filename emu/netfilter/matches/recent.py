"""-m recent (xt_recent.c): lists of addresses by name, with the times at which packets came from them, in virtual time.

A list is shared by the rules that name it, holds 100 addresses, and goes with the last of its rules that has seen a packet. Not
modelled: /proc/net/xt_recent, IPv6, the module's parameters.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from emu.engine import SECOND
from emu.netfilter.extension import INVALID, bang
from emu.netfilter.hooks import Hook
from emu.netfilter.match import Match
from emu.netfilter.table import Rule, Test
from emu.netfilter.words import address, integer, usage
from emu.packet.address import ip_text, number

if TYPE_CHECKING:
    from emu.netfilter.netfilter import Netfilter
    from emu.packet.datagram import Datagram

MODES = {"--set": "SET", "--rcheck": "CHECK", "--update": "UPDATE", "--remove": "REMOVE"}
LOWEST = {"--seconds": 1, "--hitcount": 0}
ADDRESSES = 100  # ip_list_tot
STAMPS = 32  # of an address, unless a rule counts further
MOST_STAMPS = 0xFFFF
NAME_LENGTH = 199
TTL, SOURCE, DESTINATION = 8, slice(12, 16), slice(16, 20)


class Seen:
    """An address: when it was seen last, and with which TTL."""

    def __init__(self, ttl: int, now: int, stamps: int) -> None:
        self.ttl = ttl
        self.stamps = deque([now], maxlen=stamps)


class RecentList:
    """Addresses, the one seen longest ago first (struct recent_table)."""

    def __init__(self) -> None:
        self.entries: dict[int, Seen] = {}
        self.stamps = STAMPS

    def grow(self, hitcount: int) -> None:
        """A rule counts that far: room for as many times, a power of two. A list that grows is emptied."""
        wanted = 1 << (hitcount - 1).bit_length() if hitcount else STAMPS
        if wanted > self.stamps:
            self.stamps = wanted
            self.entries.clear()

    def saw(self, key: int, ttl: int, now: int) -> None:
        seen = self.entries.pop(key, None)
        if seen is None:
            if len(self.entries) >= ADDRESSES:
                del self.entries[next(iter(self.entries))]
            seen = Seen(ttl, now, self.stamps)
        else:
            seen.ttl = ttl
            seen.stamps.append(now)
        self.entries[key] = seen

    def reap(self, since: int) -> None:
        """The one seen longest ago goes if that is before `since`."""
        key, seen = next(iter(self.entries.items()))
        if seen.stamps[-1] < since:
            del self.entries[key]


@dataclass(slots=True)
class Recent(Match):
    """The packet's address has been seen: at all, so often, within so many seconds."""

    name: ClassVar[str] = "recent"
    OPTIONS: ClassVar[dict[str, int]] = {
        **dict.fromkeys(MODES, 0),
        **dict.fromkeys(("--seconds", "--hitcount", "--name", "--mask"), 1),
        **dict.fromkeys(("--reap", "--rttl", "--rsource", "--rdest"), 0),
    }  # fmt: skip
    INVERTIBLE: ClassVar[frozenset[str]] = frozenset(MODES)
    mode: str = ""
    inverted: bool = False
    seconds: int = 0
    hitcount: int = 0
    reap: bool = False
    rttl: bool = False
    listed: str = "DEFAULT"
    mask: int = 0xFFFFFFFF
    side: str = "source"

    def set(self, option: str, values: list[str], inverted: bool, rule: Rule) -> None:
        if option in MODES:
            if self.mode:
                other = next(word for word, mode in MODES.items() if mode == self.mode)
                raise usage(f'recent: option "{other}" cannot be used together with "{option}".\n')
            self.mode, self.inverted = MODES[option], inverted
        elif option in LOWEST:
            value = integer(values[0], LOWEST[option], 0xFFFFFFFF)
            if value is None:
                raise usage(f'recent: bad value for option "{option}", or out of range ({LOWEST[option]}-4294967295).\n')
            setattr(self, option[2:], value)
        elif option == "--name":
            self.listed = values[0][:NAME_LENGTH]
        elif option == "--mask":
            self.mask = number(address(values[0]))
        elif option in ("--rsource", "--rdest"):
            self.side = "source" if option == "--rsource" else "dest"
        else:
            setattr(self, option[2:], True)

    def check(self, rule: Rule) -> None:
        if not self.mode:
            raise usage("recent: you must specify one of `--set', `--rcheck' `--update' or `--remove'")
        if self.reap and not self.seconds:
            raise usage('recent: option "--reap" also requires "--seconds".\n')
        if self.rttl and self.mode == "SET":
            raise usage('recent: option "--rttl" cannot be used together with "--set".\n')

    def kernel_refuses(self, rule: Rule, hook: Hook | None) -> str:
        looks = self.mode in ("CHECK", "UPDATE") or not (self.seconds or self.hitcount)
        right = looks and self.hitcount <= MOST_STAMPS and self.listed and "/" not in self.listed
        return "" if right else INVALID

    def save(self) -> str:
        option = next(word for word, mode in MODES.items() if mode == self.mode)
        words = [f"{bang(self.inverted)}{option}"]
        words += [f"--seconds {self.seconds}"] if self.seconds else []
        words += ["--reap"] if self.reap else []
        words += [f"--hitcount {self.hitcount}"] if self.hitcount else []
        words += ["--rttl"] if self.rttl else []
        return " ".join([*words, f"--name {self.listed} --mask {self._mask_text()} --r{self.side}"])

    def list(self, numeric: bool) -> str:
        words = [f"{bang(self.inverted)}recent: {self.mode}"]
        words += [f"seconds: {self.seconds}"] if self.seconds else []
        words += ["reap"] if self.reap else []
        words += [f"hit_count: {self.hitcount}"] if self.hitcount else []
        words += ["TTL-Match"] if self.rttl else []
        return " ".join([*words, f"name: {self.listed} side: {self.side} mask: {self._mask_text()}"])

    def _mask_text(self) -> str:
        return ip_text(self.mask.to_bytes(4, "big"))

    def compile(self, netfilter: Netfilter) -> Test:
        recent = netfilter.recent.setdefault(self.listed, RecentList())
        recent.grow(self.hitcount)
        engine, mask, inverted, rttl = netfilter.engine, self.mask, self.inverted, self.rttl
        where = SOURCE if self.side == "source" else DESTINATION

        def test(datagram: Datagram, iif: Any, oif: Any) -> bool:
            key = int.from_bytes(datagram.wire[where], "big") & mask
            ttl = datagram.wire[TTL] + (oif is not None and datagram.iif is not None)  # as it was before forwarding
            seen = recent.entries.get(key)
            if seen is not None and rttl and seen.ttl != ttl:
                seen = None
            found = self._found(recent, key, seen, engine.now)
            if self.mode == "SET" or (self.mode == "UPDATE" and seen is not None and found is not inverted):
                recent.saw(key, ttl, engine.now)
            return found is not inverted

        return test

    def _found(self, recent: RecentList, key: int, seen: Seen | None, now: int) -> bool:
        if self.mode == "SET" or seen is None:
            return self.mode == "SET"
        if self.mode == "REMOVE":
            del recent.entries[key]
            return True
        since = now - self.seconds * SECOND if self.seconds else -1
        hits = sum(stamp >= since for stamp in seen.stamps)
        if self.reap:
            recent.reap(since)
        return hits >= max(self.hitcount, 1)
