"""From files to facts: which of the machines that the files tell of is the host, and whether they agree about it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any

from emu.errors import EmuError, did_you_mean
from emu.importer import read_docker, read_ip, read_text
from emu.importer.folder import read_files
from emu.importer.model import Described, Device, Facts, File, Remark, Route
from emu.importer.read_docker import mapping, word
from emu.topology.source import Source

NEVER_EMPTY = {"iptables-save", "ip-addr", "ip-route", "ip-rule", "sysctl", "docker-network-inspect", "docker-inspect"}
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
        if file.place in (place, "") and not file.text.strip():
            if file.kind in NEVER_EMPTY:
                facts.remark(Source(file.name, 0), "is empty")
        elif file.place in (place, "") and file in inspected:
            _take_docker(facts, file, inspected[file] or [], problems)
        elif file.place == place:
            _tried(problems, _take, file, facts)
        elif file.place in names and file.kind in INNER:
            _tried(problems, INNER[file.kind], file, facts)
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
        if file.place not in containers and file.kind not in DOCKER and file.text.strip():
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


# --- each kind


def _take(file: File, facts: Facts) -> None:
    """Raises EmuError: the file cannot be read, or another one says something else."""
    TAKE[file.kind](file, facts)


def _take_rules(file: File, facts: Facts) -> None:
    if facts.rules is not None and _rules(facts.rules) != _rules(file):
        raise _contradiction(facts.rules.name, file, "rules")
    facts.rules = file


def _take_routes(file: File, facts: Facts) -> None:
    found = read_ip.routes(file, facts)
    if facts.routes and _main(found) != _main(facts.routes):
        raise _contradiction(facts.routes[0].source.file, file, "routes")
    facts.routes = found if facts.routes is None or len(found) > len(facts.routes) else facts.routes


def _take_listeners(file: File, facts: Facts) -> None:
    facts.listeners = read_text.listeners(file)


def _take_inner_rules(file: File, facts: Facts) -> None:
    """Of a container's own rules Docker makes those for its name server."""
    own = [(number, line) for number, line in enumerate(file.text.splitlines(), 1) if line.startswith("-A ")]
    for number, line in own:
        if not re.search(r"-d 127\.0\.0\.11/32|-s 127\.0\.0\.11/32", line):
            facts.remark(file.at(number), f"a rule within container '{file.place}' is left out: {line}")


def _take_ipv6(file: File, facts: Facts) -> None:
    rules = [number for number, line in enumerate(file.text.splitlines(), 1) if re.match(r"(\[\d+:\d+\] )?-A ", line)]
    if rules:
        facts.remark(file.at(rules[0]), f"{len(rules)} rules of IPv6, which is not modelled")


def _take_devices(file: File, facts: Facts) -> None:
    found = read_ip.devices(file)
    if facts.devices is not None and _addresses(found) != _addresses(facts.devices):
        raise _contradiction(next(iter(facts.devices.values())).source.file if facts.devices else "another file", file, "addresses")
    facts.devices = found


TAKE: dict[str, Callable[[File, Facts], None]] = {
    "iptables-save": _take_rules,
    "ip-addr": _take_devices,
    "ip-link-detail": lambda file, facts: facts.kinds.update(read_ip.devices(file)),
    "ip-route": _take_routes,
    "ip-neigh": lambda file, facts: facts.neighbours.extend(read_ip.neighbours(file, facts)),
    "ip-rule": read_ip.rules,
    "bridge-fdb": lambda file, facts: facts.fdb.extend(read_text.fdb(file)),
    "sysctl": lambda file, facts: facts.settings.extend(read_text.settings(file)),
    "ss-lntu": _take_listeners,
    "ip6tables-save": _take_ipv6,
}


INNER: dict[str, Callable[[File, Facts], None]] = {  # of a container
    "ss-lntu": lambda file, facts: facts.inner.update({file.place: read_text.listeners(file)}),
    "iptables-save": _take_inner_rules,
    "ip-addr": lambda file, facts: facts.inner_devices.update({file.place: read_ip.devices(file)}),
    "ip-route": lambda file, facts: facts.inner_routes.update({file.place: read_ip.routes(file, Facts())}),
}


def _main(routes: Iterable[Route]) -> set[frozenset[str]]:
    return {_key(route.words) for route in routes if route.table == "main"}


def _key(words: tuple[str, ...]) -> frozenset[str]:
    """A route, whichever form it was printed in: the one of text leaves out the scope that goes without saying."""
    pairs = pairwise(words)
    return frozenset(words) - {word for pair in pairs if pair in (("scope", "global"), ("proto", "boot")) for word in pair}


def _addresses(devices: dict[str, Device]) -> dict[str, list[str]]:
    return {name: sorted(address.text for address in device.addresses) for name, device in devices.items()}


def _rules(file: File) -> list[str]:
    lines = (line.partition(" [")[0] if line.startswith(":") else line for line in file.text.splitlines())
    return [line for line in lines if line.strip() and not line.startswith("#")]


def _contradiction(other: str, file: File, what: str) -> EmuError:
    return EmuError(f"{file.name}: its {what} are not those of {other}; keep the one that is right")


def _take_docker(facts: Facts, file: File, found: list[Described], problems: list[str]) -> None:
    if file.kind == "docker-inspect":
        known = facts.containers = facts.containers if facts.containers is not None else {}
    else:
        known = facts.networks = facts.networks if facts.networks is not None else {}
    for each in found:
        if each.name in known and known[each.name].data != each.data:
            problems.append(f"{each.source}: '{each.name}' is also in {known[each.name].source}, and not the same")
        known[each.name] = each


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
