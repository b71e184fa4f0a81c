"""What Docker refuses about a container before it makes one (moby runconfig, daemon/names, daemon/container.go)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from emu.docker.errors import DockerError
from emu.packet import address

if TYPE_CHECKING:
    from emu.docker.model import ContainerConfig, EndpointConfig

NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+")
RESTART = re.compile(r"no|always|unless-stopped|on-failure(:\d+)?")
MODE_CONFLICTS = {
    "hostname": "conflicting options: hostname and the network mode",
    "dns": "conflicting options: dns and the network mode",
    "hosts": "conflicting options: custom host-to-IP mapping and the network mode",
    "mac": "conflicting options: mac-address and the network mode",
    "publish": "conflicting options: port publishing and the container type network mode",
    "expose": "conflicting options: port exposing and the container type network mode",
}


def check_name(name: str, shown: str = "") -> None:
    if not NAME.fullmatch(name):
        raise DockerError(400, f"Invalid container name ({shown or name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed")


def check_config(config: ContainerConfig) -> None:
    """Raises DockerError for options that contradict each other."""
    mode = config.network_mode
    shares = mode.startswith("container:")
    if shares and not mode.removeprefix("container:"):
        raise DockerError(400, "Invalid network mode: invalid container format container:<name|id>")
    mac = any(endpoint.mac for endpoint in config.networks.values())
    wrong = {
        "hostname": shares and bool(config.hostname),
        "dns": shares and bool(config.dns),
        "hosts": shares and bool(config.extra_hosts),
        "mac": (shares or mode == "host") and mac,
        "publish": shares and bool(config.publish or config.publish_all),
        "expose": shares and bool(config.expose),
    }
    if config.links and (shares or mode == "host"):
        what = "container type network" if shares else "host type networking"
        raise DockerError(400, f"conflicting options: {what} can't be used with links. This would result in undefined behavior")
    for name, conflict in wrong.items():
        if conflict:
            raise DockerError(400, MODE_CONFLICTS[name])
    policy, colon, _ = config.restart.partition(":")
    if policy in ("no", "always", "unless-stopped") and colon:
        raise DockerError(400, f"maximum retry count cannot be used with restart policy '{policy}'")
    if not RESTART.fullmatch(config.restart):
        raise DockerError(400, f"invalid restart policy '{config.restart}'")
    for endpoint in config.networks.values():
        if endpoint.ip is not None and not is_address(endpoint.ip):
            raise DockerError(400, f"invalid IPv4 address: {endpoint.ip}")
    for entry in config.extra_hosts:
        check_extra_host(entry)
    for endpoint in config.networks.values():
        check_mac(endpoint)


def check_extra_host(entry: str) -> None:
    name, colon, ip = entry.partition(":")
    if not colon or not name:
        raise DockerError(400, f'bad format for add-host: "{entry}"')
    if ip != "host-gateway" and not is_address(ip):
        raise DockerError(400, f'invalid IP address in add-host: "{ip}"')


def is_address(text: str) -> bool:
    try:
        address.ip(text)
    except ValueError:
        return False
    return True


def check_mac(endpoint: EndpointConfig) -> None:
    if endpoint.mac is not None:
        try:
            address.mac(endpoint.mac)
        except ValueError:
            raise DockerError(400, f"{endpoint.mac} is not a valid mac address") from None
