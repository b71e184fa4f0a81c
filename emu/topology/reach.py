"""Lines of `reach:` in a topology file: `PLACE -> PLACE[:PORT[/udp]]: OUTCOME`, which YAML takes for a mapping with one key."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from emu.errors import did_you_mean
from emu.observe.outcome import OUTCOMES
from emu.topology import values
from emu.topology.document import KeyPath, Node, Report, ScalarNode
from emu.topology.shapes import Either, Json, ListOf, Shape, Text
from emu.topology.source import Source
from emu.topology.spec import ReachSpec

if TYPE_CHECKING:
    from emu.topology.spec import Topology

PAIR = r"^\s*([^\s:]+)\s*->\s*([^\s:]+)(?::([^\s:/]+)(?:/([^\s:/]+))?)?\s*$"
FORM = "FROM -> TO: OUTCOME, where TO is a place, PLACE:PORT or PLACE:PORT/udp"


def _promise(pair: str, outcome: str, source: Source, path: KeyPath, report: Report) -> ReachSpec:
    """Places are looked at later: a line is kept for that, whatever else is wrong with it. Raises Refused for what is no such line."""
    match = re.match(PAIR, pair)
    if match is None:
        report.refuse(source, path, f"'{pair}: {outcome}' is not {FORM}")
    origin, place, port, protocol = match.groups()
    if outcome not in OUTCOMES:
        report.wrong(source, path, f"'{outcome}' is nothing that a probe comes to{did_you_mean(outcome, OUTCOMES)}")
    target = place
    if port is not None:
        try:
            udp = "/udp" if values.known_protocol(protocol or "tcp") == "udp" else ""
            target = f"{place}:{values.port(port)}{udp}"
        except ValueError as error:
            report.wrong(source, path, str(error))
    return ReachSpec(origin=origin, target=target, outcome=outcome, source=source)


class _Quoted(Text[ReachSpec]):
    """The line as text."""

    def __init__(self) -> None:
        super().__init__(lambda text: ReachSpec(origin="", target="", outcome=text), FORM, PAIR[:-4] + r"\s*:\s+\S.*$")

    def read(self, node: Node, path: KeyPath, report: Report) -> ReachSpec:
        text = self._text(node, path, report)
        pair, colon, outcome = text.rpartition(": ")
        if not colon:
            report.refuse(node.source, path, f"'{text}' is not {FORM}")
        return _promise(pair, outcome.strip(), node.source, path, report)


class _Entry(Shape[ReachSpec]):
    """The line as YAML reads it: one key with its value."""

    def read(self, node: Node, path: KeyPath, report: Report) -> ReachSpec:
        entries = dict(getattr(node, "entries", {}))
        if len(entries) != 1:
            report.refuse(node.source, path, f"is not one line: {FORM}")
        pair, value = entries.popitem()
        if not isinstance(value, ScalarNode):
            report.refuse(value.source, path, f"'{pair}' must have an outcome, not {value.kind}")
        return _promise(pair, report.text(value, path).strip(), node.source, path, report)

    def json(self, definitions: Json) -> Json:
        return {
            "type": "object", "minProperties": 1, "maxProperties": 1,
            "patternProperties": {PAIR: {"enum": list(OUTCOMES)}}, "additionalProperties": False,
        }  # fmt: skip


REACH = ListOf(Either(text=_Quoted(), mapping=_Entry()))


# --- containers by their services' names


def container_of(place: str, topology: Topology) -> str:
    """With the container's name for its service's, if they differ."""
    host, _, name = place.partition("/")
    compose = topology.hosts[host].compose if host in topology.hosts else None
    service = compose.services.get(name) if compose is not None else None
    return f"{host}/{service.container_name}" if service is not None else place


def by_container(each: ReachSpec, topology: Topology) -> ReachSpec:
    """A service may be named without its host, too."""
    place, colon, port = each.target.partition(":")
    return replace(each, origin=_whole(each.origin, topology), target=_whole(place, topology) + colon + port)


def _whole(place: str, topology: Topology) -> str:
    if "/" in place or place in topology.hosts:
        return container_of(place, topology)
    compose = {host.name: host.compose for host in topology.hosts.values() if host.compose is not None}
    owners = [name for name, content in compose.items() if place in content.services]
    return container_of(f"{owners[0]}/{place}", topology) if len(owners) == 1 else place
