"""`docker network ls inspect create rm connect disconnect prune` (docker/cli command/network)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu.docker import inspect as api
from emu.docker.errors import DockerError
from emu.docker.ipam import Prefix
from emu.docker.model import EndpointConfig, IpamConfig, NetworkConfig
from emu.packet import address
from emu.process import Process, UsageError
from emu.programs.docker.lifecycle import engine_of
from emu.programs.docker.listing import formatted, show
from emu.programs.docker.names import links_of
from emu.programs.docker.options import Command, Options, parse

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

LS = Command(
    "docker network ls", "[OPTIONS]", "List networks", 0, 0, switches=("quiet/q", "no-trunc"), texts=("format",), lists=("filter/f",)
)  # fmt: skip
INSPECT = Command(
    "docker network inspect", "[OPTIONS] NETWORK [NETWORK...]", "Display detailed information on one or more networks", 1,
    texts=("format/f",), switches=("verbose/v",),
)  # fmt: skip
CREATE = Command(
    "docker network create", "[OPTIONS] NETWORK", "Create a network", 1, 1, switches=("internal", "attachable"), texts=("driver/d",),
    lists=("subnet", "gateway", "ip-range", "aux-address", "opt/o", "label"),
    refused=("ipv6", "ipam-driver", "ipam-opt", "ingress", "scope", "config-only", "config-from"),
)  # fmt: skip
RM = Command("docker network rm", "NETWORK [NETWORK...]", "Remove one or more networks", 1)
CONNECT = Command(
    "docker network connect", "[OPTIONS] NETWORK CONTAINER", "Connect a container to a network", 2, 2, texts=("ip",),
    lists=("alias", "link"),
    refused=("ip6", "link-local-ip", "driver-opt"),
)  # fmt: skip
DISCONNECT = Command(
    "docker network disconnect", "[OPTIONS] NETWORK CONTAINER", "Disconnect a container from a network", 2, 2, switches=("force/f",)
)
PRUNE = Command("docker network prune", "[OPTIONS]", "Remove all unused networks", 0, 0, switches=("force/f",), refused=("filter",))
HEADINGS = {"ID": "NETWORK ID", "Name": "NAME", "Driver": "DRIVER", "Scope": "SCOPE", "Internal": "INTERNAL"}
COLUMNS = ("ID", "Name", "Driver", "Scope")


async def network(process: Process, words: list[str]) -> int:
    name = words[0] if words else ""
    if name not in COMMANDS:
        if name and not name.startswith("-"):
            raise UsageError(f"docker network: '{name}' is not a docker command.\nSee 'docker network --help'", 1)
        process.print(f"\nUsage:  docker network COMMAND\n\nManage networks\n\nCommands: {' '.join(sorted(COMMANDS))}")
        return 0
    return await COMMANDS[name](process, words[1:])


async def ls(process: Process, words: list[str]) -> int:
    options = parse(LS, words)
    networks = engine_of(process).networks.by_name()
    for entry in options.all("filter"):
        key, _, value = entry.partition("=")
        if key == "driver":
            networks = [each for each in networks if each.driver.name == value]
        elif key == "name":
            networks = [each for each in networks if value in each.name]
        elif key == "id":
            networks = [each for each in networks if each.id.startswith(value)]
        else:
            raise UsageError(f"docker network ls: filter '{key}' is not modelled")
    rows = [
        {
            "ID": each.id if options.on("no-trunc") else each.short_id,
            "Name": each.name,
            "Driver": each.driver.name,
            "Scope": each.driver.scope,
            "Internal": str(each.internal).lower(),
        }
        for each in networks
    ]
    if options.on("quiet"):
        process.write("".join(f"{row['ID']}\n" for row in rows))
    else:
        process.write(formatted(options.text("format"), rows, HEADINGS, COLUMNS))
    return 0


async def inspect(process: Process, words: list[str]) -> int:
    options = parse(INSPECT, words)
    networks = engine_of(process).networks
    return show(process, options.arguments, options.text("format"), "network", lambda name: api.network(networks.find(name)))


async def create(process: Process, words: list[str]) -> int:
    options = parse(CREATE, words)
    config = NetworkConfig(
        driver=options.text("driver", "bridge"),
        ipam=_ipam(options),
        options=dict(_option(entry) for entry in options.all("opt")),
        labels=dict(entry.partition("=")[::2] for entry in options.all("label")),
        internal=options.on("internal"),
        attachable=options.on("attachable"),
    )
    process.print(engine_of(process).networks.create(options.arguments[0], config).id)
    return 0


def _option(entry: str) -> tuple[str, str]:
    key, _, value = entry.partition("=")
    return key, value


def _ipam(options: Options) -> tuple[IpamConfig, ...]:
    """Each range, gateway and auxiliary address goes to the subnet that holds it: consolidateIpam, with its words."""
    subnets, ranges, gateways = options.all("subnet"), options.all("ip-range"), options.all("gateway")
    if len(subnets) < len(ranges) or len(subnets) < len(gateways):
        raise UsageError("every ip-range or gateway must have a corresponding subnet")
    parsed = {text: _parsed(text) for text in subnets}
    known = [prefix for prefix in parsed.values() if prefix is not None]
    if any(one.overlaps(other) for place, one in enumerate(known) for other in known[:place]):
        raise UsageError("multiple overlapping subnet configuration is not supported")
    chosen: dict[str, dict[str, str]] = {text: {} for text in subnets}
    aux: dict[str, list[tuple[str, str]]] = {text: [] for text in subnets}
    for text in ranges:
        part = _parsed(text)
        _put(chosen, _holder(parsed, part.base if part else None, f"no matching subnet for range {text}"), "range", text)
    for text in gateways:
        _put(chosen, _holder(parsed, _address(text), f"no matching subnet for gateway {text}"), "gateway", text)
    for entry in options.all("aux-address"):
        name, _, text = entry.partition("=")
        aux[_holder(parsed, _address(text), f"no matching subnet for aux-address {text}")].append((name, text))
    return tuple(IpamConfig(text, chosen[text].get("range", ""), chosen[text].get("gateway", ""), tuple(aux[text])) for text in subnets)


def _holder(subnets: dict[str, Prefix | None], ip: bytes | None, wrong: str) -> str:
    for text, subnet in subnets.items():
        if subnet is not None and ip is not None and subnet.contains(ip):
            return text
    raise UsageError(wrong)


def _put(chosen: dict[str, dict[str, str]], subnet: str, what: str, text: str) -> None:
    other = chosen[subnet].get(what)
    if other is not None:
        raise UsageError(f"cannot configure multiple {what}s ({text}, {other}) on the same subnet ({subnet})")
    chosen[subnet][what] = text


def _parsed(text: str) -> Prefix | None:
    """None: the daemon will say what is wrong with it."""
    try:
        return Prefix.parse(text)
    except ValueError:
        return None


def _address(text: str) -> bytes | None:
    try:
        return address.ip(text)
    except ValueError:
        return None


async def rm(process: Process, words: list[str]) -> int:
    options = parse(RM, words)
    networks = engine_of(process).networks
    status = 0
    for name in options.arguments:
        try:
            networks.remove(name)
        except DockerError as error:
            process.error(f"Error: No such network: {name}" if error.status == 404 else f"Error response from daemon: {error.message}")
            status = 1
        else:
            process.print(name)
    return status


async def connect(process: Process, words: list[str]) -> int:
    options = parse(CONNECT, words)
    docker = engine_of(process)
    name, container = options.arguments
    docker.networks.find(name)
    links = tuple((alias, name) for name, alias in links_of(CONNECT, options))
    config = EndpointConfig(options.text("ip") or None, None, tuple(options.all("alias")), connected=True, links=links)
    docker.networks.connect(name, docker.find(container), config)
    return 0


async def disconnect(process: Process, words: list[str]) -> int:
    options = parse(DISCONNECT, words)
    docker = engine_of(process)
    name, container = options.arguments
    docker.networks.find(name)
    docker.networks.disconnect(name, docker.find(container))
    return 0


async def prune(process: Process, words: list[str]) -> int:
    """Asks for a yes on standard input, unless forced."""
    options = parse(PRUNE, words)
    if not options.on("force"):
        process.print("WARNING! This will remove all custom networks not used by at least one container.")
        process.write("Are you sure you want to continue? [y/N] ")
        if not (await process.stdin.read_line()).strip().lower().startswith("y"):
            process.print("Total reclaimed space: 0B")
            return 0
    names = engine_of(process).networks.prune()
    if names:
        process.print("Deleted Networks:\n" + "\n".join(names) + "\n")
    return 0


COMMANDS: dict[str, Callable[[Process, list[str]], Awaitable[int]]] = {
    "ls": ls, "list": ls, "inspect": inspect, "create": create, "rm": rm, "remove": rm, "connect": connect, "disconnect": disconnect,
    "prune": prune,
}  # fmt: skip
