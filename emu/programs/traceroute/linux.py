"""traceroute 2.1.2 for Linux (traceroute.c): sixteen probes at a time, three a hop, each from a port of its own to the next port."""

from __future__ import annotations

from dataclasses import dataclass

from emu.engine import MICROSECOND, MILLISECOND, SECOND
from emu.packet.address import ANY, Ip, ip
from emu.process import Process, UsageError
from emu.programs.libc.getaddrinfo import resolve, reverse
from emu.programs.libc.getopt import Options, getopt
from emu.programs.libc.resolver import UnknownName
from emu.programs.libc.strerror import strerror
from emu.programs.traceroute.probe import Answer, Prober

FIRST_PORT = 33434
USAGE = """Usage:
  traceroute [ -46dFITnreAUDV ] [ -f first_ttl ] [ -g gate,... ] [ -i device ] [ -m max_ttl ] [ -N squeries ] [ -p port ] [ -t tos ] \
[ -l flow_label ] [ -w MAX,HERE,NEAR ] [ -q nqueries ] [ -s src_addr ] [ -z sendwait ] [ --fwmark=num ] host [ packetlen ]"""
PATTERN = bytes(0x40 + (at & 0x3F) for at in range(65536))
LONG = {
    "icmp": "I", "max-hops": "m", "queries": "q", "wait": "w", "port": "p", "first": "f", "sim-queries": "N", "source": "s",
    "dont-fragment": "F", "version": "V",
}  # fmt: skip
SLACK_NS = 5 * MILLISECOND


@dataclass
class _Probe:
    """One of the numbered probes; `key` is what its answers quote."""

    key: tuple[int, int] = (0, 0)
    sent_ns: int = -1
    answer: Answer | None = None
    done: bool = False

    @property
    def took_ns(self) -> int:
        return self.answer.heard_ns - self.sent_ns if self.answer is not None else 0

    @property
    def final(self) -> bool:
        return self.answer is not None and self.answer.final


async def main(process: Process, argv: list[str]) -> int:
    options = getopt(argv, "InFm:q:w:p:f:N:s:V4", LONG, status=2)
    if "V" in options:
        process.print("Modern traceroute for Linux, version 2.1.2\nCopyright (c) 2016  Dmitry Butskoy,   License: GPL v2 or any later")
        return 0
    if not options.words:
        process.print(USAGE)
        return 0
    name = options.words[0]
    try:
        address = await resolve(process, name)
    except UnknownName as unknown:
        text = f'{name}: {unknown}\nCannot handle "host" cmdline arg `{name}\' on position 1 (argc 1)'
        raise UsageError(text, 2) from None
    return await _Traceroute(process, options, name, address).run()


def _number(options: Options, letter: str, default: int, high: int, what: str) -> int:
    text = options.text(letter, str(default))
    if not text.isdigit():
        raise UsageError(f"Cannot handle `-{letter}' option with arg `{text}' (argc 2)", 2)
    if not 0 < int(text) <= high:
        raise UsageError(f"{what} cannot be more than {high}" if int(text) else f"{what} must be at least 1", 2)
    return int(text)


class _Traceroute:
    def __init__(self, process: Process, options: Options, name: str, address: str) -> None:
        self.process = process
        self.options = options
        self.name, self.address = name, address
        self.hops = _number(options, "m", 30, 255, "max hops")
        self.each = _number(options, "q", 3, 10, "no more than 10 probes per hop:")
        self.together = _number(options, "N", 16, 65535, "sim-queries")
        self.first = _number(options, "f", 1, self.hops, "first hop")
        self.port = _number(options, "p", FIRST_PORT, 65535, "port")
        self.icmp = "I" in options
        self.wait = self._waits(options.text("w", "5.0,3,10"))
        self.size = self._size(options.words[1:])
        self.random = process.engine.stream(f"traceroute {process.place.name} {process.pid}")
        self.prober = Prober(process, address, self._source())
        self.probes = [_Probe() for _ in range(self.hops * self.each)]
        self.end = len(self.probes)  # comes down once the target has answered
        self.next_id = self.random.randrange(1, 65536)

    @staticmethod
    def _waits(text: str) -> tuple[float, float, float]:
        """-w MAX,HERE,NEAR: MAX alone turns the others off."""
        try:
            values = [float(part) for part in text.split(",")]
            if not values or min(values) < 0 or len(values) > 3:
                raise ValueError(text)
        except ValueError:
            raise UsageError(f"Cannot handle `-w' option with arg `{text}' (argc 2)", 2) from None
        values += [0.0] * (3 - len(values))
        return values[0], values[1], values[2]

    @staticmethod
    def _size(words: list[str]) -> int:
        text = words[0] if words else "60"
        if not text.isdigit() or int(text) > 65000:
            raise UsageError(f'Cannot handle "packetlen" cmdline arg `{text}\' on position 2 (argc 2)', 2)
        return max(int(text), 28)

    def _source(self) -> Ip:
        try:
            wanted = ip(self.options.text("s")) if "s" in self.options else ANY
            if wanted != ANY and not self.process.netns.is_local(wanted):
                raise UsageError("bind: Cannot assign requested address", 1)
            return self.process.netns.ipv4.route(ip(self.address), wanted)[1]
        except ValueError:
            raise UsageError(f"Cannot handle `-s' option with arg `{self.options.text('s')}' (argc 2)", 2) from None
        except OSError as error:
            raise UsageError(f"connect: {strerror(error)}", 1) from None

    # --- do_it

    async def run(self) -> int:
        process, engine = self.process, self.process.engine
        head = f"traceroute to {self.name} ({self.address}), {self.hops} hops max, {self.size} byte packets"
        process.write(head)
        start = (self.first - 1) * self.each
        while start < self.end:
            next_ns, waiting, at = 0, 0, start
            while at < self.end:
                probe = self.probes[at]
                if not probe.done and probe.sent_ns >= 0:
                    expires_ns = probe.sent_ns + self._patience_ns(at)
                    if expires_ns > engine.now:
                        next_ns = min(next_ns or expires_ns, expires_ns)
                    else:
                        probe.done = True
                if probe.done:
                    if at == start:
                        await self._print(at)
                        start += 1
                    if probe.final:
                        self.end = min(self.end, (at // self.each + 1) * self.each)
                else:
                    if probe.sent_ns < 0:
                        self._send(at)
                    waiting += 1
                    if waiting >= self.together:
                        break
                at += 1
            if start < self.end and not self.probes[start].done:
                await self._hear(next_ns or engine.now + round(self.wait[0] * SECOND))
        process.write("\n")
        return 0

    async def _hear(self, until_ns: int) -> None:
        answer = await self.prober.receive(until_ns)
        probe = next((each for each in self.probes if answer is not None and each.key == answer.key and not each.done), None)
        if probe is not None and probe.sent_ns >= 0:
            probe.answer, probe.done = answer, True

    def _patience_ns(self, at: int) -> int:
        """get_timeout: three times what the same hop took, ten times what a later one took, else the most."""
        most, here, near = self.wait
        first = at - at % self.each
        for factor, others in ((here, self.probes[first : first + self.each]), (near, self.probes[at + 1 :])):
            took = next((each.took_ns for each in others if each.took_ns > 0), None)
            if factor and took is not None:
                return min(round((took + SLACK_NS) * factor), round(most * SECOND))
        return round(most * SECOND)

    def _send(self, at: int) -> None:
        probe, ttl = self.probes[at], at // self.each + 1
        probe.sent_ns = self.process.engine.now
        fragment = "F" in self.options
        try:
            if self.icmp:
                probe.key = self.process.pid & 0xFFFF, (self.port - FIRST_PORT + at + 1) & 0xFFFF
                data = PATTERN[8 : self.size - 20]
                self.next_id = self.next_id % 0xFFFF + 1
                self.prober.send_echo(probe.key, data, ttl, identification=self.next_id, dont_fragment=fragment)
            else:
                probe.key = self._free_port(), (self.port + at) & 0xFFFF
                data = PATTERN[: self.size - 28]
                self.prober.send_udp(probe.key, data, ttl, identification=self.random.randrange(65536), dont_fragment=fragment)
        except OSError as error:
            raise UsageError(f"\nsend: {strerror(error)}", 1) from None

    def _free_port(self) -> int:
        """A socket's own port, closed again once the probe is done: a random one of the local range that is free."""
        sock = self.process.udp_socket()
        sock.bind(("0.0.0.0", 0))
        return sock.local_port

    # --- print_probe

    async def _print(self, at: int) -> None:
        probe = self.probes[at]
        text = f"\n{at // self.each + 1:2} " if not at % self.each else ""
        if probe.answer is None:
            return self.process.write(text + " *")
        before = [other.answer.source for other in self.probes[at - at % self.each : at] if other.answer is not None]
        source = probe.answer.source
        if not before or before[-1] != source:
            named = source if "n" in self.options else f"{await reverse(self.process, source) or source} ({source})"
            text += f" {named}"
        us = probe.took_ns // MICROSECOND
        text += f"  {us // 1000}.{us % 1000:03} ms" + (f" {probe.answer.mark}" if probe.answer.mark else "")
        self.process.write(text)
