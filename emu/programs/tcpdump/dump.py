"""A packet as tcpdump prints it: its time, its text, and with -x, -X and -A its bytes."""

from __future__ import annotations

from emu.programs.libc.clock import civil
from emu.programs.libc.getopt import Options
from emu.programs.tcpdump.printer import Style, ethernet_text, ethertype_text, network_text
from emu.programs.tcpdump.savefile import COOKED, Packet, uncook

SECOND = 1_000_000_000


class Dump:
    """Prints packets one after the other; `names` are those of devices by number."""

    def __init__(self, options: Options, style: Style, link: int, names: dict[int, str]) -> None:
        self.options = options
        self.style = style
        self.link = link
        self.names = names
        self.stamps = len(options.all("t"))
        self.count = 0
        self.first_ns: int | None = None
        self.previous_ns: int | None = None

    def text(self, packet: Packet) -> str:
        self.count += 1
        number = f"{self.count:5}  " if "#" in self.options else ""
        wire = packet.wire
        cut = packet.length - len(wire)
        body = self._cooked(wire, cut) if self.link == COOKED else ethernet_text(self.style, wire, cut)
        return f"{number}{self._stamp(packet.time_ns)}{body}\n{self._bytes(wire)}"

    def _stamp(self, time_ns: int) -> str:
        seconds, us = time_ns // SECOND, time_ns % SECOND // 1000
        year, month, day, hour, minute, second, _ = civil(seconds)
        clock = f"{hour:02}:{minute:02}:{second:02}.{us:06} "
        if self.stamps in {0, 4}:
            return clock if not self.stamps else f"{year}-{month:02}-{day:02} {clock}"
        if self.stamps == 1:
            return ""
        if self.stamps == 2:
            return f"{seconds}.{us:06} "
        before = self.first_ns if self.stamps == 5 else self.previous_ns
        self.first_ns = time_ns if self.first_ns is None else self.first_ns
        self.previous_ns = time_ns
        since_us = (time_ns - (before if before is not None else time_ns)) // 1000
        rest = since_us // 1_000_000
        return f" {rest // 3600:02}:{rest // 60 % 60:02}:{rest % 60:02}.{since_us % 1_000_000:06} "

    def _cooked(self, wire: bytes, cut: int) -> str:
        cooked = uncook(wire)
        name = self.names.get(cooked.ifindex)
        head = f"{name:<5} " if name is not None else ""
        head += f"{cooked.kind:<3} "
        if not self.style.link:
            return head + network_text(self.style, cooked.ethertype, cooked.payload, prefix=True, cut=cut)
        head += f"ifindex {cooked.ifindex} {self.style.hardware(cooked.hardware)} {ethertype_text(cooked.ethertype)}, "
        return f"{head}length {len(wire) + cut}: " + network_text(self.style, cooked.ethertype, cooked.payload, prefix=False, cut=cut)

    def _bytes(self, wire: bytes) -> str:
        """-x, -X, -A; given twice, with the link's header."""
        for letter in "AXx":
            count = len(self.options.all(letter))
            if count:
                data = wire if count > 1 else wire[20 if self.link == COOKED else 14 :]
                return ascii_text(data) if letter == "A" else hexadecimal(data, ascii_too=letter == "X")
        return ""


def hexadecimal(data: bytes, *, ascii_too: bool) -> str:
    lines = []
    for at in range(0, len(data), 16):
        row = data[at : at + 16]
        words = "".join(f" {row[place : place + 2].hex()}" for place in range(0, len(row), 2))
        shown = "".join(chr(byte) if 0x21 <= byte <= 0x7E else "." for byte in row)
        lines.append(f"\t0x{at:04x}: {words:<41} {shown}\n" if ascii_too else f"\t0x{at:04x}: {words}\n")
    return "".join(lines)


def ascii_text(data: bytes) -> str:
    """Printable characters and line ends; carriage returns vanish before a line's end."""
    text = "".join(chr(byte) if 0x20 <= byte <= 0x7E or byte in b"\n\t\r" else "." for byte in data)
    return text.replace("\r\n", "\n").replace("\r", ".") + "\n"
