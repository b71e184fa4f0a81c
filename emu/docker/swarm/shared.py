"""A network of several engines, and who decides about such networks: what swarm mode and a key-value store have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from emu.docker.allocation import allocate
from emu.docker.errors import DockerError
from emu.docker.model import Network

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emu.docker.engine import DockerEngine
    from emu.docker.ipam import AddressSpace, Pool
    from emu.docker.model import Endpoint, NetworkConfig
    from emu.packet.address import Ip

MTU, VNIS, ENCRYPTED = "com.docker.network.driver.mtu", "com.docker.network.driver.overlay.vxlanid_list", "encrypted"
OUTER_HEADERS, SMALLEST_MTU = 50, 68
LAST_VNI = (1 << 24) - 1


@dataclass(eq=False)
class SharedNetwork:
    """`parts` are what engines have of it, by host. `vni` is 0 until it is chosen."""

    name: str
    id: str
    config: NetworkConfig
    scope: Scope
    created_ns: int
    pool: Pool
    gateway: Ip
    vni: int = 0
    ingress: bool = False
    parts: dict[str, Network] = field(default_factory=dict)

    def members(self) -> Iterator[Endpoint]:
        for part in self.parts.values():
            yield from part.endpoints.values()

    @property
    def mtu(self) -> int:
        return (int(self.config.options.get(MTU, "0")) or 1500) - OUTER_HEADERS

    def seen_from(self, docker: DockerEngine) -> Network:
        """An engine's part of it; if it has none, what it knows."""
        return self.parts.get(docker.host.name) or self._part(docker)

    def come_to(self, docker: DockerEngine) -> Network:
        """The engine has a part of it from now on."""
        part = self.parts.get(docker.host.name)
        if part is None:
            part = self.parts[docker.host.name] = docker.networks.all[self.id] = self._part(docker)
            part.driver.create_network(part)
            docker.firewall.network_created()
        return part

    def leave(self, docker: DockerEngine) -> None:
        part = self.parts.pop(docker.host.name)
        part.driver.delete_network(part)
        del docker.networks.all[self.id]

    def _part(self, docker: DockerEngine) -> Network:
        config = self.config
        if self.scope.name == "swarm":
            config = replace(config, options={VNIS: str(self.vni), **config.options})
        now = docker.engine.now
        return Network(self.name, self.id, config, now, docker.driver("overlay"), self.pool, self.gateway, shared=self)


class Scope(ABC):
    """All networks that a set of engines shares."""

    name = ""  # `docker network ls` has it in its column SCOPE
    balanced = False  # does each engine have an endpoint of its own on a network, besides its containers'?

    data_port = 4789  # UDP

    def __init__(self, space: AddressSpace, first_vni: int) -> None:
        self.space = space
        self.networks: dict[str, SharedNetwork] = {}
        self._next_vni = self._first_vni = first_vni

    def create(self, docker: DockerEngine, name: str, config: NetworkConfig) -> SharedNetwork:
        """Raises DockerError."""
        check_options(config)
        draft = Network(name, self.new_id(docker, name), config, docker.engine.now, docker.driver("overlay"))
        allocate(draft, self.space, lambda _: False)
        assert draft.pool is not None
        assert draft.gateway is not None
        shared = SharedNetwork(name, draft.id, config, self, docker.engine.now, draft.pool, draft.gateway)
        self.networks[shared.id] = shared
        return shared

    def release(self, shared: SharedNetwork) -> None:
        del self.networks[shared.id]
        self.space.release(shared.pool)

    def choose_vni(self) -> int:
        """The next one that no network has, from behind the last one given."""
        taken = {shared.vni for shared in self.networks.values()}
        while self._next_vni in taken:
            self._next_vni += 1
        vni = self._next_vni
        self._next_vni = vni + 1 if vni < LAST_VNI else self._first_vni
        return vni

    @abstractmethod
    def new_id(self, docker: DockerEngine, name: str) -> str: ...

    @abstractmethod
    def check_can_change(self, docker: DockerEngine) -> None:
        """May this engine make and remove networks? Raises DockerError."""

    @abstractmethod
    def visible(self, docker: DockerEngine) -> list[SharedNetwork]:
        """What an engine knows of, whether or not it has a part of it."""

    @abstractmethod
    def attach(self, docker: DockerEngine, name: str) -> Network | None:
        """An engine's part of a network, for a container that is to be on it; None: there is no such network. Raises DockerError."""

    @abstractmethod
    def left(self, network: Network) -> None:
        """An endpoint has gone from an engine's part."""

    @abstractmethod
    def remove(self, docker: DockerEngine, shared: SharedNetwork) -> None:
        """Raises DockerError."""

    @abstractmethod
    def tunnel_end(self, docker: DockerEngine) -> Ip:
        """An engine's address for the others' VXLAN packets. Raises DockerError."""

    def peers(self, shared: SharedNetwork) -> list[dict[str, str]]:
        """The engines that have a part of it, as `docker network inspect` lists them."""
        return []

    def changed(self, endpoint: Endpoint, there: bool) -> None:  # noqa: B027 - most keep no books
        """An endpoint has come to one of the networks, or has gone."""


def check_options(config: NetworkConfig) -> None:
    """Raises DockerError."""
    for key in (ENCRYPTED, VNIS):
        if key in config.options:
            raise DockerError(501, f"overlay: option {key} is not modelled")
    text = config.options.get(MTU, "0")
    if not text.isdigit():
        raise DockerError(400, f'strconv.Atoi: parsing "{text}": invalid syntax')
    if 0 < int(text) < SMALLEST_MTU + OUTER_HEADERS:
        raise DockerError(400, f"invalid MTU for an overlay network: {text}")
