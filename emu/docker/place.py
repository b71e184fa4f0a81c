"""Where a container's programs run: its files, its environment, and its main program."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu.docker import files
from emu.docker.errors import DockerError
from emu.docker.idle import idle
from emu.packet.address import ANY, ip_text
from emu.process import Main, Place

if TYPE_CHECKING:
    from emu.docker.engine import DockerEngine
    from emu.docker.model import Container


def make(docker: DockerEngine, container: Container) -> None:
    """The files are the image's and Docker's; those that programs wrote survive a restart."""
    assert container.sandbox is not None
    host = docker.host
    old = container.place
    name = f"{host.name}/{container.name}"
    place = container.place = Place(docker.engine, name, container.sandbox.netns, container.hostname, host.find_program)
    place.host, place.container, place.net_admin = host, container, container.config.net_admin
    if old is not None:
        place.files = old.files
    else:
        for path, text in container.image.files.items():
            place.files.write(path, text)
    place.files.proc_sys_read_only = not container.config.privileged
    place.env["HOSTNAME"] = container.hostname
    place.env.update(entry.partition("=")[::2] for entry in container.config.env)
    place.env.setdefault("HOME", "/root")
    _write_files(docker, container, place)


def _write_files(docker: DockerEngine, container: Container, place: Place) -> None:
    """A container in someone else's namespace has that one's files."""
    assert container.sandbox is not None
    place.files.write("/etc/hostname", container.hostname + "\n")
    owner = docker.host.place if container.config.network_mode == "host" else container.sandbox.container.place
    if owner is place:
        extra = [(name, address) for name, _, address in (entry.partition(":") for entry in container.config.extra_hosts)]
        place.files.write("/etc/hosts", files.hosts([(name, _host_gateway(docker, address)) for name, address in extra]))
        return
    assert owner is not None
    for path in ("/etc/hosts", "/etc/resolv.conf"):
        place.files.write(path, files.read(owner.files, path))


def _host_gateway(docker: DockerEngine, address: str) -> str:
    """`--add-host NAME:host-gateway` means docker0's address."""
    return ip_text(docker.networks.find("bridge").gateway or ANY) if address == "host-gateway" else address


def write_resolv_conf(docker: DockerEngine, container: Container) -> None:
    """After its networks have changed; not for a container in someone else's namespace."""
    if container.place is None or container.sandbox is None or container.sandbox.container is not container:
        return
    if container.config.network_mode != "host":
        host = files.read(docker.host.place.files, "/etc/resolv.conf")
        container.place.files.write("/etc/resolv.conf", files.resolv_conf(container, host, docker.config.dns))


def program(docker: DockerEngine, container: Container) -> Main:
    """What the container runs. Raises DockerError if its image is known to have no such program.

    A program that the image may well have, but emu has not, is stood in for.
    """
    assert container.place is not None
    image, name = container.image, container.command[0] if container.command else ""
    main = docker.host.find_program(container.place, name) if name else None
    if main is not None:
        return main
    if name and image.known and not image.expose and not container.config.stand_in:
        text = "failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process"
        raise DockerError(400, f'{text}: exec: "{name}": executable file not found in $PATH: unknown')
    if name:
        docker.notice(f"{container.place.name}: there is no program {name} here; the container idles, and answers on its ports")
    ports = container.exposed if name or not image.known else (*image.expose, *container.config.expose)
    return idle(tuple(dict.fromkeys(ports)), f"{container.config.image} in {container.place.name}")
