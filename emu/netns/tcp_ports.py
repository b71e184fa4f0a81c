"""Ports of TCP sockets (net/ipv4/inet_hashtables.c, inet_connection_sock.c): even ones for connect(2), odd ones for bind(2) to port 0."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from emu.packet.address import ANY

if TYPE_CHECKING:
    from emu.netns.tcp import Tcp


class Ports:
    """Chooses ports; what is in use it reads from the connections and listeners."""

    def __init__(self, owner: Tcp) -> None:
        self._tcp = owner
        self._next: dict[tuple[bytes, bytes, int], int] = {}  # by own address, destination and its port

    def _range(self) -> tuple[int, int]:
        low, high = map(int, self._tcp.netns.sysctl.get("net.ipv4.ip_local_port_range").split())
        return low, high - low + 1

    def choose(self, source: bytes, dst: bytes, port: int, wanted: int) -> int:
        """The own port of a new connection (__inet_hash_connect)."""
        if wanted:
            if self._is_listening(source, wanted):
                raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
            if (source, wanted, dst, port) in self._tcp.connections_by_key:
                raise OSError(errno.EADDRNOTAVAIL, os.strerror(errno.EADDRNOTAVAIL))
            return wanted
        low, size = self._range()
        target = (source, dst, port)
        start = self._next.get(target)
        if start is None:
            engine = self._tcp.netns.engine
            start = engine.stream(f"tcp port {self._tcp.netns.chances} {source.hex()} {dst.hex()} {port}").randrange(size)
        for parity in (0, 1):
            for step in range(0, size - 1, 2):
                candidate = low + ((start & ~1) + parity + step) % (size & ~1)
                if not self._is_listening(source, candidate) and (source, candidate, dst, port) not in self._tcp.connections_by_key:
                    self._next[target] = start + max(step, 2 * self._tcp.random.randrange(8)) + 2
                    return candidate
        raise OSError(errno.EADDRNOTAVAIL, os.strerror(errno.EADDRNOTAVAIL))

    def bind(self, address: bytes, port: int) -> int:
        """The port of a new listener, which may be shared with connections only (SO_REUSEADDR)."""
        if port:
            if self._is_listening(address, port):
                raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
            return port
        low, size = self._range()
        netns = self._tcp.netns
        start = netns.engine.stream(f"tcp listener {netns.chances} {len(self._tcp.listeners)}").randrange(size)
        used = {key[1] for key in self._tcp.connections_by_key}
        for parity in (1, 0):
            for step in range(0, size - 1, 2):
                candidate = low + ((start & ~1) + parity + step) % (size & ~1)
                if candidate not in used and not self._is_listening(address, candidate):
                    return candidate
        raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))

    def _is_listening(self, address: bytes, port: int) -> bool:
        """Does a listener overlap the address and port?"""
        listeners = self._tcp.listeners
        if address == ANY:
            return any(known == port for _, known in listeners)
        return (address, port) in listeners or (ANY, port) in listeners
