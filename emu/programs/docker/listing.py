"""`docker ps inspect port logs`: what there is."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from emu.docker import inspect as api
from emu.docker.errors import DockerError
from emu.process import Process, UsageError
from emu.programs.docker import table
from emu.programs.docker.lifecycle import engine_of
from emu.programs.docker.options import Command, parse
from emu.programs.docker.template import TemplateError, compile_template, go_json, render

if TYPE_CHECKING:
    from emu.docker.engine import DockerEngine
    from emu.docker.model import Container

PS = Command(
    "docker ps", "[OPTIONS]", "List containers", 0, 0, switches=("all/a", "quiet/q", "no-trunc", "latest/l"), texts=("format", "last/n"),
    lists=("filter/f",), refused=("size",),
)  # fmt: skip
INSPECT = Command(
    "docker inspect", "[OPTIONS] NAME|ID [NAME|ID...]", "Return low-level information on Docker objects", 1, texts=("format/f", "type"),
    refused=("size",),
)  # fmt: skip
PORT = Command("docker port", "CONTAINER [PRIVATE_PORT[/PROTO]]", "List port mappings or a specific mapping for the container", 1, 2)
LOGS = Command(
    "docker logs", "[OPTIONS] CONTAINER", "Fetch the logs of a container", 1, 1, texts=("tail/n",),
    refused=("follow", "since", "until", "details", "timestamps"),
)  # fmt: skip
HEADINGS = {
    "ID": "CONTAINER ID", "Image": "IMAGE", "Command": "COMMAND", "RunningFor": "CREATED", "Status": "STATUS", "Ports": "PORTS",
    "Names": "NAMES", "Networks": "NETWORKS", "State": "STATE", "CreatedAt": "CREATED AT", "Labels": "LABELS",
}  # fmt: skip
DEFAULT_COLUMNS = ("ID", "Image", "Command", "RunningFor", "Status", "Ports", "Names")
FILTERS = ("name", "id", "status", "network", "ancestor", "label")


async def ps(process: Process, words: list[str]) -> int:
    options = parse(PS, words)
    docker = engine_of(process)
    newest_first = sorted(docker.containers.values(), key=lambda container: -container.created_ns)
    latest = 1 if options.on("latest") else int(options.text("last", "0"))
    every = options.on("all") or latest > 0
    filters = [_filter(entry) for entry in options.all("filter")]
    every = every or any(key == "status" for key, _ in filters)
    shown = [container for container in _stable(newest_first) if every or container.running]
    shown = [container for container in shown if all(_passes(container, key, value) for key, value in filters)]
    rows = [_row(docker, container, whole=options.on("no-trunc")) for container in (shown[:latest] if latest else shown)]
    if options.on("quiet"):
        process.write("".join(f"{row['ID']}\n" for row in rows))
    else:
        process.write(formatted(options.text("format"), rows, HEADINGS, DEFAULT_COLUMNS))
    return 0


def _stable(containers: list[Container]) -> list[Container]:
    """Of those made at the same virtual time the later one comes first, as it would with a clock that moves."""
    order = {container.id: place for place, container in enumerate(sorted(containers, key=lambda each: each.created_ns))}
    return sorted(containers, key=lambda container: -order[container.id])


def _filter(entry: str) -> tuple[str, str]:
    key, equals, value = entry.partition("=")
    if not equals:
        wrong = f'invalid argument "{entry}" for "-f, --filter" flag: bad format of filter (expected name=value)'
        raise UsageError(f"{wrong}\nSee 'docker ps --help'.", 125)
    if key not in FILTERS:
        raise UsageError(f"Error response from daemon: Invalid filter '{key}'")
    return key, value


def _passes(container: Container, key: str, value: str) -> bool:
    if key == "label":
        name, equals, wanted = value.partition("=")
        return name in container.config.labels and (not equals or container.config.labels[name] == wanted)
    if key == "network":
        return value in container.networks
    if key == "id":
        return container.id.startswith(value)
    if key == "name":
        return any(_matches(value, name) for name in (container.name, f"/{container.name}"))
    return {"status": container.status, "ancestor": container.config.image}[key] == value


def _matches(pattern: str, name: str) -> bool:
    """Docker takes a name filter for a regular expression."""
    try:
        return re.search(pattern, name) is not None
    except re.error:
        return pattern in name


def _row(docker: DockerEngine, container: Container, *, whole: bool) -> dict[str, str]:
    now = docker.engine.now
    ports = [port for endpoint in container.endpoints.values() for port in endpoint.published]
    published = [(port.host_ip, port.host_port, port.port, port.protocol) for port in ports]
    on_bridge = any(endpoint.ip for endpoint in container.endpoints.values())
    return {
        "ID": container.id if whole else container.short_id,
        "Image": container.config.image,
        "Command": table.command(container.command, whole=whole),
        "RunningFor": f"{table.duration(now - container.created_ns)} ago",
        "CreatedAt": api.date(container.created_ns).partition(".")[0].removesuffix("Z").replace("T", " ") + " +0000 UTC",
        "Status": _status(container, now),
        "State": container.status,
        "Ports": table.ports(container.exposed, published) if on_bridge else "",
        "Names": container.name,
        "Networks": ",".join(sorted(container.networks)),
        "Labels": ",".join(f"{name}={value}" for name, value in sorted(container.config.labels.items())),
    }


def _status(container: Container, now: int) -> str:
    if container.running:
        return f"Up {table.duration(now - container.started_ns)}"
    if container.status == "exited":
        return f"Exited ({container.exit_code}) {table.duration(now - container.finished_ns)} ago"
    return "Created"


def formatted(template: str, rows: list[dict[str, str]], headings: dict[str, str], columns: tuple[str, ...]) -> str:
    """A list by Docker's default, by `table TEMPLATE`, or a line for each by TEMPLATE."""
    if not template or template == "table":
        return table.table([[headings[name] for name in columns], *([row[name] for name in columns] for row in rows)])
    try:
        if template == "json":
            return "".join(go_json(row) + "\n" for row in rows)
        if template.startswith("table "):
            node = compile_template(template.removeprefix("table ").strip())
            lines = [node(headings, {"$": headings}), *(node(row, {"$": row}) for row in rows)]
            return table.table([line.split("\t") for line in lines])
        return "".join(render(template, row) + "\n" for row in rows)
    except TemplateError as wrong:
        raise UsageError(f"Template parsing error: {wrong}") from None


async def inspect(process: Process, words: list[str]) -> int:
    """Containers first, then networks, as the real one guesses what a name means."""
    options = parse(INSPECT, words)
    docker = engine_of(process)
    kind = options.text("type")
    if kind not in ("", "container", "network"):
        raise UsageError(f"docker inspect: --type {kind} is not modelled")
    word = {"container": "container", "network": "network"}.get(kind, "object")
    return show(process, options.arguments, options.text("format"), word, lambda name: _object(docker, kind, name))


def _object(docker: DockerEngine, kind: str, name: str) -> Any:
    if kind != "network":
        try:
            return api.container(docker, docker.find(name))
        except DockerError:
            if kind:
                raise
    return api.network(docker.networks.find(name))


def show(process: Process, names: list[str], template: str, word: str, find: Any) -> int:
    """All that was found, as one JSON list or by the template; then an error for each that was not."""
    found, missing = [], []
    for name in names:
        try:
            found.append(find(name))
        except DockerError as error:
            ambiguous = "ambiguous" in error.message
            missing.append(f"Error response from daemon: {error.message}" if ambiguous else f"Error: No such {word}: {name}")
    if template and template != "json":
        try:
            for item in found:
                process.print(render(template, item))
        except TemplateError as wrong:
            raise UsageError(f"Template parsing error: {wrong}", 64 if "function" in str(wrong) else 1) from None
        if missing:
            process.print("")
    elif template == "json":
        process.print(go_json(found))
    else:
        process.print(_indented(found))
    for text in missing:
        process.error(text)
    return 1 if missing else 0


def _indented(value: Any) -> str:
    text = json.dumps(value, indent=4, ensure_ascii=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


async def port(process: Process, words: list[str]) -> int:
    options = parse(PORT, words)
    name, *wanted = options.arguments
    try:
        container = engine_of(process).find(name)
    except DockerError as error:
        raise UsageError(f"Error: {error.message}") from None
    bound = api.ports(container)
    if not wanted:
        for key in sorted(bound, key=lambda key: (int(key.partition("/")[0]), key)):
            for each in bound[key] or ():
                process.print(f"{key} -> {each['HostIp']}:{each['HostPort']}")
        return 0
    key = wanted[0] if "/" in wanted[0] else f"{wanted[0]}/tcp"
    if not bound.get(key):
        raise UsageError(f"Error: No public port '{key}' published for {name}")
    for each in bound[key] or ():
        process.print(f"{each['HostIp']}:{each['HostPort']}")
    return 0


async def logs(process: Process, words: list[str]) -> int:
    options = parse(LOGS, words)
    container = engine_of(process).find(options.arguments[0])
    lines = container.log.splitlines(keepends=True)
    tail = options.text("tail", "all")
    if tail != "all":
        lines = lines[max(0, len(lines) - int(tail)) :] if tail.isdigit() else lines
    process.write("".join(lines))
    return 0
