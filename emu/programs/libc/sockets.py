"""What ss and netstat read of the kernel: the TCP and UDP sockets of a namespace, and whose they are.

Not modelled: Unix, raw and packet sockets. Processes are those of the place itself,
and on a host the docker-proxies; those of containers are not looked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from emu.netns.tcp_connection import Connection
from emu.netns.tcp_listen import TcpListener
from emu.netns.tcp_state import TcpState
from emu.process import Process

Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Socket:
    """`owners` are program, process number and file descriptor."""

    protocol: str
    state: TcpState
    recv_queue: int
    send_queue: int
    local: Address
    peer: Address
    owners: tuple[tuple[str, int, int], ...] = ()


def sockets(process: Process) -> list[Socket]:
    """UDP, then TCP's listening sockets, then connections."""
    owners = _owners(process)
    found = [
        Socket(
            "udp",
            TcpState.ESTABLISHED if sock.remote_port else TcpState.CLOSED,
            sock.buffered,
            0,
            sock.local,
            sock.peer,
            owners.get(sock, ()),
        )
        for port in sorted(process.netns.udp.ports)
        for sock in process.netns.udp.ports[port]
    ]
    for each in sorted(process.netns.tcp.connections(), key=lambda each: (each.state is not TcpState.LISTEN, each.local[1], each.peer)):
        waiting = unacknowledged = 0
        if isinstance(each, TcpListener):
            waiting, unacknowledged = each.waiting, each.backlog
        elif isinstance(each, Connection):
            waiting, unacknowledged = each.receiver.unread, each.sender.queue.held
        found.append(Socket("tcp", each.state, waiting, unacknowledged, each.local, each.peer, owners.get(each, ())))
    return found


Owners = dict[Any, tuple[tuple[str, int, int], ...]]


def _owners(process: Process) -> Owners:
    """Sockets of the processes that are seen here; a connection is known by its socket."""
    found: Owners = {}
    for other in process.place.processes.values():
        _add(found, other.sockets, other.argv[0].rpartition("/")[2][:15], other.pid, 3)
    host = process.host
    if host is None or host.docker is None or process.place.container is not None:
        return found
    for container in host.docker.containers.values():  # those in the host's own namespace
        if container.place is not None and container.place.netns is process.netns:
            for pid, other in container.place.processes.items():
                _add(found, other.sockets, other.argv[0].rpartition("/")[2][:15], container.pid + pid - 1, 3)
    ports = host.docker.ports
    for proxy in ports.proxies:
        # A process of its own for each port; nothing but its number is known of it.
        pid = process.engine.stream(f"docker-proxy {process.place.name} {proxy.sockets[0].local}").randrange(2_000, 30_000)
        _add(found, proxy.sockets, "docker-proxy" if ports.userland_proxy else "dockerd", pid, 4)
    return found


def _add(found: Owners, sockets: list[Any], name: str, pid: int, descriptor: int) -> None:
    for number, sock in enumerate(sockets, descriptor):
        key = getattr(sock, "connection", sock)
        found[key] = (*found.get(key, ()), (name, pid, number))
