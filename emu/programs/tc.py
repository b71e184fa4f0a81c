"""tc(8) of iproute2 6.1: `tc qdisc` show, add, change, replace, del of netem at a device's root.

Not modelled: other disciplines, classes, filters, and netem's corrupt, ecn, slot, distribution, loss models.
"""

from __future__ import annotations

import re

from emu.engine import MICROSECOND, MILLISECOND, SECOND
from emu.netdev.device import NetDevice
from emu.netdev.qdisc import Netem, NetemOptions, Probability, Qdisc
from emu.process import Process, UsageError
from emu.programs.ip.words import Words

NOT_MODELLED = frozenset(
    {"class", "filter", "chain", "action", "actions", "monitor", "exec"}
    | {"corrupt", "ecn", "slot", "distribution", "ingress", "clsact", "parent", "handle-minor", "estimator", "stab"}
    | {
        "tbf",
        "htb",
        "fq_codel",
        "fq",
        "codel",
        "pfifo_fast",
        "pfifo",
        "bfifo",
        "prio",
        "sfq",
        "cake",
        "hfsc",
        "noqueue",
        "mq",
        "red",
        "ets",
    }
)
TIME_UNITS = {"s": SECOND, "sec": SECOND, "secs": SECOND, "ms": MILLISECOND, "msec": MILLISECOND, "msecs": MILLISECOND}
TIME_UNITS |= {"us": MICROSECOND, "usec": MICROSECOND, "usecs": MICROSECOND, "": MICROSECOND, "ns": 1, "nsec": 1, "nsecs": 1}
RATE_UNITS = {"bit": 1, "kbit": 10**3, "mbit": 10**6, "gbit": 10**9, "kibit": 2**10, "mibit": 2**20, "gibit": 2**30}
RATE_UNITS |= {"bps": 8, "kbps": 8 * 10**3, "mbps": 8 * 10**6, "gbps": 8 * 10**9, "": 1}
FIRST_HANDLE = 0x8001


async def main(process: Process, argv: list[str]) -> int:
    words = Words(argv[1:])
    statistics = False
    while words.peek().startswith("-"):
        option = words.next()
        if option in {"-V", "-Version"}:
            process.print("tc utility, iproute2-6.1.0, libbpf 1.1.2")
            return 0
        if option not in {"-s", "-statistics", "-stats"}:
            raise UsageError(f"tc: '{option}' is not modelled", 255)
        statistics = True
    if not words:
        raise UsageError("Usage: tc [ -s[tatistics] ] qdisc { show | add | change | replace | del } ...", 0)
    found = words.next()
    if found in {"class", "filter"} and words.peek() in {"", "show", "ls", "list"}:
        return 0  # there are none
    if not "qdisc".startswith(found):
        if found in NOT_MODELLED:
            raise UsageError(f"tc: '{found}' is not modelled", 255)
        raise UsageError(f'Object "{found}" is unknown, try "tc help".', 255)
    command = words.next() if words else "show"
    if command in {"show", "list", "ls"}:
        return _show(process, words, statistics=statistics)
    if command not in {"add", "change", "replace", "del", "delete"}:
        raise UsageError(f'Command "{command}" is unknown, try "tc qdisc help".', 255)
    if not process.place.net_admin:
        raise UsageError("RTNETLINK answers: Operation not permitted", 2)
    return _change(process, words, command)


def _device(process: Process, name: str) -> NetDevice:
    if name not in process.netns.devices:
        raise UsageError(f'Cannot find device "{name}"', 1)
    return process.netns.devices[name]


# --- show


def _show(process: Process, words: Words, *, statistics: bool) -> int:
    only: NetDevice | None = None
    while words:
        if words.take("dev"):
            only = _device(process, words.next())
        elif not words.take("root"):
            raise UsageError(f"tc: 'qdisc show {words.peek()}' is not modelled", 1)
    for dev in sorted(process.netns.devices.values(), key=lambda dev: dev.ifindex):
        if only in {None, dev} and (dev.activated or dev.qdisc is not None):
            _show_one(process, dev, "" if only is not None else f"dev {dev.name} ", statistics=statistics)
    return 0


def _show_one(process: Process, dev: NetDevice, where: str, *, statistics: bool) -> None:
    qdisc: Qdisc | None = dev.qdisc
    if isinstance(qdisc, Netem):
        process.print(f"qdisc netem {qdisc.handle} {where}root refcnt 2 {describe(qdisc.options)}")
    else:
        process.print(f"qdisc noqueue 0: {where}root refcnt 2 ")
    if statistics:
        sent = (qdisc.sent_bytes, qdisc.sent_packets, qdisc.dropped) if qdisc is not None else (0, 0, 0)
        waiting = qdisc.backlog() if qdisc is not None else (0, 0)
        process.print(f" Sent {sent[0]} bytes {sent[1]} pkt (dropped {sent[2]}, overlimits 0 requeues 0) ")
        process.print(f" backlog {waiting[0]}b {waiting[1]}p requeues 0")


def describe(options: NetemOptions) -> str:
    """As netem_print_opt shows them."""
    parts = [f"limit {options.limit}"]
    if options.delay_ns:
        parts.append(f"delay {_time(options.delay_ns)}")
        if options.jitter_ns:
            parts.append(f" {_time(options.jitter_ns)}")
            parts += [_percent(options.delay_correlation)] if options.delay_correlation else []
    for name in ("loss", "duplicate", "reorder"):
        chance: Probability = getattr(options, name)
        if chance.value:
            parts.append(f"{name} {_percent(chance.value)}")
            parts += [_percent(chance.correlation)] if chance.correlation else []
    if options.rate_bps:
        parts.append(f"rate {_rate(options.rate_bps)}")
        parts += [f"packetoverhead {options.overhead}"] if options.overhead else []
    if options.gap:
        parts.append(f" gap {options.gap}")
    return " ".join(parts)


def _time(ns: int) -> str:
    """sprint_time64."""
    if ns >= SECOND:
        return f"{ns / SECOND:.3g}s"
    return f"{ns / MILLISECOND:.3g}ms" if ns >= MILLISECOND else f"{ns / MICROSECOND:.3g}us" if ns >= MICROSECOND else f"{ns}ns"


def _percent(value: float) -> str:
    return f"{value * 100:g}%"


def _rate(bps: int) -> str:
    """tc_print_rate: in the largest unit that keeps it whole enough."""
    for unit, size in (("Gbit", 10**9), ("Mbit", 10**6), ("Kbit", 10**3)):
        if bps >= size and (bps // size >= 1000 or bps % size == 0):
            return f"{bps // size}{unit}"
    return f"{bps}bit"


# --- change


def _change(process: Process, words: Words, command: str) -> int:
    dev, handle = _where(process, words)
    kind = words.next() if words else ""
    if kind in NOT_MODELLED:
        raise UsageError(f"tc: '{kind}' is not modelled", 1)
    options = _netem_options(words) if kind == "netem" else None
    if command in {"del", "delete"}:
        if dev.qdisc is None:
            raise UsageError("Error: Cannot delete qdisc with handle of zero.", 2)
        dev.qdisc.reset()
        dev.qdisc = None
        return 0
    if options is None:
        raise UsageError("Error: Specified qdisc kind is unknown.", 2)
    if command == "add" and dev.qdisc is not None:
        raise UsageError("Error: Exclusivity flag on, cannot modify.", 2)
    if command == "change" and dev.qdisc is None:
        raise UsageError("Error: Qdisc not found. To create specify NLM_F_CREATE flag.", 2)
    if isinstance(dev.qdisc, Netem) and handle in {"", dev.qdisc.handle}:
        dev.qdisc.options = options
        return 0
    if dev.qdisc is not None:
        dev.qdisc.reset()
    dev.qdisc = Netem(dev, options, handle or _free_handle(process))
    return 0


def _where(process: Process, words: Words) -> tuple[NetDevice, str]:
    """`dev NAME root [handle H:]`: the device and the handle."""
    dev: NetDevice | None = None
    root = False
    handle = ""
    while words.peek() in {"dev", "root", "handle"}:
        word = words.next()
        if word == "dev":
            dev = _device(process, words.next())
        elif word == "root":
            root = True
        else:
            handle = words.next()
    if handle and not re.fullmatch(r"[0-9a-f]{1,4}:", handle):
        raise UsageError(f'Error: argument "{handle}" is wrong: invalid qdisc ID', 255)
    if dev is None or not root:
        what = words.peek() if words.peek() in NOT_MODELLED else "a discipline that is not at a device's root (dev NAME root)"
        raise UsageError(f"tc: '{what}' is not modelled" if what in NOT_MODELLED else f"tc: {what} is not modelled", 1)
    return dev, handle


def _free_handle(process: Process) -> str:
    taken = {dev.qdisc.handle for dev in process.netns.devices.values() if dev.qdisc is not None}
    return next(name for name in (f"{number:x}:" for number in range(FIRST_HANDLE, 0x10000)) if name not in taken)


def _netem_options(words: Words) -> NetemOptions:
    """Raises UsageError."""
    options = NetemOptions()
    while words:
        word = words.next()
        if word in {"limit", "gap"}:
            setattr(options, word, _whole(word, words.next()))
        elif word in {"delay", "latency"}:
            options.delay_ns = _time_ns("latency", words.next())
            if _is_number(words.peek()):
                options.jitter_ns = _time_ns("jitter", words.next())
                options.delay_correlation = _correlation(words)
        elif word in {"loss", "drop"}:
            options.loss = _loss(words)
        elif word in {"duplicate", "reorder"}:
            setattr(options, word, Probability(_share(word, words.next()), _correlation(words)))
        elif word == "rate":
            options.rate_bps = _bits(words.next())
            options.overhead = _whole("packetoverhead", words.next()) if _is_number(words.peek()) else 0
        else:
            raise UsageError(f"tc: 'netem {word}' is not modelled" if word in NOT_MODELLED else f'What is "{word}"?', 1)
    if options.reorder.value and not options.delay_ns:
        raise UsageError("reordering not possible without specifying some delay", 1)
    if options.gap and not options.reorder.value:
        raise UsageError("gap specified without reorder probability", 1)
    options.gap = options.gap or int(bool(options.reorder.value))
    return options


def _loss(words: Words) -> Probability:
    words.take("random")
    if words.peek() in {"state", "gemodel"}:
        raise UsageError(f"tc: 'loss {words.peek()}' is not modelled", 1)
    if not _is_number(words.peek()):
        raise UsageError(f"Unknown loss parameter: {words.peek()}", 1)
    return Probability(_share("loss", words.next()), _correlation(words))


def _is_number(word: str) -> bool:
    return word[:1].isdigit() or (word[:1] == "." and word[1:2].isdigit())


def _whole(what: str, text: str) -> int:
    if not text.isdigit():
        raise UsageError(f'Illegal "{what}"', 1)
    return int(text)


def _quantity(what: str, text: str, units: dict[str, int]) -> float:
    match = re.fullmatch(r"(\d+\.?\d*|\.\d+)([a-z]*)", text.lower())
    if match is None or match[2] not in units:
        raise UsageError(f'Illegal "{what}"', 1)
    return float(match[1]) * units[match[2]]


def _time_ns(what: str, text: str) -> int:
    return round(_quantity(what, text, TIME_UNITS))


def _bits(text: str) -> int:
    bits = round(_quantity("rate", text, RATE_UNITS))
    if not bits:
        raise UsageError('Illegal "rate"', 1)
    return bits


def _share(what: str, text: str) -> float:
    """`10%`, or a number that counts as a percentage too."""
    match = re.fullmatch(r"(\d+\.?\d*|\.\d+)%?", text)
    if match is None or float(match[1]) > 100:
        raise UsageError(f'Illegal "{what} percent"', 1)
    return float(match[1]) / 100


def _correlation(words: Words) -> float:
    return _share("correlation", words.next()) if _is_number(words.peek()) else 0.0
