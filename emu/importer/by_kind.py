"""What a file of each kind adds to the facts, and whether another file of that kind has said something else."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from itertools import pairwise

from emu.errors import EmuError
from emu.importer import read_ip, read_nft, read_text
from emu.importer.model import Described, Device, Facts, File, Route
from emu.importer.rules import tables

HARMLESS = re.compile(  # on standard error, of programs that did what they should
    r"sysctl: (permission denied on key|reading key)|# Warning: table .* is managed by iptables-nft"
    r"|# Warning: iptables-legacy tables present"  # iptables-legacy-save tells of them
)


def _take_rules(file: File, facts: Facts) -> None:
    for other in facts.rules:
        if not tables(file).isdisjoint(tables(other)) or not (file.text.strip() and other.text.strip()):
            if _rules(other) != _rules(file):
                raise _contradiction(other.name, file, "rules")
            return
    facts.rules.append(file)


def _take_legacy_rules(file: File, facts: Facts) -> None:
    facts.legacy_rules = file


def _take_routes(file: File, facts: Facts) -> None:
    found = read_ip.routes(file, facts)
    if facts.routes and _main(found) != _main(facts.routes):
        raise _contradiction(facts.routes[0].source.file, file, "routes")
    facts.routes = found if facts.routes is None or len(found) > len(facts.routes) else facts.routes


def _take_listeners(file: File, facts: Facts) -> None:
    facts.listeners = [*(facts.listeners or ()), *read_text.listeners(file, facts)]


def _take_ipv6(file: File, facts: Facts) -> None:
    rules = [number for number, line in enumerate(file.text.splitlines(), 1) if re.match(r"(\[\d+:\d+\] )?-A ", line)]
    if rules:
        facts.remark(file.at(rules[0]), f"{len(rules)} rules of IPv6, which is not modelled")


def _take_devices(file: File, facts: Facts) -> None:
    found = read_ip.devices(file)
    if facts.devices and _addresses(found) != _addresses(facts.devices):
        raise _contradiction(next(iter(facts.devices.values())).source.file, file, "addresses")
    facts.devices = found


def _take_errors(file: File, facts: Facts) -> None:
    """A program that was not there, or not allowed to look: what its file lacks, nobody else tells."""
    for number, line in enumerate(file.text.splitlines(), 1):
        if line.strip() and not HARMLESS.search(line):
            facts.remark(file.at(number), f"the host said: {line.strip()[:200]}")


TAKE: dict[str, Callable[[File, Facts], None]] = {  # each raises EmuError for a file that cannot be read, or contradicts another one
    "iptables-save": _take_rules,
    "iptables-legacy-save": _take_legacy_rules,
    "nft-ruleset": read_nft.take,
    "ip-addr": _take_devices,
    "ip-link-detail": lambda file, facts: facts.kinds.update(read_ip.devices(file)),
    "ip-route": _take_routes,
    "ip-neigh": lambda file, facts: facts.neighbours.extend(read_ip.neighbours(file, facts)),
    "ip-rule": read_ip.rules,
    "bridge-fdb": lambda file, facts: facts.fdb.extend(read_text.fdb(file)),
    "sysctl": lambda file, facts: facts.settings.extend(read_text.settings(file, facts)),
    "ss-lntu": _take_listeners,
    "ip6tables-save": _take_ipv6,
    "errors": _take_errors,
}


def _take_inner_rules(file: File, facts: Facts) -> None:
    """Of a container's own rules Docker makes those for its name server."""
    own = [(number, line) for number, line in enumerate(file.text.splitlines(), 1) if line.startswith("-A ")]
    for number, line in own:
        if not re.search(r"-d 127\.0\.0\.11/32|-s 127\.0\.0\.11/32", line):
            facts.remark(file.at(number), f"a rule within container '{file.place}' is left out: {line}")


TAKE_INNER: dict[str, Callable[[File, Facts], None]] = {  # of a container
    "ss-lntu": lambda file, facts: facts.inner.update({file.place: read_text.listeners(file, facts)}),
    "iptables-save": _take_inner_rules,
    "ip-addr": lambda file, facts: facts.inner_devices.update({file.place: read_ip.devices(file)}),
    "ip-route": lambda file, facts: facts.inner_routes.update({file.place: read_ip.routes(file, facts)}),
}


def take_docker(facts: Facts, file: File, found: list[Described], problems: list[str]) -> None:
    if file.kind == "docker-inspect":
        known = facts.containers = facts.containers if facts.containers is not None else {}
    else:
        known = facts.networks = facts.networks if facts.networks is not None else {}
    for each in found:
        if each.name in known and known[each.name].data != each.data:
            problems.append(f"{each.source}: '{each.name}' is also in {known[each.name].source}, and not the same")
        known[each.name] = each


# --- the same thing twice


def _main(routes: Iterable[Route]) -> set[frozenset[str]]:
    return {_key(route.words) for route in routes if route.table == "main"}


def _key(words: tuple[str, ...]) -> frozenset[str]:
    """A route, whichever form it was printed in: the one of text leaves out the scope that goes without saying."""
    pairs = pairwise(words)
    return frozenset(words) - {word for pair in pairs if pair in (("scope", "global"), ("proto", "boot")) for word in pair}


def _addresses(devices: dict[str, Device]) -> dict[str, list[str]]:
    return {name: sorted(address.text for address in device.addresses) for name, device in devices.items()}


def _rules(file: File) -> list[str]:
    lines = (re.sub(r"^\[\d+:\d+\] | \[\d+:\d+\]$", "", line.strip()) for line in file.text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def _contradiction(other: str, file: File, what: str) -> EmuError:
    return EmuError(f"{file.name}: its {what} are not those of {other}; keep the one that is right")
