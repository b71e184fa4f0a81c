"""Docker's nouns as plain data: images, containers, networks, endpoints, port bindings.

The engine changes them, `inspect.py` turns them into what the Engine API answers, programs print that.
Not modelled: image layers, volumes, resource limits, users, health checks, labels' meaning.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from emu.docker.driver import Driver
    from emu.docker.ipam import Pool
    from emu.docker.sandbox import Sandbox
    from emu.docker.swarm.shared import SharedNetwork
    from emu.engine import Future
    from emu.packet.address import Ip, Mac
    from emu.process import Place, Process

# Servers that handle SIGTERM, with the status they end with. Others, as process 1, do not hear the signal: the kernel ignores it for them.
ON_TERM = {
    "nginx": 0, "apache2": 0, "apache2-foreground": 0, "httpd-foreground": 0, "redis-server": 0, "mysqld": 0, "mariadbd": 0, "postgres": 0,
    "mongod": 0, "memcached": 0, "java": 143, "catalina.sh": 143,
}  # fmt: skip
IDLE = ("idle",)  # what a container without a program shows
RESTARTING = "restarting"
TERMINATED = 143
SHORT = 12  # digits of an id that people read

Port = tuple[int, str]  # (80, 'tcp')


@dataclass(frozen=True)
class Image:
    """What of an image the network notices: the ports it exposes and the program it runs. Without a command it idles (idle.py).

    An image that is not `known` may hold any program: one that emu does not have is stood in for by an idle container.
    `shown` is what lists show in the place of a program that emu has not; `own`: the topology file describes it;
    `open`: it may hold any program although it is known.
    """

    name: str
    expose: tuple[Port, ...] = ()
    command: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    known: bool = True
    entrypoint: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    workdir: str = ""
    shown: tuple[str, ...] = ()
    own: bool = False
    open: bool = False


@dataclass(frozen=True)
class LogLine:
    """What a container has printed; the last line may be without its end."""

    text: str
    is_error: bool
    time_ns: int


@dataclass(frozen=True)
class PortBinding:
    """One `-p`: `host_port` 0 lets the engine choose; `host_port_end` beyond it gives a range to choose from."""

    port: int
    protocol: str = "tcp"
    host_ip: str = ""
    host_port: int = 0
    host_port_end: int = 0


@dataclass(frozen=True)
class PublishedPort:
    """A binding in force."""

    port: int
    protocol: str
    host_ip: str
    host_port: int


@dataclass(slots=True)
class EndpointConfig:
    """How a container wants to be on a network. `connected`: by `docker network connect`, which inspect's answers show."""

    ip: str | None = None
    mac: str | None = None
    aliases: tuple[str, ...] = ()
    connected: bool = False
    links: tuple[tuple[str, str], ...] = ()  # alias for this container alone, and the name that it stands for


@dataclass(slots=True)
class ContainerConfig:
    """What `docker create` is asked for. `stand_in`: a program that emu does not have is one that the image has (as in a compose file)."""

    image: str
    command: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] | None = None  # None: the image's
    hostname: str = ""
    env: tuple[str, ...] = ()
    expose: tuple[Port, ...] = ()
    publish: tuple[PortBinding, ...] = ()
    publish_all: bool = False
    network_mode: str = "default"
    networks: dict[str, EndpointConfig] = field(default_factory=dict)
    extra_hosts: tuple[str, ...] = ()
    dns: tuple[str, ...] = ()
    dns_search: tuple[str, ...] = ()
    dns_options: tuple[str, ...] = ()
    domainname: str = ""
    links: tuple[tuple[str, str], ...] = ()  # `--link NAME:ALIAS` on the default bridge
    auto_remove: bool = False
    restart: str = "no"  # 'no', 'always', 'unless-stopped', 'on-failure', 'on-failure:3'
    stand_in: bool = False
    interactive: bool = False  # its standard input stays open
    tty: bool = False
    workdir: str = ""
    init: bool = False  # process 1 passes signals on
    stop_timeout: float = 10.0  # seconds between SIGTERM and SIGKILL
    labels: dict[str, str] = field(default_factory=dict)
    sysctls: dict[str, str] = field(default_factory=dict)
    privileged: bool = False
    cap_add: tuple[str, ...] = ()
    cap_drop: tuple[str, ...] = ()

    @property
    def net_admin(self) -> bool:
        """Of the capabilities the one that networks have to do with, and that a container has only if it is given."""
        names = {"NET_ADMIN", "CAP_NET_ADMIN"}
        added, dropped = ({name.upper() for name in words} for words in (self.cap_add, self.cap_drop))
        return self.privileged or bool(added & names) or ("ALL" in added and not dropped & names)


@dataclass(frozen=True)
class IpamConfig:
    """One `--subnet` with what goes with it, as text."""

    subnet: str = ""
    ip_range: str = ""
    gateway: str = ""
    aux_addresses: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class NetworkConfig:
    """What `docker network create` is asked for."""

    driver: str = "bridge"
    ipam: tuple[IpamConfig, ...] = ()
    options: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    internal: bool = False
    attachable: bool = False


@dataclass(eq=False)
class Network:
    """A network that exists. Drivers without addresses of their own (host, null) have no pool.

    `gateway` is the address of the bridge, `default_gateway` what containers route to: the same, unless the user said otherwise.
    `shared`: this is what one engine has of a network of several.
    """

    name: str
    id: str
    config: NetworkConfig
    created_ns: int
    driver: Driver
    pool: Pool | None = None
    gateway: Ip | None = None
    default_gateway: Ip | None = None
    predefined: bool = False
    endpoints: dict[str, Endpoint] = field(default_factory=dict)
    shared: SharedNetwork | None = None
    state: Any = None  # the driver's own

    @property
    def members(self) -> Iterable[Endpoint]:
        """All that are on it, other engines' containers too."""
        return self.endpoints.values() if self.shared is None else self.shared.members()

    @property
    def short_id(self) -> str:
        return self.id[:SHORT]

    @property
    def internal(self) -> bool:
        return self.config.internal


@dataclass(eq=False, slots=True)
class Endpoint:
    """A container's attachment to a network, from start (or connect) to stop (or disconnect). Not `named`: no DNS name leads to it."""

    id: str
    name: str
    network: Network
    container: Container
    config: EndpointConfig
    ip: Ip | None = None
    length: int = 0
    mac: Mac | None = None
    gateway: Ip | None = None
    named: bool = True
    interface: str = ""
    published: list[PublishedPort] = field(default_factory=list)
    state: Any = None  # the driver's own

    @property
    def aliases(self) -> tuple[str, ...]:
        """On a user-defined network a container answers to its short id and its host name too."""
        own = (self.container.short_id, self.container.hostname)
        named = dict.fromkeys((*self.config.aliases, *own))
        return tuple(named) if self.named and not self.network.predefined else ()

    @property
    def names(self) -> tuple[str, ...]:
        """All that it answers to, the one for its address first: a name that the engine chose is none."""
        return (self.name, *self.aliases) if self.named and not self.container.anonymous else self.aliases


@dataclass(eq=False, slots=True)
class Container:
    """A container: `status` is `created`, `running`, `restarting` or `exited`. `place` is where its programs run, once started."""

    name: str
    id: str
    config: ContainerConfig
    image: Image
    command: tuple[str, ...]
    hostname: str
    created_ns: int
    anonymous: bool = False  # its name is the engine's choice
    links: dict[str, Container] = field(default_factory=dict)  # by alias; see links.py
    networks: dict[str, EndpointConfig] = field(default_factory=dict)
    endpoints: dict[str, Endpoint] = field(default_factory=dict)
    status: str = "created"
    exit_code: int = 0
    error: str = ""
    started_ns: int = 0
    finished_ns: int = 0
    pid: int = 0
    restarts: int = 0
    stopped: bool = False  # by its user, so that no restart policy applies
    place: Place | None = None
    process: Process | None = None
    sandbox: Sandbox | None = None
    sandbox_id: str = ""  # of the last namespace of its own; kept after the end
    ended: Future[int] | None = None
    log: list[LogLine] = field(default_factory=list)
    on_log: list[Callable[[LogLine], None]] = field(default_factory=list)  # told of each new line

    @property
    def short_id(self) -> str:
        return self.id[:SHORT]

    @property
    def fqdn(self) -> str:
        domain = self.config.domainname
        return f"{self.hostname}.{domain}" if domain else self.hostname

    @property
    def running(self) -> bool:
        return self.status == "running"

    @property
    def shown(self) -> tuple[str, ...]:
        """Its command line, for lists."""
        return self.command if self.command and self.command != self.image.command else self.image.shown or self.command or IDLE

    @property
    def env(self) -> tuple[str, ...]:
        """What its user sets, then what the image does and its user does not."""
        names = {entry.partition("=")[0] for entry in self.config.env}
        return (*self.config.env, *(entry for entry in self.image.env if entry.partition("=")[0] not in names))

    @property
    def labels(self) -> dict[str, str]:
        return {**self.image.labels, **self.config.labels}

    @property
    def stop_status(self) -> int | None:
        """With what its process 1 ends on SIGTERM; None: it does not hear it. An image's own server is taken to hear it."""
        if not self.command:
            return 0 if self.image.expose else None
        return ON_TERM.get(self.command[0].rpartition("/")[2], TERMINATED if self.config.init else None)

    @property
    def exposed(self) -> tuple[Port, ...]:
        """What the image and `--expose` name, and what is published."""
        named = (*self.image.expose, *self.config.expose, *((binding.port, binding.protocol) for binding in self.config.publish))
        return tuple(sorted(set(named), key=lambda port: f"{port[0]}/{port[1]}"))
