"""Virtual time: one heap of events, one queue of tasks that can go on, integer nanoseconds.

Ties are broken by the order of scheduling, so a run is the same each time. Nothing here reads a clock. All randomness of a lab comes
from `Engine.stream`, which depends on the seed and on the name given, not on what else a lab contains.

Not modelled: the time that computing takes. Virtual time moves at veths, cables and timers only.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from heapq import heappop, heappush
from itertools import count
from typing import Any, Generic, TypeVar

from emu.errors import LimitReached

T = TypeVar("T")

MICROSECOND = 1_000
MILLISECOND = 1_000_000
SECOND = 1_000_000_000
FOREVER = 1 << 63


CHECKPOINT_EVENTS = 1024


class Cancelled(BaseException):
    """Thrown into a task that is told to stop (a signal ends its program)."""


class Future(Generic[T]):
    """A value that is not there yet; a task awaits it."""

    __slots__ = ("_engine", "_error", "_value", "_waiters", "done")

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.done = False
        self._value: T | None = None
        self._error: BaseException | None = None
        self._waiters: list[Callable[[], None]] | None = None

    def set_result(self, value: T) -> None:
        """Set the value and wake who waits. A second result is ignored: the first one counts."""
        if not self.done:
            self.done = True
            self._value = value
            if self._waiters is not None:
                self._engine.ready.extend(self._waiters)

    def set_error(self, error: BaseException) -> None:
        if not self.done:
            self.done = True
            self._error = error
            if self._waiters is not None:
                self._engine.ready.extend(self._waiters)

    def on_done(self, callback: Callable[[], None]) -> None:
        """Call back once done, from the engine's queue, never from inside `set_result`."""
        if self.done:
            self._engine.ready.append(callback)
        elif self._waiters is None:
            self._waiters = [callback]
        else:
            self._waiters.append(callback)

    def result(self) -> T:
        if self._error is not None:
            raise self._error
        return self._value  # type: ignore[return-value]

    def __await__(self) -> Generator[Future[T], None, T]:
        if not self.done:
            yield self
        if self._error is not None:
            raise self._error
        return self._value  # type: ignore[return-value]


class Task(Future[T]):
    """A coroutine that runs in virtual time, and the future of what it returns."""

    __slots__ = ("_awaited", "_coroutine", "_resume", "_send", "name")

    def __init__(self, engine: Engine, coroutine: Coroutine[Any, Any, T], name: str) -> None:
        super().__init__(engine)
        self.name = name
        self._coroutine = coroutine
        self._send = coroutine.send
        self._awaited: Future[Any] | None = None
        self._resume = self._step  # one bound method, not one for each wait
        engine.ready.append(self._resume)

    @property
    def running(self) -> bool:
        """It is this task's coroutine that is being executed."""
        return bool(getattr(self._coroutine, "cr_running", False))

    def cancel(self) -> None:
        """Throw `Cancelled` into the coroutine at once; a task that has ended stays as it is."""
        if not self.done:
            self._awaited = None
            self._step(Cancelled())

    def _step(self, error: BaseException | None = None) -> None:
        awaited = self._awaited
        if self.done or (error is None and awaited is not None and not awaited.done):
            return  # a wake-up that a cancel has overtaken
        try:
            waiting = self._send(None) if error is None else self._coroutine.throw(error)
        except StopIteration as stop:
            self.set_result(stop.value)
        except Cancelled as cancelled:
            self.set_error(cancelled)
        except Exception as failure:  # noqa: BLE001 (whoever awaits the task gets it, else whoever runs the engine)
            observed = self._waiters is not None
            self.set_error(failure)
            if not observed:
                self._engine.failures.append((self.name, failure))
        else:
            self._awaited = waiting
            if waiting._waiters is None and not waiting.done:
                waiting._waiters = [self._resume]
            else:
                waiting.on_done(self._resume)


class Timer:
    """Something to be called later, unless cancelled before."""

    __slots__ = ("_args", "_callback", "_engine", "background", "cancelled", "when_ns")

    def __init__(self, engine: Engine, when_ns: int, callback: Callable[..., None], args: tuple[Any, ...], background: bool) -> None:
        self._engine = engine
        self.when_ns = when_ns
        self._callback: Callable[..., None] | None = callback
        self._args = args
        self.background = background
        self.cancelled = False

    def cancel(self) -> None:
        if self._callback is not None:
            self._callback = None
            self.cancelled = True
            self._engine.background += not self.background  # what is left in the heap keeps nothing alive
            self.background = True

    def fire(self) -> None:
        self._engine.background -= self.background
        callback, self._callback = self._callback, None
        if callback is not None:
            callback(*self._args)


class Engine:
    """Runs a lab's events in order of their time.

    `background` events (TIME_WAIT, keep-alive, ageing) are run like others but do not keep a lab from being quiet.
    """

    def __init__(self, seed: int = 1) -> None:
        self.seed = seed
        self.now = 0
        self.events = 0
        self.ready: deque[Callable[[], None]] = deque()
        self.failures: list[tuple[str, BaseException]] = []
        self.background = 0  # events in the heap that keep no lab alive; cancelled ones among them
        self.time_limit_ns: int | None = None
        self.event_limit: int | None = None
        self.on_bug: Callable[[str], None] | None = None  # told of a program that a bug of emu's has ended; None: the exception is raised
        self.now_and_then: list[Callable[[], None]] = []  # called every CHECKPOINT_EVENTS events
        self._heap: list[tuple[int, int, Callable[[Any], None], Any]] = []
        self._next_serial = count().__next__
        self.next_trace_id: Callable[[], int] = count(1).__next__

    def stream(self, name: str) -> random.Random:
        """A random generator of its own for `name`, from the lab's seed."""
        return random.Random(f"{self.seed}/{name}")

    def post(self, delay_ns: int, callback: Callable[[T], None], argument: T) -> None:
        """Call later; cannot be cancelled, and costs the least."""
        heappush(self._heap, (self.now + delay_ns, self._next_serial(), callback, argument))

    def call_at(self, when_ns: int, callback: Callable[..., None], *args: Any, background: bool = False) -> Timer:
        timer = Timer(self, max(when_ns, self.now), callback, args, background)
        if background:
            self.background += 1
        heappush(self._heap, (timer.when_ns, self._next_serial(), Timer.fire, timer))
        return timer

    def call_later(self, delay_ns: int, callback: Callable[..., None], *args: Any, background: bool = False) -> Timer:
        return self.call_at(self.now + delay_ns, callback, *args, background=background)

    def spawn(self, coroutine: Coroutine[Any, Any, T], name: str = "task") -> Task[T]:
        return Task(self, coroutine, name)

    def sleep(self, delay_ns: int) -> Future[None]:
        future: Future[None] = Future(self)
        self.post(delay_ns, future.set_result, None)
        return future

    def timeout(self, future: Future[T], delay_ns: int) -> Timer:
        """Give `future` a `TimeoutError` after `delay_ns`, unless it is done before; cancel the timer then."""
        return self.call_at(self.now + delay_ns, future.set_error, TimeoutError("timed out"))

    @property
    def quiet(self) -> bool:
        """No task can go on and only background events are left."""
        return not self.ready and len(self._heap) <= self.background

    def run(self, until: Future[Any] | None = None, until_ns: int | None = None) -> None:
        """Run until `until` is done, `until_ns` is reached, or the lab is quiet.

        Raises LimitReached beyond `time_limit_ns` or `event_limit`; raises again what an unobserved task raised.
        """
        heap, ready, failures = self._heap, self.ready, self.failures
        awaited: Future[Any] = Future(self) if until is None else until
        ends_when_quiet = until is None and until_ns is None  # who waits for something may wait for a background event
        horizon_ns = FOREVER if self.time_limit_ns is None else self.time_limit_ns
        stop_ns = horizon_ns if until_ns is None else min(until_ns, horizon_ns)
        events, checkpoint = self.events, self._checkpoint()
        while True:
            while ready:
                ready.popleft()()
            if failures:
                raise failures.pop(0)[1]
            if awaited.done or not heap or (ends_when_quiet and len(heap) <= self.background):
                break
            event = heappop(heap)
            when, _, callback, argument = event
            if when > stop_ns:
                heappush(heap, event)
                if until_ns is None or until_ns > horizon_ns:
                    raise LimitReached(f"the lab was not quiet after {horizon_ns / SECOND:g} s of virtual time (limits: time)")
                break
            self.now = when
            callback(argument)
            events += 1
            if events >= checkpoint:
                self.events = events
                checkpoint = self._checkpoint()
        self.events = events
        if until_ns is not None and until_ns > self.now and not awaited.done:
            self.now = until_ns

    def _checkpoint(self) -> int:
        """What need not be looked at for each event: the limit, and those who want to be called now and then. The next one's number."""
        if self.event_limit is not None and self.events > self.event_limit:
            raise LimitReached(f"the lab was not quiet after {self.event_limit} events (limits: events)")
        for callback in self.now_and_then:
            callback()
        return min(self.events + CHECKPOINT_EVENTS, FOREVER if self.event_limit is None else self.event_limit + 1)
