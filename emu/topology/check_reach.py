"""Whether the places that `reach:` names are there: hosts, containers with or without their host's name, named namespaces, addresses."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

from emu.topology import values

if TYPE_CHECKING:
    from collections.abc import Collection

    from emu.topology.document import Report
    from emu.topology.spec import Topology


def check_reach(topology: Topology, places: Collection[str], report: Report) -> None:
    """Nothing is said of places while a host or container is broken: it may be that one's."""
    if any(path[:1] == ("hosts",) for path in report.broken):
        return
    kept = (index for index in count() if ("reach", index) not in report.broken)
    for index, each in zip(kept, topology.reach, strict=False):
        for name in (each.origin, each.target.partition(":")[0]):
            problem = _problem(name, places, report)
            if problem:
                report.wrong_at(("reach", index), problem)


def _problem(name: str, places: Collection[str], report: Report) -> str:
    if name in places or _is_address(name):
        return ""
    short = [place for place in sorted(places) if place.rpartition("/")[2] == name]
    if len(short) > 1:
        return f"'{name}' may be {' or '.join(short)}"
    known = {*places, *(place.rpartition("/")[2] for place in places)}
    return "" if short else f"there is no host or container '{name}'{report.near(name, known)}"


def _is_address(name: str) -> bool:
    try:
        values.ip(name)
    except ValueError:
        return False
    return True
