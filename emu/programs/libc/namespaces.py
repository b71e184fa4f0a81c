"""Network namespaces as programs find them: by process number, by path, and by the names of `ip netns` (files and links in /run/netns).

Docker keeps those that it makes in /run/docker/netns; /run/netns may be a link to that folder.
A link to /proc/PID/ns/net is a name too, as long as the process is there: that is how a container's namespace gets one.
"""

from __future__ import annotations

from posixpath import basename, dirname
from typing import TYPE_CHECKING

from emu.files import absolute

if TYPE_CHECKING:
    from emu.netns.namespace import Netns
    from emu.process import Place

RUN, DOCKER = "/run/netns", "/run/docker/netns"


def by_pid(place: Place, pid: str) -> Netns | None:
    """That of a process as its host numbers it: a container's first one, a program of the host's; 1 is the machine's first."""
    host = place.host
    if host is None or place.container is not None or not pid.isdigit():
        return None
    found: Netns | None = host.docker.pids.get(int(pid)) if host.docker is not None else None
    if found is None and int(pid) in place.processes:
        found = place.processes[int(pid)].netns
    return host.netns if found is None and int(pid) == 1 else found


def by_path(place: Place, path: str) -> Netns | None:
    """`/proc/PID/ns/net`, `/run/netns/NAME`, or a link to one of them."""
    path = absolute("/", path)
    path = absolute(dirname(path), place.files.links.get(path, path))
    if dirname(path) == RUN and place.host is not None and place.container is None:
        found: Netns | None = place.host.namespaces.get(basename(path))
        linked = absolute("/run", place.files.links.get(RUN, "")) == DOCKER
        return found if found is not None or not linked else by_path(place, f"{DOCKER}/{basename(path)}")
    if dirname(path) == DOCKER and place.host is not None and place.container is None and place.host.docker is not None:
        kept: Netns | None = place.host.docker.namespaces.get(basename(path))
        return kept
    parts = path.split("/")
    return by_pid(place, parts[2]) if len(parts) == 5 and (parts[1], *parts[3:]) == ("proc", "ns", "net") else None


def by_name(place: Place, name: str) -> Netns | None:
    return by_path(place, f"{RUN}/{name}") if "/" not in name else by_path(place, name)


def names(place: Place) -> list[str]:
    """What is in /run/netns, the newest first."""
    if place.host is None or place.container is not None:
        return []
    links = [basename(path) for path in place.files.links if dirname(path) == RUN]
    if place.host.docker is not None and absolute("/run", place.files.links.get(RUN, "")) == DOCKER:
        links += place.host.docker.namespaces
    return [*reversed([*place.host.namespaces, *links])]


def name_of(place: Place, netns: Netns) -> str | None:
    return next((name for name in names(place) if by_name(place, name) is netns), None)
