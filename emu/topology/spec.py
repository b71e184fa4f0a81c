"""What a topology file says, as plain data: these classes mirror the file, key by key.

Addresses, routes, sysctls and rules stay text, as they are typed on a Linux host; times are integer nanoseconds, rates bits a second,
losses fractions. Everything here is checked by the loader, can be pickled, and knows nothing of how a lab is built.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from emu.topology.source import NOWHERE, Source

if TYPE_CHECKING:
    from collections.abc import Mapping

    from emu.topology.dockerfile import Dockerfile
    from emu.topology.spec_compose import ComposeSpec, Exposed
    from emu.topology.spec_flannel import FlannelHostSpec, FlannelSpec


class AddressPool(NamedTuple):
    """One of Docker's `default-address-pools`: networks of length `size`, cut from `base`."""

    base: str
    size: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Lan:
    """An Ethernet segment between hosts."""

    name: str
    subnet: str | None = None
    mtu: int = 1500
    delay_ns: int | None = None  # None: the segment's own small default
    rate_bps: int | None = None  # None: as fast as it takes
    loss: float = 0.0  # a fraction: 0.01 is 1 %
    queue: int = 1000  # frames that wait at a port
    source: Source = NOWHERE


@dataclass(frozen=True, kw_only=True, slots=True)
class InterfaceSpec:
    """A host's network card on a LAN. `addresses` are with their prefix length; a `mac` of None is for the builder to derive."""

    name: str
    lan: str
    addresses: tuple[str, ...] = ()
    mac: str | None = None
    mtu: int | None = None
    source: Source = NOWHERE


@dataclass(frozen=True, kw_only=True, slots=True)
class DockerSpec:
    """A Docker engine's daemon.json, as far as it touches the network. None: the key is not there."""

    userland_proxy: bool = True
    bip: str | None = None
    icc: bool = True
    ip_forward: bool = True
    ip_masq: bool = True
    iptables: bool = True
    mtu: int | None = None
    default_address_pools: tuple[AddressPool, ...] = ()
    fixed_cidr: str | None = None
    default_gateway: str | None = None
    ip: str | None = None
    dns: tuple[str, ...] = ()
    dns_search: tuple[str, ...] = ()
    dns_opts: tuple[str, ...] = ()
    cluster_store: str = ""
    cluster_advertise: str = ""
    source: Source = NOWHERE


@dataclass(frozen=True, kw_only=True, slots=True)
class SwarmSpec:
    """Docker engines that form a swarm, by host. `workers` None: all others."""

    managers: tuple[str, ...] = ()
    workers: tuple[str, ...] | None = None
    source: Source = NOWHERE


@dataclass(frozen=True, kw_only=True, slots=True)
class HostSpec:
    """A machine. `iptables` is the text of an iptables-save file; `files` are texts by absolute path; `dns` its name servers.

    `flannel` None: it takes part in flannel's network if there is one and it runs Docker.
    """

    name: str
    interfaces: Mapping[str, InterfaceSpec] = field(default_factory=dict)
    routes: tuple[str, ...] = ()
    sysctls: Mapping[str, str] = field(default_factory=dict)
    iptables: str | None = None
    docker: DockerSpec | None = None
    compose: ComposeSpec | None = None
    files: Mapping[str, str] = field(default_factory=dict)
    dns: tuple[str, ...] = ()
    flannel: FlannelHostSpec | None = None
    source: Source = NOWHERE


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageSpec:
    """What is in an image, for the network.

    Without a command a container of it idles, and answers on the ports it exposes; of an image that is not `known`, also on
    those that it publishes.
    """

    name: str
    expose: tuple[Exposed, ...] = ()
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    workdir: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    known: bool = True
    dockerfile: Dockerfile | None = None  # what it is built from; the rest adds to it
    shown: tuple[str, ...] = ()  # the real image's command line, where emu runs something smaller
    open: bool = False  # it may hold any program
    source: Source = NOWHERE


@dataclass(frozen=True, kw_only=True, slots=True)
class Expect:
    """What must be so after a step. `stdout` is a substring, or a regular expression between slashes: `/regex/`."""

    exit: int | None = None
    stdout: str | None = None

    def in_stdout(self, text: str) -> bool:
        """Whether standard output is as expected."""
        if self.stdout is None:
            return True
        if is_pattern(self.stdout):
            return re.search(self.stdout[1:-1], text, re.MULTILINE) is not None
        return self.stdout in text


def is_pattern(text: str) -> bool:
    """Whether an expected text is a `/regex/`."""
    return len(text) > 2 and text[0] == text[-1] == "/"


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """A command line in a place (`host` or `host/container`). `at_ns` is counted from the first step; None: after the one before.

    `part` is the list it stands in: captures begin after `setup` and end before `afterwards`. `programs` is "host" for the host's own
    programs in a container's network namespace. `state` names the state dumps of the reference that are compared after the step.
    """

    place: str
    command: str
    part: str = "steps"
    programs: str = "own"
    state: str = ""
    background: bool = False
    expect: Expect = Expect()
    at_ns: int | None = None
    source: Source = NOWHERE

    @property
    def line(self) -> str:
        """As it is typed."""
        return f"{self.command} &" if self.background else self.command


@dataclass(frozen=True, kw_only=True, slots=True)
class CaptureSpec:
    """How captures are taken: promiscuous is tcpdump's default. `plain` are interfaces where they are not."""

    promiscuous: bool = True
    plain: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class ReferenceSpec:
    """Captures and state dumps that a run is compared with. Without `captures`, those of all interfaces are expected."""

    folder: str
    captures: tuple[str, ...] | None = None
    source: Source = NOWHERE


@dataclass(frozen=True, kw_only=True, slots=True)
class ReachSpec:
    """What a probe must come to after the steps. `target` is `PLACE`, `PLACE:PORT` or `PLACE:PORT/udp`, a place also an address."""

    origin: str
    target: str
    outcome: str
    source: Source = NOWHERE

    def __str__(self) -> str:
        return f"{self.origin} -> {self.target}: {self.outcome}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """When a lab that never goes quiet is ended: virtual time, and events of the engine."""

    time_ns: int = 3600 * 1_000_000_000
    events: int = 50_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Topology:
    """A whole lab, as its file says. `programs` are paths of Python files; `notices` are for the user to read once.

    `store` is where daemons agree: `memory`, or `etcd://HOST:PORT`.

    Once the file is read, `steps` has those of `setup` and `afterwards` too.
    """

    name: str = ""
    seed: int = 1
    lans: Mapping[str, Lan] = field(default_factory=dict)
    hosts: Mapping[str, HostSpec] = field(default_factory=dict)
    images: Mapping[str, ImageSpec] = field(default_factory=dict)
    store: str = "memory"
    flannel: FlannelSpec | None = None
    swarm: SwarmSpec | None = None
    programs: Mapping[str, str] = field(default_factory=dict)
    setup: tuple[Step, ...] = ()
    steps: tuple[Step, ...] = ()
    afterwards: tuple[Step, ...] = ()
    reach: tuple[ReachSpec, ...] = ()
    reference: ReferenceSpec | None = None
    capture: CaptureSpec = CaptureSpec()
    limits: Limits = Limits()
    notices: tuple[str, ...] = ()
    source: Source = NOWHERE
