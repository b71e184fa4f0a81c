"""A swarm: its nodes, its tokens, and the numbers that its networks get (swarmkit manager/…, cnmallocator; moby daemon/cluster).

Subnets are from 10.0.0.0/8 in pieces of 24 bits, addresses serial, VNIs from 4096; `ingress` is the first network. A node is down while
the interface with its address is. Not modelled: Raft (with no manager up the swarm works on), certificates and their rotation, locking,
and that a node which falls silent takes its containers' entries along.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from emu.docker.drivers.overlay import OverlayDriver
from emu.docker.errors import DockerError
from emu.docker.ipam import AddressSpace, Pieces, Prefix
from emu.docker.model import Network, NetworkConfig
from emu.docker.swarm.shared import Scope, SharedNetwork
from emu.packet import address
from emu.packet.address import Ip, ip_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

    from emu.docker.engine import DockerEngine
    from emu.netns.namespace import Netns

FIRST_VNI = 4096
GLOBAL = Prefix(address.ip("10.0.0.0"), 8)
INGRESS = "ingress"
MANAGEMENT_PORT = 2377
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
A_WORKER = (
    "This node is not a swarm manager. Worker nodes can't be used to view or modify cluster state. "
    "Please run this command on a manager node or promote the current node to a manager."
)
NOT_FROM_WORKER = "Cannot create a multi-host network from a worker node. Please create the network from a manager node."


@dataclass(eq=False)
class Node:
    """An engine as a member of a swarm. `tunnel_end` is where VXLAN packets go; `gossip` names it among the networks' peers."""

    id: str
    docker: DockerEngine
    cluster: Cluster
    manager: bool
    address: Ip
    tunnel_end: Ip
    gossip: str
    joined_ns: int
    availability: str = "active"
    labels: dict[str, str] = field(default_factory=dict)
    left: bool = False

    @property
    def hostname(self) -> str:
        return self.docker.host.place.hostname

    @property
    def up(self) -> bool:
        return not self.left and has_address(self.docker.netns, self.address)


class Cluster(Scope):
    """The state that its managers share."""

    name = "swarm"
    balanced = True

    def __init__(self, docker: DockerEngine, pools: Sequence[Prefix] = (GLOBAL,), length: int = 24, data_port: int = 4789) -> None:
        super().__init__(AddressSpace(Pieces(pools, length), serial=True), FIRST_VNI)
        self.pools, self.length, self.data_port = pools, length, data_port
        self.created_ns = docker.engine.now
        self.task_history_limit = 5
        self.nodes: dict[str, Node] = {}
        self._chance = docker.stream(docker.new_id("swarm"))
        self.id = identity(self._chance)
        self._root = digits(self._chance, 50)
        self.secrets = {"worker": digits(self._chance, 25), "manager": digits(self._chance, 25)}

    def token(self, role: str) -> str:
        return f"SWMTKN-1-{self._root}-{self.secrets[role]}"

    def rotate(self, role: str) -> None:
        self.secrets[role] = digits(self._chance, 25)

    def accepts(self, token: str) -> str:
        """The role that a token gives. Raises DockerError."""
        words = token.split("-")
        if len(words) != 4 or words[:2] != ["SWMTKN", "1"] or (len(words[2]), len(words[3])) != (50, 25):
            raise DockerError(400, "invalid join token")
        if words[2] != self._root:
            raise DockerError(500, "remote CA does not match fingerprint. Expected: " + digits_as_hex(words[2]))
        for role, secret in self.secrets.items():
            if secret == words[3]:
                return role
        raise DockerError(500, "rpc error: code = InvalidArgument desc = A valid join token is necessary to join this cluster")

    # --- nodes

    def add(self, docker: DockerEngine, address: Ip, tunnel_end: Ip, *, manager: bool) -> Node:
        """A node joins; the ingress network comes to it. Raises DockerError."""
        chance = docker.stream(docker.new_id("node"))
        gossip = f"{chance.getrandbits(48):012x}"
        node = Node(identity(chance), docker, self, manager, address, tunnel_end, gossip, docker.engine.now)
        self.nodes[node.id] = docker.node = node
        ingress = next((shared for shared in self.networks.values() if shared.ingress), None)
        if ingress is None:
            ingress = self.create(docker, INGRESS, NetworkConfig(driver="overlay"))
            ingress.ingress = True
        part = ingress.come_to(docker)
        driver_of(part).balance(part)
        return node

    def remove_node(self, node: Node) -> None:
        """It leaves: it has no containers on networks but its own endpoint of ingress; the others see that it is down."""
        for shared in self.networks.values():
            part = shared.parts.get(node.docker.host.name)
            if part is not None:
                driver_of(part).unbalance(part)
                shared.leave(node.docker)
        node.left = True
        node.docker.node = None

    @property
    def managers(self) -> list[Node]:
        return [node for node in self.nodes.values() if node.manager]

    @property
    def leader(self) -> Node | None:
        """The first manager that is up stands for Raft's choice."""
        return next((node for node in self.managers if node.up), None)

    # --- networks

    def new_id(self, docker: DockerEngine, name: str) -> str:
        return identity(self._chance)

    def create(self, docker: DockerEngine, name: str, config: NetworkConfig) -> SharedNetwork:
        """Raises DockerError at once for what a real swarm would find out later, and leave without addresses."""
        shared = super().create(docker, name, config)
        shared.vni = self.choose_vni()
        return shared

    def check_can_change(self, docker: DockerEngine) -> None:
        if docker.node is None or not docker.node.manager:
            raise DockerError(503, NOT_FROM_WORKER)

    def visible(self, docker: DockerEngine) -> list[SharedNetwork]:
        """Managers know all networks, workers those that they have containers on."""
        manager = docker.node is not None and docker.node.manager
        return [shared for shared in self.networks.values() if manager or docker.host.name in shared.parts]

    def attach(self, docker: DockerEngine, name: str) -> Network | None:
        shared = self.networks.get(name) or next((each for each in self.networks.values() if each.name == name), None)
        begun = [each for each in self.networks.values() if each.id.startswith(name)]
        shared = shared or (begun[0] if len(begun) == 1 else None)
        if shared is None:
            return None
        if not shared.config.attachable:
            what = f"rpc error: code = PermissionDenied desc = network {shared.name} not manually attachable"
            raise DockerError(403, f"Could not attach to network {name}: {what}")
        return shared.come_to(docker)

    def left(self, network: Network) -> None:
        """The last container has gone: the node's own endpoint goes too, and the node knows the network no more."""
        shared, docker = network.shared, network.driver.docker
        assert shared is not None
        if shared.ingress or any(endpoint.named for endpoint in network.endpoints.values()):
            return
        if network.endpoints:
            driver_of(network).unbalance(network)
        elif docker.host.name in shared.parts:
            shared.leave(docker)

    def remove(self, docker: DockerEngine, shared: SharedNetwork) -> None:
        if docker.node is None or not docker.node.manager:
            raise DockerError(503, A_WORKER)
        if shared.ingress:
            raise DockerError(501, "removing the ingress network is not modelled")
        if any(shared.members()):
            task = identity(docker.stream(f"task {next(shared.members()).id}"))
            raise DockerError(403, f"rpc error: code = FailedPrecondition desc = network {shared.id} is in use by task {task}")
        self.release(shared)

    def peers(self, shared: SharedNetwork) -> list[dict[str, str]]:
        nodes = [node for node in self.nodes.values() if node.docker.host.name in shared.parts and not node.left]
        return [{"Name": node.gossip, "IP": ip_text(node.address)} for node in nodes]

    def tunnel_end(self, docker: DockerEngine) -> Ip:
        assert docker.node is not None
        return docker.node.tunnel_end


def driver_of(part: Network) -> OverlayDriver:
    assert isinstance(part.driver, OverlayDriver)
    return part.driver


def has_address(netns: Netns, wanted: Ip) -> bool:
    """Is it one of the namespace's, on an interface that is up?"""
    return any(each.ip == wanted and dev.up for dev in netns.devices.values() for each in netns.addresses(dev))


def identity(chance: Random) -> str:
    """Swarmkit's ids: 25 digits of 36."""
    return digits(chance, 25)


def digits(chance: Random, count: int) -> str:
    return "".join(chance.choice(DIGITS) for _ in range(count))


def digits_as_hex(text: str) -> str:
    return f"{int(text, 36):064x}"
