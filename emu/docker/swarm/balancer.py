"""The namespace that each node of a swarm has on each of its networks, to balance the load of services there (libnetwork service_linux.go):
`lb_…`, and `ingress_sbox` of the ingress network. Nothing goes through it as long as there are no services.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from emu.docker import files, resolv_conf
from emu.docker.model import Container, ContainerConfig, EndpointConfig, Image
from emu.docker.sandbox import Sandbox, new_namespace
from emu.process import Place

if TYPE_CHECKING:
    from emu.docker.engine import DockerEngine
    from emu.docker.model import Network
    from emu.netns.namespace import Netns

ID_PART = 9


class Balancer:
    """What libnetwork keeps as a container that nobody sees. `file` is its name in /var/run/docker/netns."""

    def __init__(self, docker: DockerEngine, network: Network) -> None:
        assert network.shared is not None
        ingress = network.shared.ingress
        self.docker = docker
        self.network = network
        self.file = "ingress_sbox" if ingress else f"lb_{network.id[:ID_PART]}"
        identity = "ingress-sbox" if ingress else f"lb-{network.name}"
        name = f"{docker.host.name}/{place_name(identity)}"
        netns = new_namespace(docker, name)
        container = self.container = Container(
            f"{network.name}-endpoint", identity, ContainerConfig(""), Image(""), (), identity, docker.engine.now
        )
        container.place = Place(docker.engine, name, netns, identity, docker.host.find_program)  # its files are not the host's
        container.sandbox_id = self.file
        container.sandbox = self.sandbox = Sandbox(container, netns)
        self.sandbox.wants_way_out = ingress
        servers = files.read(docker.host.place.files, "/etc/resolv.conf")
        text, self.sandbox.upstreams = resolv_conf.initial(servers, docker.config.dns, docker.config.dns_search, docker.config.dns_opts)
        container.place.files.write("/etc/resolv.conf", text)

    def open(self) -> None:
        """Raises DockerError."""
        docker = self.docker
        docker.name_namespace(self.file, self.sandbox.netns, seen_by(docker, self.sandbox.netns))
        docker.networks.join(self.container, self.network, EndpointConfig(), named=False)

    def close(self) -> None:
        for endpoint in list(self.container.endpoints.values()):
            self.docker.networks.leave(endpoint)
        self.sandbox.close(self.docker)


def seen_by(docker: DockerEngine, netns: Netns) -> Place:
    """The host's programs in one of Docker's namespaces, as with nsenter."""
    place = docker.host.place.in_netns(netns)
    place.name = netns.name
    return place


def place_name(name: str) -> str:
    """A network's name as part of a place's."""
    return re.sub(r"[^\w.-]", "_", name)
