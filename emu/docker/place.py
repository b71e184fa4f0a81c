"""Where a container's programs run: its files, its environment, and its main program."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from emu.docker import files, links, resolv_conf
from emu.docker.errors import DockerError
from emu.docker.idle import idle
from emu.packet.address import ANY, ip_text
from emu.process import Main, Place

if TYPE_CHECKING:
    from emu.docker.engine import DockerEngine
    from emu.docker.model import Container, Endpoint

# one program and its arguments, for a shell; those words the shell itself knows
PLAIN_LINE = re.compile(
    r"(?:exec\s+)?(?!(?:cd|echo|exec|exit|export|false|for|if|read|set|test|true|until|wait|while|:|\[)\b)([\w./+-]+)(?:\s[^;&|<>`()]*)?"
)


def make(docker: DockerEngine, container: Container) -> None:
    """The files are the image's and Docker's; those that programs wrote survive a restart."""
    assert container.sandbox is not None
    host = docker.host
    old = container.place
    name = f"{host.name}/{container.name}"
    place = container.place = Place(docker.engine, name, container.sandbox.netns, container.hostname, host.find_program)
    place.cwd = container.config.workdir or container.image.workdir or "/"
    place.host, place.container, place.net_admin = host, container, container.config.net_admin
    if old is not None:
        place.files = old.files.seen_from(place.netns)
        place.files.processes = place.processes
    else:
        for path, text in container.image.files.items():
            place.files.write(path, text)
    place.files.proc_sys_read_only = not container.config.privileged
    links.check(docker, container)
    set_environment(docker, container)
    _write_files(docker, container, place)


def set_environment(docker: DockerEngine, container: Container) -> None:
    """What its programs start with: links may be overridden by `-e`."""
    assert container.place is not None
    env = container.place.env
    path = env["PATH"]
    env.clear()
    env |= {"PATH": path, "HOSTNAME": container.hostname, **links.environment(docker, container)}
    env.update(entry.partition("=")[::2] for entry in container.env)
    env.setdefault("HOME", "/root")


def _write_files(docker: DockerEngine, container: Container, place: Place) -> None:
    """A container in someone else's namespace has that one's files; on the host's it has a hosts file of its own once it adds a name."""
    assert container.sandbox is not None
    place.files.write("/etc/hostname", container.hostname + "\n")
    on_host = container.config.network_mode == "host"
    owner = docker.host.place if on_host else container.sandbox.container.place
    if owner is place or (on_host and container.config.extra_hosts):
        extra = [(name, address) for name, _, address in (entry.partition(":") for entry in container.config.extra_hosts)]
        extra = [(name, _host_gateway(docker, address)) for name, address in extra] + links.host_lines(docker, container)
        place.files.write("/etc/hosts", files.hosts(extra))
    else:
        assert owner is not None
        place.files.write("/etc/hosts", files.read(owner.files, "/etc/hosts"))
    if owner is place:
        return _write_resolv_conf(docker, container, place)
    assert owner is not None
    place.files.write("/etc/resolv.conf", files.read(owner.files, "/etc/resolv.conf"))
    if container.config.dns or container.config.dns_search or container.config.dns_options:
        _write_resolv_conf(docker, container, place)


def _host_gateway(docker: DockerEngine, address: str) -> str:
    """`--add-host NAME:host-gateway` means docker0's address."""
    return ip_text(docker.networks.find("bridge").gateway or ANY) if address == "host-gateway" else address


def _write_resolv_conf(docker: DockerEngine, container: Container, place: Place) -> None:
    assert container.sandbox is not None
    config, daemon = container.config, docker.config
    host = files.read(docker.host.place.files, "/etc/resolv.conf")
    dns, search, options = config.dns or daemon.dns, config.dns_search or daemon.dns_search, config.dns_options or daemon.dns_opts
    text, container.sandbox.upstreams = resolv_conf.initial(host, dns, search, options)
    place.files.write("/etc/resolv.conf", text)


def tell_parents(docker: DockerEngine, endpoint: Endpoint) -> None:
    """Containers that link to this one learn its address: in /etc/hosts, and in the environment of programs that they start from now on."""
    if endpoint.network.name != links.DEFAULT or endpoint.ip is None:
        return
    for alias, parent in links.parents(docker, endpoint.container):
        assert parent.place is not None
        parent.place.files.write("/etc/hosts", links.renamed(files.read(parent.place.files, "/etc/hosts"), alias, endpoint.ip))
        set_environment(docker, parent)


def not_found(name: str) -> str:
    """What the kernel, or the search along $PATH, says of a program that is not there."""
    return f"stat {name}: no such file or directory" if "/" in name else "executable file not found in $PATH"


def program(docker: DockerEngine, container: Container) -> Main:
    """What the container runs. Raises DockerError if its image is known to have no such program.

    A program that the image may well have, but emu has not, is stood in for.
    """
    assert container.place is not None
    image, name = container.image, container.command[0] if container.command else ""
    main = docker.host.find_program(container.place, name) if name else None
    line = PLAIN_LINE.fullmatch(container.command[-1]) if image.open and container.command[1:2] == ("-c",) else None
    if main is not None and line is not None and docker.host.find_program(container.place, line[1]) is None:
        main, name = None, line[1]  # a Dockerfile's CMD in the shell form
    if main is not None:
        return main
    if name and image.known and not image.open and not image.expose and not container.config.stand_in:
        text = "failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process"
        raise DockerError(400, f'{text}: exec: "{name}": {not_found(name)}: unknown')
    if name:
        docker.notice(f"{container.place.name}: there is no program {name} here; the container idles, and answers on its ports")
    ports = container.exposed if name or not image.known else (*image.expose, *container.config.expose)
    return idle(tuple(dict.fromkeys(ports)), f"{container.config.image} in {container.place.name}")
