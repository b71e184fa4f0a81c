"""A timer that is put off all the time (a retransmission timer moves with each ACK) without filling the engine's heap."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from emu.engine import Engine, Timer


class RestartableTimer:
    """Calls back once at its deadline; `start` again moves the deadline. Moving it later leaves the engine's event where it is."""

    __slots__ = ("_background", "_callback", "_deadline_ns", "_engine", "_timer")

    def __init__(self, engine: Engine, *, background: bool = False) -> None:
        self._engine = engine
        self._background = background
        self._callback: Callable[[], None] | None = None
        self._deadline_ns = 0
        self._timer: Timer | None = None

    @property
    def pending(self) -> Callable[[], None] | None:
        """What will be called, None if nothing."""
        return self._callback

    @property
    def remaining_ns(self) -> int:
        return self._deadline_ns - self._engine.now

    def start(self, delay_ns: int, callback: Callable[[], None]) -> None:
        self._callback = callback
        self._deadline_ns = self._engine.now + delay_ns
        if self._timer is not None:
            if self._timer.when_ns <= self._deadline_ns:
                return
            self._timer.cancel()
        self._timer = self._engine.call_at(self._deadline_ns, self._fire, background=self._background)

    def stop(self) -> None:
        self._callback = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _fire(self) -> None:
        self._timer = None
        if self._engine.now < self._deadline_ns:
            self._timer = self._engine.call_at(self._deadline_ns, self._fire, background=self._background)
            return
        callback, self._callback = self._callback, None
        if callback is not None:
            callback()
