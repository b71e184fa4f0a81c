"""`docker network ls rm connect disconnect prune` (docker/cli command/network)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu.docker.dates import date
from emu.docker.errors import DockerError
from emu.docker.model import EndpointConfig
from emu.process import Process
from emu.programs.docker.engine import confirmed, engine_of
from emu.programs.docker.formatter import filters, formatted
from emu.programs.docker.go import Row
from emu.programs.docker.names import links_of
from emu.programs.docker.options import Command, Options

if TYPE_CHECKING:
    from emu.docker.model import Network

LS = Command("docker network ls", "[OPTIONS]", "List networks", 0, 0, flags="""
-f, --filter filter  Provide filter values (e.g. 'driver=bridge')
--format string  Pretty-print networks using a Go template
--no-trunc  Do not truncate the output
-q, --quiet  Only display network IDs""", aliases=("ls", "list"))  # fmt: skip
RM = Command("docker network rm", "NETWORK [NETWORK...]", "Remove one or more networks", 1, aliases=("rm", "remove"))
CONNECT = Command("docker network connect", "[OPTIONS] NETWORK CONTAINER", "Connect a container to a network", 2, 2, flags="""
--alias strings  Add network-scoped alias for the container
--driver-opt strings  driver options for the network
--ip string  IPv4 address (e.g., 172.30.100.104)
--ip6 string  IPv6 address (e.g., 2001:db8::33)
--link list  Add link to another container
--link-local-ip strings  Add a link-local address for the container""", refused=("ip6", "link-local-ip", "driver-opt"))  # fmt: skip
DISCONNECT = Command(
    "docker network disconnect", "[OPTIONS] NETWORK CONTAINER", "Disconnect a container from a network", 2, 2,
    flags="-f, --force  Force the container to disconnect from a network",
)  # fmt: skip
PRUNE = Command("docker network prune", "[OPTIONS]", "Remove all unused networks", 0, 0, flags="""
--filter filter  Provide filter values (e.g. 'until=<timestamp>')
-f, --force  Do not prompt for confirmation""")  # fmt: skip
HEADINGS = {
    "ID": "NETWORK ID", "Name": "NAME", "Driver": "DRIVER", "Scope": "SCOPE", "Internal": "INTERNAL", "IPv6": "IPV6",
    "CreatedAt": "CREATED AT", "Labels": "LABELS",
}  # fmt: skip
COLUMNS = ("ID", "Name", "Driver", "Scope")
RAW = ("network_id ID", "name Name", "driver Driver", "scope Scope")
TRUE, FALSE = ("true", "1"), ("false", "0")


async def ls(process: Process, options: Options) -> int:
    networks = engine_of(process).networks.by_name()
    wanted = filters(options.all("filter"))
    for key in dict.fromkeys(key for key, _ in wanted):
        values = [value for name, value in wanted if name == key]
        _check(key, values)
        networks = [each for each in networks if any(_passes(each, key, value) for value in values)]
    rows = [_row(each, whole=options.on("no-trunc")) for each in networks]
    if options.on("quiet") and not options.text("format"):
        process.write("".join(f"{row['ID']}\n" for row in rows))
    else:
        process.write(formatted(options.text("format"), rows, HEADINGS, COLUMNS, RAW))
    return 0


def _check(key: str, values: list[str]) -> None:
    """Raises DockerError."""
    if key not in ("driver", "type", "name", "id", "label", "scope", "dangling"):
        raise DockerError(400, f"Invalid filter '{key}'")
    for value in values:
        if key == "type" and value not in ("builtin", "custom"):
            raise DockerError(400, f"invalid filter: 'type'='{value}'")
        if key == "dangling" and value not in TRUE + FALSE:
            text = 'must be "true" (or "1"), or "false" (or "0")'
            raise DockerError(400, f"invalid value for filter 'dangling', {text}")


def _passes(network: Network, key: str, value: str) -> bool:
    if key == "label":
        name, equals, wanted = value.partition("=")
        return name in network.config.labels and (not equals or network.config.labels[name] == wanted)
    if key == "type":
        return network.predefined is (value == "builtin")
    if key == "dangling":
        return (not network.predefined and not network.endpoints) is (value in TRUE)
    if key in ("name", "id"):
        return value in (network.name if key == "name" else network.id)
    return {"driver": network.driver.name, "scope": network.driver.scope}[key] == value


def _row(network: Network, *, whole: bool) -> Row:
    cells = {
        "ID": network.id if whole else network.short_id,
        "Name": network.name,
        "Driver": network.driver.name,
        "Scope": network.driver.scope,
        "Internal": str(network.internal).lower(),
        "IPv6": "false",
        "CreatedAt": date(network.created_ns).removesuffix("Z").replace("T", " ") + " +0000 UTC",
        "Labels": ",".join(f"{name}={value}" for name, value in sorted(network.config.labels.items())),
    }
    return Row("*network.networkContext", cells, Label=lambda name: network.config.labels.get(name, ""))


async def rm(process: Process, options: Options) -> int:
    networks, errors = engine_of(process).networks, []
    for name in options.arguments:
        try:
            networks.remove(name)
        except DockerError as error:
            errors.append(f"Error: No such network: {name}" if error.status == 404 else f"Error response from daemon: {error.message}")
        else:
            process.print(name)
    for text in errors:
        process.error(text)
    return 1 if errors else 0


async def connect(process: Process, options: Options) -> int:
    docker = engine_of(process)
    name, container = options.arguments
    links = tuple((alias, child) for child, alias in links_of(options))
    config = EndpointConfig(options.text("ip") or None, None, tuple(options.all("alias")), connected=True, links=links)
    docker.networks.connect(name, docker.find(container), config)
    return 0


async def disconnect(process: Process, options: Options) -> int:
    docker = engine_of(process)
    name, container = options.arguments
    docker.networks.disconnect(name, docker.find(container))
    return 0


async def prune(process: Process, options: Options) -> int:
    """Asks for a yes on standard input, unless forced."""
    for key, _ in filters(options.all("filter")):
        raise DockerError(400, f"Invalid filter '{key}'" if key not in ("until", "label", "label!") else f"filter '{key}' is not modelled")
    if not options.on("force") and not await confirmed(process, "This will remove all custom networks not used by at least one container."):
        return 0
    names = engine_of(process).networks.prune()
    if names:
        process.print("Deleted Networks:\n" + "\n".join(names) + "\n")
    return 0


COMMANDS = {
    "network ls": (LS, ls), "network rm": (RM, rm), "network connect": (CONNECT, connect),
    "network disconnect": (DISCONNECT, disconnect), "network prune": (PRUNE, prune),
}  # fmt: skip
