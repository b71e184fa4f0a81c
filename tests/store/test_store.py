"""The same promises kept by the store in memory and by a real etcd server."""

from __future__ import annotations

import socket
import threading
from itertools import count

import pytest

from emu.engine import SECOND, Engine
from emu.store.etcd import EtcdBackend
from emu.store.model import Event, StoreError
from emu.store.store import Store, open_store

numbers = count()


class Fixture:
    """A store with a prefix of its own, as a real server is used by several tests."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.engine = store.engine
        self.prefix = f"/test{next(numbers)}"

    def key(self, name: str) -> str:
        return f"{self.prefix}/{name}"


@pytest.fixture(params=["memory", "etcd"])
def lab(request: pytest.FixtureRequest) -> Fixture:
    where = "memory" if request.param == "memory" else f"etcd://{request.getfixturevalue('etcd_url')}"
    return Fixture(open_store(Engine(), where))


def told(lab: Fixture) -> list[Event]:
    events: list[Event] = []
    lab.store.watch(lab.prefix, events.append)
    return events


def test_every_change_has_the_next_revision(lab):
    first = lab.store.put(lab.key("a"), "1")
    second = lab.store.put(lab.key("b"), "2")
    again = lab.store.put(lab.key("a"), "3")
    assert [second.mod_revision - first.mod_revision, again.mod_revision - first.mod_revision] == [1, 2]
    assert (again.create_revision, again.version, again.value) == (first.create_revision, 2, "3")
    assert lab.store.revision == again.mod_revision


def test_range_gives_the_keys_of_a_prefix_by_name(lab):
    for name in ("b", "a", "c/d"):
        lab.store.put(lab.key(name), name)
    assert [found.value for found in lab.store.range(lab.prefix + "/")] == ["a", "b", "c/d"]


def test_create_fails_if_the_key_is_there(lab):
    assert lab.store.create(lab.key("a"), "mine") is not None
    assert lab.store.create(lab.key("a"), "yours") is None
    assert lab.store.get(lab.key("a")).value == "mine"


def test_compare_and_swap_writes_only_over_what_was_read(lab):
    read = lab.store.put(lab.key("a"), "1")
    assert lab.store.compare_and_swap(lab.key("a"), "2", read.mod_revision) is not None
    assert lab.store.compare_and_swap(lab.key("a"), "3", read.mod_revision) is None
    assert lab.store.get(lab.key("a")).value == "2"


def test_a_deleted_key_begins_anew(lab):
    lab.store.put(lab.key("a"), "1")
    assert lab.store.delete(lab.key("a")).value == "1"
    assert lab.store.delete(lab.key("a")) is None
    assert lab.store.get(lab.key("a")) is None
    assert lab.store.put(lab.key("a"), "2").version == 1


def test_a_lease_takes_its_keys_along_when_its_time_is_over(lab):
    events = told(lab)
    lease = lab.store.grant(60)
    lab.store.put(lab.key("a"), "1", lease.id)
    lab.store.put(lab.key("b"), "1")
    lab.engine.call_later(59 * SECOND, lambda: lab.store.keep_alive(lease.id))
    lab.engine.run(until_ns=100 * SECOND)
    assert lab.store.remaining(lease.id) == 19
    lab.engine.run(until_ns=120 * SECOND)
    assert [found.key for found in lab.store.range(lab.prefix)] == [lab.key("b")]
    assert (events[-1].deleted, events[-1].kv.key) == (True, lab.key("a"))
    assert not lab.store.keep_alive(lease.id)


def test_a_key_written_again_without_its_lease_stays(lab):
    lease = lab.store.grant(10)
    lab.store.put(lab.key("a"), "1", lease.id)
    lab.store.put(lab.key("a"), "2")
    lab.store.revoke(lease.id)
    assert lab.store.get(lab.key("a")).value == "2"


def test_a_watch_tells_changes_in_order_until_it_is_cancelled(lab):
    events: list[Event] = []
    watch = lab.store.watch(lab.prefix, events.append)
    lab.store.put(lab.key("a"), "1")
    lab.store.put(lab.key("a"), "2")
    lab.store.delete(lab.key("a"))
    assert events == []  # told a moment later, never inside the change
    lab.engine.run()
    assert [(event.deleted, event.kv.value) for event in events] == [(False, "1"), (False, "2"), (True, "2")]
    assert events[1].previous.value == "1"
    watch.cancel()
    lab.store.put(lab.key("a"), "3")
    lab.engine.run()
    assert len(events) == 3


def test_an_unknown_lease_is_an_error(lab):
    with pytest.raises(StoreError, match="requested lease not found"):
        lab.store.put(lab.key("a"), "1", 4711)


def test_a_store_that_is_not_reachable_says_so(lab):
    lab.store.reachable = False
    for call in (lambda: lab.store.get("a"), lambda: lab.store.put("a", "1"), lambda: lab.store.watch("a", print)):
        with pytest.raises(StoreError, match="unavailable"):
            call()


def test_another_form_of_address_is_refused():
    with pytest.raises(ValueError, match="is not a store"):
        open_store(Engine(), "consul://127.0.0.1:8500")


@pytest.mark.parametrize(
    "answer",
    [b"", b"HTTP/1.0 500 Oops\r\n\r\n", *(b"HTTP/1.0 200 OK\r\n\r\n" + body for body in (b"hello", b"[1]", b'{"a": 1}'))],
)
def test_a_server_that_answers_nonsense_is_a_clear_error(answer):
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises(StoreError, match=r"127\.0\.0\.1"):
            open_store(Engine(), f"etcd://127.0.0.1:{server.getsockname()[1]}")
        thread.join()


def test_keys_that_are_not_etcds_are_a_clear_error():
    with pytest.raises(StoreError, match="not etcd's"):
        EtcdBackend("http://127.0.0.1:1")._key_value({"key": "!!!"})
