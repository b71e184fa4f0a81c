"""A received segment with its sequence numbers made absolute, and the checks it must pass (tcp_validate_incoming, RFC 9293 §3.10.7.4).

Sequence numbers inside emu's TCP are Python integers that never wrap: `extend` turns the wire's 32 bits into the number nearest to one
that is known, and so `<` is right everywhere else.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from emu.netns import tcp_options
from emu.packet.tcp import ACK, FIN, RST, SYN, Segment

if TYPE_CHECKING:
    from emu.netns.tcp_connection import Connection
    from emu.packet.datagram import Datagram

WRAP = 0xFFFFFFFF
_HALF = 0x80000000
_DAY_MS = 24 * 3600 * 1000


def extend(wire: int, near: int) -> int:
    """The absolute number that is `wire` modulo 2^32 and nearest to `near`."""
    return near - _HALF + ((wire - near + _HALF) & WRAP)


def is_newer(value: int, than: int) -> bool:
    """Of two 32-bit timestamps or sequence numbers: is `value` after `than`?"""
    return 0 < (value - than) & WRAP < _HALF


class Received:
    """One segment. `end` is the number after its last byte, SYN and FIN counted."""

    __slots__ = ("ack", "datagram", "end", "flags", "options", "payload", "start", "window")

    def __init__(self, datagram: Datagram, segment: Segment, rcv_near: int, snd_near: int) -> None:
        self.datagram = datagram
        self.flags = segment.flags
        self.payload = segment.payload
        self.start = extend(segment.sequence, rcv_near)
        flags = segment.flags
        self.end = self.start + len(segment.payload) + (flags & FIN) + (flags >> 1 & 1)
        self.ack = extend(segment.acknowledgment, snd_near)
        self.window = segment.window
        self.options = tcp_options.parse(segment.options)


class Check(Enum):
    """What becomes of a segment that arrived in a synchronised state."""

    ACCEPT = "in order or in the window"
    DISCARD = "refused without an answer"
    ACKNOWLEDGE = "refused, the peer is told where we are"
    CHALLENGE = "a SYN or RST that may be forged (RFC 5961): asked back"
    RESET = "a valid RST"


def validate(connection: Connection, received: Received) -> Check:
    """PAWS, window, RST, SYN: in this order."""
    receiver = connection.receiver
    flags = received.flags
    if _is_old_duplicate(connection, received) and not flags & RST:
        return Check.ACKNOWLEDGE
    if received.end < receiver.acknowledged or received.start > receiver.nxt + receiver.window_left:
        if flags & RST:
            return Check.DISCARD
        return Check.CHALLENGE if flags & SYN else Check.ACKNOWLEDGE
    if flags & RST:
        return Check.RESET if received.start == receiver.nxt else Check.CHALLENGE
    if flags & SYN:
        own_open = connection.is_half_open and flags & ACK and received.start + 1 == receiver.nxt and received.ack == connection.sender.nxt
        return Check.ACCEPT if own_open else Check.CHALLENGE
    return Check.ACCEPT if flags & ACK else Check.DISCARD


def _is_old_duplicate(connection: Connection, received: Received) -> bool:
    """PAWS (RFC 7323 §5): an older timestamp than the last one taken, except for a mere reordered ACK (tcp_disordered_ack)."""
    receiver = connection.receiver
    timestamp = received.options.timestamp
    if receiver.recent is None or timestamp is None:
        return False
    age_ms = (receiver.recent - timestamp) & WRAP
    if not 0 < age_ms < _HALF or connection.engine.now // 1_000_000 - receiver.recent_at_ms > 24 * _DAY_MS:
        return False
    sender = connection.sender
    is_pure_ack = received.start == received.end == receiver.nxt and received.ack == sender.una
    return not (is_pure_ack and received.window << sender.scale == sender.window and age_ms < sender.round_trip.rto_ns * 4 // 4_000_000)
