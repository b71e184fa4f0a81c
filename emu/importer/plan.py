"""A topology in the making: what is written as keys, and the command lines that bring the rest about, each with where it comes from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from emu.topology.source import Source


class Command(NamedTuple):
    """A line for the host, and the place in the files that asks for it."""

    line: str
    source: Source


@dataclass
class Plan:
    """`lans`, `interfaces` … as in the topology file; `setup` is typed when Docker and its containers are up, `rules` are restored last."""

    host: str
    interfaces: dict[str, dict[str, Any]] = field(default_factory=dict)
    lans: dict[str, dict[str, Any]] = field(default_factory=dict)
    routes: list[str] = field(default_factory=list)
    docker: dict[str, Any] | None = None
    services: dict[str, dict[str, Any]] = field(default_factory=dict)
    networks: dict[str, dict[str, Any]] = field(default_factory=dict)
    images: dict[str, dict[str, Any]] = field(default_factory=dict)
    setup: list[Command] = field(default_factory=list)
    rules: str = ""
    bridges: set[str] = field(default_factory=set)  # of Docker's networks
    client: dict[str, Any] = field(default_factory=dict)

    def type(self, source: Source, *words: str) -> None:
        """Once: JSON and text may both ask for it."""
        line = " ".join(words)
        if all(command.line != line for command in self.setup):
            self.setup.append(Command(line, source))
