"""systemctl(1): stop and start a host's daemons: flanneld, and from any host the lab's one store: etcd, or what its engines take it for.

Not modelled: units of other kinds, stopping and restarting Docker's engine, enabling, logs.
"""

from __future__ import annotations

from emu.errors import did_you_mean
from emu.process import Process, UsageError

STORES = {"consul": "consul", "etcd": "etcd", "zk": "zookeeper"}  # by scheme of `--cluster-store`
ACTIONS = ("is-active", "restart", "start", "status", "stop")


async def main(process: Process, argv: list[str]) -> int:
    words = [word for word in argv[1:] if word not in {"-q", "--quiet", "--no-pager"}]
    if len(words) < 2 or words[0] not in ACTIONS:
        word = words[0] if words else ""
        if word in ACTIONS:
            raise UsageError("Too few arguments.", 1)
        raise UsageError(f"Unknown command verb {word}.{did_you_mean(word, ACTIONS)}", 1)
    if process.host is None or process.place.container is not None:
        raise UsageError("System has not been booted with systemd as init system (PID 1). Can't operate.", 1)
    statuses = [_act(process, words[0], unit.removesuffix(".service")) for unit in words[1:]]
    return max(statuses)


def _act(process: Process, action: str, unit: str) -> int:
    services, stores = process.host.services, _stores(process)
    known = {*services.commands, *stores}
    if unit == "docker":
        return _docker(process, action)
    if unit not in known:
        if action == "is-active":
            process.print("inactive")
            return 3
        status = 4 if action == "status" else 5
        verb = "" if action == "status" else f"Failed to {action} {unit}.service: "
        raise UsageError(f"{verb}Unit {unit}.service {'could not be' if action == 'status' else 'not'} found.", status)
    if action in {"stop", "restart"}:
        _stop(process, unit)
    if action in {"start", "restart"}:
        _start(process, unit)
    return _say(process, action, unit, process.host.store.reachable if unit in stores else services.is_active(unit))


def _stores(process: Process) -> set[str]:
    """The names of the store's unit."""
    if process.host.store is None:
        return set()
    urls = [host.docker.config.cluster_store for host in process.host.peers.values() if host.docker is not None]
    return {"etcd", *(STORES[url.partition("://")[0]] for url in urls if url)}


def _say(process: Process, action: str, unit: str, active: bool) -> int:
    if action == "is-active":
        process.print("active" if active else "inactive")
    elif action == "status":
        process.print(f"{'●' if active else '○'} {unit}.service\n     Active: {'active (running)' if active else 'inactive (dead)'}")
    return 0 if active or action == "stop" else 3


def _docker(process: Process, action: str) -> int:
    """The engine that the topology gives a host runs all the time; how it is, can be asked."""
    active = process.host.docker is not None
    if action in {"is-active", "status"} or (action == "start" and active):
        return _say(process, action, "docker", active)
    what = "start an engine by hand with `dockerd`" if not active else "name its settings in the topology (docker:)"
    raise UsageError(f"systemctl: {action} of docker.service is not modelled; {what}", 1)


def _stop(process: Process, unit: str) -> None:
    if unit in _stores(process):
        process.host.store.reachable = False
    else:
        process.host.services.stop(unit)


def _start(process: Process, unit: str) -> None:
    if unit in _stores(process):
        process.host.store.reachable = True
    else:
        process.host.services.start(unit)
