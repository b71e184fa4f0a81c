"""`docker node` (docker/cli command/node). Not modelled: `ps`, a node's resources and its part in TLS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emu.docker.dates import date
from emu.docker.errors import DockerError
from emu.docker.inspect import VERSION, Map
from emu.docker.swarm.cluster import MANAGEMENT_PORT
from emu.packet.address import ip_text
from emu.process import UsageError
from emu.programs.docker.engine import engine_of
from emu.programs.docker.formatter import filters, formatted
from emu.programs.docker.go import Row
from emu.programs.docker.inspection import FORMAT, show
from emu.programs.docker.options import Command, Options
from emu.programs.docker.swarm import AVAILABILITIES, ROLES, manager_of

if TYPE_CHECKING:
    from emu.docker.engine import DockerEngine
    from emu.docker.swarm.cluster import Node
    from emu.process import Process

LS = Command("docker node ls", "[OPTIONS]", "List nodes in the swarm", 0, 0, flags="""
-f, --filter filter  Filter output based on conditions provided
--format string  Pretty-print nodes using a Go template
-q, --quiet  Only display IDs""", aliases=("ls", "list"))  # fmt: skip
INSPECT = Command("docker node inspect", "[OPTIONS] self|NODE [NODE...]", "Display detailed information on one or more nodes", 1, flags=f"""
{FORMAT}
--pretty  Print the information in a human friendly format""", refused=("pretty",))  # fmt: skip
UPDATE = Command("docker node update", "[OPTIONS] NODE", "Update a node", 1, 1, flags="""
--availability string  Availability of the node ("active"|"pause"|"drain")
--label-add list  Add or update a node label (key=value)
--label-rm list  Remove a node label if exists
--role string  Role of the node ("worker"|"manager")""")  # fmt: skip
PROMOTE = Command("docker node promote", "NODE [NODE...]", "Promote one or more nodes to manager in the swarm", 1)
DEMOTE = Command("docker node demote", "NODE [NODE...]", "Demote one or more nodes from manager in the swarm", 1)
RM = Command(
    "docker node rm", "[OPTIONS] NODE [NODE...]", "Remove one or more nodes from the swarm", 1,
    flags="-f, --force  Force remove a node from the swarm", aliases=("rm", "remove"),
)  # fmt: skip
HEADINGS = {
    "ID": "ID", "Self": "", "Hostname": "HOSTNAME", "Status": "STATUS", "Availability": "AVAILABILITY",
    "ManagerStatus": "MANAGER STATUS", "EngineVersion": "ENGINE VERSION", "TLSStatus": "TLS STATUS",
}  # fmt: skip
COLUMNS = ("ID", "Hostname", "Status", "Availability", "ManagerStatus", "EngineVersion")
LAST_MANAGER = "rpc error: code = FailedPrecondition desc = attempting to demote the last manager of the swarm"


async def ls(process: Process, options: Options) -> int:
    here = manager_of(engine_of(process))
    nodes = sorted(here.cluster.nodes.values(), key=lambda node: node.hostname)
    for key, value in filters(options.all("filter")):
        nodes = [node for node in nodes if _passes(node, key, value)]
    rows = [_row(node, here, in_table=not options.text("format")) for node in nodes]
    if options.on("quiet") and not options.text("format"):
        process.write("".join(f"{node.id}\n" for node in nodes))
    else:
        process.write(formatted(options.text("format"), rows, HEADINGS, COLUMNS))
    return 0


def _passes(node: Node, key: str, value: str) -> bool:
    if key == "role" and value not in ROLES:
        raise DockerError(400, f'Invalid role filter: "{value}"')
    found = {"id": node.id.startswith(value), "name": value in node.hostname, "role": _role(node) == value}
    if key == "node.label":
        name, equals, wanted = value.partition("=")
        return name in node.labels and (not equals or node.labels[name] == wanted)
    if key not in found:
        raise DockerError(400, f"Invalid filter '{key}'" if key not in ("label", "membership") else f"filter '{key}' is not modelled")
    return found[key]


def _role(node: Node) -> str:
    return "manager" if node.manager else "worker"


def _reachability(node: Node) -> str:
    return "unreachable" if not node.up else "leader" if node is node.cluster.leader else "reachable"


def _row(node: Node, here: Node, *, in_table: bool) -> Row:
    mark = (" *" if node is here else "  ") if in_table else ""
    cells: dict[str, Any] = {
        "ID": node.id + mark,
        "Self": node is here,
        "Hostname": node.hostname,
        "Status": "Ready" if node.up else "Down",
        "Availability": node.availability.capitalize(),
        "ManagerStatus": _reachability(node).capitalize() if node.manager else "",
        "EngineVersion": VERSION,
        "TLSStatus": "Ready",
    }
    return Row("*node.nodeContext", cells)


def find(docker: DockerEngine, text: str) -> Node:
    """By `self`, id, host name or the beginning of an id. Raises DockerError."""
    here = manager_of(docker)
    nodes = list(here.cluster.nodes.values())
    for found in (
        [here] if text == "self" else [],
        [node for node in nodes if node.id == text],
        [node for node in nodes if node.hostname == text],
        [node for node in nodes if text and node.id.startswith(text)],
    ):
        if len(found) > 1:
            raise DockerError(400, f"node {text} is ambiguous ({len(found)} matches found)")
        if found:
            return found[0]
    raise DockerError(404, f"node {text} not found")


async def inspect(process: Process, options: Options) -> int:
    manager_of(engine_of(process))
    return show(process, options, "node", lambda docker, name: _data(find(docker, name)))


def _data(node: Node) -> dict[str, Any]:
    plugins = ["bridge", "host", "ipvlan", "macvlan", "null", "overlay"]
    data: dict[str, Any] = {
        "ID": node.id,
        "CreatedAt": date(node.joined_ns),
        "UpdatedAt": date(node.joined_ns),
        "Spec": {"Labels": Map(node.labels.items()), "Role": _role(node), "Availability": node.availability},
        "Description": {
            "Hostname": node.hostname,
            "Platform": {"Architecture": "x86_64", "OS": "linux"},
            "Engine": {"EngineVersion": VERSION, "Plugins": [{"Type": "Network", "Name": name} for name in plugins]},
        },
        "Status": {"State": "ready" if node.up else "down", "Addr": ip_text(node.address)},
    }
    if node.manager:
        reachability = {"leader": {"Leader": True, "Reachability": "reachable"}}
        where = f"{ip_text(node.address)}:{MANAGEMENT_PORT}"
        state = _reachability(node)
        data["ManagerStatus"] = {**reachability.get(state, {"Reachability": state}), "Addr": where}
    return data


async def update(process: Process, options: Options) -> int:
    node = find(engine_of(process), options.arguments[0])
    availability, role = options.text("availability", node.availability), options.text("role", _role(node))
    if availability not in AVAILABILITIES:
        raise DockerError(400, f'invalid Availability: "{availability}"')
    if role not in ROLES:
        raise DockerError(400, f'invalid Role: "{role}"')
    for name in options.all("label-rm"):
        if name not in node.labels:
            raise UsageError(f"key {name} doesn't exist in node's labels", 1)
    _set_role(node, role)
    node.availability = availability
    node.labels = {name: value for name, value in node.labels.items() if name not in options.all("label-rm")}
    node.labels.update(entry.partition("=")[::2] for entry in options.all("label-add"))
    process.print(options.arguments[0])
    return 0


def _set_role(node: Node, role: str) -> None:
    if node.manager and role == "worker" and len(node.cluster.managers) == 1:
        raise DockerError(400, LAST_MANAGER)
    node.manager = role == "manager"


async def promote(process: Process, options: Options) -> int:
    return _give(process, options, "manager", "Node {} promoted to a manager in the swarm.", "Node {} is already a manager.")


async def demote(process: Process, options: Options) -> int:
    return _give(process, options, "worker", "Manager {} demoted in the swarm.", "Node {} is already a worker.")


def _give(process: Process, options: Options, role: str, done: str, nothing: str) -> int:
    for name in options.arguments:
        node = find(engine_of(process), name)
        if _role(node) == role:
            process.print(nothing.format(name))
            continue
        _set_role(node, role)
        process.print(done.format(name))
    return 0


async def rm(process: Process, options: Options) -> int:
    docker, errors = engine_of(process), 0
    manager_of(docker)
    for name in options.arguments:
        try:
            _remove(find(docker, name), force=options.on("force"))
        except DockerError as error:
            process.error(f"Error: No such node: {name}" if error.status == 404 else f"Error response from daemon: {error.message}")
            errors += 1
        else:
            process.print(name)
    return 1 if errors else 0


def _remove(node: Node, *, force: bool) -> None:
    failed = f"rpc error: code = FailedPrecondition desc = node {node.id} is "
    if node.manager:
        raise DockerError(
            400, failed + "a cluster manager and is a member of the raft cluster. It must be demoted to worker before removal"
        )
    if node.up and not force:
        raise DockerError(400, failed + "not down and can't be removed")
    if not node.left:
        raise DockerError(501, f"node {node.hostname} has not left the swarm: removing it is not modelled")
    del node.cluster.nodes[node.id]


COMMANDS = {
    "node ls": (LS, ls), "node inspect": (INSPECT, inspect), "node update": (UPDATE, update), "node promote": (PROMOTE, promote),
    "node demote": (DEMOTE, demote), "node rm": (RM, rm),
}  # fmt: skip
