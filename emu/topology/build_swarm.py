"""Bring a swarm up: what an administrator types on the first manager, and then, with the token that it prints, on the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu.errors import EmuError
from emu.topology.check_swarm import workers

if TYPE_CHECKING:
    from emu.lab import Lab


def form_swarm(lab: Lab) -> None:
    """Raises EmuError, with file and line."""
    spec = lab.topology.swarm
    if spec is None:
        return
    first, *managers = spec.managers
    here = _address(lab, first)
    _type(lab, first, f"docker swarm init --advertise-addr {here}")
    for role, names in (("manager", managers), ("worker", workers(lab.topology, spec))):
        token = _type(lab, first, f"docker swarm join-token -q {role}").strip()
        for name in names:
            _type(lab, name, f"docker swarm join --advertise-addr {_address(lab, name)} --token {token} {here}:2377")


def _address(lab: Lab, name: str) -> str:
    """That of the interface of the default route, else the first one."""
    host, spec = lab.hosts[name], lab.topology.hosts[name]
    default = host.netns.fib.default_device()
    with_address = {interface.name: interface.addresses[0] for interface in spec.interfaces.values() if interface.addresses}
    first = next(iter(with_address.values()))
    return (with_address.get(default.name, first) if default is not None else first).partition("/")[0]


def _type(lab: Lab, name: str, line: str) -> str:
    process = lab.hosts[name].place.start(line.split())
    lab.engine.run(until=process.exited)
    if process.exit_status:
        raise EmuError(f"{lab.topology.swarm.source if lab.topology.swarm else ''}: swarm: {name}$ {line}: {process.output.strip()}")
    return process.stdout
