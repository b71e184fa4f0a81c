"""One host's Docker engine: what dockerd 20.10 does (moby daemon/), as methods that speak of what the Engine API speaks of.

The `docker` program is its text front. All ids come from the lab's seed and the names given, so they are the same in each run.
Not modelled: registries, building images, volumes, resources.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from emu.docker import files, links
from emu.docker.checks import check_config, check_name
from emu.docker.config import DaemonConfig
from emu.docker.driver import Driver, find_driver
from emu.docker.errors import DockerError, no_such_container
from emu.docker.firewall import Firewall
from emu.docker.images import Images
from emu.docker.life import KILLED, Life
from emu.docker.model import SHORT, Container, ContainerConfig, EndpointConfig, Image
from emu.docker.names import ADJECTIVES, SURNAMES
from emu.docker.networks import Networks
from emu.docker.port_mapping import PortMapper
from emu.packet import address

if TYPE_CHECKING:
    from random import Random

    from emu.docker.swarm.cluster import Node
    from emu.docker.swarm.kv import KeyValueScope
    from emu.docker.swarm.shared import Scope
    from emu.host import Host
    from emu.netns.namespace import Netns
    from emu.packet.address import Ip
    from emu.process import Place


NETNS_FOLDER = "/run/docker/netns"


class DockerEngine:
    """A running dockerd. `images` are those that the lab names; `notices` are for the user to read once."""

    def __init__(
        self, host: Host, config: Mapping[str, Any] | DaemonConfig | None = None, images: Mapping[str, Image] | None = None
    ) -> None:
        self.host = host
        self.engine = host.engine
        self.netns = host.netns
        self.config = config if isinstance(config, DaemonConfig) else DaemonConfig.from_keys(config or {})
        self.notices: list[str] = []
        self.containers: dict[str, Container] = {}  # by id, in the order of creation
        self.pids: dict[int, Netns] = {}  # the namespace of each container's process, by the pid that the host sees
        self.namespaces: dict[str, Netns] = {}  # those that it made, by their name in /run/docker/netns
        self.sandboxes: dict[str, Place] = {}  # of these, the ones that are no container's
        self.node: Node | None = None  # what it is in a swarm
        self.store: KeyValueScope | None = None  # what it shares by `--cluster-store`
        self._drivers: dict[str, Driver] = {}
        self._given: Counter[str] = Counter()
        self.firewall = Firewall(self.netns, self.config.userland_proxy, self.config.iptables)
        self.ports = PortMapper(self.netns, self.firewall, self.config.userland_proxy)
        self.networks = Networks(self)
        self.images = Images(self, images or {})
        self.life = Life(self)
        self._start_daemon()
        host.docker = self

    def _start_daemon(self) -> None:
        """Kernel settings, chains, the three networks that are always there."""
        self.netns.load_br_netfilter()
        self.firewall.set_up()
        if self.config.ip_forward and self.netns.sysctl.get("net.ipv4.ip_forward") == "0":
            self.netns.sysctl.set("net.ipv4.ip_forward", "1")
            self.firewall.drop_forwarded()
        self.networks.create_predefined()
        if self.config.cluster_store:
            from emu.docker.swarm.kv import open_scope

            self.store = open_scope(self)

    def down(self) -> None:
        """The machine goes down: all programs and proxies end, without a word to anyone."""
        for container in self.containers.values():
            for process in list(container.place.processes.values() if container.place is not None else ()):
                process.kill(KILLED)
            if container.sandbox is not None and container.sandbox.dns is not None:
                container.sandbox.dns.close()
        for driver in self._drivers.values():
            driver.down()
        self.ports.close()

    # --- ids and lookups

    def stream(self, name: str) -> Random:
        return self.engine.stream(f"{self.host.name}/docker/{name}")

    def new_id(self, what: str) -> str:
        """64 hex digits that depend on what it is for, and on how often there was one of the kind before."""
        return f"{self.stream(f'{what} {self.count(what)}').getrandbits(256):064x}"

    def count(self, what: str) -> int:
        """How often there was one of the kind, with this one."""
        self._given[what] += 1
        return self._given[what]

    @property
    def scope(self) -> Scope | None:
        """Those engines with which it shares networks."""
        return self.node.cluster if self.node is not None else self.store

    def driver(self, name: str) -> Driver:
        """Raises DockerError."""
        if name not in self._drivers:
            self._drivers[name] = find_driver(name)(self)
        return self._drivers[name]

    def find(self, text: str) -> Container:
        """A container by id, name or the beginning of an id. Raises DockerError."""
        if text in self.containers:
            return self.containers[text]
        for container in self.containers.values():
            if container.name == text.removeprefix("/"):
                return container
        begun = [container for container in self.containers.values() if text and container.id.startswith(text)]
        if len(begun) > 1:
            raise DockerError(400, f"Multiple IDs found with provided prefix: {text}")
        if not begun:
            raise no_such_container(text)
        return begun[0]

    def name_namespace(self, file: str, netns: Netns, place: Place | None = None) -> None:
        """Give a namespace its file in /run/docker/netns; one that is no container's is a place of its own."""
        self.namespaces[file] = netns
        self.host.place.files.write(f"{NETNS_FOLDER}/{file}", "")
        if place is not None:
            self.sandboxes[file] = place

    def forget_namespace(self, file: str) -> None:
        self.namespaces.pop(file, None)
        self.sandboxes.pop(file, None)
        self.host.place.files.remove(f"{NETNS_FOLDER}/{file}")

    def notice(self, text: str) -> None:
        if text not in self.notices:
            self.notices.append(text)

    def name_servers(self) -> list[Ip]:
        """Those of the host's resolv.conf."""
        lines = [line.split() for line in files.read(self.host.place.files, "/etc/resolv.conf").splitlines()]
        servers = []
        for words in lines:
            with suppress(ValueError):  # one of IPv6, or nonsense
                if len(words) > 1 and words[0] == "nameserver":
                    servers.append(address.ip(words[1]))
        return servers

    # --- containers

    def create(self, name: str, config: ContainerConfig) -> Container:
        """`docker create`; without a name it gets one. Raises DockerError."""
        check_config(config)
        config = self._by_id(config)
        identity = self.new_id(f"container {name}")
        anonymous = not name
        if name:
            check_name(name)
        else:
            name = self._new_name(identity)
        self._check_free(name)
        image = self.images.pull(config.image).image
        own = config.entrypoint is not None
        command = (*(config.entrypoint or () if own else image.entrypoint), *(config.command or (() if own else image.command)))
        hostname = config.hostname or (self.host.place.hostname if config.network_mode == "host" else identity[:SHORT])
        container = Container(name, identity, config, image, command, hostname, self.engine.now)
        container.anonymous = anonymous
        container.links = links.register(self, config.links)
        container.networks = self._initial_networks(config)
        self.containers[identity] = container
        return container

    def _by_id(self, config: ContainerConfig) -> ContainerConfig:
        """`container:NAME` is kept as `container:ID`, so that the other one may be renamed (adaptSharedNamespaceContainer)."""
        kind, _, name = config.network_mode.partition(":")
        if kind != "container":
            return config
        try:
            return replace(config, network_mode=f"container:{self.find(name).id}")
        except DockerError:
            return config  # it is looked for again, and missed, at the start

    def _check_free(self, name: str) -> None:
        for other in self.containers.values():
            if other.name == name:
                taken = f'Conflict. The container name "/{name}" is already in use by container "{other.id}". '
                raise DockerError(409, taken + "You have to remove (or rename) that container to be able to reuse that name.")

    def rename(self, container: Container, name: str) -> None:
        """Its endpoints, files of the lab and DNS know it by the new name from now on. Raises DockerError."""
        if name.removeprefix("/") == container.name:
            raise DockerError(400, "Renaming a container with the same name as its current name")
        try:
            check_name(name.removeprefix("/"), shown=f"/{name.removeprefix('/')}")
            self._check_free(name.removeprefix("/"))
        except DockerError as error:
            raise DockerError(error.status, f"Error when allocating new name: {error.message}") from None
        container.name, container.anonymous = name.removeprefix("/"), False
        for endpoint in container.endpoints.values():
            endpoint.name = container.name
        if container.place is not None:
            container.place.name = f"{self.host.name}/{container.name}"
            if container.sandbox is not None and container.sandbox.container is container and container.sandbox.netns is not self.netns:
                container.sandbox.netns.name = container.place.name

    def _new_name(self, identity: str) -> str:
        stream = self.stream(f"name {identity}")
        return f"{stream.choice(ADJECTIVES)}_{stream.choice(SURNAMES)}"

    @staticmethod
    def _initial_networks(config: ContainerConfig) -> dict[str, EndpointConfig]:
        """The network of `--network`, then others. What is asked of the default network without naming it is not heard, but for the MAC."""
        mode = config.network_mode
        if mode.startswith("container:"):
            return {}
        if mode == "default":
            wanted = config.networks.get("default", EndpointConfig())
            return {"bridge": EndpointConfig(mac=wanted.mac)}
        return {mode: config.networks.get(mode, EndpointConfig()), **config.networks}
