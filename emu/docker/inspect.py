"""What the Engine API answers about containers and networks (moby api/types): the model as JSON-like data, Docker's keys in Docker's order.

Keys that only storage, resources or security fill are left out of a container's answer.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from emu.docker.dates import date
from emu.docker.model import RESTARTING, SHORT, Container, Endpoint, EndpointConfig
from emu.packet.address import ip_text, mac_text

if TYPE_CHECKING:
    from emu.docker.engine import DockerEngine
    from emu.docker.images import LocalImage

VERSION = "20.10.24+dfsg1"
NEVER = "0001-01-01T00:00:00Z"
FOLDER = "/var/lib/docker/containers/"
NETNS_FOLDER = "/var/run/docker/netns/"

Json = dict[str, Any]


class Map(dict[str, Any]):
    """An object whose keys are the user's, not the API's: a Go map, in order of its keys."""

    def __init__(self, items: Iterable[tuple[str, Any]] = ()) -> None:
        super().__init__(sorted(items))


# --- containers


def container(docker: DockerEngine, container: Container) -> Json:
    """`docker inspect`."""
    command = list(container.shown)
    return {
        "Id": container.id,
        "Created": date(container.created_ns),
        "Path": command[0] if command else "",
        "Args": command[1:],
        "State": _state(container),
        "Image": docker.images.id_of(container),
        "ResolvConfPath": f"{FOLDER}{container.id}/resolv.conf",
        "HostnamePath": f"{FOLDER}{container.id}/hostname",
        "HostsPath": f"{FOLDER}{container.id}/hosts",
        "LogPath": f"{FOLDER}{container.id}/{container.id}-json.log",
        "Name": f"/{container.name}",
        "RestartCount": container.restarts,
        "Driver": "overlay2",
        "Platform": "linux",
        "MountLabel": "",
        "ProcessLabel": "",
        "AppArmorProfile": "",
        "ExecIDs": None,
        "HostConfig": _host_config(container),
        "Mounts": [],
        "Config": _config(container),
        "NetworkSettings": _network_settings(docker, container),
    }


def image(docker: DockerEngine, local: LocalImage) -> Json:
    """`docker image inspect`: what of an image the network notices, and its names."""
    names = [each.name for each in docker.images.local.values() if each.id == local.id]
    config = {
        "ExposedPorts": Map((f"{port}/{protocol}", Map()) for port, protocol in local.image.expose) or None,
        "Env": list(local.image.env) or None,
        "Cmd": list(local.image.shown or local.image.command) or None,
        "Entrypoint": list(local.image.entrypoint) or None,
        "Labels": Map(local.image.labels.items()) or None,
    }
    return {
        "Id": f"sha256:{local.id}",
        "RepoTags": names,
        "RepoDigests": [],
        "Parent": "",
        "Comment": "",
        "Created": date(local.created_ns),
        "DockerVersion": VERSION,
        "Author": "",
        "Config": config,
        "Architecture": "amd64",
        "Os": "linux",
        "Size": 0,
        "VirtualSize": 0,
    }


def _state(container: Container) -> Json:
    return {
        "Status": container.status,
        "Running": container.running or container.status == RESTARTING,
        "Paused": False,
        "Restarting": container.status == RESTARTING,
        "OOMKilled": False,
        "Dead": False,
        "Pid": container.pid,
        "ExitCode": container.exit_code,
        "Error": container.error,
        "StartedAt": date(container.started_ns) if container.status != "created" else NEVER,
        "FinishedAt": date(container.finished_ns) if container.finished_ns else NEVER,
    }


def _host_config(container: Container) -> Json:
    config = container.config
    bindings: dict[str, list[Json]] = {}
    for binding in config.publish:
        ports = str(binding.host_port or "")
        if binding.host_port_end > binding.host_port:
            ports += f"-{binding.host_port_end}"
        bindings.setdefault(f"{binding.port}/{binding.protocol}", []).append({"HostIp": binding.host_ip, "HostPort": ports})
    return {
        "NetworkMode": config.network_mode,
        "PortBindings": Map(bindings.items()),
        "RestartPolicy": _restart_policy(config.restart),
        "AutoRemove": config.auto_remove,
        "CapAdd": list(config.cap_add) or None,
        "CapDrop": list(config.cap_drop) or None,
        "Dns": list(config.dns),
        "DnsOptions": list(config.dns_options),
        "DnsSearch": list(config.dns_search),
        "ExtraHosts": list(config.extra_hosts) or None,
        "IpcMode": "private",
        "Links": [f"/{child.name}:/{container.name}/{alias}" for alias, child in container.links.items()] or None,
        "Privileged": config.privileged,
        "PublishAllPorts": config.publish_all,
        **({"Sysctls": Map(config.sysctls.items())} if config.sysctls else {}),
        "Runtime": "runc",
    }


def _restart_policy(text: str) -> Json:
    name, _, most = text.partition(":")
    return {"Name": name, "MaximumRetryCount": int(most or 0)}


def _config(container: Container) -> Json:
    config = container.config
    exposed = Map((f"{port}/{protocol}", Map()) for port, protocol in container.exposed)
    return {
        "Hostname": container.hostname,
        "Domainname": config.domainname,
        "User": "",
        "AttachStdin": False,
        "AttachStdout": False,
        "AttachStderr": False,
        "ExposedPorts": exposed or None,
        "Tty": config.tty,
        "OpenStdin": config.interactive,
        "StdinOnce": False,
        "Env": list(container.env) or None,
        "Cmd": list(config.command or (() if config.entrypoint is not None else _image_command(container))) or None,
        "Image": config.image,
        "Volumes": None,
        "WorkingDir": config.workdir or container.image.workdir,
        "Entrypoint": list(container.image.entrypoint if config.entrypoint is None else config.entrypoint) or None,
        "OnBuild": None,
        "Labels": Map(container.labels.items()),
    }


def _image_command(container: Container) -> tuple[str, ...]:
    return container.image.shown or container.image.command


def _network_settings(docker: DockerEngine, container: Container) -> Json:
    file = "default" if container.config.network_mode == "host" else container.sandbox_id[:SHORT]
    default = _endpoint(container.endpoints.get("bridge"))
    return {
        "Bridge": "",
        "SandboxID": container.sandbox_id,
        "HairpinMode": False,
        "LinkLocalIPv6Address": "",
        "LinkLocalIPv6PrefixLen": 0,
        "Ports": ports(container),
        "SandboxKey": NETNS_FOLDER + file if container.sandbox_id else "",
        "SecondaryIPAddresses": None,
        "SecondaryIPv6Addresses": None,
        **{field: default[field] for field in TOP_LEVEL},
        "Networks": Map((name, _attachment(docker, container, name, config)) for name, config in container.networks.items()),
    }


TOP_LEVEL = (
    "EndpointID", "Gateway", "GlobalIPv6Address", "GlobalIPv6PrefixLen", "IPAddress", "IPPrefixLen", "IPv6Gateway", "MacAddress",
)  # fmt: skip


def ports(container: Container) -> Map:
    """Every exposed port of a running container on a bridge that has a way out, with where it is published."""
    endpoints = list(container.endpoints.values())
    if container.sandbox is not None and container.sandbox.container is container and container.sandbox.gateway is not None:
        endpoints.append(container.sandbox.gateway)
    if not any(endpoint.network.driver.reports_ports and not endpoint.network.internal for endpoint in endpoints):
        return Map()
    published = [port for endpoint in endpoints for port in endpoint.published]
    answer: dict[str, list[Json] | None] = {}
    for port, protocol in container.exposed:
        bound = [each for each in published if (each.port, each.protocol) == (port, protocol)]
        answer[f"{port}/{protocol}"] = [{"HostIp": each.host_ip, "HostPort": str(each.host_port)} for each in bound] or None
    return Map(answer.items())


def _endpoint(endpoint: Endpoint | None) -> Json:
    has_ip = endpoint is not None and endpoint.ip is not None
    return {
        "EndpointID": endpoint.id if endpoint else "",
        "Gateway": ip_text(endpoint.gateway) if endpoint and endpoint.gateway else "",
        "IPAddress": ip_text(endpoint.ip) if endpoint and endpoint.ip else "",
        "IPPrefixLen": endpoint.length if endpoint and has_ip else 0,
        "IPv6Gateway": "",
        "GlobalIPv6Address": "",
        "GlobalIPv6PrefixLen": 0,
        "MacAddress": mac_text(endpoint.mac) if endpoint and endpoint.mac else "",
    }


def _attachment(docker: DockerEngine, container: Container, name: str, config: EndpointConfig) -> Json:
    endpoint = container.endpoints.get(name)
    nothing: Json | None = {} if config.connected else None
    ids = [network.id for network in docker.networks.all.values() if network.name == name]
    aliases = endpoint.aliases if endpoint else config.aliases
    ip = config.ip
    if endpoint is not None and endpoint.ip is not None and endpoint.network.shared is not None and endpoint.network.shared.scope.balanced:
        ip = ip_text(endpoint.ip)  # a swarm's manager has chosen it, and the engine writes it down as if it were asked for
    if endpoint is None and (config.connected or container.sandbox_id) and name not in ("bridge", "host", "none"):
        aliases = (*aliases, container.short_id)
    return {
        "IPAMConfig": {"IPv4Address": ip} if ip else nothing,
        "Links": [f"{child}:{alias}" for alias, child in config.links] or None,
        "Aliases": list(aliases) or ([] if config.connected else None),
        "NetworkID": ids[0] if ids and container.status != "created" else "",
        **_endpoint(endpoint),
        "DriverOpts": nothing,
    }
