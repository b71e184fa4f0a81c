"""arping(8): iputils' (20221126) on hosts, busybox's (1.35) in containers that have busybox.

The first request is broadcast, later ones go to who answered; a packet socket sees the answers, the kernel's own table learns from them
as it does anyway. Not modelled: -s with a foreign address, -V's list of features.
"""

from __future__ import annotations

import re

from emu.engine import MICROSECOND, SECOND, Future
from emu.netdev.device import Direction, NetDevice
from emu.packet import arp, ethernet
from emu.packet.address import ANY, BROADCAST_MAC, Ip, Mac, ip, ip_text, mac_text
from emu.packet.frame import Frame
from emu.process import Process, UsageError
from emu.programs.libc.getaddrinfo import resolve
from emu.programs.libc.getopt import Options, getopt
from emu.programs.libc.resolver import UnknownName
from emu.programs.libc.strerror import strerror
from emu.programs.libc.userland import has_busybox

USAGE = """
Usage:
  arping [options] <destination>"""


async def main(process: Process, argv: list[str]) -> int:
    busybox = has_busybox(process.place)
    options = getopt(argv, "fqbDUAVc:w:i:I:s:", status=2)
    if "V" in options:
        process.print("arping from iputils 20221126")
        return 0
    if len(options.words) != 1:
        raise UsageError("arping: one target address is required" if busybox else USAGE, 1 if busybox else 2)
    name = options.words[0]
    try:
        target = await resolve(process, name)
    except UnknownName as unknown:
        text = f"bad address '{name}'" if busybox else f"{name}: {unknown}"
        raise UsageError(f"arping: {text}", 1 if busybox else 2) from None
    return await _Arping(process, options, ip(target), busybox=busybox).run()


class _Arping:
    def __init__(self, process: Process, options: Options, target: Ip, *, busybox: bool) -> None:
        self.process = process
        self.options = options
        self.busybox = busybox
        self.quiet = "q" in options
        self.probing = "D" in options
        self.unsolicited = "U" in options or "A" in options
        self.count = self._number("c")
        self.deadline = self._number("w")
        self.interval_ns = (self._number("i") or 1) * SECOND
        self.target = target
        self.dev = self._device()
        self.source = self._source()
        self.known: Mac = BROADCAST_MAC
        self.sent = self.broadcasts = self.received = 0
        self.sent_ns = 0
        self.answered: Future[None] = Future(process.engine)

    # --- the command line

    def _number(self, letter: str) -> int:
        text = self.options.text(letter, "0")
        if not re.fullmatch(r"\d+", text):
            raise UsageError(f"arping: invalid number '{text}'" if self.busybox else f"arping: invalid argument: '{text}'", 1)
        return int(text)

    def _device(self) -> NetDevice:
        """The one given (iputils finds it by itself, busybox takes eth0)."""
        netns, name = self.process.netns, self.options.text("I", "eth0" if self.busybox else "")
        if not name:
            first = (dev for dev in netns.devices.values() if dev.up and dev.kind != "loopback")
            dev = next(first, None) if (route := netns.fib.lookup(self.target)) is None else route.dev
            if dev is None or dev.kind == "loopback":
                raise UsageError("arping: Suitable device could not be determined. Please, use option -I.", 2)
        elif name in netns.devices:
            dev = netns.devices[name]
        elif self.busybox:
            raise UsageError(f"arping: interface {name} not found: No such device", 2)
        else:
            raise UsageError(f"arping: Device {name} not available.", 2)
        if not dev.up:
            raise UsageError(f"arping: interface {name} is down" if self.busybox else f'Interface "{dev.name}" is down', 2)
        if dev.kind == "loopback" or not dev.arp:
            raise UsageError(f"arping: interface {name} is not ARPable" if self.busybox else f'Interface "{dev.name}" is not ARPable', 2)
        return dev

    def _source(self) -> Ip:
        if "s" in self.options:
            try:
                source = ip(self.options.text("s"))
            except ValueError:
                raise UsageError(f"arping: invalid source {self.options.text('s')}", 2) from None
            if not self.process.netns.is_local(source) and not self.unsolicited:
                raise UsageError("arping: bind: Cannot assign requested address", 2)
            return source
        if self.probing:
            return ANY
        if self.unsolicited:
            return self.target
        try:
            return self.process.netns.ipv4.route(self.target, ANY, self.dev)[1]
        except OSError as error:
            own = self.process.netns.best_source(self.dev, self.target)
            if own is None:
                raise UsageError(f"arping: connect: {strerror(error)}", 2) from None
            return own

    # --- sending and hearing

    async def run(self) -> int:
        process, engine = self.process, self.process.engine
        self.dev.taps.append(self._tap)
        process.at_exit(lambda: self.dev.taps.remove(self._tap))
        process.at_exit(self._statistics)
        if not self.quiet:
            process.print(f"ARPING {ip_text(self.target)} from {ip_text(self.source)} {self.dev.name}")
        end_ns = engine.now + self.deadline * SECOND if self.deadline else None
        while not self.count or self.sent < self.count:
            if end_ns is not None and engine.now >= end_ns:
                break
            self._send()
            next_ns = engine.now + self.interval_ns
            await self._wait(next_ns if end_ns is None else min(next_ns, end_ns))
            if self.received and ("f" in self.options or self.probing):
                break
        if self.probing:
            return int(bool(self.received))
        return int(not self.received and not self.unsolicited)

    async def _wait(self, until_ns: int) -> None:
        """Until the next request is due; an answer that ends the program ends the wait."""
        engine = self.process.engine
        self.answered = Future(engine)
        timer = engine.call_at(until_ns, self.answered.set_result, None, background=self.process.daemon)
        try:
            await self.answered
        finally:
            timer.cancel()

    def _send(self) -> None:
        engine = self.process.engine
        operation = arp.REPLY if "A" in self.options else arp.REQUEST
        asked = self.dev.mac if "A" in self.options else self.known
        packet = arp.Arp(operation, self.dev.mac, self.source, asked, self.target)
        wire = ethernet.build(self.known, self.dev.mac, ethernet.ARP, arp.build(packet))
        self.sent += 1
        self.broadcasts += self.known == BROADCAST_MAC
        self.sent_ns = engine.now
        self.dev.transmit(Frame(wire, engine.next_trace_id()))

    def _tap(self, dev: NetDevice, direction: Direction, frame: Frame) -> None:
        """recv_pack: an answer of the target to us."""
        if direction is not Direction.RX or frame.wire[12:14] != ethernet.ARP or not dev.accepts(frame.wire[:6]):
            return
        packet = arp.parse(frame.wire[14:])
        if packet is None or packet.sender_ip != self.target or packet.operation not in {arp.REQUEST, arp.REPLY}:
            return
        if self.probing:
            if packet.sender_mac == dev.mac or packet.target_ip not in {ANY, self.target}:
                return
        elif packet.target_ip != self.source or (packet.operation == arp.REPLY and packet.target_mac != dev.mac):
            return
        self.received += 1
        if not self.quiet:
            self._show(frame, packet)
        if "b" not in self.options:
            self.known = packet.sender_mac
        if "f" in self.options or self.probing:
            self.answered.set_result(None)

    def _show(self, frame: Frame, packet: arp.Arp) -> None:
        how = "Broadcast" if frame.wire[0] & 1 else "Unicast"
        kind = "request" if packet.operation == arp.REQUEST else "reply"
        us = (self.process.engine.now - self.sent_ns) // MICROSECOND
        space = " " if self.busybox else "  "
        time = f"{us // 1000}.{us % 1000:03}ms"
        mac = mac_text(packet.sender_mac)
        shown = mac if self.busybox else mac.upper()
        self.process.print(f"{how} {kind} from {ip_text(packet.sender_ip)} [{shown}]{space}{time}")

    def _statistics(self) -> None:
        if self.quiet:
            return
        if self.busybox:
            self.process.print(f"Sent {self.sent} probe(s) (0 broadcast(s))")  # it counts none, whatever it sends
            self.process.print(f"Received {self.received} response(s) (0 request(s), 0 broadcast(s))")
            return
        self.process.print(f"Sent {self.sent} probes ({self.broadcasts} broadcast(s))")
        self.process.print(f"Received {self.received} response(s)")
