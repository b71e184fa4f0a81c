"""`emu run`: a topology's steps, with everything watched and written down."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from emu.errors import LimitReached, did_you_mean
from emu.lab import Lab, StepResult
from emu.observe.drop_counters import DropCounters
from emu.observe.live import LiveCapture
from emu.observe.recorder import Recorder
from emu.observe.run_folder import RunFolder
from emu.reach import Unmet, unmet

if TYPE_CHECKING:
    from emu.topology.spec import Topology


Watch = Callable[[Lab, StepResult | None], None]  # after a step; None: at the end


@dataclass
class RunResult:
    """What a run was: its steps, its figures, and where its files are. `stopped` says why it ended early."""

    folder: Path
    steps: list[StepResult] = field(default_factory=list)
    hosts: int = 0
    containers: int = 0
    interfaces: int = 0
    frames: int = 0
    drops: DropCounters = field(default_factory=DropCounters)
    virtual_ns: int = 0
    real_seconds: float = 0.0
    captures: int = 0
    stopped: str = ""
    notices: list[str] = field(default_factory=list)
    late: list[tuple[StepResult, str]] = field(default_factory=list)  # what steps in the background printed after they were told of
    bugs: list[str] = field(default_factory=list)  # of emu: programs that fell over
    tried: int = 0  # lines of the topology's `reach:`
    unreached: list[Unmet] = field(default_factory=list)  # those that do not hold

    @property
    def dropped(self) -> int:
        return self.drops.losses

    @property
    def reach_summary(self) -> str:
        return f"{self.tried - len(self.unreached)} of {self.tried} lines of reach hold"

    @property
    def problems(self) -> list[tuple[StepResult, str]]:
        return [(result, problem) for result in self.steps for problem in result.problems]

    @property
    def ok(self) -> bool:
        return not self.problems and not self.stopped and not self.bugs and not self.unreached


def run(
    topology: Topology,
    folder: Path | str | None = None,
    *,
    on_up: Callable[[RunResult], None] | None = None,
    on_step: Callable[[StepResult], None] | None = None,
    watch: Watch | None = None,
    setup_captures: Path | None = None,
    live: BinaryIO | None = None,
    on_container: Callable[[int, int], None] = lambda *_: None,
) -> RunResult:
    """Run a topology and write `folder` (default `emu-NAME` in the working directory), whole or not at all.

    `on_container` is called with its number and of how many as each container comes up, `on_up` when all are there, `on_step` after each
    step; `watch` looks into the lab after each step and at the end. Captures begin after the topology's setup and end before what it has
    for afterwards; those of the setup itself go into the folder `setup_captures`, if one is wanted. The merged capture is streamed to
    `live` as it grows. Raises EmuError for mistakes of the topology that show only when it is built, OSError for what the file system
    refuses.
    """
    began = time.perf_counter()
    result = RunResult(Path(folder) if folder is not None else Path(f"emu-{topology.name}"))
    with RunFolder(result.folder) as files, Lab(topology) as lab:
        recorder = Recorder(lab, files, journeys=True, promiscuous=topology.capture.promiscuous, plain=topology.capture.plain)
        early = Recorder(lab, setup_captures, plain=topology.capture.plain) if setup_captures is not None else None
        stream = LiveCapture(recorder, live) if live is not None else None
        if topology.setup:
            lab.on_netns.remove(recorder.watch)
        lab.engine.on_bug = result.bugs.append
        lab.on_container = on_container
        lab.up()
        places = lab.places()
        result.hosts = len(lab.hosts)
        result.containers = len(places) - len(lab.hosts)
        result.interfaces = len(lab.devices())
        if on_up is not None:
            on_up(result)

        def keep(step: StepResult) -> None:
            result.steps.append(step)
            if watch is not None:
                watch(lab, step)
            if stream is not None:
                stream.flush()
            if on_step is not None:
                on_step(step)

        try:
            lab.run_steps(keep, partial(_begin, result, recorder, early, lab))
        except LimitReached as limit:
            result.stopped = str(limit)
        result.virtual_ns = lab.engine.now
        result.notices = lab.notices() + _never_there(topology, recorder)
        result.late = lab.catch_up()
        for step in result.steps:
            recorder.log_step(step)
        if watch is not None:
            watch(lab, None)
        if stream is not None:
            stream.flush()
        recorder.finish()
        if early is not None:
            early.finish()
        result.frames, result.drops, result.captures = recorder.frames, recorder.drops, recorder.captures
    result.real_seconds = time.perf_counter() - began
    return result


def _never_there(topology: Topology, recorder: Recorder) -> list[str]:
    """Interfaces that `capture: plain` names and the run did not have."""
    labels = [interface.label for interface in recorder.interfaces]
    lost = [name for name in topology.capture.plain if name not in labels]
    return [f"capture: plain: there was no interface '{name}'{did_you_mean(name, labels)}" for name in lost]


def _begin(result: RunResult, recorder: Recorder, early: Recorder | None, lab: Lab, part: str) -> None:
    """Captures are of the steps, where a topology has other lists too; after the steps comes what must hold then."""
    if part == ("afterwards" if lab.topology.afterwards else "end"):
        expected = lab.topology.reach
        result.tried, result.unreached = len(expected), unmet(lab, expected, recorder.stop)
    if part == "steps" and early is not None:
        early.stop()
    if part == "steps" and lab.topology.setup:
        lab.on_netns.append(recorder.watch)
        for netns in lab.namespaces().values():
            recorder.watch(netns)
    elif part == "afterwards":
        recorder.stop()
