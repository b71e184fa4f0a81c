"""`docker run` and `docker create`: from flags to what the engine is asked for (docker/cli container/{run,create,opts}.go).

Flags on storage, resources and security are accepted: they don't touch the network.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from emu.docker.checks import check_extra_host
from emu.docker.errors import DockerError
from emu.docker.model import Container, ContainerConfig, EndpointConfig
from emu.packet import address
from emu.process import SIGPIPE, Process, UsageError
from emu.programs.docker import names, ports
from emu.programs.docker.engine import engine_of
from emu.programs.docker.options import Command, Options
from emu.programs.docker.run_flags import FLAGS, NOT_OF_CREATE

if TYPE_CHECKING:
    from collections.abc import Callable

HIDDEN = (("net", "network"), ("net-alias", "network-alias"), ("dns-opt", "dns-option"))
REFUSED = ("ip6", "link-local-ip", "pid", "ipc", "uts", "userns", "isolation", "label-file", "cidfile")
RUN = Command(
    "docker run", "[OPTIONS] IMAGE [COMMAND] [ARG...]", "Run a command in a new container", 1, flags=FLAGS, hidden=HIDDEN,
    refused=REFUSED, stops=True,
)  # fmt: skip
CREATE_FLAGS = "\n".join(line for line in FLAGS.strip().splitlines() if not re.match(rf"(-\w, )?--({'|'.join(NOT_OF_CREATE)})\s", line))
CREATE = Command(
    "docker create", "[OPTIONS] IMAGE [COMMAND] [ARG...]", "Create a new container", 1, flags=CREATE_FLAGS, hidden=HIDDEN,
    refused=REFUSED, stops=True,
)  # fmt: skip
HOST_PORTS = "WARNING: Published ports are discarded when using host network mode"
NO_FORWARDING = "WARNING: IPv4 forwarding is disabled. Networking will not work."
SYSCTLS = re.compile(r"net\..+|fs\.mqueue\..+|kernel\.(msgmax|msgmnb|msgmni|sem|shmall|shmmax|shmmni|shm_rmid_forced)")
GIVEN_UP = "ERRO[0000] error waiting for container: context canceled "  # as on a terminal
FAILED, NOT_INVOKED, NOT_FOUND = 125, 126, 127


async def run(process: Process, options: Options) -> int:
    try:
        container = _create(process, options)
    except (DockerError, ValueError) as error:
        raise UsageError(_report(error) + "\nSee 'docker run --help'.", FAILED) from None
    life = engine_of(process).life
    detached = options.on("detach")
    if detached:
        process.print(container.id)
    stdin = None if detached else process.stdin if options.on("interactive") else ""
    try:
        life.start(container, None if detached else _shown(process, process.put), None if detached else process.put_error, stdin)
    except DockerError as error:
        report = _report(error)
        if container.config.auto_remove:
            await life.remove(container)
        elif not detached:
            report += f"\n{GIVEN_UP}"
        raise UsageError(report, _status(error)) from None
    if detached:
        return 0
    program = container.process
    assert program is not None
    process.at_exit(lambda: None if process.exit_status == SIGPIPE else program.kill())
    await program.exited
    return await life.wait(container)


def _shown(process: Process, put: Callable[[str], None]) -> Callable[[str], None]:
    """A client whose output nobody reads any more ends; the container goes on."""

    def show(text: str) -> None:
        if process.exit_status is None:
            try:
                put(text)
            except BrokenPipeError:
                process.kill(SIGPIPE)

    return show


async def create(process: Process, options: Options) -> int:
    try:
        process.print(_create(process, options).id)
    except ValueError as error:
        raise UsageError(f"docker: {error}.\nSee 'docker create --help'.", FAILED) from None
    return 0


def _report(error: Exception) -> str:
    """Docker's client ends the daemon's sentence."""
    daemon = "Error response from daemon: " if isinstance(error, DockerError) else ""
    return f"docker: {daemon}{str(error).removesuffix('.')}."


def _status(error: DockerError) -> int:
    if "executable file not found" in error.message or "no such file or directory" in error.message:
        return NOT_FOUND
    return NOT_INVOKED if "permission denied" in error.message else FAILED


def _create(process: Process, options: Options) -> Container:
    """Raises DockerError from the daemon, ValueError or UsageError for what the client finds wrong."""
    config = _config(process, options)
    if config.network_mode == "host" and config.publish:
        process.error(HOST_PORTS)
    docker = engine_of(process)
    container = docker.create(options.text("name"), config)
    if config.network_mode not in ("host", "none") and docker.netns.sysctl.get("net.ipv4.ip_forward") == "0":
        process.error(NO_FORWARDING)
    return container


def _config(process: Process, options: Options) -> ContainerConfig:
    image, *command = options.arguments
    _check_values(options)
    links = names.links_of(options)
    networks = options.all("network")
    if len(networks) > 1:
        raise DockerError(400, f"Container cannot be connected to network endpoints: {', '.join(networks)}")
    mode, endpoint = _endpoint(networks[0] if networks else "default", options)
    user_defined = mode not in ("default", "bridge", "host", "none") and not mode.startswith("container:")
    if links and not user_defined and mode not in ("default", "bridge"):
        raise ValueError("links are only supported for user-defined networks")
    endpoint.links = tuple((alias, name) for name, alias in links) if user_defined else ()
    entrypoint = options.text("entrypoint")
    return ContainerConfig(
        image=image,
        command=tuple(command),
        entrypoint=((entrypoint,) if entrypoint else ()) if options.given("entrypoint") else None,
        hostname=options.text("hostname"),
        env=environment(process, options),
        expose=tuple(port for entry in options.all("expose") for port in ports.exposed(entry)),
        publish=tuple(binding for entry in options.all("publish") for binding in ports.bindings(entry)),
        publish_all=options.on("publish-all"),
        network_mode=mode,
        networks={mode: endpoint} if endpoint != EndpointConfig() else {},
        extra_hosts=tuple(options.all("add-host")),
        dns=names.servers(options),
        dns_search=names.domains(options),
        dns_options=tuple(options.all("dns-option")),
        domainname=options.text("domainname"),
        links=() if user_defined else links,
        auto_remove=options.on("rm"),
        restart=options.text("restart", "no") or "no",
        interactive=options.on("interactive"),
        tty=options.on("tty"),
        workdir=options.text("workdir"),
        init=options.on("init"),
        stop_timeout=options.number("stop-timeout", 10),
        labels=dict(entry.partition("=")[::2] for entry in options.all("label")),
        sysctls=dict(entry.partition("=")[::2] for entry in options.all("sysctl")),
        privileged=options.on("privileged"),
        cap_add=tuple(options.all("cap-add")),
        cap_drop=tuple(options.all("cap-drop")),
    )


def _check_values(options: Options) -> None:
    """What the client refuses by itself. Raises UsageError or ValueError."""
    for entry in options.all("add-host"):
        try:
            check_extra_host(entry)
        except DockerError as wrong:
            raise options.wrong("add-host", entry, wrong.message) from None
    for entry in options.all("label"):
        if not entry.partition("=")[0]:
            raise options.wrong("label", entry, f"invalid label '{entry}': empty name")
    for entry in options.all("sysctl"):
        if not SYSCTLS.fullmatch(entry.partition("=")[0]):
            raise options.wrong("sysctl", entry, f"sysctl '{entry}' is not whitelisted")
    policy, _, most = options.text("restart").partition(":")
    if most and not most.isdigit():
        raise ValueError("maximum retry count must be an integer")
    if policy not in ("", "no") and options.on("rm"):
        raise ValueError("Conflicting options: --restart and --rm")
    if options.text("mac-address"):
        _check(address.mac, options.text("mac-address"), f"{options.text('mac-address')} is not a valid mac address")


def _endpoint(network: str, options: Options) -> tuple[str, EndpointConfig]:
    """`--network NAME` or `--network name=NAME,alias=ALIAS,ip=ADDRESS`, and the flags for it."""
    aliases = list(options.all("network-alias"))
    ip, mac = options.text("ip") or None, options.text("mac-address") or None
    if "=" in network and not network.startswith("container:"):
        for part in network.split(","):
            key, _, value = part.partition("=")
            if key == "name":
                network = value
            elif key == "alias":
                aliases.append(value)
            else:
                raise ValueError(f"invalid field key {key}")
    if aliases and (network in ("bridge", "host", "none") or network.startswith("container:")):
        raise ValueError("network-scoped aliases are only supported for user-defined networks")
    return network, EndpointConfig(ip, mac, tuple(aliases))


def _check(read: Callable[[str], object], text: str, wrong: str) -> None:
    try:
        read(text)
    except ValueError:
        raise ValueError(wrong) from None


def environment(process: Process, options: Options) -> tuple[str, ...]:
    """Files first, then `-e`; `-e NAME` takes the value from the client's own environment, and nothing if there is none."""
    lines: list[str] = []
    for path in options.all("env-file"):
        if not process.place.files.exists(process.path(path)):
            raise ValueError(f"open {path}: no such file or directory")
        texts = (line.lstrip() for line in process.place.files.read(process.path(path)).splitlines())
        lines += [line for line in texts if line and not line.startswith("#")]
    for entry in options.all("env"):
        if not entry.partition("=")[0]:
            raise options.wrong("env", entry, f"invalid environment variable: {entry}")
        lines.append(entry)
    return tuple(line if "=" in line else f"{line}={process.env[line]}" for line in lines if "=" in line or line in process.env)


COMMANDS = {"run": (RUN, run), "create": (CREATE, create)}
