"""iputils' ping (ping/ping.c, ping_common.c at 20221126)."""

from __future__ import annotations

import errno
from math import isqrt

from emu.engine import MICROSECOND, MILLISECOND, SECOND, Cancelled
from emu.packet import icmp
from emu.packet.address import ANY, ip, ip_text
from emu.packet.icmp import Type
from emu.process import Process, UsageError
from emu.programs.libc.clock import gettimeofday
from emu.programs.libc.getaddrinfo import resolve, reverse
from emu.programs.libc.getopt import Options, getopt
from emu.programs.libc.resolver import UnknownName
from emu.programs.libc.strerror import number, strerror
from emu.programs.ping.echo import Answer, Echo, thousandths

LINGER_S = 10.0
SMALLEST_WAIT_NS = 10 * MILLISECOND
LARGEST_DATA = 65507
VERSION = "ping from iputils 20221126\nlibcap: yes, IDN: yes, NLS: no, error.h: yes, getrandom(): yes, __fpending(): yes"

UNREACHABLE = (
    "Destination Net Unreachable", "Destination Host Unreachable", "Destination Protocol Unreachable", "Destination Port Unreachable",
    "Frag needed and DF set (mtu = {mtu})", "Source Route Failed", "Destination Net Unknown", "Destination Host Unknown",
    "Source Host Isolated", "Destination Net Prohibited", "Destination Host Prohibited", "Destination Net Unreachable for Type of Service",
    "Destination Host Unreachable for Type of Service", "Packet filtered", "Precedence Violation", "Precedence Cutoff",
)  # fmt: skip
REDIRECT = ("Redirect Network", "Redirect Host", "Redirect Type of Service and Network", "Redirect Type of Service and Host")
EXCEEDED = ("Time to live exceeded", "Frag reassembly time exceeded")


def describe(answer: Answer) -> str:
    """An ICMP error in words: pr_icmph."""
    mtu = int.from_bytes(answer.rest[2:4], "big")
    if answer.kind == Type.DEST_UNREACH:
        return UNREACHABLE[answer.code].format(mtu=mtu) if answer.code < len(UNREACHABLE) else f"Dest Unreachable, Bad Code: {answer.code}"
    if answer.kind == Type.REDIRECT:
        text = REDIRECT[answer.code] if answer.code < len(REDIRECT) else f"Redirect, Bad Code: {answer.code}"
        return f"{text}(New nexthop: {ip_text(answer.rest)})"
    if answer.kind == Type.TIME_EXCEEDED:
        return EXCEEDED[answer.code] if answer.code < len(EXCEEDED) else f"Time exceeded, Bad Code: {answer.code}"
    return f"Parameter problem: pointer = {answer.rest[0]}" if answer.kind == Type.PARAMETER_PROBLEM else "Source Quench"


def milliseconds(us: int) -> str:
    """A round-trip time as a reply's line shows it."""
    if us >= 100_000 - 50:
        return f"{(us + 500) // 1000}"
    if us >= 10_000 - 5:
        return f"{(us + 50) // 1000}.{(us + 50) % 1000 // 100}"
    if us >= 1000:
        return f"{(us + 5) // 1000}.{(us + 5) % 1000 // 10:02}"
    return f"0.{us:03}"


async def main(process: Process, argv: list[str]) -> int:
    options = getopt(argv, "c:i:W:w:s:M:t:qI:nbQ:4DOV", status=2)
    if "V" in options:
        process.print(VERSION)
        return 0
    if len(options.words) != 1:
        raise UsageError(
            "ping: usage error: Destination address required" if not options.words else "ping: usage error: one destination", 1
        )
    target = options.words[0]
    try:
        address = await resolve(process, target, ipv4_only="4" in options)
    except UnknownName as unknown:
        raise UsageError(f"ping: {target}: {unknown}", 2) from None
    return await _Ping(process, options, target, address).run()


def _integer(text: str, low: int, high: int) -> int:
    if not text.lstrip("-").isdigit():
        raise UsageError(f"ping: invalid argument: '{text}'", 1)
    if not low <= int(text) <= high:
        raise UsageError(f"ping: invalid argument: '{text}': out of range: {low} <= value <= {high}", 1)
    return int(text)


def _traffic_class(text: str) -> int:
    """-Q: decimal, octal or hexadecimal, as strtol reads it."""
    try:
        value = int(text, 0) if text[:1] != "0" or text[1:2] in {"x", "X"} else int(text, 8)
    except ValueError:
        raise UsageError(f"ping: bad TOS value: {text}", 2) from None
    if not 0 <= value <= 255:
        raise UsageError(f"ping: the decimal value of TOS bits must be in range 0-255: {value}", 2)
    return value


def _seconds_ns(text: str, what: str) -> int:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 2147483:
        raise UsageError(f"ping: bad {what}: {text}", 1)
    return round(value * SECOND)


class _Ping:
    def __init__(self, process: Process, options: Options, target: str, address: str) -> None:
        self.process = process
        self.target = target
        self.address = address if address != "0.0.0.0" else "127.0.0.1"  # what connect(2) makes of it
        self.known: tuple[str, str | None] = "", None  # the last address that answered, and its name
        self.options = options
        self.quiet = "q" in options
        self.by_name = target != address and "n" not in options
        self.count = _integer(options.text("c"), 1, 2**63 - 1) if "c" in options else 0
        self.interval_ns = _seconds_ns(options.text("i", "1"), "timing interval")
        if self.interval_ns < 2 * MILLISECOND:
            raise UsageError("ping: an interval below 2 ms (flood) is not modelled", 2)
        self.linger_ns = _seconds_ns(options.text("W", str(LINGER_S)), "linger time")
        self.deadline_ns = _integer(options.text("w"), 0, 2**31 - 1) * SECOND if "w" in options else 0
        self.size = _integer(options.text("s", "56"), 0, 2**31 - 1)
        if self.size > LARGEST_DATA:
            raise UsageError(f"ping: packet size {self.size} is too large. Maximum is {LARGEST_DATA}", 1)
        self.pattern = bytes(index & 0xFF for index in range(self.size))
        discovery = options.text("M", "want")
        if discovery not in {"do", "want", "dont"}:
            raise UsageError(f"ping: invalid -M argument: {discovery}", 1)
        ttl = _integer(options.text("t"), 0, 255) if "t" in options else None
        tos = _traffic_class(options.text("Q", "0"))
        self.echo = Echo(process, address, ttl=ttl, tos=tos, mtu_discovery=discovery, source=options.text("I"))
        self.broadcast = "b" in options
        self.sent: dict[int, int] = {}  # when, by sequence number (modulo 2**16), in microseconds
        self.answered: set[int] = set()
        self.transmitted = self.received = self.errors = self.repeats = 0
        self.pipe = 0
        self.times: list[int] = []

    # --- the way of a run

    async def run(self) -> int:
        self._connect()
        device = self.echo.dev.name if self.echo.dev is not None else ""
        source = self._source() if device or self.echo.source != "0.0.0.0" else ""
        origin = f"from {source} {device}: " if source else ""
        self.process.print(f"PING {self.target} ({self.address}) {origin}{self.size}({self.size + 28}) bytes of data.")
        try:
            await self._loop()
        except Cancelled:
            if not self.process.interrupted:
                raise
        self._statistics()
        return int(not self.received or bool(self.deadline_ns and self.received < self.count))

    def _connect(self) -> None:
        """The probe by which ping finds its source: what has no route ends here. Raises UsageError."""
        try:
            route, _ = self.process.netns.ipv4.route(ip(self.address), ip(self.echo.source), self.echo.dev)
        except OSError as error:
            if number(error) != errno.EACCES:
                raise UsageError(f"ping: connect: {strerror(error)}", 2) from None
            raise UsageError("ping: Do you want to ping broadcast? Then -b. If not, check your local firewall rules", 2) from None
        if route.kind == "broadcast" or self.address == "255.255.255.255":
            if not self.broadcast:
                raise UsageError("ping: Do you want to ping broadcast? Then -b. If not, check your local firewall rules", 2)
            self.process.error("WARNING: pinging broadcast address")

    def _source(self) -> str:
        if self.echo.source != "0.0.0.0":
            return self.echo.source
        return ip_text(self.process.netns.ipv4.route(ip(self.address), ANY, self.echo.dev)[1])

    async def _loop(self) -> None:
        engine = self.process.engine
        self.start_ns = self.last_ns = next_ns = engine.now
        end_ns = engine.now + self.deadline_ns if self.deadline_ns else None
        while True:
            if (self.count and self.received + self.errors >= self.count) or (self.deadline_ns and self.errors):
                return
            if end_ns is not None and engine.now >= end_ns:
                return
            more = not self.count or self.transmitted < self.count or bool(self.deadline_ns)
            if more and engine.now >= next_ns:
                next_ns = engine.now + self._send()
                continue
            if not more and end_ns is None:
                end_ns = self.last_ns + (max(2 * max(self.times) * MICROSECOND, self.interval_ns) if self.times else self.linger_ns)
                continue
            wake = min(next_ns if more else end_ns or next_ns, end_ns or next_ns)
            answer = await self.echo.receive(wake)
            if answer is not None:
                await self._take(answer)

    def _send(self) -> int:
        """Send the next request; how long to wait then."""
        sequence = (self.transmitted + 1) & 0xFFFF
        data = self.pattern
        if self.size >= 16:
            seconds, us = gettimeofday(self.process.engine)
            data = seconds.to_bytes(8, "little") + us.to_bytes(8, "little") + data[16:]
        before = (sequence - 1) & 0xFFFF
        if "O" in self.options and self.transmitted and before not in self.answered and not self.quiet:
            self.process.print(f"{self._stamp()}no answer yet for icmp_seq={before}")
        self.answered.discard(sequence)
        self.sent[sequence] = self.process.engine.now // MICROSECOND
        self.transmitted += 1
        self.last_ns = self.process.engine.now
        try:
            self.echo.send(sequence, data)
        except OSError as error:
            if number(error) == errno.EMSGSIZE:
                self.errors += 1
                if not self.quiet:
                    self.process.error(f"ping: local error: message too long, mtu={self.process.netns.ipv4.path_mtu(ip(self.address))}")
            elif not self.quiet:
                self.process.error(f"ping: sendmsg: {strerror(error)}")
            return max(self.interval_ns, SMALLEST_WAIT_NS)
        return self.interval_ns

    async def _take(self, answer: Answer) -> None:
        if answer.kind == icmp.Type.ECHO_REPLY:
            return await self._reply(answer)
        late = "" if answer.kind != Type.REDIRECT else ":"
        if answer.kind not in {Type.REDIRECT, Type.SOURCE_QUENCH}:
            self.errors += 1
            self._acknowledge(answer.sequence)
        if not self.quiet:
            self.process.print(f"{self._stamp()}From {await self._name(answer.source)}{late} icmp_seq={answer.sequence} {describe(answer)}")

    async def _reply(self, answer: Answer) -> None:
        repeated = answer.sequence in self.answered
        self.answered.add(answer.sequence)
        self._acknowledge(answer.sequence)
        time = ""
        if self.size >= 16 and answer.sequence in self.sent:
            us = self.process.engine.now // MICROSECOND - self.sent[answer.sequence]
            self.times.append(us)
            time = f" time={milliseconds(us)} ms"
        if repeated:
            self.repeats += 1
        else:
            self.received += 1
        if not self.quiet:
            who = await self._name(answer.source)
            again = " (DUP!)" if repeated else ""
            self.process.print(f"{self._stamp()}{answer.length} bytes from {who}: icmp_seq={answer.sequence} ttl={answer.ttl}{time}{again}")

    def _stamp(self) -> str:
        """-D: when it is."""
        if "D" not in self.options:
            return ""
        seconds, us = gettimeofday(self.process.engine)
        return f"[{seconds}.{us:06}] "

    def _acknowledge(self, sequence: int) -> None:
        behind = (self.transmitted - sequence) & 0xFFFF
        if behind <= 0x7FFF:
            self.pipe = max(self.pipe, behind + 1)

    async def _name(self, address: str) -> str:
        """The name of who answered; it is asked for once for answers in a row from the same address."""
        if self.by_name and self.known[0] != address:
            self.known = address, await reverse(self.process, address)
        name = self.known[1] if self.by_name else None
        return f"{name} ({address})" if name else address

    # --- the end

    def _statistics(self) -> None:
        line = f"{self.transmitted} packets transmitted, {self.received} received"
        if self.repeats:
            line += f", +{self.repeats} duplicates"
        if self.errors:
            line += f", +{self.errors} errors"
        if self.transmitted:
            lost = (self.transmitted - self.received) * 100 / self.transmitted
            line += f", {lost:g}% packet loss, time {(self.last_ns - self.start_ns + 500_000) // MILLISECOND}ms"
        self.process.print(f"\n--- {self.target} ping statistics ---\n{line}")
        summary = []
        if self.received and self.times:
            total, times = sum(self.times), len(self.times)
            deviation = isqrt(max(0, (sum(us * us for us in self.times) - total * total // times) // times))
            values = "/".join(map(thousandths, (min(self.times), total // times, max(self.times), deviation)))
            summary.append(f"rtt min/avg/max/mdev = {values} ms")
        if self.pipe > 1:
            summary.append(f"pipe {self.pipe}")
        self.process.print(", ".join(summary))
