"""A lab: the engine, the hosts of a topology and the cables between them, and the command lines that are run on them.

    topology = load_topology("topologies/published-port.yaml")
    with Lab(topology) as lab:
        lab.up()
        process = lab.run("client", "curl -s http://192.168.50.10:8080/")
        assert process.exit_status == 0

A lab is used once, from one thread.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emu import programs
from emu.docker.config import DaemonConfig
from emu.docker.engine import DockerEngine
from emu.docker.model import Image
from emu.engine import MILLISECOND, SECOND, Engine, Future
from emu.errors import EmuError, LimitReached, did_you_mean
from emu.netdev.device import NetDevice
from emu.netns.namespace import Netns
from emu.own_program import load_program
from emu.process import Main, Place, Process
from emu.programs import shell
from emu.store.model import StoreError
from emu.store.store import Store, open_store
from emu.topology import builder
from emu.topology.images import find_image, well_known
from emu.topology.spec import DockerSpec, ImageSpec, Step, Topology

if TYPE_CHECKING:
    from types import TracebackType

    from emu.host import Host
    from emu.netdev.cable import LanSegment


STEP_PAUSE_NS = 10 * MILLISECOND  # from one step's end to the next one's begin: connections end, servers come up


@dataclass
class StepResult:
    """What a step did. `problems` says which expectations were not met; none: all as expected."""

    step: Step
    started_ns: int
    output: str
    exit_status: int | None  # None: it runs in the background
    problems: list[str]
    unmet: int = 0  # expectations
    stopped: LimitReached | None = None  # it was still going on when the lab's limit was reached

    @property
    def failed(self) -> bool:
        """It ended badly, and nothing was expected of its exit status."""
        return bool(self.exit_status) and self.step.expect.exit is None

    @property
    def wrong(self) -> list[str]:
        return [*self.problems, *([f"exit status {self.exit_status}"] if self.failed else [])]


class Lab:
    """`up()` first; then `run` or `run_steps`. `on_netns` is told of every namespace that appears, before it has other devices than lo."""

    def __init__(self, topology: Topology) -> None:
        self.topology = topology
        self.engine = Engine(topology.seed)
        self.engine.time_limit_ns = topology.limits.time_ns
        self.engine.event_limit = topology.limits.events
        self.hosts: dict[str, Host] = {}
        self.segments: dict[str, LanSegment] = {}
        self.store: Store | None = None
        self.on_container: Callable[[int, int], None] = lambda *_: None  # its number and of how many, as containers come up
        self.on_netns: list[Callable[[Netns], None]] = []
        self.background: list[tuple[StepResult, Process]] = []
        self._own_programs = {name: load_program(name, path) for name, path in topology.programs.items()}
        self._images = {name: _image(spec, own=name in topology.images) for name, spec in _images(topology).items()}
        self._zero_ns = 0

    def __enter__(self) -> Lab:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.down()

    def up(self) -> None:
        """Build hosts and containers. Raises EmuError, with file and line, for what the topology asks for in vain."""
        try:
            self.store = open_store(self.engine, self.topology.store)
        except StoreError as error:
            raise EmuError(f"{self.topology.source}: store: {error}") from error
        builder.build(self)

    def up_with_steps(self) -> list[str]:
        """`up`, then all steps but those for afterwards; a sentence for each that went wrong. Raises what has stopped one."""
        self.up()
        wrong = []
        for step in self.topology.steps:
            if step.part != "afterwards":
                result = self.run_step(step)
                if result.stopped is not None:
                    raise result.stopped
                wrong += [f"a step before went wrong: {step.source}: {step.place}$ {step.line}: {each}" for each in result.wrong]
        self.settle()
        return wrong

    def down(self) -> None:
        """End all programs, so that no coroutine is left unfinished, and take from a real store what they wrote."""
        for place in self.places().values():
            for process in list(place.processes.values()):
                process.kill(9)
        for host in self.hosts.values():
            if host.docker is not None:
                host.docker.down()
        if self.store is not None:
            self.store.close()

    # --- for the builder

    def add_host(self, host: Host) -> None:
        self.hosts[host.name] = host
        host.store, host.peers = self.store, self.hosts
        host.images = self._images
        host.on_namespace.append(self._announce)
        self._announce(host.netns)

    def _announce(self, netns: Netns) -> None:
        for watcher in self.on_netns:
            watcher(netns)

    def start_docker(self, host: Host, config: DockerSpec) -> None:
        """Start dockerd. Raises EmuError."""
        DockerEngine(host, DaemonConfig.from_spec(config), self._images)

    def notices(self) -> list[str]:
        """What the Docker engines have to say of images and programs that are not there; each once."""
        found = [notice for host in self.hosts.values() if host.docker is not None for notice in host.docker.notices]
        return list(dict.fromkeys(found))

    # --- places

    def places(self) -> dict[str, Place]:
        """All hosts, containers and named namespaces: `docker1`, `docker1/web`, `docker1/netns/blue`, Docker's `docker1/sbox-ov`."""
        found: dict[str, Place] = {}
        for host in self.hosts.values():
            found[host.name] = host.place
            if host.docker is not None:
                for container in host.docker.containers.values():
                    if container.place is not None:
                        found[container.place.name] = container.place
                found.update({place.name: place for place in host.docker.sandboxes.values()})
            for netns in host.namespaces.values():
                if netns.name.startswith(f"{host.name}/netns/"):  # not that of a container, which a name was given to
                    found[netns.name] = host.place.in_netns(netns)
        return found

    def place(self, name: str) -> Place:
        """Raises EmuError with the names that there are."""
        places = self.places()
        if name not in places:
            raise EmuError(f"no host or container '{name}'{did_you_mean(name, places)}")
        return places[name]

    def namespaces(self) -> dict[str, Netns]:
        """All network namespaces by name: those of places, and those of `ip netns`."""
        found = {place.netns.name: place.netns for place in self.places().values()}
        for host in self.hosts.values():
            found.update({netns.name: netns for netns in host.namespaces.values()})
        return found

    def devices(self) -> dict[str, NetDevice]:
        """All interfaces by name: `docker1/docker0`, `docker1/web/eth0`."""
        return {dev.label: dev for netns in self.namespaces().values() for dev in netns.devices.values()}

    def find(self, name: str) -> NetDevice | Place:
        """An interface (`docker1/web/eth0`) or a place (`docker1/web`). Raises EmuError with the names that there are."""
        devices, places = self.devices(), self.places()
        found = devices.get(name) or places.get(name)
        if found is None:
            raise EmuError(f"nothing is named '{name}'{did_you_mean(name, [*devices, *places])}")
        return found

    def find_program(self, place: Place, name: str) -> Main | None:
        """The topology's own programs before the built-in ones."""
        return self._own_programs.get(name) or programs.find(place, name)

    # --- command lines

    def start(self, place: str, line: str, on_output: Callable[[str], None] | None = None, *, programs_of: str = "own") -> Process:
        """Start a command line; it runs as virtual time goes on. `programs_of="host"`: the host's programs in a container's namespace."""
        where = self.place(place)
        return shell.start(where.host.place.in_netns(where.netns) if programs_of == "host" else where, line, on_output=on_output)

    def run(self, place: str, line: str, on_output: Callable[[str], None] | None = None, *, programs_of: str = "own") -> Process:
        """Run a command line to its end. Raises LimitReached, or EmuError if it waits for what cannot happen any more."""
        process = self.start(place, line, on_output, programs_of=programs_of)
        self._run_until(process.exited, f"{place}$ {line}")
        return process

    def _run_until(self, future: Future[Any], name: str) -> None:
        self.engine.run(until=future)
        if not future.done:
            raise EmuError(f"{name}: waits for something that cannot happen any more: nothing else is going on in the lab")

    def advance(self, seconds: float) -> None:
        """Let virtual time pass."""
        self.engine.run(until_ns=self.engine.now + round(seconds * SECOND))

    def settle(self) -> None:
        """Run until nothing but long timers (TIME_WAIT, ageing) is left. Raises LimitReached."""
        self.engine.run()

    # --- steps

    def run_step(self, step: Step, on_output: Callable[[str], None] | None = None) -> StepResult:
        """One step of the topology, at its time if it has one; what it expects is compared."""
        when = self._zero_ns + step.at_ns if step.at_ns is not None else self.engine.now
        if when > self.engine.now:
            self.engine.run(until_ns=when)
        started = self.engine.now
        problems: list[str] = []
        try:
            process = self.start(step.place, step.command, on_output, programs_of=step.programs)
        except EmuError as mistake:
            raise EmuError(f"{step.source}: {mistake}") from mistake
        if step.background:
            self.engine.run(until_ns=started + STEP_PAUSE_NS)
            result = StepResult(step, started, process.output, process.exit_status, problems)
            self.background.append((result, process))
            return result
        try:
            self._run_until(process.exited, f"{step.place}$ {step.command}")
        except LimitReached as limit:
            process.kill(9)
            stopped = LimitReached(f"{step.source}: {step.place}$ {step.command}: {limit}")
            return StepResult(step, started, process.output, None, ["stopped: the limit is reached"], stopped=stopped)
        except EmuError as stuck:
            process.kill(9)
            problems.append(str(stuck))
        self.engine.run(until_ns=self.engine.now + STEP_PAUSE_NS)
        unmet = expectations(step, process)
        return StepResult(step, started, process.output, process.exit_status, problems + unmet, len(unmet))

    def run_steps(
        self, on_step: Callable[[StepResult], None] | None = None, on_part: Callable[[str], None] | None = None
    ) -> list[StepResult]:
        """All steps, then the quiet after them. Raises LimitReached, after `on_step` for the step that was going on.

        `on_part` is called before each of the topology's lists: `setup`, `steps`, `afterwards`, `end`.
        """
        results = []
        for part in ("setup", "steps", "afterwards"):
            if part != "afterwards" or self.topology.afterwards:
                self._begin(part, on_part)
            for step in self.topology.steps:
                if step.part == part:
                    result = self.run_step(step)
                    results.append(result)
                    if on_step is not None:
                        on_step(result)
                    if result.stopped is not None:
                        raise result.stopped
        self._begin("end", on_part)
        return results

    def catch_up(self) -> list[tuple[StepResult, str]]:
        """What steps in the background have printed since they were last looked at; their results have it too."""
        late = []
        for result, process in self.background:
            if len(process.output) > len(result.output):
                late.append((result, process.output[len(result.output) :]))
            result.output, result.exit_status = process.output, process.exit_status
        return late

    def _begin(self, part: str, on_part: Callable[[str], None] | None) -> None:
        """Captures end in the quiet after the steps."""
        if part in ("afterwards", "end"):
            self.settle()
        self._zero_ns = self.engine.now
        if on_part is not None:
            on_part(part)


def _images(topology: Topology) -> dict[str, ImageSpec]:
    """All images by name: the well-known ones, the file's own, and those of services, of which the loader has told what is not known."""
    images = well_known() | {name: find_image(name, topology.images) for name in topology.images}
    services = [service for host in topology.hosts.values() if host.compose is not None for service in host.compose.services.values()]
    return images | {service.image: find_image(service.image, topology.images) for service in services if service.image}


def _image(spec: ImageSpec, *, own: bool) -> Image:
    expose = tuple((each.port, each.protocol) for each in spec.expose)
    env = tuple(f"{name}={value}" for name, value in spec.env.items())
    return Image(
        spec.name, expose, spec.command, spec.files, spec.known, spec.entrypoint, env, spec.labels, spec.workdir, spec.shown, own, spec.open
    )


def expectations(step: Step, process: Process) -> list[str]:
    """What was expected and is not so, in words."""
    problems = []
    expect = step.expect
    if expect.exit is not None and process.exit_status != expect.exit:
        problems.append(f"exit status {process.exit_status}, expected {expect.exit}")
    if not expect.in_stdout(process.stdout):
        problems.append(f"standard output does not have {expect.stdout!r}")
    return problems
