"""Queueing disciplines: what holds a frame between `transmit` and the wire. netem (net/sched/sch_netem.c), in virtual time.

Not modelled: classes and filters, other disciplines (a device without one sends at once: noqueue), netem's corruption, slots, loss models
with states, delay distributions other than uniform.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Protocol

from emu.engine import SECOND
from emu.netdev.drop import DropReason
from emu.packet.frame import Frame

if TYPE_CHECKING:
    from emu.engine import Engine
    from emu.netdev.device import NetDevice


class Qdisc(Protocol):
    """What a device calls instead of sending at once."""

    kind: str
    handle: str
    sent_bytes: int
    sent_packets: int
    dropped: int

    def enqueue(self, frame: Frame) -> None: ...

    def backlog(self) -> tuple[int, int]: ...  # bytes and packets that wait

    def reset(self) -> None: ...


@dataclass
class Probability:
    """A chance from 0 to 1, and how much it depends on the last draw."""

    value: float = 0.0
    correlation: float = 0.0


@dataclass
class NetemOptions:
    """`tc qdisc … netem`: times in nanoseconds, rate in bits a second, `limit` in packets."""

    limit: int = 1000
    delay_ns: int = 0
    jitter_ns: int = 0
    delay_correlation: float = 0.0
    loss: Probability = field(default_factory=Probability)
    duplicate: Probability = field(default_factory=Probability)
    reorder: Probability = field(default_factory=Probability)
    gap: int = 0
    rate_bps: int = 0
    overhead: int = 0


class _Chance:
    """get_crandom: a random number from 0 to 1 that leans on the one before."""

    def __init__(self, engine: Engine, name: str) -> None:
        self._source = engine.stream(name)
        self._last = 0.0

    def draw(self, correlation: float) -> float:
        value = self._source.random()
        if correlation:
            self._last = value = value * (1 - correlation) + self._last * correlation
        return value


class Netem:
    """netem as a device's root discipline. Its random numbers come from the device's own stream."""

    kind = "netem"

    def __init__(self, dev: NetDevice, options: NetemOptions, handle: str = "8001:") -> None:
        self.dev = dev
        self.engine = dev.engine
        self.options = options
        self.handle = handle
        self.sent_bytes = self.sent_packets = self.dropped = 0
        names = ("delay", "loss", "duplicate", "reorder")
        self._delay, self._loss, self._duplicate, self._reorder = (_Chance(dev.engine, f"netem {dev.label} {name}") for name in names)
        self._counter = 0
        self._serial = 0
        self._queue: list[tuple[int, int, Frame]] = []
        self._bytes = 0

    # --- in

    def enqueue(self, frame: Frame) -> None:
        """netem_enqueue: how many copies, and when each goes out."""
        options = self.options
        copies = 1
        if options.duplicate.value and self._duplicate.draw(options.duplicate.correlation) < options.duplicate.value:
            copies += 1
        if options.loss.value and self._loss.draw(options.loss.correlation) < options.loss.value:
            copies -= 1
        if not copies:
            return self._drop(frame, DropReason.LOSS)
        for _ in range(copies):
            self._schedule(frame)

    def _schedule(self, frame: Frame) -> None:
        options = self.options
        if len(self._queue) >= options.limit:
            return self._drop(frame, DropReason.QUEUE_FULL)
        now = self.engine.now
        in_order = (
            not options.gap
            or self._counter < options.gap - 1
            or not options.reorder.value
            or self._reorder.draw(options.reorder.correlation) >= options.reorder.value
        )
        if in_order:
            self._counter += 1
            when = self._time_to_send(len(frame.wire), now)
        else:
            self._counter = 0
            when = now
        self._serial += 1
        heappush(self._queue, (when, self._serial if in_order else -self._serial, frame))
        self._bytes += len(frame.wire)
        if in_order:
            self.engine.call_at(when, self._dequeue)
        else:
            self._dequeue()  # at the head of the queue, which is looked at as soon as a frame was put in

    def _time_to_send(self, length: int, now: int) -> int:
        options = self.options
        delay = options.delay_ns
        if options.jitter_ns:
            delay += round((2 * self._delay.draw(options.delay_correlation) - 1) * options.jitter_ns)
        if options.rate_bps:
            if self._queue:  # the line is free when the last one in the queue has gone
                last = max(when for when, _, _ in self._queue)
                delay = max(0, delay - (last - now))
                now = max(now, last)
            delay += (length + options.overhead) * 8 * SECOND // options.rate_bps
        return now + max(0, delay)

    def _drop(self, frame: Frame, reason: DropReason) -> None:
        self.dropped += 1
        self.dev.drop(frame, reason)

    # --- out

    def _dequeue(self) -> None:
        """One event for each frame; the queue gives them in the order of their times."""
        if not self._queue or self._queue[0][0] > self.engine.now:
            return
        _, _, frame = heappop(self._queue)
        self._bytes -= len(frame.wire)
        if not self.dev.up:
            return self._drop(frame, DropReason.DEVICE_DOWN)
        self.sent_packets += 1
        self.sent_bytes += len(frame.wire)
        self.dev.transmit_now(frame)

    def backlog(self) -> tuple[int, int]:
        return self._bytes, len(self._queue)

    def reset(self) -> None:
        """The discipline goes, and what waits in it."""
        queue, self._queue = self._queue, []
        self._bytes = 0
        for _, _, frame in queue:
            self._drop(frame, DropReason.QUEUE_FULL)
