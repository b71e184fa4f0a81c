"""busybox's traceroute (networking/traceroute.c, 1.35): one probe after the other, from one port, five seconds' patience."""

from __future__ import annotations

from emu.engine import MICROSECOND, SECOND
from emu.packet.address import ANY, ip
from emu.process import Process, UsageError
from emu.programs.libc.getaddrinfo import resolve, reverse
from emu.programs.libc.getopt import Options, getopt
from emu.programs.libc.resolver import UnknownName
from emu.programs.libc.strerror import strerror
from emu.programs.traceroute.probe import Answer, Prober

FIRST_PORT = 33434
USAGE = """Usage: traceroute [-46IFlnrv] [-f 1ST_TTL] [-m MAXTTL] [-q PROBES] [-p PORT]
\t[-t TOS] [-w WAIT_SEC] [-s SRC_IP] [-i IFACE]
\t[-z PAUSE_MSEC] HOST [BYTES]"""


async def main(process: Process, argv: list[str]) -> int:
    options = getopt(argv, "IFnm:q:p:f:w:4")
    if not options.words:
        raise UsageError(USAGE, 1)
    name = options.words[0]
    try:
        address = await resolve(process, name)
    except UnknownName:
        raise UsageError(f"traceroute: bad address '{name}'", 1) from None
    return await _Traceroute(process, options, name, address).run()


def _number(options: Options, letter: str, default: int, low: int, high: int) -> int:
    text = options.text(letter, str(default))
    if not text.isdigit():
        raise UsageError(f"traceroute: invalid number '{text}'", 1)
    if not low <= int(text) <= high:
        raise UsageError(f"traceroute: number {text} is not in {low}..{high} range", 1)
    return int(text)


class _Traceroute:
    def __init__(self, process: Process, options: Options, name: str, address: str) -> None:
        self.process = process
        self.options = options
        self.name, self.address = name, address
        self.hops = _number(options, "m", 30, 1, 255)
        self.first = _number(options, "f", 1, 1, self.hops)
        self.each = _number(options, "q", 3, 1, 65535)
        self.port = _number(options, "p", FIRST_PORT, 1, 65535)
        self.wait = _number(options, "w", 5, 1, 86400)
        extra = options.words[1] if len(options.words) > 1 else "0"
        if not extra.isdigit() or int(extra) > 32768:
            raise UsageError(f"traceroute: invalid number '{extra}'", 1)
        self.size = max(int(extra), 46)
        try:
            _, source = process.netns.ipv4.route(ip(address), ANY)
        except OSError as error:
            raise UsageError(f"traceroute: can't connect to remote host ({address}): {strerror(error)}", 1) from None
        self.prober = Prober(process, address, source)
        self.ident = process.pid & 0xFFFF | 0x8000
        self.next_id = process.engine.stream(f"traceroute {process.place.name} {process.pid}").randrange(1, 65536)

    async def run(self) -> int:
        self.process.print(f"traceroute to {self.name} ({self.address}), {self.hops} hops max, {self.size} byte packets")
        sequence = 0
        for ttl in range(self.first, self.hops + 1):
            self.process.write(f"{ttl:2}")
            last, reached, unreachable = "", False, 0
            for _ in range(self.each):
                sequence += 1
                sent_ns = self.process.engine.now
                answer = await self._ask(sequence, ttl)
                if answer is None:
                    self.process.write("  *")
                    continue
                if answer.source != last:
                    self.process.write(f"  {await self._named(answer.source)}")
                    last = answer.source
                us = (answer.heard_ns - sent_ns) // MICROSECOND
                self.process.write(f"  {us // 1000}.{us % 1000:03} ms" + (f" {answer.mark}" if answer.mark else ""))
                reached |= answer.final and not answer.mark
                unreachable += bool(answer.mark)
            self.process.write("\n")
            if reached or (unreachable and unreachable >= self.each - 1):
                break
        return 0

    async def _ask(self, sequence: int, ttl: int) -> Answer | None:
        self.next_id = self.next_id % 0xFFFF + 1
        deadline_ns = self.process.engine.now + self.wait * SECOND
        try:
            if "I" in self.options:
                key = self.ident, sequence
                body = bytes(self.size - 28)
                self.prober.send_echo(key, body, ttl, identification=self.next_id, dont_fragment=True)
            else:
                key = self.ident, (self.port + sequence) & 0xFFFF
                body = bytes([sequence & 0xFF, ttl]) + bytes(self.size - 30)
                self.prober.send_udp(key, body, ttl, identification=self.next_id, dont_fragment=True)
        except OSError as error:
            raise UsageError(f"\ntraceroute: sendto: {strerror(error)}", 1) from None
        while (answer := await self.prober.receive(deadline_ns)) is not None:
            if answer.key == key:
                return answer
        return None

    async def _named(self, address: str) -> str:
        return address if "n" in self.options else f"{await reverse(self.process, address) or address} ({address})"
