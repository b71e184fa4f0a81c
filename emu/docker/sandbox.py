"""A container's network namespace as Docker keeps it (libnetwork sandbox.go): interfaces, default route, who publishes the ports.

Of its endpoints with a gateway, the one whose network's name comes first in byte order, internal ones last, gives the default route and
publishes the ports; both move when a better one is connected or the best one goes. If none has a gateway (overlay networks), a bridge of
the host's, docker_gwbridge, is the way out. Not modelled: endpoint priorities.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from emu.docker import gateway, resolv_conf
from emu.docker.dns import EmbeddedServer
from emu.docker.drivers.bridge import PREFIX
from emu.docker.errors import DockerError
from emu.docker.ipam import Prefix
from emu.docker.model import SHORT, Container, Endpoint, PortBinding
from emu.netns.fib import Route
from emu.netns.namespace import Netns
from emu.packet.address import ANY, ip_text

if TYPE_CHECKING:
    from emu.docker.engine import DockerEngine
    from emu.docker.resolv_conf import Upstream


def open_sandbox(docker: DockerEngine, container: Container) -> Sandbox:
    """A namespace of the container's own, the host's, or another container's. Raises DockerError."""
    mode = container.config.network_mode
    if mode.startswith("container:"):
        owner = docker.find(mode.removeprefix("container:"))
        if owner is container:
            raise DockerError(400, "cannot join own network")
        if not owner.running or owner.sandbox is None:
            raise DockerError(409, f"cannot join network of a non running container: {owner.id}")
        container.hostname = owner.hostname
        return owner.sandbox
    container.sandbox_id = docker.new_id(f"sandbox {container.id}")
    if mode == "host":
        return Sandbox(container, docker.netns)
    netns = new_namespace(docker, f"{docker.host.name}/{container.name}")
    docker.name_namespace(container.sandbox_id[:SHORT], netns)
    netns.sysctl.set("net.ipv4.ip_unprivileged_port_start", "0")
    netns.sysctl.set("net.ipv4.ping_group_range", "0 2147483647")
    for key, value in container.config.sysctls.items():
        _set_sysctl(netns, key, value)
    return Sandbox(container, netns)


def new_namespace(docker: DockerEngine, name: str) -> Netns:
    """One that Docker makes, with `lo` up."""
    times = docker.count(f"namespace {name}")
    netns = Netns(docker.engine, name, name if times == 1 else f"{name} {times}")
    netns.set_up(netns.device("lo"))
    netns.load_br_netfilter()  # of the whole machine: every namespace has its sysctls
    for watcher in docker.host.on_namespace:
        watcher(netns)
    return netns


def _set_sysctl(netns: Netns, key: str, value: str) -> None:
    try:
        netns.sysctl.set(key, value)
    except KeyError:
        raise DockerError(400, f"sysctl {key} is not modelled") from None
    except ValueError:
        raise DockerError(400, f"write sysctl key {key}: invalid argument: unknown") from None


class Sandbox:
    """The namespace of one container, or of the containers that share it."""

    def __init__(self, container: Container, netns: Netns) -> None:
        self.container = container
        self.netns = netns
        self.endpoints: list[Endpoint] = []
        self.upstreams: list[Upstream] = []  # whom Docker's own DNS server asks
        self.dns: EmbeddedServer | None = None
        self.gateway: Endpoint | None = None  # on docker_gwbridge
        self.wants_way_out = True
        self._numbers: dict[str, int] = {}  # of interfaces, for each prefix; they only grow
        self._outward: Endpoint | None = None
        self._default_route: Route | None = None

    def join(self, endpoint: Endpoint) -> None:
        """Raises DockerError; the endpoint has left again then."""
        self._put_in(endpoint)
        try:
            self._choose_gateway(endpoint.network.driver.docker)
        except DockerError:
            self.leave(endpoint)
            raise

    def _put_in(self, endpoint: Endpoint) -> None:
        self._check_conflict(endpoint)
        if not endpoint.network.predefined and self.dns is None:
            self._start_dns(endpoint.network.driver.docker)
        prefix = endpoint.network.config.options.get(PREFIX, "eth")
        number = self._numbers.get(prefix, 0)
        name = f"{prefix}{number}"
        if endpoint.network.driver.join(endpoint, self.netns, name):
            endpoint.interface = name
            self._numbers[prefix] = number + 1
        self.endpoints.append(endpoint)
        try:
            self._choose_way_out()
        except DockerError as error:
            self._take_out(endpoint)
            text = f"driver failed programming external connectivity on endpoint {endpoint.name} ({endpoint.id}): {error.message}"
            raise DockerError(error.status, text) from None

    def _start_dns(self, docker: DockerEngine) -> None:
        """With the first user-defined network; it stays until the namespace goes."""
        assert self.container.place is not None
        files = self.container.place.files
        text = files.read("/etc/resolv.conf")
        self.dns = EmbeddedServer(docker, self, self.upstreams, resolv_conf.has_ndots(text))
        files.write("/etc/resolv.conf", resolv_conf.embedded(text))

    def in_order(self) -> list[Endpoint]:
        """The endpoints as Docker goes through them."""
        return sorted(self.endpoints, key=_preference)

    def close(self, docker: DockerEngine) -> None:
        """Its last container has ended; a name that `ip netns attach` has given keeps the namespace."""
        docker.forget_namespace(self.container.sandbox_id[:SHORT])
        host = docker.host
        if self.dns is not None:
            self.dns.close()
        if self.netns not in host.namespaces.values():
            host.close_namespace(self.netns)

    def leave(self, endpoint: Endpoint) -> None:
        self._take_out(endpoint)
        with suppress(DockerError):
            self._choose_gateway(endpoint.network.driver.docker)

    def _choose_gateway(self, docker: DockerEngine) -> None:
        """Be on docker_gwbridge as long as there is need for it. Raises DockerError."""
        needed = self.wants_way_out and gateway.is_needed(self.endpoints)
        if needed and self.gateway is None:
            self.gateway = gateway.make(docker, self)
            try:
                self._put_in(self.gateway)
            except DockerError:
                docker.networks.drop_endpoint(self.gateway)
                self.gateway = None
                raise
        elif not needed and self.gateway is not None:
            self._take_out(self.gateway)
            docker.networks.drop_endpoint(self.gateway)
            self.gateway = None

    def _take_out(self, endpoint: Endpoint) -> None:
        self.endpoints.remove(endpoint)
        if endpoint is self._outward:
            self._close_way_out()
        endpoint.network.driver.leave(endpoint)
        endpoint.interface = ""
        with suppress(DockerError):  # Docker logs a warning, and goes on
            self._choose_way_out()

    def _choose_way_out(self) -> None:
        ways = (endpoint for endpoint in self.endpoints if endpoint.gateway is not None and endpoint.interface)
        best = min(ways, key=_preference, default=None)
        if best is self._outward:
            return
        self._close_way_out()
        self._outward = best
        if best is None:
            return
        self._default_route = Route(ANY, 0, dev=self.netns.devices[best.interface], via=best.gateway)
        self.netns.fib.add(self._default_route)
        best.network.driver.publish(best, bindings_of(self.container))

    def _close_way_out(self) -> None:
        if self._outward is None:
            return
        self._outward.network.driver.unpublish(self._outward)
        if self._default_route in self.netns.fib.routes:
            self.netns.fib.remove(self._default_route)
        self._outward = self._default_route = None

    def _check_conflict(self, endpoint: Endpoint) -> None:
        """A new interface may not overlap a route that is there."""
        if endpoint.ip is None:
            return
        subnet = Prefix.parse(f"{ip_text(endpoint.ip)}/{endpoint.length}")
        for route in self.netns.fib.routes:
            if route.length and Prefix(route.dst, route.length).overlaps(subnet):
                dst, src = f"{ip_text(route.dst)}/{route.length}", ip_text(route.src) if route.src else "<nil>"
                shown = f"{{Ifindex: {route.dev.ifindex if route.dev else 0} Dst: {dst} Src: {src} Gw: <nil> Flags: [] Table: 254}}"
                address = f"{ip_text(endpoint.ip)}/{endpoint.length}"
                text = f"cannot program address {address} in sandbox interface because it conflicts with existing route {shown}"
                raise DockerError(403, text)


def _preference(endpoint: Endpoint) -> tuple[bool, str]:
    return endpoint.network.internal, endpoint.network.name


def bindings_of(container: Container) -> list[PortBinding]:
    """What `-p` names, and with `-P` a port of the engine's choice for every other exposed one."""
    bindings = list(container.config.publish)
    if container.config.publish_all:
        named = {(binding.port, binding.protocol) for binding in bindings}
        bindings += [PortBinding(port, protocol) for port, protocol in container.exposed if (port, protocol) not in named]
    return bindings
