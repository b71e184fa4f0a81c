"""Running the two sides of a comparison, and what comes out."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
Command = list[str]


class PeerMissing(Exception):
    """The program compared with is not there; the message says how to get it."""


@dataclass(frozen=True)
class Row:
    """One line of the table, in `unit`. `theirs` and `ratio` are None when the peer is missing: `note` says why."""

    work: str
    ours: float
    peer: str
    theirs: float | None
    ratio: float | None
    aim: float
    note: str = ""
    unit: str = "µs"


def compare(
    work: str, emu: Command, peer_name: str, peer: Command, aim: float, *, rounds: int, whole_process: bool = False, unit: str = "µs"
) -> Row:
    """Run both commands in turn. Each prints what it needed, in `unit`, or is timed from start to end (`whole_process`)."""
    measure = time_process if whole_process else ask_process
    ours: list[float] = []
    theirs: list[float] = []
    note = ""
    for _ in range(rounds):
        ours.append(measure(emu))
        if not note:
            try:
                theirs.append(measure(peer))
            except PeerMissing as missing:
                note = str(missing)
    median = statistics.median(ours)
    if note:
        return Row(work, median, peer_name, None, None, aim, note, unit)
    return Row(work, median, peer_name, statistics.median(theirs), median / statistics.median(theirs), aim, note, unit)


def python(*arguments: str) -> Command:
    """This Python, in the repository's folder."""
    return [sys.executable, *arguments]


def ask_process(command: Command) -> float:
    """What the last line of standard output says. Status 3 means that the peer is missing: standard error says how to get it."""
    with tempfile.TemporaryDirectory() as folder:
        done = _run([*command, folder], folder)
    if done.returncode == 3:
        raise PeerMissing(done.stderr.strip().splitlines()[-1])
    _check(done)
    return float(done.stdout.split()[-1])


def time_process(command: Command) -> float:
    """From start to exit."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        done = _run(command, folder)
        elapsed = time.perf_counter() - start
    _check(done)
    return elapsed * 1e6


def _run(command: Command, folder: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # emu is compiled once, as installed libraries are
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def _check(done: subprocess.CompletedProcess[str]) -> None:
    if done.returncode:
        raise RuntimeError(f"{' '.join(done.args)} ended with status {done.returncode}:\n{done.stderr}")
