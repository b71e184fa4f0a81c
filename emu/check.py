"""`emu check`: run a topology, and compare what it captured and what its places print with a reference.

A reference is a folder of captures, `PLACE.INTERFACE.pcap`, recorded by tcpdump on real machines or by emu, and of state dumps in `state/`.
Generated names are found by what they belong to: `host.veth-web` is the host's end of container web's eth0 (`veth-web-eth1` of its eth1),
`host.br-app` the bridge of network app, `web.eth0` an interface inside container web; `h1.eth0.setup` is what eth0 saw during the setup.

A recording of several hosts has dumps of several moments: state/before/… and state/after/… belong to the steps with `state: before` and
`state: after`, and so does state/fdb-3-moved.h1.txt to the one with `state: fdb-3-moved`. What the recording's machinery did between such
moments (tables that are emptied, `ip neigh flush all; conntrack -F`) are steps too, the last of `setup`. Places that are plain namespaces
are made by `ip netns add c1` and named `HOST/netns/c1` in steps, `c1` in the reference.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emu.dumps import dump_now
from emu.errors import EmuError
from emu.lab import Lab, StepResult
from emu.netdev.device import NetDevice
from emu.netdev.veth import Veth
from emu.observe.accepted import read_accepted
from emu.observe.compare import Comparison, accept, captures_in, compare_points
from emu.observe.state import compare_state, is_unordered
from emu.observe.words import Difference
from emu.runner import RunResult, run
from emu.topology.spec import Topology

SETUP = ".setup"


@dataclass
class CheckResult:
    """What a run was, and how it compares."""

    run: RunResult
    comparison: Comparison
    states: int = 0
    compared: bool = True  # with a reference

    @property
    def ok(self) -> bool:
        return self.run.ok and self.comparison.equal

    def report(self) -> str:
        """For people."""
        lines = [f"{step.step.source}: {problem}" for step, problem in self.run.problems]
        lines += [self.run.stopped] if self.run.stopped else []
        lines += [each.text for each in self.run.unreached]
        lines += [self.run.reach_summary] if self.run.tried else []
        return "\n".join([*lines, self.comparison.report()] if self.compared else lines)

    def as_data(self) -> dict[str, Any]:
        """For `--json`."""
        problems = [f"{step.step.source}: {problem}" for step, problem in self.run.problems]
        return (
            self.comparison.as_data()
            | {"ok": self.ok, "states": self.states, "problems": problems, "stopped": self.run.stopped}
            | {"unreached": [each.as_data() for each in self.run.unreached]}
        )


class _Watcher:
    """Looks into the lab while it runs: the names of its interfaces, and the dumps that the reference has of a moment."""

    def __init__(self, reference: Path) -> None:
        self.state = reference / "state"
        self.names: dict[str, str] = {}  # a capture point as a reference calls it -> as the run's file is called
        self.dumps: list[tuple[str, str, str]] = []
        self.unknown: list[Difference] = []
        self._left = {path for path in self.state.rglob("*") if path.is_file()}

    def __call__(self, lab: Lab, step: StepResult | None) -> None:
        for name, dev in capture_points(lab):
            self.names.setdefault(name, dev.label.replace("/", "."))
        if step is None:
            self._read(lab, {path: path.name for path in self._left if path.parent == self.state}, "")
            for path in sorted(self._left):
                self.unknown.append(Difference(str(path.relative_to(self.state)), "no step says that this is its state"))
        elif step.step.state:
            moment = step.step.state
            named = [
                path for path in self._left if path.name.startswith(f"{moment}.") and (path.parent != self.state or path.suffix == ".txt")
            ]
            during = {path: path.name.removeprefix(f"{moment}.") for path in named}
            whole = {path: path.name for path in self._left if path.parent == self.state / moment}
            if not during and not whole:
                raise EmuError(f"{step.step.source}: the reference has no folder state/{moment} and no file {moment}.* in one or beside it")
            self._read(lab, during | whole, moment)

    def _read(self, lab: Lab, dumps: dict[Path, str], moment: str) -> None:
        for path, dump in sorted(dumps.items()):
            self._left.discard(path)
            name = str(path.relative_to(self.state))
            try:
                what, text = dump_now(lab, dump, moment)
                self.dumps.append((name.removesuffix(dump) + what, text, path.read_text(encoding="utf-8")))
            except (EmuError, OSError, UnicodeDecodeError) as error:
                self.unknown.append(Difference(name, f"cannot be compared: {error}"))


def capture_points(lab: Lab) -> Iterator[tuple[str, NetDevice]]:
    """All interfaces under each of the names that a reference may use."""
    places = lab.places()
    short = [name.rpartition("/")[2] for name in places]
    owners: dict[int, tuple[str, str]] = {}
    for name, place in places.items():
        container = name.rpartition("/")[2]
        for dev in place.netns.devices.values():
            yield f"{name.replace('/', '.')}.{dev.name}", dev
            if "/" in name:
                owners[id(dev)] = container, dev.name
                if short.count(container) == 1:
                    yield f"{container}.{dev.name}", dev
    for host in lab.hosts.values():
        for dev in host.netns.devices.values():
            if isinstance(dev, Veth) and id(dev.peer) in owners:
                container, interface = owners[id(dev.peer)]
                yield f"{host.name}.veth-{container}{'' if interface == 'eth0' else f'-{interface}'}", dev
        for network in host.docker.networks.all.values() if host.docker is not None else ():
            bridge = network.config.options.get("com.docker.network.bridge.name", f"br-{network.id[:12]}")
            if bridge in host.netns.devices:
                yield f"{host.name}.br-{network.name}", host.netns.devices[bridge]


def check(topology: Topology, output: Path | None = None) -> CheckResult:
    """Run and compare; the run's folder is kept if `output` names one. Raises EmuError: no reference, or it cannot be read.

    A topology without a reference that says what must hold (`reach:`) is run for that.
    """
    if topology.reference is None and topology.reach:
        with tempfile.TemporaryDirectory() as temporary:
            return CheckResult(run(topology, output or Path(temporary) / "run"), Comparison(), compared=False)
    if topology.reference is None:
        raise EmuError(f"{topology.source}: has no reference to compare with; name its folder: `reference: FOLDER`")
    reference = Path(topology.reference.folder)
    watcher = _Watcher(reference)
    with tempfile.TemporaryDirectory() as temporary:
        folder = output or Path(temporary) / "run"
        early = Path(temporary) / "setup" if any(name.endswith(SETUP) for name in topology.reference.captures or ()) else None
        result = run(topology, folder, watch=watcher, setup_captures=early)
        ours = captures_in(folder) | ({name + SETUP: path for name, path in captures_in(early).items()} if early is not None else {})
        watcher.names |= {name + SETUP: file + SETUP for name, file in watcher.names.items()}
        comparison = Comparison()
        _compare_captures(topology, watcher, ours, captures_in(reference, needed=False), comparison)
    comparison.differences += watcher.unknown
    for dump in sorted(watcher.dumps, key=lambda dump: is_unordered(dump[0])):
        comparison.differences += compare_state(*dump, comparison.names)
    accept(comparison, read_accepted(reference))
    return CheckResult(result, comparison, len(watcher.dumps))


def _compare_captures(
    topology: Topology, watcher: _Watcher, ours: dict[str, Path], reference: dict[str, Path], comparison: Comparison
) -> None:
    """The points that the topology says the reference has; without a list, all of the run's."""
    assert topology.reference is not None
    listed = topology.reference.captures or ()
    mine = {name: ours[watcher.names[name]] for name in listed if watcher.names.get(name) in ours}
    for name in listed:
        if name not in mine:
            comparison.differences.append(Difference(name, "the lab has no such capture point"))
    if topology.reference.captures is None:
        wanted = {name: watcher.names.get(name, name) for name in reference}
        mine = {name: ours[file] for name, file in wanted.items() if file in ours}
        mine |= {file: path for file, path in ours.items() if file not in wanted.values()}
    compare_points(mine, reference, comparison)
