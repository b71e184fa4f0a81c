"""`docker inspect` of containers, images and networks, and `docker port` (docker/cli command/inspect, container/port.go)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from emu.docker import inspect as api
from emu.docker import inspect_network as api_network
from emu.docker.errors import DockerError
from emu.process import Process, UsageError
from emu.programs.docker.engine import engine_of
from emu.programs.docker.go import escaped
from emu.programs.docker.options import Command, Options
from emu.programs.docker.template import ExecutionError, TemplateError, compile_template

if TYPE_CHECKING:
    from collections.abc import Callable

    from emu.docker.engine import DockerEngine

FORMAT = "-f, --format string  Format the output using the given Go template"
INSPECT = Command("docker inspect", "[OPTIONS] NAME|ID [NAME|ID...]", "Return low-level information on Docker objects", 1, flags=f"""
{FORMAT}
-s, --size  Display total file sizes if the type is container
--type string  Return JSON for specified type""", refused=("size",))  # fmt: skip
CONTAINER = Command(
    "docker container inspect", "[OPTIONS] CONTAINER [CONTAINER...]", "Display detailed information on one or more containers", 1,
    flags=f"{FORMAT}\n-s, --size  Display total file sizes", refused=("size",),
)  # fmt: skip
IMAGE = Command("docker image inspect", "[OPTIONS] IMAGE [IMAGE...]", "Display detailed information on one or more images", 1, flags=FORMAT)
NETWORK = Command(
    "docker network inspect", "[OPTIONS] NETWORK [NETWORK...]", "Display detailed information on one or more networks", 1,
    flags=f"{FORMAT}\n-v, --verbose  Verbose output for diagnostics",
)  # fmt: skip
PORT = Command("docker port", "CONTAINER [PRIVATE_PORT[/PROTO]]", "List port mappings or a specific mapping for the container", 1, 2)
TYPES = ("container", "image", "network", "node", "plugin", "secret", "service", "task", "volume")
PARSE_STATUS = 64


async def inspect(process: Process, options: Options) -> int:
    """Containers first, then images, then networks, as the real one guesses what a name means."""
    kind = options.text("type")
    if kind and kind not in TYPES:
        raise UsageError(f'"{kind}" is not a valid value for --type')
    if kind and kind not in LOOKS:
        raise UsageError(f"docker inspect: --type {kind} is not modelled")
    return show(process, options, kind or "object", LOOKS.get(kind, _anything))


async def inspect_container(process: Process, options: Options) -> int:
    return show(process, options, "container", _container)


async def inspect_image(process: Process, options: Options) -> int:
    return show(process, options, "image", _image)


async def inspect_network(process: Process, options: Options) -> int:
    return show(process, options, "network", _network)


def _container(docker: DockerEngine, name: str) -> Any:
    return api.container(docker, docker.find(name))


def _image(docker: DockerEngine, name: str) -> Any:
    found = docker.images.find(name)
    if found is None:
        raise DockerError(404, f"No such image: {name}")
    return api.image(docker, found)


def _network(docker: DockerEngine, name: str) -> Any:
    return api_network.network(docker.networks.find(name))


def _anything(docker: DockerEngine, name: str) -> Any:
    for look in (_container, _image):
        try:
            return look(docker, name)
        except DockerError as error:
            if error.status != 404:
                raise
    return _network(docker, name)


LOOKS: dict[str, Callable[[DockerEngine, str], Any]] = {"container": _container, "image": _image, "network": _network}


def show(process: Process, options: Options, word: str, look: Callable[[DockerEngine, str], Any]) -> int:
    """All that was found, as one JSON list or by the template; then an error for each that was not."""
    template = options.text("format")
    try:
        node = compile_template(template) if template else None
    except TemplateError as wrong:
        raise UsageError(f"template parsing error: {wrong}", PARSE_STATUS) from None
    found, missing = [], []
    for name in options.arguments:
        try:
            item = look(engine_of(process), name)
            found.append(item if node is None else node(item, {"$": item}))
        except TemplateError as wrong:
            status = 1 if isinstance(wrong, ExecutionError) else PARSE_STATUS
            raise UsageError(f"template parsing error: {wrong}", status) from None
        except DockerError as error:
            missing.append(f"Error: No such {word}: {name}" if error.status == 404 else f"Error response from daemon: {error.message}")
    if node is not None:
        process.write("".join(f"{text}\n" for text in found))
    else:
        process.print(escaped(json.dumps(found, indent=4, ensure_ascii=False)))
    for text in missing:
        process.error(text)
    return 1 if missing else 0


async def port(process: Process, options: Options) -> int:
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
    number, _, protocol = wanted[0].partition("/")
    if not number.isdigit():
        raise UsageError(f'strconv.ParseUint: parsing "{number}": invalid syntax')
    key = f"{number}/{protocol or 'tcp'}"
    if not bound.get(key):
        raise UsageError(f"Error: No public port '{key}' published for {name}")
    for each in bound[key]:
        process.print(f"{each['HostIp']}:{each['HostPort']}")
    return 0


COMMANDS = {
    "inspect": (INSPECT, inspect), "container inspect": (CONTAINER, inspect_container), "image inspect": (IMAGE, inspect_image),
    "network inspect": (NETWORK, inspect_network), "port": (PORT, port),
}  # fmt: skip
