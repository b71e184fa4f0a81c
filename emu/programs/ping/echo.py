"""What both pings share: the socket, who is asked, and reading what comes back."""

from __future__ import annotations

from typing import NamedTuple

from emu.engine import SECOND, Timer
from emu.netdev.device import NetDevice
from emu.netns.socket import RawReceived, RawSocket
from emu.packet import icmp, ipv4
from emu.packet.address import ip, ip_text
from emu.process import Process, UsageError
from emu.programs.libc.userland import has_busybox


class Answer(NamedTuple):
    """An ICMP message that concerns us: `sequence` is that of the echo request it answers or quotes; `kind` 0 is the reply."""

    kind: int
    code: int
    sequence: int
    source: str
    ttl: int
    length: int  # of the ICMP message
    rest: bytes  # the four bytes after the checksum: MTU, gateway


def thousandths(us: int) -> str:
    """Milliseconds with three digits behind the point."""
    return f"{us // 1000}.{us % 1000:03}"


class Echo:
    """A raw ICMP socket that sends echo requests to one address."""

    def __init__(self, process: Process, target: str, *, ttl: int | None, tos: int, mtu_discovery: str, source: str) -> None:
        """`mtu_discovery` is do, want or dont; `source` an address or the name of a device, or empty. Raises UsageError."""
        self.process = process
        self.target = target
        self.identifier = process.pid & 0xFFFF
        self.ttl = ttl
        self.tos = tos
        self.mtu_discovery = mtu_discovery
        self.dev: NetDevice | None = None
        self.source = "0.0.0.0"
        self._socket: RawSocket = process.raw_socket(ipv4.ICMP)
        self._timer: Timer | None = None
        if source:
            self._bind(source)

    def _bind(self, source: str) -> None:
        netns, name = self.process.netns, self.process.argv[0]
        if source in netns.devices:
            self.dev = netns.devices[source]
            return
        try:
            local = netns.is_local(ip(source))
        except ValueError:
            if has_busybox(self.process.place):
                raise UsageError(f"{name}: bad address '{source}'", 1) from None
            raise UsageError(f"{name}: SO_BINDTODEVICE {source}: No such device", 2) from None
        if not local:
            raise UsageError(f"{name}: bind: Cannot assign requested address", 2)
        self.source = source

    def send(self, sequence: int, data: bytes) -> None:
        """Raises OSError."""
        rest = self.identifier.to_bytes(2, "big") + (sequence & 0xFFFF).to_bytes(2, "big")
        never = self.mtu_discovery == "do"
        self._socket.sendto(
            icmp.build(icmp.Type.ECHO, 0, rest, data),
            self.target,
            ttl=self.ttl,
            tos=self.tos,
            dont_fragment=self.mtu_discovery != "dont",
            never_fragment=never,
            identification=0 if never else None,
            source=self.source,
            dev=self.dev,
        )

    async def receive(self, until_ns: int | None) -> Answer | None:
        """The next message about our requests; None when it is `until_ns`."""
        engine = self.process.engine
        while True:
            if until_ns is not None and engine.now >= until_ns:
                return None
            try:
                received = await self._socket.recv(None if until_ns is None else (until_ns - engine.now) / SECOND)
            except TimeoutError:
                return None
            answer = self._read(received)
            if answer is not None:
                return answer

    def _read(self, received: RawReceived) -> Answer | None:
        message = received.payload
        if len(message) < icmp.HEADER:
            return None
        kind, code, rest = message[0], message[1], message[4:8]
        if kind == icmp.Type.ECHO_REPLY:
            asked = message
        elif kind in icmp.ERRORS and len(message) >= icmp.HEADER + ipv4.HEADER and message[17] == ipv4.ICMP:
            asked = message[icmp.HEADER + (message[8] & 15) * 4 :]
            if len(asked) < icmp.HEADER or asked[0] != icmp.Type.ECHO:
                return None
        else:
            return None
        if int.from_bytes(asked[icmp.IDENTIFIER], "big") != self.identifier:
            return None
        sequence = int.from_bytes(asked[icmp.SEQUENCE], "big")
        return Answer(kind, code, sequence, ip_text(received.wire[12:16]), received.wire[8], len(message), rest)
