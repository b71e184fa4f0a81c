"""An engine begins a swarm, joins one, or leaves it (moby daemon/cluster/{swarm,listen_addr}.go).

The joining node must have a route to the manager's address, and a manager must have that address; what lies between is not looked at.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from emu.docker.errors import DockerError
from emu.docker.ipam import Prefix
from emu.docker.swarm.cluster import GLOBAL, MANAGEMENT_PORT, Cluster, Node, has_address
from emu.packet import address
from emu.packet.address import Ip, ip_text

if TYPE_CHECKING:
    from emu.docker.engine import DockerEngine

ALREADY = 'This node is already part of a swarm. Use "docker swarm leave" to leave this swarm and join another one.'
WITH_STORE = "--cluster-store and --cluster-advertise daemon configurations are incompatible with swarm mode"
NOT_PART = "This node is not part of a swarm"
BAD_ADVERTISE = "advertise address must be a non-zero IP address or network interface (with optional port number)"
BAD_DATA_PATH = "data path address must be a non-zero IP address or a network interface (without a port number)"
LEAVING = "You are attempting to leave the swarm on a node that is participating as a manager. "
LAST = LEAVING + "Removing the last manager erases all current state of the swarm. Use `--force` to ignore this message. "
UNAVAILABLE = 'rpc error: code = Unavailable desc = connection error: desc = "transport: Error while dialing dial tcp'
CONSENSUS = (
    "The only way to restore a swarm that has lost consensus is to reinitialize it with `--force-new-cluster`. "
    "Use `--force` to suppress this message."
)


@dataclass(frozen=True)
class SwarmOptions:
    """What `docker swarm init` is asked for, as text."""

    advertise: str = ""
    data_path: str = ""
    data_port: int = 0
    pools: tuple[str, ...] = ()
    mask_length: int = 24
    task_history_limit: int = 5
    availability: str = "active"


def begin(docker: DockerEngine, options: SwarmOptions) -> Node:
    """`docker swarm init`. Raises DockerError."""
    _check_free(docker)
    if options.data_port and not 1024 <= options.data_port <= 49151:
        raise DockerError(400, f"VXLAN UDP port number is not in valid range (1024-49151): {options.data_port}")
    pools = [_pool(text, options.mask_length) for text in options.pools] or [GLOBAL]
    here = advertised(docker, options.advertise)
    end = _data_path(docker, options.data_path) or here
    cluster = Cluster(docker, pools, options.mask_length, options.data_port or 4789)
    cluster.task_history_limit = options.task_history_limit
    node = cluster.add(docker, here, end, manager=True)
    node.availability = options.availability
    return node


def join(docker: DockerEngine, remote: str, token: str, options: SwarmOptions) -> Node:
    """`docker swarm join`. Raises DockerError."""
    _check_free(docker)
    target = address_of(remote)
    if target is None:
        raise DockerError(400, f'{UNAVAILABLE}: {remote}"')
    here = advertised(docker, options.advertise, towards=target)
    end = _data_path(docker, options.data_path) or here
    cluster = reach(docker, target).cluster
    role = cluster.accepts(token)
    node = cluster.add(docker, here, end, manager=role == "manager")
    node.availability = options.availability
    return node


def leave(docker: DockerEngine, *, force: bool = False) -> None:
    """`docker swarm leave`. Raises DockerError."""
    node = docker.node
    if node is None:
        raise DockerError(503, NOT_PART)
    cluster = node.cluster
    if node.manager and not force:
        reachable = sum(manager.up for manager in cluster.managers)
        unreachable = len(cluster.managers) - reachable
        if reachable == 1 and not unreachable:
            raise DockerError(503, LAST)
        loss = f"Removing this node leaves {reachable - 1} managers out of {reachable + unreachable}. "
        loss += "Without a Raft quorum your swarm will be inaccessible. "
        raise DockerError(503, LEAVING + (loss if reachable - 2 <= unreachable else "") + CONSENSUS)
    for shared in cluster.visible(docker):
        part = shared.parts.get(docker.host.name)
        named = [endpoint.name for endpoint in part.endpoints.values() if endpoint.named] if part is not None else []
        if named:
            raise DockerError(501, f"leaving the swarm with containers on its network {shared.name} ({', '.join(named)}) is not modelled")
    cluster.remove_node(node)


def _check_free(docker: DockerEngine) -> None:
    if docker.node is not None:
        raise DockerError(503, ALREADY)
    if docker.config.cluster_store:
        raise DockerError(503, WITH_STORE)


def reach(docker: DockerEngine, target: Ip) -> Node:
    """The manager at an address. Raises DockerError in the words of a connection that fails."""
    failed = f"{UNAVAILABLE} {ip_text(target)}:{MANAGEMENT_PORT}: connect: "
    if docker.netns.fib.lookup(target) is None and not has_address(docker.netns, target):
        raise DockerError(500, failed + 'network is unreachable"')
    there = [host for host in docker.host.peers.values() if has_address(host.netns, target)]
    if not there:
        raise DockerError(500, failed + 'no route to host"')
    node: Node | None = there[0].docker.node if there[0].docker is not None else None
    if node is None or not node.manager:
        raise DockerError(500, failed + 'connection refused"')
    return node


# --- which address


def advertised(docker: DockerEngine, text: str, towards: Ip | None = None) -> Ip:
    """As given, by address or interface; else towards the manager, or the machine's only one. Raises DockerError."""
    if text:
        found = _interface_address(docker, text) or address_of(text)
        if found is None or not any(found):
            raise DockerError(400, BAD_ADVERTISE)
        return found
    route = docker.netns.fib.lookup(towards) if towards is not None else None
    if route is not None and route.dev is not None and (found := _interface_address(docker, route.dev.name)):
        return found
    return _only_address(docker)


def _only_address(docker: DockerEngine) -> Ip:
    """Of all interfaces but Docker's own ones and loopback."""
    own = [part.state.name for part in docker.networks.all.values() if part.driver.name == "bridge"]
    found = [
        (each.ip, dev.name) for dev in docker.netns.devices.values() if dev.up and dev.name not in own
        for each in docker.netns.addresses(dev) if each.ip[0] != 127
    ]  # fmt: skip
    if not found:
        raise DockerError(400, "could not find the system's IP address - specify one with --advertise-addr")
    if len(found) > 1:
        (one, where), (other, there) = found[:2]
        failed = "could not choose an IP address to advertise since this system has multiple addresses on "
        if where == there:
            what = f"interface {where} ({ip_text(one)} and {ip_text(other)})"
        else:
            what = f"different interfaces ({ip_text(one)} on {where} and {ip_text(other)} on {there})"
        raise DockerError(400, f"{failed}{what} - specify one with --advertise-addr")
    return found[0][0]


def _data_path(docker: DockerEngine, text: str) -> Ip | None:
    if not text:
        return None
    found = _interface_address(docker, text) or (address_of(text) if ":" not in text else None)
    if found is None or not any(found):
        raise DockerError(400, BAD_DATA_PATH)
    return found


def _interface_address(docker: DockerEngine, text: str) -> Ip | None:
    dev = docker.netns.devices.get(text.partition(":")[0])
    return next((each.ip for each in docker.netns.addresses(dev)), None) if dev is not None else None


def address_of(text: str) -> Ip | None:
    """Of `ADDRESS[:PORT]`."""
    try:
        return address.ip(text.partition(":")[0])
    except ValueError:
        return None


def _pool(text: str, length: int) -> Prefix:
    try:
        pool = Prefix.parse(text)
    except ValueError:
        raise DockerError(400, f"invalid CIDR address: {text}") from None
    if not pool.length <= length <= 29:
        raise DockerError(400, f"invalid subnet size {length}: the pool {pool} cannot be cut so")
    return pool
