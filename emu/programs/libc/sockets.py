"""What ss and netstat read of the kernel: the TCP and UDP sockets of a namespace, and whose they are.

Not modelled: Unix, raw and packet sockets. Processes are those of the place itself, on a host those of its containers are not looked for.
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


def _owners(process: Process) -> dict[Any, tuple[tuple[str, int, int], ...]]:
    """Sockets of the processes here; a connection is known by its socket."""
    found: dict[Any, tuple[tuple[str, int, int], ...]] = {}
    for other in process.place.processes.values():
        for descriptor, sock in enumerate(other.sockets, 3):
            key = getattr(sock, "connection", sock)
            found[key] = (*found.get(key, ()), (other.argv[0].rpartition("/")[2][:15], other.pid, descriptor))
    return found
