"""Work done in copies of this process, made by fork(2): what a job changes is gone with its copy, so no job sees what another has left.

A lab cannot be copied otherwise: its programs are coroutines. Jobs run beside each other, one on each processor. What is outside of the
process (a real store, files) is not copied. Not modelled: systems without fork(2).
"""

from __future__ import annotations

import gc
import os
import pickle
import signal
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from select import select
from typing import Any, Generic, NoReturn, TypeVar

from emu.errors import EmuError, bug_text

T = TypeVar("T")
CHUNK = 1 << 16


@dataclass(slots=True)
class Copy(Generic[T]):
    """A child at work: its job's number, and what it has written so far."""

    number: int
    pid: int
    pipe: int
    said: bytearray = field(default_factory=bytearray)


def in_copies(jobs: Sequence[Callable[[], T]], on_done: Callable[[], None] | None = None) -> list[T]:
    """What the jobs return, in their order. Raises EmuError for what one of them raises."""
    if jobs and not hasattr(os, "fork"):
        raise EmuError("this system has no fork(2), by which a lab is copied for each probe")
    answers: dict[int, T] = {}
    copies: dict[int, Copy[T]] = {}
    left = iter(enumerate(jobs))
    try:
        while len(answers) < len(jobs):
            while len(copies) < (os.cpu_count() or 1) and (job := next(left, None)) is not None:
                copy = _start(*job)
                copies[copy.pipe] = copy
            for pipe in select(list(copies), [], [])[0]:
                data = os.read(pipe, CHUNK)
                copies[pipe].said += data
                if not data:
                    copy = copies.pop(pipe)
                    _end(copy)
                    answers[copy.number] = _answer(copy)
                    if on_done is not None:
                        on_done()
    finally:
        for copy in copies.values():
            with suppress(ProcessLookupError):
                os.kill(copy.pid, signal.SIGKILL)
            _end(copy)
    return [answers[number] for number in range(len(jobs))]


def _start(number: int, job: Callable[[], T]) -> Copy[T]:
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # other threads' locks: the child takes none of them
        pid = os.fork()
    if not pid:
        _work(job, writing)
    os.close(writing)
    return Copy(number, pid, reading)


def _work(job: Callable[[], Any], pipe: int) -> NoReturn:
    """The child: nothing of the parent's is flushed or ended by it."""
    try:
        gc.disable()
        try:
            said = "", job()
        except EmuError as mistake:
            said = str(mistake), None
        except Exception as bug:  # noqa: BLE001 (the parent tells of it)
            said = bug_text(bug), None
        with open(pipe, "wb") as file:
            pickle.dump(said, file)
    finally:
        os._exit(0)


def _end(copy: Copy[Any]) -> None:
    os.close(copy.pipe)
    os.waitpid(copy.pid, 0)


def _answer(copy: Copy[T]) -> T:
    if not copy.said:
        raise EmuError("a copy of the lab ended before its probe did: is there memory enough?")
    mistake, answer = pickle.loads(copy.said)  # noqa: S301 (written by ourselves)
    if mistake:
        raise EmuError(mistake)
    return answer  # type: ignore[no-any-return]
