"""Published and exposed ports, as compose files and images write them (compose specification, `ports` and `expose`).

Not modelled: SCTP; swarm's modes (`mode` is accepted, and has no effect outside a swarm).
"""

from __future__ import annotations

from typing import Any

from emu.topology import values
from emu.topology.shapes import Choice, Converted, Either, Field, ListOf, Record, Shape, Text
from emu.topology.spec_compose import Exposed, PortSpec


def short_ports(text: str) -> tuple[PortSpec, ...]:
    """`80`, `8080:80`, `127.0.0.1:8080:80/udp`, `8000-8002:80-82`, `8000-8010:80`."""
    rest, _, protocol = text.partition("/")
    protocol = values.known_protocol(protocol or "tcp")
    *host, target = rest.split(":")
    if len(host) > 2:
        raise ValueError(f"'{text}' is not a port such as 8080:80 or 127.0.0.1:8080:80/udp")
    targets = values.port_range(target)
    published = host.pop() if host else ""
    host_ip = values.ip(host[0]) if host else ""
    if not published:
        return tuple(PortSpec(port, None, host_ip, protocol) for port in targets)
    sources = values.port_range(published)
    if len(sources) == len(targets):
        return tuple(PortSpec(inner, outer, host_ip, protocol) for inner, outer in zip(targets, sources, strict=True))
    if len(targets) > 1:
        raise ValueError(f"'{text}': the ranges are of different lengths")
    return (PortSpec(targets[0], sources[0], host_ip, protocol, sources[-1]),)


def long_port(target: int, published: str = "", host_ip: str = "", protocol: str = "tcp") -> tuple[PortSpec, ...]:
    if not published:
        return (PortSpec(target, None, host_ip, protocol),)
    sources = values.port_range(published)
    return (PortSpec(target, sources[0], host_ip, protocol, sources[-1] if len(sources) > 1 else None),)


LONG_PORT = Converted(
    Record(
        dict,
        "A published port, in the long form.",
        {
            "target": Field(Text(values.port, "a port", types="integer string"), "the container's port", required=True),
            "published": Field(Text(values.line, types="string number"), "the host's port, or a range to choose from"),
            "host_ip": Field(Text(values.ip, "an address"), "the host's address; all if absent"),
            "protocol": Field(Text(values.known_protocol), "tcp or udp"),
            "mode": Field(Choice("ingress", "host"), "without effect outside a swarm", check=True),
        },
        ignored=("name", "app_protocol"),
        title="LongPort",
    ),
    lambda keys: long_port(**keys),
)


def _flat(groups: tuple[tuple[Any, ...], ...]) -> tuple[Any, ...]:
    return tuple(dict.fromkeys(item for group in groups for item in group))


PORTS = Converted(ListOf(Either(text=Text(short_ports, "a port", types="string integer"), mapping=LONG_PORT)), _flat)
EXPOSE: Shape[tuple[Exposed, ...]] = Converted(ListOf(Text(values.exposed, "a port", values.PORTS, "string integer")), _flat)
