"""From a file to a checked topology: YAML with lines, the table of keys, compose's own rules, and what must hold between the parts."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from emu.errors import TopologyError
from emu.topology.check import check
from emu.topology.document import MapNode, Node, Refused, Report, parse, read_text
from emu.topology.images import find_image
from emu.topology.project import ComposeContent, finish, folder_name, project_name
from emu.topology.reach import by_container, container_of
from emu.topology.schema import TOPOLOGY
from emu.topology.spec import DockerSpec, HostSpec, InterfaceSpec, Lan, Step, Topology
from emu.topology.spec_compose import ComposeSpec

if TYPE_CHECKING:
    from os import PathLike


def load_topology(path: str | PathLike[str], *, seed: int | None = None) -> Topology:
    """The topology that a file describes; `seed` stands in for the file's own. Raises TopologyError with all that is wrong."""
    file = str(path)
    report = Report()
    try:
        text = read_text(Path(path))
    except ValueError as error:
        raise TopologyError([f"{file}: {error}"]) from None
    topology = Topology()
    with suppress(Refused):
        topology = _read(parse(text, file, report), Path(file), report)
    report.finish()
    return replace(topology, notices=tuple(report.notices), seed=topology.seed if seed is None else seed)


def _read(root: Node, file: Path, report: Report) -> Topology:
    if not isinstance(root, MapNode):
        report.refuse(root.source, (), f"must be a mapping with 'hosts', or a compose file, not {root.kind}")
    report.seen[()] = root.source
    if "services" in root.entries and "hosts" not in root.entries:
        topology = _of_compose(ComposeContent().read(root, (), report), file)
        check(topology, report, compose_at=())
    else:
        topology = TOPOLOGY.read(root, (), report)
        name = topology.name or file.stem
        hosts = {key: _with_docker(host) for key, host in topology.hosts.items()}
        parts = {"setup": topology.setup, "steps": topology.steps, "afterwards": topology.afterwards}
        steps = tuple(_in_background(replace(step, part=part)) for part, some in parts.items() for step in some)
        topology = replace(topology, name=name, hosts=hosts, steps=steps)
        check(topology, report)
    report.finish()
    hosts = {key: _finished(host, topology.name) for key, host in topology.hosts.items()}
    topology = replace(topology, hosts=hosts)
    _notice_images(topology, report)
    steps = tuple(replace(step, place=container_of(step.place, topology)) for step in topology.steps)
    return replace(topology, steps=steps, reach=tuple(by_container(each, topology) for each in topology.reach))


def _of_compose(compose: ComposeSpec, file: Path) -> Topology:
    """A Docker host and a client on one LAN."""
    name = compose.name or project_name(folder_name(file))
    lan = Lan(name="lan", subnet="192.168.50.0/24")
    cards = [InterfaceSpec(name="eth0", lan="lan", addresses=(f"192.168.50.{n}/24",), mac=f"02:00:00:00:50:{n}") for n in (10, 20)]
    host = HostSpec(name="host", interfaces={"eth0": cards[0]}, docker=DockerSpec(), compose=compose)
    client = HostSpec(name="client", interfaces={"eth0": cards[1]})
    return Topology(name=name, lans={"lan": lan}, hosts={"host": host, "client": client}, source=compose.source)


def _with_docker(host: HostSpec) -> HostSpec:
    """A compose file needs an engine: that of a host that names none is as installed."""
    return replace(host, docker=DockerSpec(source=host.source)) if host.compose is not None and host.docker is None else host


def _in_background(step: Step) -> Step:
    command = step.command.rstrip()
    if not command.endswith("&") or command.endswith("&&"):
        return step
    return replace(step, command=command[:-1].rstrip(), background=True)


def _finished(host: HostSpec, name: str) -> HostSpec:
    return replace(host, compose=finish(host.compose, project_name(name))) if host.compose is not None else host


def _notice_images(topology: Topology, report: Report) -> None:
    for host in topology.hosts.values():
        for service in host.compose.services.values() if host.compose is not None else ():
            if not find_image(service.image, topology.images).known:
                ports = sorted({*(str(each) for each in service.expose), *(f"{each.target}/{each.protocol}" for each in service.ports)})
                answers = f"answers on {', '.join(ports)}" if ports else "answers on no port"
                report.notice(f"image '{service.image}' is not known: '{service.name}' idles and {answers}")
