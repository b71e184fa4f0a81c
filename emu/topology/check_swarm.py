"""Whether what a topology says of a swarm makes sense: its nodes are hosts that run Docker and have an address."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from emu.topology.document import KeyPath, Report
    from emu.topology.spec import HostSpec, SwarmSpec, Topology


def check_swarm(topology: Topology, report: Report) -> None:
    """Report all that is wrong."""
    spec = topology.swarm
    if spec is None:
        return
    if not spec.managers:
        report.wrong_at(("swarm", "managers"), "a swarm begins with a manager: name a host")
    for key, names in (("managers", spec.managers), ("workers", spec.workers or ())):
        for name in names:
            _check_node(topology.hosts.get(name), name, ("swarm", key), topology, report)
    for name in set(spec.managers) & set(spec.workers or ()):
        report.wrong_at(("swarm", "workers"), f"{name} is a manager already")


def _check_node(host: HostSpec | None, name: str, path: KeyPath, topology: Topology, report: Report) -> None:
    if host is None:
        report.wrong_at(path, f"there is no host '{name}'{report.near(name, topology.hosts)}")
    elif host.docker is None:
        report.wrong_at(path, f"{name} runs no Docker: give it `docker: {{}}`")
    elif host.docker.cluster_store:
        report.wrong_at(path, f"{name} has a cluster-store, which is incompatible with swarm mode")
    elif not any(interface.addresses for interface in host.interfaces.values()):
        report.wrong_at(path, f"{name} needs an interface with an address")


def workers(topology: Topology, spec: SwarmSpec) -> Sequence[str]:
    """As said, or all others that run Docker."""
    if spec.workers is not None:
        return spec.workers
    return [name for name, host in topology.hosts.items() if host.docker is not None and name not in spec.managers]
