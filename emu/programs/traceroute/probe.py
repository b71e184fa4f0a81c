"""What both traceroutes share: one way to send a probe, and reading what comes back."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from emu.engine import Future
from emu.netns.socket import RawSocket
from emu.packet import icmp, ipv4, udp
from emu.packet.address import Ip, ip, ip_text
from emu.packet.icmp import Type, Unreachable
from emu.process import Process

MARKS = {
    Unreachable.NET: "!N", Unreachable.HOST: "!H", Unreachable.PROTOCOL: "!P", Unreachable.PORT: "", Unreachable.SOURCE_ROUTE_FAILED: "!S",
    9: "!X", 10: "!X", 13: "!X", 14: "!V", 15: "!C",
}  # fmt: skip


class Answer(NamedTuple):
    """What was heard about a probe, and when: who said it, whether the way ends there, and the mark for how."""

    key: tuple[int, int]  # (source port, destination port) or (identifier, sequence)
    source: str
    final: bool
    mark: str
    heard_ns: int


def mark(code: int, rest: bytes) -> str:
    if code == Unreachable.FRAG_NEEDED:
        return f"!F-{int.from_bytes(rest[2:4], 'big')}"
    return MARKS.get(code, f"!<{code}>")


class Prober:
    """Sends probes to one address; hears with a raw ICMP socket, as long as the program runs."""

    def __init__(self, process: Process, target: str, source: Ip) -> None:
        self.process = process
        self.target = ip(target)
        self.source = source
        self.icmp: RawSocket = process.raw_socket(ipv4.ICMP)
        self._answers: deque[Answer] = deque()
        self._news: Future[None] = Future(process.engine)
        process.at_exit(process.engine.spawn(self._listen(), "traceroute's ears").cancel)

    def send_udp(self, ports: tuple[int, int], data: bytes, ttl: int, *, identification: int, dont_fragment: bool) -> None:
        """Raises OSError."""
        segment = udp.build(self.source, self.target, *ports, data)
        self._send(ipv4.UDP, segment, ttl, identification, dont_fragment=dont_fragment)

    def send_echo(self, key: tuple[int, int], data: bytes, ttl: int, *, identification: int, dont_fragment: bool) -> None:
        """Raises OSError."""
        rest = key[0].to_bytes(2, "big") + key[1].to_bytes(2, "big")
        self._send(ipv4.ICMP, icmp.build(Type.ECHO, 0, rest, data), ttl, identification, dont_fragment=dont_fragment)

    def _send(self, protocol: int, payload: bytes, ttl: int, identification: int, *, dont_fragment: bool) -> None:
        self.process.netns.ipv4.send(
            self.source, self.target, protocol, payload, ttl=ttl, identification=identification, dont_fragment=dont_fragment
        )

    async def _listen(self) -> None:
        """Hear at the time at which it comes, whatever the program waits for (SO_TIMESTAMP)."""
        while True:
            received = await self.icmp.recv()
            answer = self._read(received.payload, ip_text(received.wire[12:16]))
            if answer is not None:
                self._answers.append(answer)
                self._news.set_result(None)

    async def receive(self, until_ns: int) -> Answer | None:
        """The next answer about a probe of ours; None when it is `until_ns`."""
        engine = self.process.engine
        while not self._answers:
            if engine.now >= until_ns:
                return None
            self._news = Future(engine)
            timer = engine.call_at(until_ns, self._news.set_result, None)
            try:
                await self._news
            finally:
                timer.cancel()
        return self._answers.popleft()

    def _read(self, message: bytes, source: str) -> Answer | None:
        if len(message) < icmp.HEADER:
            return None
        kind, code, now = message[0], message[1], self.process.engine.now
        if kind == Type.ECHO_REPLY:
            return Answer(_pair(message[4:8]), source, True, "", now)
        quoted = message[icmp.HEADER :]
        if kind not in {Type.DEST_UNREACH, Type.TIME_EXCEEDED} or len(quoted) < ipv4.HEADER + 8 or quoted[16:20] != self.target:
            return None
        inner = quoted[(quoted[0] & 15) * 4 :]
        key = _pair(inner[4:8] if quoted[9] == ipv4.ICMP else inner[:4])
        if kind == Type.TIME_EXCEEDED:
            return Answer(key, source, False, "", now)
        return Answer(key, source, True, mark(code, message[4:8]), now)


def _pair(four: bytes) -> tuple[int, int]:
    return int.from_bytes(four[:2], "big"), int.from_bytes(four[2:4], "big")
