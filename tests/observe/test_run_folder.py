"""A run's folder is whole under its name, or is what it was before."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
from pathlib import Path

import pytest

from emu.errors import EmuError
from emu.observe import pcap
from emu.observe.run_folder import RunFolder
from emu.observe.store import RecordStore
from tests.observe.captures import recorder_of, send
from tests.wires import Bridged


def a_run(target: Path, text: str) -> None:
    with RunFolder(target) as folder:
        (folder / "steps.log").write_text(text)


def left(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in tmp_path.iterdir())


def test_a_run_appears_whole_and_replaces_the_last_one(tmp_path):
    target = tmp_path / "deep" / "emu-lab"
    a_run(target, "one")
    (target / "old.pcap").write_bytes(b"")
    a_run(target, "two")
    assert (target / "steps.log").read_text() == "two"
    assert left(target) == [".emu-run", "steps.log"]
    assert left(target.parent) == ["emu-lab"]


def fail_half_way(folder: Path, error: type[BaseException]) -> None:
    (folder / "steps.log").write_text("half")
    raise error


def run_and_write(net: Bridged, folder: Path) -> None:
    recorder = recorder_of(net, folder)
    send(net)
    recorder.finish()


@pytest.mark.parametrize("error", [KeyboardInterrupt, EmuError, AssertionError, SystemExit])
def test_what_goes_wrong_leaves_the_last_good_run(tmp_path, error):
    target = tmp_path / "emu-lab"
    a_run(target, "one")
    with pytest.raises(error), RunFolder(target) as folder:
        fail_half_way(folder, error)
    assert (target / "steps.log").read_text() == "one"
    assert left(tmp_path) == ["emu-lab"]


def test_what_goes_wrong_in_the_first_run_leaves_nothing(tmp_path):
    with pytest.raises(KeyboardInterrupt), RunFolder(tmp_path / "emu-lab"):
        raise KeyboardInterrupt
    assert left(tmp_path) == []


def test_a_full_disk_is_said_and_leaves_the_last_good_run(tmp_path, monkeypatch):
    target = tmp_path / "emu-lab"
    a_run(target, "one")
    written = 0

    def record(time_ns: int, wire: bytes) -> bytes:
        nonlocal written
        written += 1
        if written == 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        return b""

    monkeypatch.setattr(pcap, "recording", lambda epoch_ns: record)
    net = Bridged(2)
    with pytest.raises(EmuError, match="emu-lab: the run was not written: No space left on device"), RunFolder(target) as folder:
        run_and_write(net, folder)
    assert written == 3
    assert (target / "steps.log").read_text() == "one"
    assert left(tmp_path) == ["emu-lab"]


def test_a_disk_that_fills_up_while_the_lab_runs_ends_the_lab(tmp_path, monkeypatch):
    target = tmp_path / "emu-lab"
    net = Bridged(2)

    def spill(store: RecordStore) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    def run_long(folder: Path) -> None:
        recorder_of(net, folder, memory_limit=1000)
        for _ in range(1000):
            send(net)

    monkeypatch.setattr(RecordStore, "_spill", spill)

    with pytest.raises(EmuError, match="captures: No space left on device"), RunFolder(target) as folder:
        run_long(folder)
    assert left(tmp_path) == []


def test_interruption_between_the_two_renames_is_repaired_by_the_next_run(tmp_path):
    target = tmp_path / "emu-lab"
    a_run(target, "one")
    target.rename(tmp_path / ".emu-lab.old")
    with pytest.raises(KeyboardInterrupt), RunFolder(target):
        raise KeyboardInterrupt
    assert (target / "steps.log").read_text() == "one"


def test_a_rename_that_fails_puts_the_last_good_run_back(tmp_path, monkeypatch):
    target = tmp_path / "emu-lab"
    a_run(target, "one")
    rename = Path.rename

    def failing(path: Path, to: Path) -> Path:
        if path.name.endswith(".new"):
            raise OSError(errno.EIO, "Input/output error")
        return rename(path, to)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(EmuError, match="Input/output error"):
        a_run(target, "two")
    assert (target / "steps.log").read_text() == "one"
    assert left(tmp_path) == ["emu-lab"]


def test_a_folder_of_something_else_is_not_replaced(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(EmuError, match="was not written by `emu run`"), RunFolder(tmp_path):
        pass
    with pytest.raises(EmuError, match="is a file"), RunFolder(tmp_path / "notes.txt"):
        pass
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_a_folder_that_only_looks_like_a_run_is_not_replaced(tmp_path):
    (tmp_path / "captures").mkdir()
    (tmp_path / "steps.log").write_text("of another program")
    (tmp_path / ".emu-run").write_text("mine")
    with pytest.raises(EmuError, match="was not written by `emu run`"), RunFolder(tmp_path):
        pass


def test_a_trace_does_not_replace_a_run_nor_a_run_a_trace(tmp_path):
    with RunFolder(tmp_path / "run"):
        pass
    with RunFolder(tmp_path / "way", "emu trace"):
        pass
    with pytest.raises(EmuError, match="was not written by `emu trace`"), RunFolder(tmp_path / "run", "emu trace"):
        pass
    with pytest.raises(EmuError, match="was not written by `emu run`"), RunFolder(tmp_path / "way"):
        pass
    with RunFolder(tmp_path / "way", "emu trace") as again:
        (again / "new").touch()
    assert (tmp_path / "way" / "new").exists()


def test_what_a_killed_run_has_left_is_removed_but_not_what_another_is_writing(tmp_path):
    gone = subprocess.Popen(["true"])
    gone.wait()
    for pid in (gone.pid, os.getppid()):
        (tmp_path / f".emu-lab.{pid}.new").mkdir()
    (tmp_path / f".emu-lab-two.{gone.pid}.new").mkdir()
    a_run(tmp_path / "emu-lab", "one")
    assert left(tmp_path) == sorted([f".emu-lab-two.{gone.pid}.new", f".emu-lab.{os.getppid()}.new", "emu-lab"])


def test_sigterm_ends_a_run_as_an_interruption_does_and_leaves_nothing(tmp_path):
    with pytest.raises(KeyboardInterrupt) as caught, RunFolder(tmp_path / "emu-lab"):
        os.kill(os.getpid(), signal.SIGTERM)
    assert caught.value.args == (signal.SIGTERM,)
    assert left(tmp_path) == []
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_an_error_of_the_lab_is_not_taken_for_one_of_the_disk(tmp_path):
    with pytest.raises(FileNotFoundError), RunFolder(tmp_path / "emu-lab"):
        raise FileNotFoundError(errno.ENOENT, "No such file", "/elsewhere")
