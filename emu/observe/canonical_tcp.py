"""What of TCP is the same in two recordings of one connection: numbers counted from its beginning, time stamps against the clock.

Sequence numbers count from the connection's first one. An acknowledgment number is compared in SYN and RST; elsewhere it depends on when
segments were acknowledged, so that what counts is that a segment that was seen ends there. A time stamp must advance as the clock does
(Linux counts milliseconds), and an echoed one must have been sent. Windows are compared in SYN and RST only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from emu.observe.values import Fields, Value, port_value
from emu.packet import tcp
from emu.packet.address import ip_text

Flow = tuple[bytes, bytes]  # a direction: source address and port, destination address and port

SEEN = "at a segment's end"
_OPTION_NAMES = {0: "EOL", 1: "NOP", 2: "MSS", 3: "WS", 4: "SACKOK", 5: "SACK", 8: "TS"}
_FLAG_NAMES = ("FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR")
_CLOCK_SLACK_MS = 100  # queues on the way


@dataclass(slots=True)
class Side:
    """One direction of a connection, as far as the capture has shown it. Numbers are relative to the first."""

    first: int
    ends: set[int] = field(default_factory=set)  # where segments ended
    stamps: set[int] = field(default_factory=set)
    stamp: tuple[int, int] | None = None  # the first time stamp, and when
    acknowledged: int = -1  # the most, once it is known of what
    has_begun: bool = False  # its SYN was seen


class TcpNumbers:
    """Reads the segments of one capture in order."""

    def __init__(self) -> None:
        self.sides: dict[Flow, Side] = {}

    def fields(self, segment: tcp.Segment, flow: Flow, time_ns: int, where: str, out: Fields) -> None:
        side, other = self._sides(segment, flow)
        relative = segment.sequence - side.first & 0xFFFFFFFF
        is_pure_ack = segment.flags == tcp.ACK and not segment.payload
        if is_pure_ack:
            out[where + "TCP sequence"] = SEEN if relative in side.ends or relative + 1 in side.ends else relative
        elif not segment.flags & tcp.RST or segment.sequence:
            out[where + "TCP sequence"] = relative
        side.ends.add(relative + len(segment.payload) + bool(segment.flags & tcp.SYN) + bool(segment.flags & tcp.FIN) & 0xFFFFFFFF)
        if segment.flags & tcp.ACK:
            assert other is not None
            number = segment.acknowledgment - other.first & 0xFFFFFFFF
            is_exact = segment.flags & (tcp.SYN | tcp.RST) or (number not in other.ends and other.has_begun)
            out[where + "TCP acknowledgment"] = number if is_exact else SEEN
            other.ends.add(number)  # seen to have been sent, if not here
            if other.has_begun and number < 1 << 31 and not segment.flags & tcp.RST:
                side.acknowledged = max(side.acknowledged, number)
        elif segment.acknowledgment:
            out[where + "TCP acknowledgment"] = f"{segment.acknowledgment} without ACK"
        if segment.flags & (tcp.SYN | tcp.RST):
            out[where + "TCP window"] = segment.window
        self._stamps(segment, side, other, time_ns, where, out)

    def _sides(self, segment: tcp.Segment, flow: Flow) -> tuple[Side, Side | None]:
        """Both directions; a SYN with a new number begins its one anew, and where none was seen the first segment does."""
        side = self.sides.get(flow)
        if segment.flags & tcp.SYN and (side is None or not side.has_begun or side.first != segment.sequence):
            acknowledged = -1 if side is None or side.has_begun else side.acknowledged
            side = self.sides[flow] = Side(segment.sequence, has_begun=True, acknowledged=acknowledged)
        elif side is None:
            side = self.sides[flow] = Side(segment.sequence)
        back = (flow[1], flow[0])
        if segment.flags & tcp.ACK and back not in self.sides:
            self.sides[back] = Side(segment.acknowledgment - 1 & 0xFFFFFFFF)
        return side, self.sides.get(back)

    @staticmethod
    def _stamps(segment: tcp.Segment, side: Side, other: Side | None, time_ns: int, where: str, out: Fields) -> None:
        stamps = time_stamps(segment.options)
        if stamps is None:
            return
        value, echo = stamps
        if side.stamp is None:
            side.stamp = value, time_ns
        ticks = (value - side.stamp[0] + (1 << 31) & 0xFFFFFFFF) - (1 << 31)
        passed = (time_ns - side.stamp[1]) // 1_000_000
        late = ticks - passed
        slack = _CLOCK_SLACK_MS + abs(passed) // 4
        out[where + "TCP time stamp"] = "with the clock" if abs(late) <= slack else f"{abs(late)} ms {'ahead' if late > 0 else 'behind'}"
        side.stamps.add(value)
        if not segment.flags & tcp.ACK or other is None or not other.stamps:
            out[where + "TCP time stamp echoed"] = "none" if not echo else "not seen"
        else:
            out[where + "TCP time stamp echoed"] = "one that was sent" if echo in other.stamps else echo


def flow_text(flow: Flow, say: Callable[[Value], str]) -> str:
    source, target = (f"{ip_text(end[:4])}:{say(port_value(end[4:6]))}" for end in flow)
    return f"{source} > {target}"


def flags_text(flags: int) -> str:
    return " ".join(name for bit, name in enumerate(_FLAG_NAMES) if flags >> bit & 1) or "none"


def options_text(options: bytes) -> str:
    """Kinds in order; MSS and window scale with their values; of SACK only that it is there."""
    words = []
    for kind, value in _options(options):
        name = _OPTION_NAMES.get(kind, f"kind {kind}")
        words.append(f"{name}={int.from_bytes(value, 'big')}" if kind in (2, 3) else name)
    return " ".join(words) or "none"


def time_stamps(options: bytes) -> tuple[int, int] | None:
    """TSval and TSecr."""
    for kind, value in _options(options):
        if kind == 8 and len(value) == 8:
            return int.from_bytes(value[:4], "big"), int.from_bytes(value[4:], "big")
    return None


def _options(options: bytes) -> list[tuple[int, bytes]]:
    found, position = [], 0
    while position < len(options):
        kind = options[position]
        length = 1 if kind < 2 else options[position + 1] if position + 1 < len(options) else 0
        found.append((kind, options[position + 2 : position + length]))
        if not length:
            break
        position += length
    return found
