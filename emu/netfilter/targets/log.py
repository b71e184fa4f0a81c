"""-j LOG (xt_LOG.c, nf_log_syslog.c): a line in the kernel's log for each packet; the packet goes on.

Not modelled: --log-uid's line (programs have no user), log levels (all lines are kept), IP and TCP options of packets that ICMP errors
quote.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from emu.netfilter.table import Passage, Rule
from emu.netfilter.target import Target
from emu.netfilter.words import integer, quoted, usage
from emu.packet.address import ip_text, mac_text

if TYPE_CHECKING:
    from emu.packet.datagram import Datagram

LEVELS = ("emerg", "alert", "crit", "error", "warn", "notice", "info", "debug")
LEVEL_ALIASES = {"panic": 0, "err": 3, "warning": 4}
FLAGS = {"--log-tcp-sequence": 1, "--log-tcp-options": 2, "--log-ip-options": 4, "--log-uid": 8, "--log-macdecode": 32}
WARN = 4
MAX_PREFIX = 29
TCP_FLAGS = (("CWR", 0x80), ("ECE", 0x40), ("URG", 0x20), ("ACK", 0x10), ("PSH", 8), ("RST", 4), ("SYN", 2), ("FIN", 1))
PROTOCOL_NAMES = {1: "ICMP", 6: "TCP", 17: "UDP"}


@dataclass(slots=True)
class Log(Target):
    """Prefix, level, and what to show of headers."""

    name: ClassVar[str] = "LOG"
    OPTIONS: ClassVar[dict[str, int]] = {"--log-level": 1, "--log-prefix": 1, **dict.fromkeys(FLAGS, 0)}
    prefix: str = ""
    level: int = WARN
    flags: int = 0

    def set(self, option: str, values: list[str], inverted: bool, rule: Rule) -> None:
        if option == "--log-prefix":
            self.prefix = values[0][:MAX_PREFIX]
        elif option == "--log-level":
            self.level = _level(values[0])
        else:
            self.flags |= FLAGS[option]

    def save(self) -> str:
        words = [f"--log-prefix {quoted(self.prefix)}"] if self.prefix else []
        if self.level != WARN:
            words.append(f"--log-level {self.level}")
        return " ".join(words + [option for option, bit in FLAGS.items() if self.flags & bit])

    def list(self, numeric: bool) -> str:
        if numeric:
            words = [f"LOG flags {self.flags} level {self.level}"]
        else:
            words = [f"LOG level {LEVELS[self.level]}"]
            words += [option.removeprefix("--log-") for option, bit in FLAGS.items() if self.flags & bit]
        return " ".join(words + ([f'prefix "{self.prefix}"'] if self.prefix else []))

    def apply(self, run: Any, datagram: Datagram, passage: Passage) -> None:
        run.log(line(run, datagram, passage, self.prefix, self.flags))


def _level(text: str) -> int:
    name = text.lower()
    level = LEVELS.index(name) if name in LEVELS else LEVEL_ALIASES.get(name, integer(text, 0, 7))
    if level is None:
        raise usage(f'log level "{text}" unknown\n')
    return level


# --- the line


def line(run: Any, datagram: Datagram, passage: Passage, prefix: str, flags: int = 0) -> str:
    """As nf_log_ip_packet writes it."""
    ports = [("PHYSIN", datagram.bridge_port_in), ("PHYSOUT", datagram.bridge_port_out)]
    words = [f"IN={_name(passage.iif)} OUT={_name(passage.oif)}"]
    words += [f"{key}={port.dev.name}" for key, port in ports if port is not None]
    if passage.iif is not None:
        frame = datagram.frame
        words.append(f"MAC={mac_text(frame.wire[:14]) if frame is not None else ''}")
    return prefix + " ".join(words + _packet(datagram.wire, flags)) + (f" MARK={datagram.mark:#x}" if datagram.mark else "")


def _name(dev: Any) -> str:
    return dev.name if dev is not None else ""


def _packet(wire: bytes, flags: int, *, outer: bool = True) -> list[str]:
    word = wire[6] << 8 | wire[7]
    words = [f"SRC={ip_text(wire[12:16])} DST={ip_text(wire[16:20])} LEN={wire[2] << 8 | wire[3]} TOS=0x{wire[1] & 0x1E:02X}"]
    words.append(f"PREC=0x{wire[1] & 0xE0:02X} TTL={wire[8]} ID={wire[4] << 8 | wire[5]}")
    words += [name for name, bit in (("CE", 0x8000), ("DF", 0x4000), ("MF", 0x2000)) if word & bit]
    if word & 0x1FFF:
        words.append(f"FRAG:{word & 0x1FFF}")
    at = (wire[0] & 15) * 4
    if flags & FLAGS["--log-ip-options"] and outer and at > 20:
        words.append(f"OPT ({wire[20:at].hex().upper()})")
    words.append(f"PROTO={PROTOCOL_NAMES.get(wire[9], wire[9])}")
    if word & 0x1FFF:
        return words
    segment = wire[at : wire[2] << 8 | wire[3]]
    if wire[9] == 6:
        return words + _tcp(segment, flags, outer)
    if wire[9] == 17:
        return words + _udp(segment)
    return words + _icmp(segment, flags) if wire[9] == 1 else words


def _tcp(segment: bytes, flags: int, outer: bool) -> list[str]:
    if len(segment) < 20:
        return [f"INCOMPLETE [{len(segment)} bytes]"]
    words = [f"SPT={segment[0] << 8 | segment[1]} DPT={segment[2] << 8 | segment[3]}"]
    if flags & FLAGS["--log-tcp-sequence"]:
        words.append(f"SEQ={int.from_bytes(segment[4:8], 'big')} ACK={int.from_bytes(segment[8:12], 'big')}")
    words.append(f"WINDOW={segment[14] << 8 | segment[15]} RES=0x{(segment[12] & 0x0F) << 2:02X}")
    words += [name for name, bit in TCP_FLAGS if segment[13] & bit]
    words.append(f"URGP={segment[18] << 8 | segment[19]}")
    header = (segment[12] >> 4) * 4
    if flags & FLAGS["--log-tcp-options"] and outer and 20 < header <= len(segment):
        words.append(f"OPT ({segment[20:header].hex().upper()})")
    return words


def _udp(segment: bytes) -> list[str]:
    if len(segment) < 8:
        return [f"INCOMPLETE [{len(segment)} bytes]"]
    return [f"SPT={segment[0] << 8 | segment[1]} DPT={segment[2] << 8 | segment[3]} LEN={segment[4] << 8 | segment[5]}"]


def _icmp(message: bytes, flags: int) -> list[str]:
    if len(message) < 8:
        return [f"INCOMPLETE [{len(message)} bytes]"]
    kind, code = message[0], message[1]
    words = [f"TYPE={kind} CODE={code}"]
    if kind in (0, 8):
        words.append(f"ID={message[4] << 8 | message[5]} SEQ={message[6] << 8 | message[7]}")
    elif kind in (3, 4, 5, 11, 12) and len(message) >= 28:
        if kind == 5:
            words.append(f"GATEWAY={ip_text(message[4:8])}")
        words += ["[" + " ".join(_packet(message[8:], flags, outer=False)), "]"]
        if kind == 3 and code == 4:
            words.append(f"MTU={message[6] << 8 | message[7]}")
    return words
