"""dockerd(8): start the host's engine by hand, `dockerd --bip=10.1.15.1/24 --mtu=1450 --ip-masq=false &`, where the topology has none.

The flags are those of daemon.json, which is read too. Not modelled: starting again on a host where it has run; what its end does but for
killing the containers.
"""

from __future__ import annotations

import json
from typing import Any

from emu.docker.config import IGNORED, KEYS, NOT_MODELLED, DaemonConfig
from emu.docker.engine import DockerEngine
from emu.engine import Future
from emu.errors import EmuError, did_you_mean
from emu.process import Process, UsageError

CONFIG_FILE = "/etc/docker/daemon.json"
LISTS = {"dns": "dns", "dns-search": "dns-search", "dns-opt": "dns-opts"}  # flags that may be given several times
SHORT = {"-H": "hosts", "-b": "bridge", "-D": "debug", "-l": "log-level", "-g": "data-root", "-p": "pidfile", "-s": "storage-driver"}


async def main(process: Process, argv: list[str]) -> int:
    host = process.host
    if host is None or process.place.container is not None:
        raise UsageError("dockerd: Docker in a container is not modelled", 1)
    if host.docker is not None:
        raise UsageError("failed to start daemon: pid file found, ensure docker is not running or delete /var/run/docker.pid", 1)
    if "docker0" in host.netns.devices:
        raise UsageError("dockerd: starting again on a host where it has run is not modelled", 1)
    flags = _flags(argv)
    keys = _file(process)
    if twice := sorted(flags.keys() & keys.keys()):
        told = ", ".join(f"{key}: (from flag: {flags[key]}, from file: {keys[key]})" for key in twice)
        raise UsageError(
            f"unable to configure the Docker daemon with file {CONFIG_FILE}: "
            f"the following directives are specified both as a flag and in the configuration file: {told}",
            1,
        )
    try:
        docker = DockerEngine(host, DaemonConfig.from_keys(keys | flags), host.images)
    except EmuError as error:
        raise UsageError(f"failed to start daemon: {error}", 1) from None
    process.daemon = True
    process.at_exit(docker.down)
    await Future[None](process.engine)
    return 0


def _flags(argv: list[str]) -> dict[str, Any]:
    """Command line flags as keys of daemon.json. Raises UsageError."""
    keys: dict[str, Any] = {}
    words = argv[1:]
    while words:
        word = words.pop(0)
        if word in SHORT:
            word = f"--{SHORT[word]}"
        name, has_value, value = word.removeprefix("--").partition("=")
        name = LISTS.get(name, "hosts" if name == "host" else name)
        kind = KEYS.get(name, bool if name in {"debug", "experimental", "init"} else str)
        if not word.startswith("--") or name not in KEYS.keys() | IGNORED | NOT_MODELLED or name == "default-address-pools":
            raise UsageError(f"unknown flag: {word.partition('=')[0]}{did_you_mean(name, KEYS)}\nSee 'dockerd --help'.", 125)
        if not has_value and kind is not bool:
            if not words:
                raise UsageError(f"flag needs an argument: {word}\nSee 'dockerd --help'.", 125)
            value = words.pop(0)
        if kind is list:
            keys.setdefault(name, []).append(value)
        elif name not in IGNORED:
            keys[name] = _value(name, kind, value if has_value or kind is not bool else "true")
    return keys


def _value(name: str, kind: type, text: str) -> Any:
    if kind is bool and text in {"true", "false"}:
        return text == "true"
    if kind is int and text.isascii() and text.isdigit():
        return int(text)
    if kind is str:
        return text
    raise UsageError(f'invalid argument "{text}" for "--{name}" flag: parse error\nSee \'dockerd --help\'.', 125)


def _file(process: Process) -> dict[str, Any]:
    """daemon.json, if it is there. Raises UsageError."""
    try:
        keys = json.loads(process.place.files.read(CONFIG_FILE))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise UsageError(f"unable to configure the Docker daemon with file {CONFIG_FILE}: {error}", 1) from None
    if not isinstance(keys, dict):
        raise UsageError(f"unable to configure the Docker daemon with file {CONFIG_FILE}: not a JSON object", 1)
    return keys
