"""From files to facts: which of the machines that the files tell of is the host, and whether they agree about it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from emu.errors import EmuError, did_you_mean
from emu.importer import read_docker
from emu.importer.by_kind import TAKE, TAKE_INNER, take_docker
from emu.importer.folder import read_files
from emu.importer.model import Described, Facts, File, Remark
from emu.importer.read_docker import mapping, word
from emu.topology.source import Source

NEVER_EMPTY = {"ip-addr", "ip-route", "ip-rule", "sysctl", "docker-network-inspect", "docker-inspect"}
DOCKER = {"docker-inspect": "NetworkSettings", "docker-network-inspect": "IPAM"}


def read_folder(folder: Path, host: str | None = None) -> tuple[Facts, list[str]]:
    """What the files say of `host`, and the names of files that were not needed. Raises EmuError with all that is wrong."""
    facts = Facts()
    files, not_needed = read_files(folder, facts)
    problems: list[str] = []
    inspected = {
        file: _tried(problems, read_docker.objects, file, DOCKER[file.kind]) for file in files if file.kind in DOCKER and file.text.strip()
    }
    names = {each.name for described in inspected.values() for each in described or [] if "NetworkSettings" in each.data}
    for each in (each for described in inspected.values() for each in described or []):
        names |= {word(entry, "Name") for entry in mapping(each.data, "Containers").values()}
    place = _host(files, names, host)
    facts.name = place or "host"
    for file in files:
        if file.place in (place, "") and file.kind in NEVER_EMPTY and not file.text.strip():
            facts.remark(Source(file.name, 0), "is empty")
        elif file.place in (place, "") and file.kind in DOCKER:
            take_docker(facts, file, inspected.get(file) or [], problems)
        elif file.place == place:
            _tried(problems, TAKE[file.kind], file, facts)
        elif file.place in names and file.kind in TAKE_INNER:
            _tried(problems, TAKE_INNER[file.kind], file, facts)
        elif file.place and not place:
            facts.remark(Source(file.name, 0), f"tells of '{file.place}', a container that no `docker inspect` tells of")
        else:
            not_needed.append(file.name)
    _check(facts, problems)
    if problems:
        raise EmuError("\n".join(problems))
    return facts, not_needed


def _tried(problems: list[str], read: Callable[..., Any], *arguments: Any) -> Any:
    """What it reads; None if it raises, and then the problem is noted."""
    try:
        return read(*arguments)
    except EmuError as error:
        problems.append(str(error))
        return None


def _host(files: Iterable[File], containers: set[str], wanted: str | None) -> str:
    """The machine's name that its files bear; '' if they have none. Raises EmuError if it may be one of several."""
    machines: dict[str, set[str]] = {}
    for file in files:
        if file.place not in containers and file.kind not in DOCKER and (file.text.strip() or file.kind == "iptables-save"):
            machines.setdefault(file.place, set()).add(file.kind)
    if wanted is not None:
        if wanted not in machines:
            raise EmuError(f"no file tells of a host '{wanted}'{did_you_mean(wanted, filter(None, machines))}")
        return wanted
    if "" in machines or not machines:
        return ""
    for kind in ("iptables-save", "ip-addr"):
        having = [name for name, kinds in machines.items() if kind in kinds]
        if len(having) > 1:
            raise EmuError(f"the files tell of several hosts; choose one with --host: {', '.join(sorted(having))}")
        if having:
            return having[0]
    return next(iter(machines))


# --- together


def _check(facts: Facts, problems: list[str]) -> None:
    """What one file says must be possible with what the others say."""
    lost = [route for route in facts.routes or () if facts.devices is not None and route.dev and route.dev not in facts.devices]
    problems += [str(Remark(route.source, f"a route through {route.dev}, which `ip addr` does not have")) for route in lost]
    for container in (facts.containers or {}).values():
        for name, endpoint in mapping(container.data, "NetworkSettings", "Networks").items():
            address = word(endpoint, "IPAddress")
            if not address or facts.networks is None:
                continue
            if name not in facts.networks:
                text = f"'{container.name}' is on network '{name}', which `docker network inspect` does not have"
                problems.append(f"{container.source}: {text}")
                continue
            said = _address_in(facts.networks[name], container.name)
            if said and said != address:
                where = facts.networks[name].file.line_of(f'"{said}')
                problems.append(f"{container.source}: '{container.name}' has {address} on '{name}'; in {where} it is {said}")


def _address_in(network: Described, container: str) -> str:
    for entry in mapping(network.data, "Containers").values():
        if word(entry, "Name") == container:
            return word(entry, "IPv4Address").partition("/")[0]
    return ""
