"""What a real host's files say, whichever form they are in: devices, addresses, routes, rules, sysctls, Docker's networks and containers.

Words stay text, as Linux and Docker print them. Everything knows its place in a file, for what is said about it later.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from typing import Any, NamedTuple

from emu.errors import EmuError
from emu.topology.source import Source


class Remark(NamedTuple):
    """Something in a file that the topology does not have, and why."""

    source: Source
    text: str
    also: tuple[str, ...] = ()  # more of the same kind, one by one

    def __str__(self) -> str:
        return f"{self.source}: {self.text}" if self.source.line else f"{self.source.file}: {self.text}"


class Foreign(EmuError):
    """A file is not what it is taken for."""

    def __init__(self, source: Source, text: str) -> None:
        super().__init__(str(Remark(source, text)))
        self.source, self.text = source, text


def checked(text: str, source: Source) -> str:
    """An address of IPv4, with or without its length. Raises Foreign."""
    try:
        IPv4Interface(text)
    except ValueError as error:
        raise Foreign(source, f"'{text[:60]}' is not an address: {error}") from None
    return text


def within(text: str, network: IPv4Network) -> bool:
    """Whether it is an address, and in the network."""
    try:
        return IPv4Address(text) in network
    except ValueError:
        return False


@dataclass(frozen=True)
class File:
    """A file that was read. `place` is the machine or container it tells of, '' if its name does not say."""

    name: str
    place: str
    kind: str
    text: str

    def at(self, line: int = 1) -> Source:
        return Source(self.name, line)

    def line_of(self, *words: str) -> Source:
        """Where in JSON a value stands: its first line that has all the words."""
        found = (number for number, line in enumerate(self.text.splitlines(), 1) if all(word in line for word in words))
        return self.at(next(found, 1))


class Address(NamedTuple):
    """`192.168.50.10/24`; `plain` if it has no peer and is of the usual scope."""

    text: str
    source: Source
    plain: bool = True


@dataclass
class Device:
    """An interface. `kind` is '' where nothing says it: `ip addr` does not, `ip -d` does."""

    name: str
    source: Source
    flags: frozenset[str] = frozenset()
    mtu: int = 1500
    mac: str = ""
    link: str = "ether"
    peer: str = ""  # what comes after the @
    master: str = ""
    kind: str = ""
    details: tuple[str, ...] = ()  # the words behind the kind
    index: int = 0
    addresses: list[Address] = field(default_factory=list)
    ipv6: list[Address] = field(default_factory=list)


@dataclass(frozen=True)
class Route:
    """`words` as for `ip route add`, without what the kernel says of the moment."""

    words: tuple[str, ...]
    dev: str
    table: str
    source: Source

    @property
    def made_by_kernel(self) -> bool:
        """It comes with an address, and goes with it."""
        return self.after("proto") == "kernel"

    def after(self, word: str) -> str:
        return self.words[self.words.index(word) + 1] if word in self.words[:-1] else ""


class Neighbour(NamedTuple):
    address: str
    dev: str
    mac: str
    states: tuple[str, ...]
    source: Source


class FdbEntry(NamedTuple):
    mac: str
    dev: str
    words: tuple[str, ...]
    source: Source


class Listener(NamedTuple):
    """A port that a program has open; `*` of ss is 0.0.0.0."""

    protocol: str
    address: str
    port: int
    source: Source


class Setting(NamedTuple):
    key: str
    value: str
    source: Source


class Beside(NamedTuple):
    """Something that decides about packets of a hook beside iptables' rules, and is not modelled. `matches`: about which, if not all."""

    hook: str
    matches: str
    text: str


@dataclass(frozen=True)
class Described:
    """A network or container as Docker's inspect has it."""

    name: str
    data: dict[str, Any]
    file: File
    source: Source


@dataclass
class Facts:
    """All of one host; a list that is None: no file tells of it."""

    name: str = "host"
    devices: dict[str, Device] | None = None
    kinds: dict[str, Device] = field(default_factory=dict)  # of `ip -d link`
    routes: list[Route] | None = None
    neighbours: list[Neighbour] = field(default_factory=list)
    fdb: list[FdbEntry] = field(default_factory=list)
    rules: list[File] = field(default_factory=list)  # several, if each has other tables
    legacy_rules: File | None = None  # those of iptables-legacy, where iptables-save is the other one
    beside: list[Beside] = field(default_factory=list)
    settings: list[Setting] = field(default_factory=list)
    listeners: list[Listener] | None = None
    networks: dict[str, Described] | None = None
    containers: dict[str, Described] | None = None
    inner: dict[str, list[Listener]] = field(default_factory=dict)  # of containers, by name
    inner_devices: dict[str, dict[str, Device]] = field(default_factory=dict)
    inner_routes: dict[str, list[Route]] = field(default_factory=dict)
    remarks: list[Remark] = field(default_factory=list)

    def remark(self, source: Source, text: str, also: tuple[str, ...] = ()) -> None:
        self.remarks.append(Remark(source, text, also))
