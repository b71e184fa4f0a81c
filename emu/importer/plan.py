"""A topology in the making: what is written as keys, and the command lines that bring the rest about, each with where it comes from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from emu.importer.model import Device
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
    made: set[str] = field(default_factory=set)  # devices that `setup` makes on the host
    wired: set[tuple[str, str]] = field(default_factory=set)  # devices that `setup` puts into containers
    client: dict[str, Any] = field(default_factory=dict)

    def type(self, source: Source, *words: str) -> None:
        """Once: JSON and text may both ask for it."""
        line = " ".join(words)
        if all(command.line != line for command in self.setup):
            self.setup.append(Command(line, source))

    def make(self, device: Device, *words: str) -> None:
        """A device that is no network card, with all that stands on it."""
        self.made.add(device.name)
        self.add(device, *words)
        self.configure(device)

    def add(self, device: Device, *words: str, with_address: bool = True) -> None:
        self.type(device.source, "ip link add", device.name, *(with_mac(device) if with_address else ()), *words)

    def configure(self, device: Device, ip: str = "ip", usual_mtu: int = 1500) -> None:
        """What stands on a device that is there. `ip` is the program, in the namespace that the device is in."""
        if device.mtu != usual_mtu:
            self.type(device.source, ip, "link set", device.name, "mtu", str(device.mtu))
        for each in device.addresses:
            self.type(each.source, ip, "addr add", each.text, "dev", device.name)
        if "UP" in device.flags:
            self.type(device.source, ip, "link set", device.name, "up")


def with_mac(device: Device) -> list[str]:
    return ["address", device.mac] if device.mac else []
