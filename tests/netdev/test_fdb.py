"""The forwarding database as br_fdb.c keeps it."""

from __future__ import annotations

from emu.engine import SECOND
from emu.netdev.fdb import Fdb, FdbEntry
from emu.packet.address import Mac

A, B = Mac(b"\x02" + bytes(4) + b"\x0a"), Mac(b"\x02" + bytes(4) + b"\x0b")


def port(fdb: Fdb[str], mac: Mac, now: int = 0) -> str | None:
    entry = fdb.lookup(mac, now)
    return entry.port if entry is not None else None


def test_an_address_is_forgotten_after_the_ageing_time_unless_it_is_seen_again() -> None:
    fdb: Fdb[str] = Fdb()
    fdb.learn(A, "one", 0)
    fdb.learn(B, "one", 0)
    fdb.learn(B, "one", 200 * SECOND)
    assert (port(fdb, A, 300 * SECOND - 1), port(fdb, A, 300 * SECOND), port(fdb, B, 300 * SECOND)) == ("one", None, "one")
    fdb.age(500 * SECOND)
    assert fdb.entries == {}


def test_an_address_moves_to_the_port_where_it_is_seen_but_a_static_one_stays() -> None:
    fdb: Fdb[str] = Fdb()
    fdb.learn(A, "one", 0)
    fdb.learn(A, "two", 1)
    fdb.add(B, "one", 0)
    fdb.learn(B, "two", 1)
    assert (port(fdb, A), port(fdb, B)) == ("two", "one")
    assert port(fdb, B, 1000 * SECOND) == "one"


def test_an_address_of_the_bridge_itself_is_never_learned_elsewhere() -> None:
    fdb: Fdb[str] = Fdb()
    fdb.add(A, "one", 0, is_local=True)
    fdb.learn(A, "two", 1)
    assert port(fdb, A, 1000 * SECOND) == "one"


def test_flushing_leaves_what_was_set_by_hand() -> None:
    fdb: Fdb[str] = Fdb()
    fdb.learn(A, "one", 0)
    fdb.add(B, "one", 0)
    fdb.flush()
    assert list(fdb.entries) == [B]
    fdb.forget_port("one")
    assert fdb.entries == {}


def test_watchers_are_told_of_each_change_once() -> None:
    told: list[tuple[bytes, str, bool]] = []

    def watch(entry: FdbEntry[str], there: bool) -> None:
        told.append((entry.mac, entry.port, there))

    fdb: Fdb[str] = Fdb()
    fdb.on_change.append(watch)
    for where in ("one", "one", "two"):
        fdb.learn(A, where, 0)
    assert fdb.remove(A)
    assert not fdb.remove(A)
    assert told == [(A, "one", True), (A, "two", True), (A, "two", False)]
