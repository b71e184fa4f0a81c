"""Virtual time: order, ties, quiet, limits, tasks."""

from __future__ import annotations

import pytest

from emu.engine import SECOND, Cancelled, Engine, Future
from emu.errors import LimitReached


def test_events_run_in_order_of_time_and_ties_in_order_of_scheduling() -> None:
    engine, log = Engine(), []
    engine.post(20, log.append, "c")
    engine.post(10, log.append, "a")
    engine.post(10, log.append, "b")
    engine.run()
    assert log == ["a", "b", "c"]
    assert engine.now == 20


def test_a_cancelled_timer_does_not_fire_and_keeps_nothing_alive() -> None:
    engine, log = Engine(), []
    engine.call_later(50 * SECOND, log.append, "no").cancel()
    engine.call_later(60 * SECOND, log.append, "no", background=True).cancel()
    engine.post(5, log.append, "yes")
    engine.run()
    assert log == ["yes"]
    assert engine.now == 5
    assert engine.quiet


def test_background_events_run_but_do_not_keep_a_lab_alive() -> None:
    engine, log = Engine(), []
    engine.call_later(10, log.append, "early", background=True)
    engine.call_later(30, log.append, "late", background=True)
    engine.post(20, log.append, "work")
    engine.run()
    assert log == ["early", "work"]
    assert engine.now == 20


def test_waiting_for_a_future_runs_background_events_too() -> None:
    engine = Engine()
    future: Future[str] = Future(engine)
    engine.call_later(30, future.set_result, "here", background=True)
    engine.run(until=future)
    assert future.result() == "here"


def test_tasks_sleep_in_virtual_time() -> None:
    engine, log = Engine(), []

    async def sleeper(name: str, nanoseconds: int) -> None:
        await engine.sleep(nanoseconds)
        log.append((engine.now, name))

    engine.spawn(sleeper("b", 20))
    engine.spawn(sleeper("a", 10))
    engine.run()
    assert log == [(10, "a"), (20, "b")]


def test_a_cancelled_task_cleans_up_and_ends() -> None:
    engine, log = Engine(), []

    async def program() -> None:
        try:
            await engine.sleep(100)
        finally:
            log.append("cleaned")

    task = engine.spawn(program())
    engine.call_later(10, task.cancel)
    engine.run()
    assert log == ["cleaned"]
    with pytest.raises(Cancelled):
        task.result()


def test_an_error_that_nobody_awaits_ends_the_run() -> None:
    engine = Engine()

    async def broken() -> None:
        raise ValueError("a bug")

    engine.spawn(broken())
    with pytest.raises(ValueError, match="a bug"):
        engine.run()


def test_an_error_reaches_the_task_that_awaits() -> None:
    engine = Engine()

    async def broken() -> None:
        await engine.sleep(1)
        raise ConnectionRefusedError

    async def caller() -> str:
        try:
            await engine.spawn(broken())
        except ConnectionRefusedError:
            return "heard"
        return "missed"

    task = engine.spawn(caller())
    engine.run()
    assert task.result() == "heard"


def test_a_timeout_is_an_error_of_the_future() -> None:
    engine = Engine()
    future: Future[None] = Future(engine)
    engine.timeout(future, 5)
    engine.run()
    with pytest.raises(TimeoutError):
        future.result()


@pytest.mark.parametrize(("limit", "word"), [({"time_limit_ns": SECOND}, "virtual time"), ({"event_limit": 1000}, "events")])
def test_a_lab_that_never_goes_quiet_ends_at_a_stated_limit(limit: dict[str, int], word: str) -> None:
    engine = Engine()
    for name, value in limit.items():
        setattr(engine, name, value)

    def again() -> None:
        engine.call_later(1_000_000, again)

    again()
    with pytest.raises(LimitReached, match=word):
        engine.run()


def test_streams_depend_on_seed_and_name_only() -> None:
    assert Engine(1).stream("a").random() == Engine(1).stream("a").random()
    assert Engine(1).stream("a").random() != Engine(1).stream("b").random()
    assert Engine(1).stream("a").random() != Engine(2).stream("a").random()
