"""`docker swarm` (docker/cli command/swarm). Not modelled: `ca`, `unlock`, `unlock-key`, `update`, and what init says of CAs and Raft."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu.docker.errors import DockerError
from emu.docker.networks import NO_SWARM
from emu.docker.swarm import membership
from emu.docker.swarm.cluster import A_WORKER, MANAGEMENT_PORT
from emu.docker.swarm.membership import SwarmOptions
from emu.packet.address import ip_text
from emu.programs.docker.engine import engine_of
from emu.programs.docker.options import Command, Options

if TYPE_CHECKING:
    from emu.docker.engine import DockerEngine
    from emu.docker.swarm.cluster import Node
    from emu.process import Process

DATA_PORT = (
    "--data-path-port uint32  Port number to use for data path traffic (1024 - 49151). "
    "If no value is set or is set to 0, the default port (4789) is used."
)
INIT = Command("docker swarm init", "[OPTIONS]", "Initialize a swarm", 0, 0, flags=f"""
--advertise-addr string  Advertised address (format: <ip|interface>[:port])
--autolock  Enable manager autolocking (requiring an unlock key to start a stopped manager)
--availability string  Availability of the node ("active"|"pause"|"drain") (default "active")
--cert-expiry duration  Validity period for node certificates (ns|us|ms|s|m|h) (default 2160h0m0s)
--data-path-addr string  Address or interface to use for data path traffic (format: <ip|interface>)
{DATA_PORT}
--default-addr-pool ipNetSlice  default address pool in CIDR format (default [])
--default-addr-pool-mask-length uint32  default address pool subnet mask length (default 24)
--dispatcher-heartbeat duration  Dispatcher heartbeat period (ns|us|ms|s|m|h) (default 5s)
--external-ca external-ca  Specifications of one or more certificate signing endpoints
--force-new-cluster  Force create a new cluster from current state
--listen-addr node-addr  Listen address (format: <ip|interface>[:port]) (default 0.0.0.0:2377)
--max-snapshots uint  Number of additional Raft snapshots to retain
--snapshot-interval uint  Number of log entries between Raft snapshots (default 10000)
--task-history-limit int  Task history retention limit (default 5)""",
refused=("autolock", "external-ca", "force-new-cluster", "listen-addr"))  # fmt: skip
JOIN = Command("docker swarm join", "[OPTIONS] HOST:PORT", "Join a swarm as a node and/or manager", 1, 1, flags="""
--advertise-addr string  Advertised address (format: <ip|interface>[:port])
--availability string  Availability of the node ("active"|"pause"|"drain") (default "active")
--data-path-addr string  Address or interface to use for data path traffic (format: <ip|interface>)
--listen-addr node-addr  Listen address (format: <ip|interface>[:port]) (default 0.0.0.0:2377)
--token string  Token for entry into the swarm""", refused=("listen-addr",))  # fmt: skip
TOKEN = Command("docker swarm join-token", "[OPTIONS] (worker|manager)", "Manage join tokens", 1, 1, flags="""
-q, --quiet  Only display token
--rotate  Rotate join token""")  # fmt: skip
LEAVE = Command(
    "docker swarm leave", "[OPTIONS]", "Leave the swarm", 0, 0,
    flags="-f, --force  Force this node to leave the swarm, ignoring warnings",
)  # fmt: skip
ROLES = ("worker", "manager")
AVAILABILITIES = ("active", "pause", "drain")


def manager_of(docker: DockerEngine) -> Node:
    """This engine as a manager. Raises DockerError."""
    if docker.node is None or not docker.node.manager:
        raise DockerError(503, NO_SWARM if docker.node is None else A_WORKER)
    return docker.node


def _options(options: Options) -> SwarmOptions:
    availability = options.text("availability", "active")
    if availability not in AVAILABILITIES:
        raise DockerError(400, f'invalid Availability: "{availability}"')
    numbers = {name: _number(options, name, default) for name, default in
               (("data-path-port", 0), ("default-addr-pool-mask-length", 24), ("task-history-limit", 5))}  # fmt: skip
    return SwarmOptions(
        options.text("advertise-addr"),
        options.text("data-path-addr"),
        numbers["data-path-port"],
        tuple(part for text in options.all("default-addr-pool") for part in text.split(",")),
        numbers["default-addr-pool-mask-length"],
        numbers["task-history-limit"],
        availability,
    )


def _number(options: Options, name: str, default: int) -> int:
    text = options.text(name, str(default))
    if not text.isdigit():
        raise options.wrong(name, text, f'strconv.ParseUint: parsing "{text}": invalid syntax')
    return int(text)


async def init(process: Process, options: Options) -> int:
    node = membership.begin(engine_of(process), _options(options))
    process.print(f"Swarm initialized: current node ({node.id}) is now a manager.\n")
    _print_command(process, node, "worker")
    process.print("To add a manager to this swarm, run 'docker swarm join-token manager' and follow the instructions.\n")
    return 0


def _print_command(process: Process, node: Node, role: str) -> None:
    process.print(f"To add a {role} to this swarm, run the following command:\n")
    process.print(f"    docker swarm join --token {node.cluster.token(role)} {ip_text(node.address)}:{MANAGEMENT_PORT}\n")


async def join(process: Process, options: Options) -> int:
    node = membership.join(engine_of(process), options.arguments[0], options.text("token"), _options(options))
    process.print(f"This node joined a swarm as a {'manager' if node.manager else 'worker'}.")
    return 0


async def join_token(process: Process, options: Options) -> int:
    role = options.arguments[0]
    if role not in ROLES:
        process.error(f"unknown role {role}")
        return 1
    node = manager_of(engine_of(process))
    if options.on("rotate"):
        node.cluster.rotate(role)
        if not options.on("quiet"):
            process.print(f"Successfully rotated {role} join token.\n")
    if options.on("quiet"):
        process.print(node.cluster.token(role))
    else:
        _print_command(process, node, role)
    return 0


async def leave(process: Process, options: Options) -> int:
    membership.leave(engine_of(process), force=options.on("force"))
    process.print("Node left the swarm.")
    return 0


COMMANDS = {"swarm init": (INIT, init), "swarm join": (JOIN, join), "swarm join-token": (TOKEN, join_token), "swarm leave": (LEAVE, leave)}
