"""docker_gwbridge: the bridge through which containers get out that are only on networks without a gateway (libnetwork default_gateway.go).

Its containers do not reach each other through it; what they publish is published here. It is made when it is first needed, and stays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu.docker.model import SHORT, EndpointConfig, Network, NetworkConfig

if TYPE_CHECKING:
    from collections.abc import Iterable

    from emu.docker.engine import DockerEngine
    from emu.docker.model import Endpoint
    from emu.docker.sandbox import Sandbox

NAME = "docker_gwbridge"
OPTIONS = {
    "com.docker.network.bridge.enable_icc": "false",
    "com.docker.network.bridge.enable_ip_masquerade": "true",
    "com.docker.network.bridge.name": NAME,
}


def is_needed(endpoints: Iterable[Endpoint]) -> bool:
    """Is none of them a way out, though one of them should have one?"""
    open_ones = [
        endpoint for endpoint in endpoints if endpoint.network.name != NAME and endpoint.ip is not None and not endpoint.network.internal
    ]
    return bool(open_ones) and not any(endpoint.gateway is not None for endpoint in open_ones)


def make(docker: DockerEngine, sandbox: Sandbox) -> Endpoint:
    """An endpoint on the bridge for this namespace. Raises DockerError."""
    container = sandbox.container
    name = f"gateway_{container.id if len(container.id) <= SHORT else container.sandbox_id[:SHORT]}"
    return docker.networks.make_endpoint(container, network(docker), EndpointConfig(), name, named=False)


def network(docker: DockerEngine) -> Network:
    """That of this name; made if there is none. Raises DockerError."""
    found = next((each for each in docker.networks.all.values() if each.name == NAME), None)
    return found or docker.networks.create(NAME, NetworkConfig(options=dict(OPTIONS)))
