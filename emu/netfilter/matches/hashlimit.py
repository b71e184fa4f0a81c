"""-m hashlimit (xt_hashlimit.c): as -m limit, with a bucket of tokens for each client, server or port.

A table of buckets has a name and is shared by the rules that name it; what holds for it is what the rule says that sees a packet first
(the kernel: the one that was made first). Not modelled: rates of bytes and --hashlimit-rate-match, which are refused; --htable-size beyond
its text; that the packet is dropped which would need a bucket more than --htable-max, here it does not match; /proc/net/ipt_hashlimit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from emu.engine import MILLISECOND, SECOND
from emu.netfilter import rates
from emu.netfilter.extension import INVALID, one_of
from emu.netfilter.hooks import Hook
from emu.netfilter.match import Match
from emu.netfilter.ports import ports_of
from emu.netfilter.table import Rule, Test
from emu.netfilter.words import bounded, mask_length, usage
from emu.packet.address import netmask, number

if TYPE_CHECKING:
    from emu.netfilter.netfilter import Netfilter
    from emu.packet.datagram import Datagram

SCALE = 1_000_000
HZ = 250
LIMITS = ("--hashlimit-upto", "--hashlimit-above")
MODES = ("srcip", "srcport", "dstip", "dstport")
MASKS = ("--hashlimit-srcmask", "--hashlimit-dstmask")
NUMBERS = {f"--hashlimit-htable-{name}": f"htable_{name}" for name in ("size", "max", "gcinterval", "expire")}
REFUSED = ("--hashlimit-rate-match", "--hashlimit-rate-interval")
MOST_BURST = 1_000_000
DEFAULT_BURST, DEFAULT_GC = 5, 1000
DEFAULT_SIZE, BUCKETS_A_SLOT = 8192, 8
# Credits are a power of two to the jiffy, and so many that a day's fit 64 bits; what does not fit wraps around.
CREDITS_A_SECOND = HZ << ((2**64 - 1) // (HZ * 86400)).bit_length() - 1
WORD = 2**64 - 1


def _credits(microseconds: int) -> int:
    """user2credits."""
    return microseconds * (CREDITS_A_SECOND // SCALE) & WORD


class Bucket:
    """What one client has left, and when it is forgotten."""

    def __init__(self, credit: int, now: int) -> None:
        self.credit = credit
        self.since = now
        self.expires = 0


class HashTable:
    """The buckets of one name (struct xt_hashlimit_htable)."""

    def __init__(self, rule: Hashlimit, now: int) -> None:
        self.rule = rule
        self.made = now
        self.cost, self.full = _credits(rule.period), _credits(rule.period * rule.burst)
        size = rule.htable_size or DEFAULT_SIZE
        self.most = max(rule.htable_max, size) if rule.htable_max else size * BUCKETS_A_SLOT
        self.buckets: dict[tuple[int, ...], Bucket] = {}

    def below(self, key: tuple[int, ...], now: int) -> bool | None:
        """May another packet pass? None: there is no room for another bucket."""
        bucket = self.buckets.get(key)
        if bucket is not None and bucket.expires <= self._collected(now):
            bucket = None
        if bucket is None:
            if len(self.buckets) >= self.most and not self._sweep(now):
                return None
            bucket = self.buckets[key] = Bucket(self.full, now)
        else:
            bucket.credit = min(bucket.credit + (now - bucket.since) * CREDITS_A_SECOND // SECOND, self.full)
            bucket.since = now
        bucket.expires = now + self.rule.htable_expire * MILLISECOND
        if bucket.credit < self.cost:
            return False
        bucket.credit -= self.cost
        return True

    def _collected(self, now: int) -> int:
        """When the garbage was last collected."""
        interval = self.rule.htable_gcinterval * MILLISECOND
        return self.made + (now - self.made) // interval * interval

    def _sweep(self, now: int) -> bool:
        """Is there room now?"""
        since = self._collected(now)
        self.buckets = {key: bucket for key, bucket in self.buckets.items() if bucket.expires > since}
        return len(self.buckets) < self.most


@dataclass(slots=True)
class Hashlimit(Match):
    """Up to a rate, or above it, of packets that have alike what `mode` says."""

    name: ClassVar[str] = "hashlimit"
    OPTIONS: ClassVar[dict[str, int]] = {
        **dict.fromkeys((*LIMITS, "--hashlimit", "--hashlimit-burst", "--hashlimit-mode", "--hashlimit-name", *NUMBERS, *MASKS), 1),
        "--hashlimit-rate-match": 0, "--hashlimit-rate-interval": 1,
    }  # fmt: skip
    ALIASES: ClassVar[dict[str, str]] = {"--hashlimit": "--hashlimit-upto"}
    INVERTIBLE: ClassVar[frozenset[str]] = frozenset(LIMITS)
    REQUIRED: ClassVar[str] = "--hashlimit-name"
    APART: ClassVar[dict[str, tuple[str, ...]]] = one_of(*LIMITS)
    period: int = 0
    above: bool = False
    burst: int = DEFAULT_BURST
    mode: tuple[str, ...] = ()
    table: str = ""
    srcmask: int = 32
    dstmask: int = 32
    htable_size: int = 0
    htable_max: int = 0
    htable_gcinterval: int = DEFAULT_GC  # milliseconds, as the next
    htable_expire: int = -1

    def set(self, option: str, values: list[str], inverted: bool, rule: Rule) -> None:
        text = values[0] if values else ""
        if option in REFUSED:
            raise usage(f"hashlimit: {option} is not modelled\n")
        if option in LIMITS:
            self._limit(option, text, inverted)
        elif option == "--hashlimit-burst":
            if not text.isdigit() or not 1 <= int(text) <= MOST_BURST:
                raise usage(f'bad value for option "--hashlimit-burst", or out of range (1-{MOST_BURST}).')
            self.burst = int(text)
        elif option == "--hashlimit-mode":
            words = [word for word in text.split(",") if word]
            if not set(words) <= set(MODES):
                raise usage(f'hashlimit: Bad value for "{option}" option: "{text}"')
            self.mode = tuple(mode for mode in MODES if mode in words)
        elif option == "--hashlimit-name":
            if not text:
                raise usage("Argument must have a minimum length of 1 characters\n")
            self.table = text
        elif option in MASKS:
            setattr(self, option.removeprefix("--hashlimit-"), mask_length(self.name, option, text))
        else:
            setattr(self, NUMBERS[option], bounded(self.name, option, text, 0, 0xFFFFFFFF))

    def _limit(self, option: str, text: str, inverted: bool) -> None:
        if "b/" in text:
            raise usage(f"hashlimit: rates of bytes are not modelled: {text}\n")
        period = rates.period(text, SCALE)
        if period is None:
            raise usage(f'hashlimit: Bad value for "{option}" option: "{text}"')
        if period == 0:
            raise usage(f'Rate too fast "{text}"')
        self.period, self.above = period, (option == "--hashlimit-above") is not inverted
        if "--hashlimit-htable-expire" not in self.given:
            self.htable_expire = (rates.unit_of(text) or 1) * 1000

    def check(self, rule: Rule) -> None:
        if not self.period:
            raise usage("You have to specify --hashlimit")

    def kernel_refuses(self, rule: Rule, hook: Hook | None) -> str:
        if _credits(self.period * self.burst) < _credits(self.period):
            return "Numerical result out of range"
        names = self.table in (".", "..") or "/" in self.table
        return INVALID if names or max(self.srcmask, self.dstmask) > 32 or not self.htable_gcinterval or not self.htable_expire else ""

    def save(self) -> str:
        words = [LIMITS[self.above], rates.rate_text(self.period, SCALE), f"--hashlimit-burst {self.burst}"]
        words += [f"--hashlimit-mode {','.join(self.mode)}"] if self.mode else []
        return " ".join([*words, f"--hashlimit-name {self.table}", *(f"--hashlimit-{word}" for word in self._rest())])

    def list(self, numeric: bool) -> str:
        words = [f"limit: {'above' if self.above else 'up to'} {rates.rate_text(self.period, SCALE)} burst {self.burst}"]
        words += [f"mode {'-'.join(self.mode)}"] if self.mode else []
        return " ".join([*words, *self._rest()])

    def _rest(self) -> tuple[str, ...]:
        """What is not as it is by default."""
        default = rates.printed_unit(self.period, SCALE)[1] * 1000
        named = (
            ("htable-size", self.htable_size, 0), ("htable-max", self.htable_max, 0),
            ("htable-gcinterval", self.htable_gcinterval, DEFAULT_GC), ("htable-expire", self.htable_expire, default),
            ("srcmask", self.srcmask, 32), ("dstmask", self.dstmask, 32),
        )  # fmt: skip
        return tuple(f"{word} {value}" for word, value, usual in named if value != usual)

    def compile(self, netfilter: Netfilter) -> Test:
        engine, above = netfilter.engine, self.above
        table = netfilter.hashlimits.get(self.table)
        if table is None:
            table = netfilter.hashlimits[self.table] = HashTable(self, engine.now)

        def test(datagram: Datagram, iif: Any, oif: Any) -> bool:
            key = table.rule.key(datagram)
            below = table.below(key, engine.now) if key is not None else None
            return below is not None and below is not above

        return test

    def key(self, datagram: Datagram) -> tuple[int, ...] | None:
        """What the packets of one bucket have alike; None: the packet is cut before its ports."""
        mode = self.mode
        key: list[int] = []
        if "srcip" in mode:
            key.append(number(datagram.src) & netmask(self.srcmask))
        if "dstip" in mode:
            key.append(number(datagram.dst) & netmask(self.dstmask))
        if "srcport" in mode or "dstport" in mode:
            ports = ports_of(datagram.wire)
            if ports is None:
                return None
            key += [port for port, which in zip(ports, ("srcport", "dstport"), strict=True) if which in mode]
        return tuple(key)
