"""busybox's ping (networking/ping.c, 1.35): sequence numbers from 0, ICMP errors pass unseen."""

from __future__ import annotations

from emu.engine import MICROSECOND, SECOND, Cancelled
from emu.packet.icmp import Type
from emu.process import Process, UsageError
from emu.programs.libc.getaddrinfo import resolve
from emu.programs.libc.getopt import Options, getopt
from emu.programs.libc.resolver import UnknownName
from emu.programs.libc.strerror import strerror
from emu.programs.ping.echo import Answer, Echo, thousandths

MAXWAIT_S = 10


async def main(process: Process, argv: list[str]) -> int:
    options = getopt(argv, "c:i:W:w:s:t:I:q4")
    if len(options.words) != 1:
        raise UsageError("ping: usage: ping [OPTIONS] HOST", 1)
    try:
        address = await resolve(process, options.words[0], ipv4_only="4" in options)
    except UnknownName:
        raise UsageError(f"ping: bad address '{options.words[0]}'", 1) from None
    return await _Ping(process, options, options.words[0], address).run()


def _number(text: str) -> int:
    if not text.isdigit():
        raise UsageError(f"ping: invalid number '{text}'", 1)
    return int(text)


def _seconds_ns(text: str) -> int:
    if not text.replace(".", "", 1).isdigit():
        raise UsageError(f"ping: invalid number '{text}'", 1)
    return round(float(text) * SECOND)


class _Ping:
    def __init__(self, process: Process, options: Options, target: str, address: str) -> None:
        self.process = process
        self.target = target
        self.address = address
        self.quiet = "q" in options
        self.count = _number(options.text("c", "0"))
        self.interval_ns = _seconds_ns(options.text("i", "1"))
        if self.interval_ns <= 0:
            raise UsageError("ping: an interval of 0 is not modelled", 1)
        self.timeout_ns = _number(options.text("W", str(MAXWAIT_S))) * SECOND
        self.deadline_ns = _number(options.text("w", "0")) * SECOND
        self.size = _number(options.text("s", "56"))
        if self.size > 65535 - 28:
            raise UsageError(f"ping: number {self.size} is not in 0..{65535 - 28} range", 1)
        ttl = _number(options.text("t")) if "t" in options else None
        self.source = options.text("I")
        self.echo = Echo(process, address, ttl=ttl, tos=0, mtu_discovery="want", source=self.source)
        self.sent: list[int] = []  # when, in microseconds
        self.answered: set[int] = set()
        self.repeats = 0
        self.times: list[int] = []

    async def run(self) -> int:
        source = f" from {self.source}" if self.source and self.echo.dev is None else ""
        self.process.print(f"PING {self.target} ({self.address}){source}: {self.size} data bytes")
        try:
            await self._loop()
        except Cancelled:
            if not self.process.interrupted:
                raise
        self._statistics()
        return int(not self.answered or bool(self.deadline_ns and len(self.answered) < self.count))

    async def _loop(self) -> None:
        engine = self.process.engine
        next_ns = engine.now
        end_ns = engine.now + self.deadline_ns if self.deadline_ns else None
        while not self.count or len(self.answered) < self.count:
            if end_ns is not None and engine.now >= end_ns:
                break
            more = not self.count or len(self.sent) < self.count
            if more and engine.now >= next_ns:
                self._send()
                next_ns = engine.now + self.interval_ns
                if len(self.sent) == self.count:
                    wait = max(max(self.times) // (512 * 1024), 1) * SECOND if self.times else self.timeout_ns
                    end_ns = min(engine.now + wait, end_ns or engine.now + wait)
                continue
            answer = await self.echo.receive(min(next_ns, end_ns or next_ns) if more else end_ns)
            if answer is not None:
                self._take(answer)

    def _send(self) -> None:
        """Raises UsageError: a request that cannot be sent ends the program."""
        us = self.process.engine.now // MICROSECOND
        data = (us & 0xFFFFFFFF).to_bytes(4, "little") + bytes(self.size - 4) if self.size >= 4 else bytes(self.size)
        sequence = len(self.sent)
        self.sent.append(us)
        try:
            self.echo.send(sequence, data)
        except OSError as error:
            raise UsageError(f"ping: sendto: {strerror(error)}", 1) from None

    def _take(self, answer: Answer) -> None:
        if answer.kind != Type.ECHO_REPLY or answer.length < self.size + 8 or answer.sequence >= len(self.sent):
            return
        line = f"{answer.length} bytes from {answer.source}: seq={answer.sequence} ttl={answer.ttl}"
        if self.size >= 4:
            us = self.process.engine.now // MICROSECOND - self.sent[answer.sequence]
            self.times.append(us)
            line += f" time={thousandths(us)} ms"
        if answer.sequence in self.answered:
            self.repeats += 1
            line += " (DUP!)"
        self.answered.add(answer.sequence)
        if not self.quiet:
            self.process.print(line)

    def _statistics(self) -> None:
        sent, received = len(self.sent), len(self.answered)
        line = f"{sent} packets transmitted, {received} packets received, "
        if self.repeats:
            line += f"{self.repeats} duplicates, "
        line += f"{(sent - received) * 100 // sent if sent else 0}% packet loss"
        self.process.print(f"\n--- {self.target} ping statistics ---\n{line}")
        if self.times:
            values = (min(self.times), sum(self.times) // len(self.times), max(self.times))
            self.process.print("round-trip min/avg/max = " + "/".join(map(thousandths, values)) + " ms")
