"""`docker ps`: its columns and filters (docker/cli formatter/container.go, moby daemon/list.go)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from emu.docker.dates import date
from emu.docker.errors import DockerError
from emu.docker.images import split
from emu.docker.model import RESTARTING
from emu.programs.docker import table
from emu.programs.docker.engine import engine_of
from emu.programs.docker.formatter import filters, formatted
from emu.programs.docker.go import Row
from emu.programs.docker.options import Command, Options

if TYPE_CHECKING:
    from collections.abc import Callable

    from emu.docker.engine import DockerEngine
    from emu.docker.model import Container, Network
    from emu.process import Process

PS = Command("docker ps", "[OPTIONS]", "List containers", 0, 0, flags="""
-a, --all  Show all containers (default shows just running)
-f, --filter filter  Filter output based on conditions provided
--format string  Pretty-print containers using a Go template
-n, --last int  Show n last created containers (includes all states) (default -1)
-l, --latest  Show the latest created container (includes all states)
--no-trunc  Don't truncate output
-q, --quiet  Only display container IDs
-s, --size  Display total file sizes""", refused=("size",), aliases=("ls", "ps", "list"))  # fmt: skip
HEADINGS = {
    "ID": "CONTAINER ID", "Image": "IMAGE", "Command": "COMMAND", "RunningFor": "CREATED", "Status": "STATUS", "Ports": "PORTS",
    "Names": "NAMES", "Networks": "NETWORKS", "State": "STATE", "CreatedAt": "CREATED AT", "Labels": "LABELS", "Mounts": "MOUNTS",
    "LocalVolumes": "LOCAL VOLUMES", "Size": "SIZE",
}  # fmt: skip
COLUMNS = ("ID", "Image", "Command", "RunningFor", "Status", "Ports", "Names")
RAW = (
    "container_id ID", "image Image", "command Command", "created_at CreatedAt", "state State", "status Status", "names Names",
    "labels Labels", "ports Ports",
)  # fmt: skip
STATES = ("created", "dead", "exited", "paused", "removing", "restarting", "running")
NONE_HAS = ("volume", "health", "isolation", "is-task")  # properties that containers have not here


async def ps(process: Process, options: Options) -> int:
    docker = engine_of(process)
    latest = 1 if options.on("latest") else options.number("last", -1)
    wanted = filters(options.all("filter"))
    every = options.on("all") or latest > 0 or any(key in ("status", "exited") for key, _ in wanted)
    shown = [container for container in _newest_first(docker) if every or container.running or container.status == RESTARTING]
    for key in dict.fromkeys(key for key, _ in wanted):
        passes = _test(docker, key, [value for name, value in wanted if name == key])
        shown = [container for container in shown if passes(container)]
    rows = [_row(docker, container, whole=options.on("no-trunc")) for container in (shown[:latest] if latest > 0 else shown)]
    if options.on("quiet") and not options.text("format"):
        process.write("".join(f"{row['ID']}\n" for row in rows))
    else:
        process.write(formatted(options.text("format"), rows, HEADINGS, COLUMNS, RAW))
    return 0


def _newest_first(docker: DockerEngine) -> list[Container]:
    """Of those made at the same virtual time the later one comes first, as it would with a clock that moves."""
    return list(reversed(docker.containers.values()))


def _test(docker: DockerEngine, key: str, values: list[str]) -> Callable[[Container], bool]:
    """A container has to pass one of a filter's values, and all the labels. Raises DockerError."""
    if key == "label":
        return lambda container: all(_has_label(container, value) for value in values)
    if key in ("before", "since"):
        order = list(docker.containers)
        try:
            bounds = [order.index(docker.find(value).id) for value in values]
        except DockerError:
            raise DockerError(404, f"no such container {values[-1]}") from None
        if key == "before":
            return lambda container: order.index(container.id) < min(bounds)
        return lambda container: order.index(container.id) > max(bounds)
    if key in ("publish", "expose"):
        spans = [_span(key, value) for value in values]
        return lambda container: any(_has_port(container, key, span) for span in spans)
    if key == "status" and (wrong := next((value for value in values if value not in STATES), None)) is not None:
        raise DockerError(400, f"Invalid filter 'status={wrong}'")
    if key == "exited" and (wrong := next((value for value in values if not re.fullmatch(r"-?\d+", value)), None)) is not None:
        raise DockerError(400, f'strconv.Atoi: parsing "{wrong}": invalid syntax')
    if key not in (*SIMPLE, *NONE_HAS):
        raise DockerError(400, f"Invalid filter '{key}'")
    return lambda container: any(SIMPLE[key](docker, container, value) if key in SIMPLE else value in ("none", "false") for value in values)


def _networks(docker: DockerEngine, container: Container) -> list[tuple[str, Network]]:
    return [(network.name, network) for network in docker.networks.all.values() if network.name in container.networks]


def _comes_from(docker: DockerEngine, container: Container, value: str) -> bool:
    found = docker.images.of(container)
    return container.config.image == value or split(container.config.image) == split(value) or (
        found is not None and found is docker.images.find(value)
    )  # fmt: skip


def _matches(pattern: str, name: str) -> bool:
    """Docker takes a name filter for a regular expression."""
    try:
        return re.search(pattern, name) is not None
    except re.error:
        return pattern in name


SIMPLE: dict[str, Callable[[DockerEngine, Container, str], bool]] = {
    "id": lambda _docker, container, value: container.id.startswith(value),
    "name": lambda _docker, container, value: _matches(value, container.name) or _matches(value, f"/{container.name}"),
    "status": lambda _docker, container, value: container.status == value,
    "exited": lambda _docker, container, value: container.status == "exited" and container.exit_code == int(value),
    "network": lambda docker, container, value: any(
        value in (name, network.id, network.short_id) for name, network in _networks(docker, container)
    ),
    "ancestor": _comes_from,
}


def _has_label(container: Container, value: str) -> bool:
    name, equals, wanted = value.partition("=")
    return name in container.labels and (not equals or container.labels[name] == wanted)


def _span(key: str, value: str) -> tuple[int, int, str]:
    """`80`, `80/udp`, `7000-7010/tcp`. Raises DockerError."""
    numbers, _, protocol = value.partition("/")
    first, _, last = numbers.partition("-")
    for number in (first, last or first):
        if not number.isdigit():
            raise DockerError(400, f'error while looking up for {key} {value}: strconv.ParseUint: parsing "{number}": invalid syntax')
    return int(first), int(last or first), protocol or "tcp"


def _has_port(container: Container, key: str, span: tuple[int, int, str]) -> bool:
    first, last, protocol = span
    published = [port for endpoint in container.endpoints.values() for port in endpoint.published]
    ports = container.exposed if key == "expose" else [(port.host_port, port.protocol) for port in published]
    return any(first <= number <= last and kind == protocol for number, kind in ports)


def _row(docker: DockerEngine, container: Container, *, whole: bool) -> Row:
    now = docker.engine.now
    ports = [port for endpoint in container.endpoints.values() for port in endpoint.published]
    published = [(port.host_ip, port.host_port, port.port, port.protocol) for port in ports]
    on_bridge = any(at.network.driver.reports_ports and not at.network.internal for at in container.endpoints.values())
    cells = {
        "ID": container.id if whole else container.short_id,
        "Image": container.config.image,
        "Command": table.command(container.shown, whole=whole),
        "RunningFor": f"{table.duration(now - container.created_ns)} ago",
        "CreatedAt": date(container.created_ns).partition(".")[0].removesuffix("Z").replace("T", " ") + " +0000 UTC",
        "Status": _status(container, now),
        "State": container.status,
        "Ports": table.ports(container.exposed, published) if on_bridge else "",
        "Names": container.name,
        "Networks": ",".join(sorted(container.networks)),
        "Labels": ",".join(f"{name}={value}" for name, value in sorted(container.labels.items())),
        "Mounts": "",
        "LocalVolumes": "0",
        "Size": "0B (virtual 0B)",
    }
    return Row("*formatter.ContainerContext", cells, Label=lambda name: container.labels.get(name, ""))


def _status(container: Container, now: int) -> str:
    if container.running:
        return f"Up {table.duration(now - container.started_ns)}"
    ago = f"{table.duration(now - container.finished_ns)} ago"
    if container.status in ("exited", RESTARTING):
        return f"{'Exited' if container.status == 'exited' else 'Restarting'} ({container.exit_code}) {ago}"
    return "Created"


COMMANDS = {"ps": (PS, ps)}
