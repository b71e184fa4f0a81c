"""Two TCP stacks joined by a wire that delays, loses, reorders and duplicates, without the rest of a namespace."""

from __future__ import annotations

import errno
from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import Any

from emu.engine import MILLISECOND, Engine
from emu.netns.fib import Route
from emu.netns.sysctl import Sysctl
from emu.netns.tcp import Tcp
from emu.netns.tcp_options import parse
from emu.packet import ipv4, tcp
from emu.packet.address import ANY, Ip, ip
from emu.packet.datagram import Datagram

CLIENT, SERVER = ip("10.0.0.1"), ip("10.0.0.2")


@dataclass
class Seen:
    """A segment on the wire."""

    at_ns: int
    packet: bytes
    cause: int
    trace_id: int

    @property
    def src(self) -> bytes:
        return self.packet[12:16]

    @property
    def identification(self) -> int:
        return int.from_bytes(self.packet[4:6], "big")

    @property
    def segment(self) -> tcp.Segment:
        parsed = tcp.parse(self.packet[20:])
        assert parsed is not None
        return parsed

    @property
    def flags(self) -> int:
        return self.segment.flags

    @property
    def options(self) -> Any:
        return parse(self.segment.options)


class Wire:
    """Joins the two; what it does to a packet is decided by its attributes and `filter`."""

    def __init__(self, engine: Engine, delay_ns: int = MILLISECOND // 10) -> None:
        self.engine = engine
        self.delay_ns = delay_ns
        self.loss = self.reorder = self.duplicate = 0.0
        self.rate_bps = 0
        self.random = engine.stream("wire")
        self.ends: dict[bytes, FakeNetns] = {}
        self.seen: list[Seen] = []
        self.drop_if: Any = None  # Callable[[Seen], bool]
        self.keep = True
        self._free_ns: dict[bytes, int] = {}

    def carry(self, packet: bytes, trace_id: int, cause: int) -> None:
        seen = Seen(self.engine.now, packet, cause, trace_id)
        if self.keep:
            self.seen.append(seen)
        if self.drop_if is not None and self.drop_if(seen):
            return
        for _ in range(1 + (self.random.random() < self.duplicate)):
            if self.random.random() < self.loss:
                continue
            extra = self.random.randrange(1, 3 * MILLISECOND) if self.random.random() < self.reorder else 0
            self.engine.post(self._queue(packet) + self.delay_ns + extra, partial(self.deliver, packet, trace_id), cause)

    def _queue(self, packet: bytes) -> int:
        if not self.rate_bps:
            return 0
        src = packet[12:16]
        start = max(self._free_ns.get(src, 0), self.engine.now)
        self._free_ns[src] = start + len(packet) * 8 * 10**9 // self.rate_bps
        return self._free_ns[src] - self.engine.now

    def deliver(self, packet: bytes, trace_id: int = 0, cause: int = 0) -> None:
        end = self.ends.get(packet[16:20])
        if end is not None:
            end.tcp.receive(Datagram(packet, trace_id, cause))


class FakeIp:
    """The little of IP that TCP asks for."""

    def __init__(self, netns: FakeNetns, wire: Wire) -> None:
        self.netns = netns
        self.wire = wire
        self.mtu = 1500
        self.unreachable = False

    def route(self, dst: bytes, src: bytes = ANY, oif: Any = None) -> tuple[Route, Ip]:
        if self.unreachable:
            raise OSError(errno.ENETUNREACH, "Network is unreachable")
        return Route(Ip(dst), 32, None), Ip(self.netns.address)

    def path_mtu(self, dst: bytes) -> int:
        return self.mtu

    def send(
        self,
        src: bytes,
        dst: bytes,
        _protocol: int,
        payload: bytes,
        *,
        identification: int,
        cause: int = 0,
        tos: int = 0,
        socket: Any = None,
    ) -> int:
        self.route(dst)
        assert len(payload) + 20 <= self.mtu
        packet = ipv4.build(src, dst, _protocol, payload, tos=tos, identification=identification, fragment=ipv4.DONT_FRAGMENT)
        trace_id = self.wire.engine.next_trace_id()
        self.wire.carry(packet, trace_id, cause)
        return trace_id


class FakeNetns:
    """What TCP uses of a namespace."""

    def __init__(self, engine: Engine, name: str, address: bytes, wire: Wire) -> None:
        self.engine = engine
        self.name = self.chances = name
        self.address = address
        self.sysctl = Sysctl()
        self.drops: Counter[Any] = Counter()
        self.neighbours = self
        self.ipv4 = FakeIp(self, wire)
        self.tcp = Tcp(self)  # type: ignore[arg-type]
        wire.ends[address] = self

    def confirm(self, dev: Any, address: bytes) -> None:
        pass

    def is_local(self, address: bytes) -> bool:
        return address == self.address

    def address_type(self, address: bytes, dev: Any = None) -> str:
        return "LOCAL" if address == self.address else "BROADCAST" if address == ip("10.0.0.255") else "UNICAST"

    def drop(self, datagram: Datagram, reason: Any, dev: Any = None) -> None:
        self.drops[reason] += 1

    def count(self, reason: Any) -> None:
        self.drops[reason] += 1


class Pair:
    """A client, a server, and the wire."""

    def __init__(self, seed: int = 1, delay_ns: int = MILLISECOND // 10) -> None:
        self.engine = Engine(seed)
        self.wire = Wire(self.engine, delay_ns)
        self.client = FakeNetns(self.engine, "client", CLIENT, self.wire)
        self.server = FakeNetns(self.engine, "server", SERVER, self.wire)

    def run(self, coroutine: Any, limit_s: float = 3600) -> Any:
        """Run the program to its end, and the lab until it is quiet."""
        self.engine.time_limit_ns = round(limit_s * 10**9)
        task = self.engine.spawn(coroutine, "test")
        self.engine.run(until=task)
        return task.result()

    def sent_by(self, address: bytes) -> list[Seen]:
        return [seen for seen in self.wire.seen if seen.src == address]

    async def connected(self, backlog: int = 5) -> tuple[Any, Any]:
        """Two sockets, the client's and the server's."""
        listener = self.server.tcp.listen(("0.0.0.0", 80), backlog)
        accepting = self.engine.spawn(listener.accept())
        client = await self.client.tcp.connect(("10.0.0.2", 80))
        server = await accepting
        listener.close()
        return client, server


async def read_all(socket: Any) -> bytes:
    parts = []
    while True:
        part = await socket.recv()
        if not part:
            return b"".join(parts)
        parts.append(part)


def send_raw(pair: Pair, src: bytes, segment: tcp.Segment, dst: bytes | None = None) -> None:
    """Put a segment made by hand on the wire."""
    to = dst or (SERVER if src == CLIENT else CLIENT)
    packet = ipv4.build(src, to, ipv4.TCP, tcp.build(src, to, segment))
    pair.wire.carry(packet, pair.engine.next_trace_id(), 0)
