"""`docker run` and `docker create`: from flags to what the engine is asked for (docker/cli container/opts.go, go-connections nat)."""

from __future__ import annotations

from emu.docker.errors import DockerError
from emu.docker.model import Container, ContainerConfig, EndpointConfig, Port, PortBinding
from emu.packet import address
from emu.process import Process, UsageError
from emu.programs.docker import names
from emu.programs.docker.lifecycle import engine_of
from emu.programs.docker.options import Command, Options, parse

PROTOCOLS = ("tcp", "udp", "sctp")
TEXTS = ("name", "hostname/h", "domainname", "ip", "mac-address", "entrypoint", "restart")
LISTS = (
    "publish/p", "expose", "network", "net", "network-alias", "net-alias", "env/e", "add-host", "dns", "label/l", "sysctl", "cap-add",
    "cap-drop", "link", "dns-search", "dns-option", "dns-opt",
)  # fmt: skip
SWITCHES = ("interactive/i", "tty/t", "rm", "publish-all/P", "privileged")
IGNORED_SWITCHES = ("init", "read-only", "oom-kill-disable", "no-healthcheck", "sig-proxy")
IGNORED_TEXTS = (
    "volume/v", "mount", "tmpfs", "workdir/w", "user/u", "memory/m", "cpus", "cpu-shares/c", "cpuset-cpus", "memory-swap",
    "pids-limit", "shm-size", "ulimit", "device", "security-opt", "log-driver", "log-opt", "pull", "platform",
    "runtime", "gpus", "group-add", "health-cmd", "health-interval", "stop-signal", "stop-timeout", "attach/a", "detach-keys",
    "cidfile", "storage-opt", "volumes-from", "label-file",
)  # fmt: skip
REFUSED = (
    "ip6", "link-local-ip", "env-file", "pid", "ipc", "uts", "userns", "cgroupns", "isolation",
)  # fmt: skip
RUN = Command(
    "docker run", "[OPTIONS] IMAGE [COMMAND] [ARG...]", "Run a command in a new container", 1, switches=(*SWITCHES, "detach/d"),
    texts=TEXTS, lists=LISTS, ignored_switches=IGNORED_SWITCHES, ignored_texts=IGNORED_TEXTS, refused=REFUSED, stops=True,
)  # fmt: skip
CREATE = Command(
    "docker create", "[OPTIONS] IMAGE [COMMAND] [ARG...]", "Create a new container", 1, switches=SWITCHES,
    texts=TEXTS, lists=LISTS, ignored_switches=IGNORED_SWITCHES, ignored_texts=IGNORED_TEXTS, refused=REFUSED, stops=True,
)  # fmt: skip
HOST_PORTS = "WARNING: Published ports are discarded when using host network mode"
FAILED, NOT_FOUND = 125, 127


async def run(process: Process, words: list[str]) -> int:
    options = parse(RUN, words)
    try:
        container = _create(process, RUN, options)
    except (DockerError, ValueError) as error:
        raise UsageError(_report(error) + "\nSee 'docker run --help'.", FAILED) from None
    docker = engine_of(process)
    if options.on("detach"):
        process.print(container.id)
    stdin = None if options.on("detach") else process.stdin if options.on("interactive") else ""
    try:
        docker.life.start(container, on_output=None if options.on("detach") else process.put, on_error=process.put_error, stdin=stdin)
    except DockerError as error:
        if container.config.auto_remove:
            await docker.life.remove(container)
        raise UsageError(_report(error), NOT_FOUND if "executable file not found" in error.message else FAILED) from None
    if options.on("detach"):
        return 0
    assert container.process is not None
    await process.follow(container.process)
    return await docker.life.wait(container)


async def create(process: Process, words: list[str]) -> int:
    options = parse(CREATE, words)
    try:
        process.print(_create(process, CREATE, options).id)
    except ValueError as error:
        raise UsageError(f"{error}\nSee 'docker create --help'.", FAILED) from None
    return 0


def _report(error: Exception) -> str:
    """Docker's client ends the daemon's sentence."""
    daemon = "Error response from daemon: " if isinstance(error, DockerError) else ""
    return f"docker: {daemon}{str(error).removesuffix('.')}."


def _create(process: Process, command: Command, options: Options) -> Container:
    """Raises DockerError from the daemon, ValueError for what the client finds wrong."""
    config = _config(process, command, options)
    if config.network_mode == "host" and (config.publish or config.publish_all):
        process.error(HOST_PORTS)
    return engine_of(process).create(options.text("name"), config)


def _config(process: Process, command: Command, options: Options) -> ContainerConfig:
    image, *words = options.arguments
    links = names.links_of(command, options)
    networks = [*options.all("network"), *options.all("net")]
    if len(networks) > 1:
        raise DockerError(400, f"Container cannot be connected to network endpoints: {', '.join(networks)}")
    mode, endpoint = _endpoint(networks[0] if networks else "default", options)
    user_defined = mode not in ("default", "bridge", "host", "none") and not mode.startswith("container:")
    endpoint.links = tuple((alias, name) for name, alias in links) if user_defined else ()
    entrypoint = options.text("entrypoint")
    return ContainerConfig(
        image=image,
        command=tuple(words),
        entrypoint=((entrypoint,) if entrypoint else ()) if options.given("entrypoint") else None,
        hostname=options.text("hostname"),
        env=tuple(_variable(process, entry) for entry in options.all("env")),
        expose=tuple(port for entry in options.all("expose") for port in _exposed(entry)),
        publish=tuple(binding for entry in options.all("publish") for binding in bindings(entry)),
        publish_all=options.on("publish-all"),
        network_mode=mode,
        networks={mode: endpoint} if endpoint != EndpointConfig() else {},
        extra_hosts=tuple(options.all("add-host")),
        dns=names.servers(command, options),
        dns_search=names.domains(command, options),
        dns_options=(*options.all("dns-option"), *options.all("dns-opt")),
        domainname=options.text("domainname"),
        links=() if user_defined else links,
        auto_remove=options.on("rm"),
        restart=options.text("restart", "no"),
        interactive=options.on("interactive"),
        tty=options.on("tty"),
        labels=dict(entry.partition("=")[::2] for entry in options.all("label")),
        sysctls=dict(entry.partition("=")[::2] for entry in options.all("sysctl")),
        privileged=options.on("privileged"),
        cap_add=tuple(options.all("cap-add")),
        cap_drop=tuple(options.all("cap-drop")),
    )


def _endpoint(network: str, options: Options) -> tuple[str, EndpointConfig]:
    """`--network NAME` or `--network name=NAME,alias=ALIAS,ip=ADDRESS`, and the flags for it."""
    aliases = [*options.all("network-alias"), *options.all("net-alias")]
    ip, mac = options.text("ip") or None, options.text("mac-address") or None
    if "=" in network and not network.startswith("container:"):
        for part in network.split(","):
            key, _, value = part.partition("=")
            if key == "name":
                network = value
            elif key == "alias":
                aliases.append(value)
            elif key == "ip":
                ip = value
            else:
                raise ValueError(f"--network: '{key}' is not modelled")
    if ip is not None:
        _check(address.ip, ip, f"invalid IPv4 address: {ip}")
    if mac is not None:
        _check(address.mac, mac, f"{mac} is not a valid mac address")
    return network, EndpointConfig(ip, mac, tuple(aliases))


def _check(read: object, text: str, wrong: str) -> None:
    try:
        read(text)  # type: ignore[operator]
    except ValueError:
        raise ValueError(wrong) from None


def _variable(process: Process, entry: str) -> str:
    """`-e NAME` takes the value from the client's own environment."""
    return entry if "=" in entry else f"{entry}={process.env.get(entry, '')}"


def _exposed(entry: str) -> list[Port]:
    numbers, _, protocol = entry.partition("/")
    first, last = _range(numbers, f"invalid range format for --expose: {entry}")
    return [(port, _protocol(protocol)) for port in range(first, last + 1)]


def bindings(entry: str) -> list[PortBinding]:
    """`80`, `8080:80`, `127.0.0.1::80`, `8000-8010:80`, `8000-8002:80-82/udp`. Raises ValueError in Docker's words."""
    rest, _, protocol = entry.partition("/")
    protocol = _protocol(protocol)
    front, _, inner = rest.rpartition(":")
    host_ip, _, outer = front.rpartition(":")
    if not inner:
        raise ValueError(f"No port specified: {entry}<empty>")
    if host_ip:
        _check(address.ip, host_ip, f"Invalid ip address: {host_ip}")
    first, last = _range(inner, f"Invalid containerPort: {inner}")
    if not outer:
        return [PortBinding(port, protocol, host_ip) for port in range(first, last + 1)]
    low, high = _range(outer, f"Invalid hostPort: {outer}")
    if high - low == last - first:
        return [PortBinding(first + offset, protocol, host_ip, low + offset, low + offset) for offset in range(high - low + 1)]
    if first != last:
        raise ValueError(f"Invalid ranges specified for container and host Ports: {inner} and {outer}")
    return [PortBinding(first, protocol, host_ip, low, high)]


def _range(text: str, wrong: str) -> tuple[int, int]:
    first, dash, last = text.partition("-")
    numbers = [first, last if dash else first]
    if not all(number.isascii() and number.isdigit() and int(number) < 65536 for number in numbers) or int(numbers[0]) > int(numbers[1]):
        raise ValueError(wrong)
    return int(numbers[0]), int(numbers[1])


def _protocol(text: str) -> str:
    protocol = text.lower() or "tcp"
    if protocol not in PROTOCOLS:
        raise ValueError(f"Invalid proto: {text}")
    return protocol
