"""One host's Docker engine: what dockerd 20.10 does (moby daemon/), as methods that speak of what the Engine API speaks of.

The `docker` program is its text front. All ids come from the lab's seed and the names given, so they are the same in each run.
Not modelled: container DNS (see files.py), `--link`, swarm, pulling images, pausing, volumes, health checks. Virtual time
passes only where a person would notice: a stop's grace period, and the moment until the engine has heard of a container's end.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from emu.docker import files, links, place
from emu.docker.checks import check_config, check_name
from emu.docker.config import DaemonConfig
from emu.docker.driver import Driver, find_driver
from emu.docker.errors import DockerError, no_such_container
from emu.docker.firewall import Firewall
from emu.docker.model import SHORT, Container, ContainerConfig, EndpointConfig, Image
from emu.docker.names import ADJECTIVES, SURNAMES
from emu.docker.networks import Networks
from emu.docker.port_mapping import PortMapper
from emu.docker.sandbox import open_sandbox
from emu.engine import MILLISECOND, SECOND, Future
from emu.packet import address
from emu.pipe import Pipe
from emu.process import Main, Place, Process

if TYPE_CHECKING:
    from random import Random

    from emu.host import Host
    from emu.netns.namespace import Netns
    from emu.packet.address import Ip

RESTART_NS, MINUTE_NS = 100 * MILLISECOND, 60 * SECOND  # before the first automatic restart, doubled each time; and the most
EXIT_NOTICE_NS = 20 * MILLISECOND  # from a container's end until the engine takes its network down
STOP_GRACE = 10.0  # seconds between SIGTERM and SIGKILL
KILLED = 137

Output = Callable[[str], None]


class DockerEngine:
    """A running dockerd. `images` are those that the lab names; `notices` are for the user to read once."""

    def __init__(
        self, host: Host, config: Mapping[str, Any] | DaemonConfig | None = None, images: Mapping[str, Image] | None = None
    ) -> None:
        self.host = host
        self.engine = host.engine
        self.netns = host.netns
        self.config = config if isinstance(config, DaemonConfig) else DaemonConfig.from_keys(config or {})
        self.images: Mapping[str, Image] = images if images is not None else {}
        self.notices: list[str] = []
        self.containers: dict[str, Container] = {}  # by id, in the order of creation
        self.pids: dict[int, Netns] = {}  # the namespace of each container's process, by the pid that the host sees
        self._drivers: dict[str, Driver] = {}
        self._given: Counter[str] = Counter()
        self.firewall = Firewall(self.netns, self.config.userland_proxy, self.config.iptables)
        self.ports = PortMapper(self.netns, self.firewall, self.config.userland_proxy, self.config.ip)
        self.networks = Networks(self)
        self._start_daemon()
        host.docker = self

    def _start_daemon(self) -> None:
        """Kernel settings, chains, the three networks that are always there."""
        self.netns.load_br_netfilter()
        self.firewall.set_up()
        if self.config.ip_forward and self.netns.sysctl.get("net.ipv4.ip_forward") == "0":
            self.netns.sysctl.set("net.ipv4.ip_forward", "1")
            self.firewall.drop_forwarded()
        self.networks.create_predefined()

    def down(self) -> None:
        """The machine goes down: all programs and proxies end, without a word to anyone."""
        for container in self.containers.values():
            for process in list(container.place.processes.values() if container.place is not None else ()):
                process.kill(KILLED)
            if container.sandbox is not None and container.sandbox.dns is not None:
                container.sandbox.dns.close()
        self.ports.close()

    # --- ids and lookups

    def stream(self, name: str) -> Random:
        return self.engine.stream(f"{self.host.name}/docker/{name}")

    def new_id(self, what: str) -> str:
        """64 hex digits that depend on what it is for, and on how often there was one of the kind before."""
        self._given[what] += 1
        return f"{self.stream(f'{what} {self._given[what]}').getrandbits(256):064x}"

    def driver(self, name: str) -> Driver:
        """Raises DockerError."""
        if name not in self._drivers:
            self._drivers[name] = find_driver(name)(self)
        return self._drivers[name]

    def find(self, text: str) -> Container:
        """A container by id, name or the beginning of an id. Raises DockerError."""
        if text in self.containers:
            return self.containers[text]
        for container in self.containers.values():
            if container.name == text.removeprefix("/"):
                return container
        begun = [container for container in self.containers.values() if text and container.id.startswith(text)]
        if len(begun) > 1:
            raise DockerError(400, f"Multiple IDs found with provided prefix: {text}")
        if not begun:
            raise no_such_container(text)
        return begun[0]

    def find_image(self, name: str) -> Image:
        """By its name as given, or without tag, digest and Docker's own registry; one that nobody described may hold anything."""
        for known in (name, _untagged(name)):
            if known in self.images:
                return self.images[known]
        self.notice(f"image {name} is not known here: its containers idle, and answer on the ports they expose or publish")
        return Image(name, known=False)

    def notice(self, text: str) -> None:
        if text not in self.notices:
            self.notices.append(text)

    def name_servers(self) -> list[Ip]:
        """Those of the host's resolv.conf."""
        lines = [line.split() for line in files.read(self.host.place.files, "/etc/resolv.conf").splitlines()]
        servers = []
        for words in lines:
            with suppress(ValueError):  # one of IPv6, or nonsense
                if len(words) > 1 and words[0] == "nameserver":
                    servers.append(address.ip(words[1]))
        return servers

    # --- containers

    def create(self, name: str, config: ContainerConfig) -> Container:
        """`docker create`; without a name it gets one. Raises DockerError."""
        check_config(config)
        identity = self.new_id(f"container {name}")
        anonymous = not name
        if name:
            check_name(name)
        else:
            name = self._new_name(identity)
        for other in self.containers.values():
            if other.name == name:
                taken = f'Conflict. The container name "/{name}" is already in use by container "{other.id}". '
                raise DockerError(409, taken + "You have to remove (or rename) that container to be able to reuse that name.")
        image = self.find_image(config.image)
        command = (*config.entrypoint, *(config.command or (() if config.entrypoint else image.command)))
        hostname = config.hostname or (self.host.place.hostname if config.network_mode == "host" else identity[:SHORT])
        container = Container(name, identity, config, image, command, hostname, self.engine.now)
        container.anonymous = anonymous
        container.links = links.register(self, config.links)
        container.networks = self._initial_networks(config)
        self.containers[identity] = container
        return container

    def _new_name(self, identity: str) -> str:
        stream = self.stream(f"name {identity}")
        return f"{stream.choice(ADJECTIVES)}_{stream.choice(SURNAMES)}"

    @staticmethod
    def _initial_networks(config: ContainerConfig) -> dict[str, EndpointConfig]:
        """The network of `--network`, then others. What is asked of the default network without naming it is not heard, but for the MAC."""
        mode = config.network_mode
        if mode.startswith("container:"):
            return {}
        if mode == "default":
            wanted = config.networks.get("default", EndpointConfig())
            return {"bridge": EndpointConfig(mac=wanted.mac)}
        return {mode: config.networks.get(mode, EndpointConfig()), **config.networks}

    def start(self, container: Container, on_output: Output | None = None, on_error: Output | None = None, stdin: Pipe | str = "") -> None:
        """`docker start`; a running container stays as it is. Raises DockerError, and the container stays as it was."""
        if container.running:
            return
        container.stopped, container.restarts = False, 0
        self._start(container, on_output, on_error, stdin)

    def _start(self, container: Container, on_output: Output | None, on_error: Output | None, stdin: Pipe | str) -> None:
        try:
            container.sandbox = open_sandbox(self, container)
            place.make(self, container)
            self._join_networks(container)
            main = place.program(self, container)
        except DockerError as error:
            container.error = error.message
            self._leave_networks(container)
            raise
        self._run(container, main, (on_output, on_error), stdin)

    def _join_networks(self, container: Container) -> None:
        """The default network first, the others in the order given (Docker's own order is undefined)."""
        wanted = sorted(container.networks.items(), key=lambda item: item[0] != "bridge")
        for name, config in wanted:
            network = self.networks.find(name)
            self.networks.check(network, config)
            self.networks.join(container, network, config)

    def _run(self, container: Container, main: Main, outputs: tuple[Output | None, Output | None], stdin: Pipe | str) -> None:
        assert container.place is not None
        assert container.sandbox is not None
        container.status, container.exit_code, container.error = "running", 0, ""
        container.started_ns, container.finished_ns = self.engine.now, 0
        container.ended = Future(self.engine)
        container.pid = self.host.place.next_pid()
        self.pids[container.pid] = container.sandbox.netns

        def logged(listener: Output | None) -> Output:
            def output(text: str) -> None:
                container.log += text
                if listener is not None:
                    listener(text)

            return output

        argv = list(container.command) or ["idle"]
        process = Process(container.place, argv, dict(container.place.env), stdin, *map(logged, outputs))
        process.daemon = True
        container.process = process
        process.exited.on_done(lambda: self._exited(container, process))
        process.begin(main)

    # --- a container's end

    def _exited(self, container: Container, process: Process) -> None:
        """Process 1 has ended: the kernel kills the others, and soon the engine hears of it."""
        assert container.place is not None
        for other in list(container.place.processes.values()):
            other.kill(KILLED)
        self.engine.call_later(EXIT_NOTICE_NS, self._finish, container, process)

    def _finish(self, container: Container, process: Process) -> None:
        """Its network goes, its addresses and ports are free again."""
        container.status = "exited"
        container.exit_code = process.exit_status or 0
        container.finished_ns = self.engine.now
        self._leave_networks(container)
        self.pids.pop(container.pid, None)
        container.pid = 0
        if container.config.auto_remove:
            self.containers.pop(container.id, None)
        elif not container.stopped and _to_be_restarted(container):
            delay_ns = min(RESTART_NS << min(container.restarts, 16), MINUTE_NS)
            container.restarts += 1
            self.engine.call_later(delay_ns, self._start_again, container, background=True)
        assert container.ended is not None
        container.ended.set_result(container.exit_code)

    def _start_again(self, container: Container) -> None:
        """By its restart policy; what goes wrong is noted with the container."""
        if container.id in self.containers and not container.stopped and not container.running:
            with suppress(DockerError):
                self._start(container, None, None, "")

    def _leave_networks(self, container: Container) -> None:
        for endpoint in list(container.endpoints.values()):
            self.networks.leave(endpoint)
        sandbox, container.sandbox = container.sandbox, None
        shared = any(other.sandbox is sandbox for other in self.containers.values())
        if sandbox is not None and sandbox.netns is not self.netns and not shared:
            sandbox.close(self.host)

    async def wait(self, container: Container) -> int:
        """`docker wait`: its exit status, once it has ended."""
        if container.running and container.ended is not None:
            return await container.ended
        return container.exit_code

    async def stop(self, container: Container, seconds: float = STOP_GRACE) -> None:
        """SIGTERM, which process 1 hears only if it has a handler, and SIGKILL after a while."""
        container.stopped = True
        if not container.running or container.process is None or container.ended is None:
            return
        if container.stop_status is not None:
            container.process.kill(container.stop_status)
        else:
            await self._wait_for(container.process.exited, seconds)
            container.process.kill(KILLED)
        await container.ended

    async def _wait_for(self, future: Future[int], seconds: float) -> None:
        either: Future[None] = Future(self.engine)
        future.on_done(lambda: either.set_result(None))
        timer = self.engine.call_later(round(seconds * SECOND), either.set_result, None)
        await either
        timer.cancel()

    async def kill(self, container: Container, signal: int = 9) -> None:
        """`docker kill`. A signal other than KILL does what TERM does to process 1. Raises DockerError."""
        if not container.running or container.process is None or container.ended is None:
            raise DockerError(409, f"Cannot kill container: {container.name}: Container {container.id} is not running")
        container.stopped = True
        if signal == 9:
            container.process.kill(KILLED)
        elif container.stop_status is not None:
            container.process.kill(container.stop_status)
        else:
            return
        await container.ended

    async def restart(self, container: Container, seconds: float = STOP_GRACE) -> None:
        await self.stop(container, seconds)
        self.start(container)

    async def remove(self, container: Container, *, force: bool = False) -> None:
        """Raises DockerError for a running container, unless forced."""
        if container.running:
            if not force:
                text = f"You cannot remove a running container {container.id}. Stop the container before attempting removal or force remove"
                raise DockerError(409, text)
            await self.kill(container)
        self.containers.pop(container.id, None)

    def check_exec(self, container: Container, argv: list[str]) -> Place:
        """Where another program of the container would run. Raises DockerError if it is not running, or has no such program."""
        if not container.running or container.place is None:
            raise DockerError(409, f"Container {container.id} is not running")
        links.check(self, container)
        if self.host.find_program(container.place, argv[0]) is None:
            failed = f'exec: "{argv[0]}": executable file not found in $PATH: unknown'
            raise DockerError(400, f"OCI runtime exec failed: exec failed: unable to start container process: {failed}")
        return container.place


def _to_be_restarted(container: Container) -> bool:
    policy, _, most = container.config.restart.partition(":")
    if policy == "on-failure":
        return container.exit_code != 0 and (not most or container.restarts < int(most))
    return policy in ("always", "unless-stopped")


def _untagged(name: str) -> str:
    """`nginx` of `docker.io/library/nginx:1.25@sha256:…`."""
    head, slash, tail = name.partition("@")[0].rpartition("/")
    path = head + slash + tail.partition(":")[0]
    for prefix in ("docker.io/", "index.docker.io/", "library/"):
        path = path.removeprefix(prefix)
    return path
