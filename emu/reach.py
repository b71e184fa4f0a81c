"""`emu reach`: who can reach what. Every place of a lab tries every port of the others that listens, is exposed or published, and a ping.
What a topology says must hold (`reach:`) is tried in the same way.

Each probe is sent in a copy of the lab as it is after its steps (copies.py), so that none meets the connections, neighbours, counters or
the time that another has left: a cell is what `emu trace` alone would say. A port is tried by the addresses that a user would take: a
container's in each of its networks, a host's own for what it serves and publishes, and 127.0.0.1 from the host itself. Places that share
a network namespace are one. Not modelled: ports of services that a swarm publishes on all its hosts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from emu.copies import in_copies
from emu.errors import EmuError
from emu.lab import Lab
from emu.netns.underlay import EncapSocket
from emu.observe.dispositions import Disposition
from emu.observe.outcome import ELSEWHERE, agrees, outcome
from emu.observe.tunnels import TUNNELS
from emu.packet.address import ANY, Ip, ip_text
from emu.probe import Trace, doubts, probe
from emu.probe_ends import Origin, Target, find_origin, find_target
from emu.trace import trace_text

if TYPE_CHECKING:
    from emu.docker.model import Container
    from emu.host import Host
    from emu.netns.namespace import Netns
    from emu.process import Place
    from emu.topology.spec import ReachSpec, Topology

LOCALHOST = Ip(b"\x7f\x00\x00\x01")
Progress = Callable[[int, int], None]  # done, of all


@dataclass(slots=True)
class Spot:
    """The places of one network namespace; the first one's name stands for them."""

    names: list[str]
    netns: Netns
    host: Host
    containers: list[Container] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.names[0]

    @property
    def is_host(self) -> bool:
        return "/" not in self.name


@dataclass(frozen=True, slots=True)
class Door:
    """Something to be tried. `why` it is there: `ping`, `listens`, `exposed`, or `published for PLACE:PORT`."""

    target: Target
    why: str

    @property
    def service(self) -> str:
        """`ping`, `8080`, `53/udp`."""
        protocol = self.target.protocol
        return "ping" if protocol == "icmp" else f"{self.target.port}{'/udp' if protocol == 'udp' else ''}"

    def is_for(self, spot: Spot) -> bool:
        """A container's own ports are no question, and no place's ping of itself; 127.0.0.1 is each place's own."""
        if self.target.netns is spot.netns:
            return spot.is_host and self.why != "ping"
        return self.target.address != LOCALHOST


@dataclass(frozen=True, slots=True)
class Cell:
    """What became of a probe; `outcome` is its disposition in a word or two. `doubts`: rules on its way that are not modelled."""

    origin: str
    door: Door
    outcome: str
    disposition: Disposition
    doubts: tuple[str, ...] = ()

    def as_data(self) -> dict[str, Any]:
        target = self.door.target
        where = {"name": target.name, "address": ip_text(target.address), "protocol": target.protocol, "port": target.port}
        return {
            "from": self.origin, "to": where, "why": self.door.why, "outcome": self.outcome, "disposition": self.disposition.as_data(),
            "doubts": list(self.doubts),
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Matrix:
    """All cells, those of one door together. `names` has the places that share a namespace, by the name that stands for them;
    `notes` what went wrong before.
    """

    cells: list[Cell]
    names: dict[str, list[str]]
    notes: list[str] = field(default_factory=list)

    def as_data(self) -> dict[str, Any]:
        return {"places": self.names, "cells": [cell.as_data() for cell in self.cells], "notes": self.notes}


@dataclass(frozen=True, slots=True)
class Unmet:
    """A line of `reach:` that does not hold: what became of the probe, and its way."""

    expected: ReachSpec
    found: str
    way: str = ""

    def __str__(self) -> str:
        return f"{self.expected.source}: reach: {self.expected}, but it is {self.found}"

    @property
    def text(self) -> str:
        """With the hops."""
        return f"{self}\n{self.way}" if self.way else str(self)

    def as_data(self) -> dict[str, str]:
        return {"reach": str(self.expected), "found": self.found, "way": self.way, "source": str(self.expected.source)}


# --- the matrix


def reach(topology: Topology, origins: Sequence[str] = (), targets: Sequence[str] = (), progress: Progress | None = None) -> Matrix:
    """Bring the lab up, run its steps, try. `origins` and `targets` are places, all if empty. Raises EmuError for unknown ones."""
    with Lab(topology) as lab:
        notes = lab.up_with_steps()
        return replace(matrix(lab, origins, targets, progress), notes=notes)


def matrix(lab: Lab, origins: Sequence[str] = (), targets: Sequence[str] = (), progress: Progress | None = None) -> Matrix:
    """Of a lab that is up. It is not changed."""
    everywhere = spots(lab)
    asking, asked = _chosen(lab, everywhere, origins), _chosen(lab, everywhere, targets)
    pairs = [(spot, door) for other in asked for door in doors(other, everywhere) for spot in asking if door.is_for(spot)]
    jobs = [partial(_try, lab, Origin(spot.name, spot.netns), door.target) for spot, door in pairs]
    done = 0

    def step() -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done, len(jobs))

    answers = in_copies(jobs, step)
    cells = [Cell(spot.name, door, *answer) for (spot, door), answer in zip(pairs, answers, strict=True)]
    return Matrix(cells, {spot.name: spot.names for spot in everywhere})


def _chosen(lab: Lab, everywhere: list[Spot], names: Sequence[str]) -> list[Spot]:
    wanted = [find_origin(lab, name).netns for name in names]
    return [spot for spot in everywhere if not names or spot.netns in wanted]


def _try(lab: Lab, origin: Origin, target: Target) -> tuple[str, Disposition, tuple[str, ...]]:
    told = _probe(lab, origin, target)
    return _outcome(told), told.disposition, tuple(dict.fromkeys(doubts(told)))


def _probe(lab: Lab, origin: Origin, target: Target) -> Trace:
    """In a copy: its time is not the lab's, whose limit is of what its steps take."""
    lab.engine.time_limit_ns = None
    return probe(lab, origin, target)[0]


def _outcome(told: Trace) -> str:
    return ELSEWHERE if told.elsewhere else outcome(told.disposition)


# --- who and what there is


def spots(lab: Lab) -> list[Spot]:
    """All namespaces with the hosts, running containers and named namespaces in them; not those that Docker makes for itself."""
    found: dict[int, Spot] = {}
    for name, place in lab.places().items():
        container = place.container
        if not _is_there(place, container):
            continue
        spot = found.setdefault(id(place.netns), Spot([], place.netns, place.host))
        spot.names.append(name)
        if container is not None:
            spot.containers.append(container)
    return list(found.values())


def _is_there(place: Place, container: Container | None) -> bool:
    docker = place.host.docker
    own = docker is not None and place.name in {each.name for each in docker.sandboxes.values()}
    return not own and (container is None or container.running)


def doors(spot: Spot, everywhere: Iterable[Spot]) -> Iterator[Door]:
    """A ping and the ports, by each of its addresses."""
    published = _published(spot, everywhere)
    exposed = {port for container in spot.containers for port in container.exposed} if not spot.is_host else set()
    for address in (*_addresses(spot), LOCALHOST) if spot.is_host else _addresses(spot):
        ports = dict.fromkeys(sorted(exposed), "exposed") | dict.fromkeys(_listening(spot.netns, address), "listens")
        ports |= published  # those that are on another address alone too: are they closed here?
        if address != LOCALHOST:
            yield Door(Target(spot.name, address, spot.netns), "ping")
        for (port, protocol), why in sorted(ports.items()):
            yield Door(Target(spot.name, address, spot.netns, port, protocol), why)


def _addresses(spot: Spot) -> list[Ip]:
    """Not those that are for a network alone: of Docker's bridges and of tunnels' ends; unless there are no others."""
    mine = [address for address in spot.netns.all_addresses() if address.scope != "host"]
    docker = spot.host.docker if spot.is_host else None
    networks = docker.networks.all.values() if docker is not None else ()
    gateways = {network.gateway for network in networks if network.config.driver == "bridge"}
    own = [each.ip for each in mine if each.dev.kind not in TUNNELS and each.ip not in gateways]
    return list(dict.fromkeys(own or [each.ip for each in mine]))


def _listening(netns: Netns, address: Ip) -> list[tuple[int, str]]:
    """Ports that somebody serves at the address; not sockets of clients that wait for one server's answer, nor the kernel's of tunnels."""
    streams = [(port, "tcp") for at, port in netns.tcp.listeners if at in (ANY, address)]
    datagrams = [
        (port, "udp")
        for port, sockets in netns.udp.ports.items()
        if any(not sock.remote_port and sock.local_ip in (ANY, address) and not isinstance(sock, EncapSocket) for sock in sockets)
    ]
    return streams + datagrams


def _published(spot: Spot, everywhere: Iterable[Spot]) -> dict[tuple[int, str], str]:
    """Of a host's containers: port, and for whom."""
    return {
        (port.host_port, port.protocol): f"published for {other.name}:{port.port}"
        for other in everywhere
        if spot.is_host and other.name.startswith(f"{spot.name}/")
        for container in other.containers
        for endpoint in container.endpoints.values()
        for port in endpoint.published
    }


# --- what must hold


def unmet(lab: Lab, expected: Sequence[ReachSpec], before: Callable[[], None] | None = None) -> list[Unmet]:
    """The lines of `reach:` that do not hold in the lab as it is. It is not changed; `before` is done in each copy."""
    return [answer for answer in in_copies([partial(_hold, lab, each, before) for each in expected]) if answer is not None]


def _hold(lab: Lab, expected: ReachSpec, before: Callable[[], None] | None) -> Unmet | None:
    if before is not None:
        before()
    try:
        origin = find_origin(lab, expected.origin)
        told = _probe(lab, origin, find_target(lab, expected.target, origin))
    except EmuError as mistake:
        return Unmet(expected, f"not to be tried: {mistake}")
    found = _outcome(told)
    return None if agrees(found, expected.outcome) else Unmet(expected, found, trace_text(told))
