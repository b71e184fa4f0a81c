"""Connection tracking of TCP (net/netfilter/nf_conntrack_proto_tcp.c): states seen from the middle, and the windows a segment must lie in.

A segment outside of the windows is INVALID: it goes on untranslated, as on Linux. A connection that is picked up in its middle
(tcp_loose) is not held to its windows. Not modelled: the sysctls tcp_loose, tcp_be_liberal and tcp_max_retrans at other than their
defaults; challenge ACKs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emu.netfilter.conntrack import ConntrackEntry

STATES = ("NONE", "SYN_SENT", "SYN_RECV", "ESTABLISHED", "FIN_WAIT", "CLOSE_WAIT", "LAST_ACK", "TIME_WAIT", "CLOSE", "SYN_SENT2")
NO, SS, SR, ES, FW, CW, LA, TW, CL, S2 = range(10)
IG, IV = -1, -2  # let it pass and learn nothing; INVALID

SYN, SYNACK, FIN, ACK, RST, NONE = range(6)
# What the segment does to the state, by direction and kind. Columns: as STATES.
#           NO  SS  SR  ES  FW  CW  LA  TW  CL  S2
ORIGINAL = (
    (SS, SS, IG, IG, IG, IG, IG, SS, SS, S2),  # SYN
    (IV, IV, SR, IV, IV, IV, IV, IV, IV, SR),  # SYN, ACK
    (IV, IV, FW, FW, LA, LA, LA, TW, CL, IV),  # FIN
    (ES, IV, ES, ES, CW, CW, TW, TW, CL, IV),  # ACK
    (IV, CL, CL, CL, CL, CL, CL, CL, CL, CL),  # RST
    (IV, IV, IV, IV, IV, IV, IV, IV, IV, IV),
)  # fmt: skip
REPLY = (
    (IV, S2, IV, IV, IV, IV, IV, SS, IV, S2),
    (IV, SR, IG, IG, IG, IG, IG, IG, IG, SR),
    (IV, IV, FW, FW, LA, LA, LA, TW, CL, IV),
    (IV, IG, SR, ES, CW, CW, TW, TW, CL, IG),
    (IV, CL, CL, CL, CL, CL, CL, CL, CL, CL),
    (IV, IV, IV, IV, IV, IV, IV, IV, IV, IV),
)
TIMEOUT_OF = (
    "", "tcp_timeout_syn_sent", "tcp_timeout_syn_recv", "tcp_timeout_established", "tcp_timeout_fin_wait", "tcp_timeout_close_wait",
    "tcp_timeout_last_ack", "tcp_timeout_time_wait", "tcp_timeout_close", "tcp_timeout_syn_sent",
)  # fmt: skip
MAX_RETRANSMITS = 3
MIN_ACK_WINDOW = 66000
TIMESTAMPS_ONLY = 12  # bytes of options that hold timestamps and nothing more
HALF = 0x80000000
WORD = 0xFFFFFFFF
SEEN_REPLY, ASSURED = 1, 2  # of conntrack.Status
SOUND_FLAGS = frozenset({0x02, 0x22, 0x12, 0x04, 0x14, 0x11, 0x31, 0x10, 0x30})  # tcp_valid_flags; PSH, ECE and CWR may be added


def _kind(flags: int) -> int:
    if flags & 4:
        return RST
    if flags & 2:
        return SYNACK if flags & 16 else SYN
    if flags & 1:
        return FIN
    return ACK if flags & 16 else NONE


KIND = tuple(_kind(flags) for flags in range(256))


def after(a: int, b: int) -> bool:
    """A > b among sequence numbers."""
    return 0 < ((a - b) & WORD) < HALF


class Side:
    """What one end has shown: td_end, td_maxend, td_maxwin, td_scale, td_maxack."""

    __slots__ = ("close_init", "end", "liberal", "max_ack", "max_end", "max_window", "scale", "scaled", "unacknowledged")

    def __init__(self) -> None:
        self.end = self.max_end = self.max_window = 0
        self.max_ack: int | None = None
        self.scale = 0
        self.scaled = False  # sent a window scale option
        self.liberal = False
        self.close_init = False  # sent the first FIN
        self.unacknowledged = False


class TcpState:
    """The state of a tracked connection."""

    __slots__ = ("last", "retransmits", "sides", "state")

    def __init__(self) -> None:
        self.state = NO
        self.sides = (Side(), Side())  # original, reply
        self.retransmits = 0
        # of the last segment: kind, direction, sequence, acknowledgment, end, window
        self.last: tuple[int, bool, int, int, int, int] = (NONE, False, 0, 0, 0, 0)

    @property
    def name(self) -> str:
        return STATES[self.state]


class Fields:
    """The fields of a segment that matter here."""

    __slots__ = ("ack", "end", "flags", "options", "seq", "window")

    def __init__(self, wire: bytes) -> None:
        at = (wire[0] & 15) * 4
        words = int.from_bytes(wire[at + 4 : at + 16], "big")
        self.seq = words >> 64
        self.ack = words >> 32 & WORD
        self.flags = flags = words >> 16 & 0xFF
        self.window = words & 0xFFFF
        header = (wire[at + 12] >> 4) * 4
        self.options = wire[at + 20 : at + header] if header > 20 else b""
        length = (wire[2] << 8 | wire[3]) - at - header
        self.end = (self.seq + length + (flags >> 1 & 1) + (flags & 1)) & WORD


def _options(options: bytes) -> tuple[int | None, int | None]:
    """Window scale, and the highest SACKed sequence number."""
    scale, highest, at = None, None, 0
    while at < len(options):
        kind = options[at]
        if kind == 0:
            break
        if kind == 1:
            at += 1
            continue
        length = options[at + 1] if at + 1 < len(options) else 0
        if length < 2 or at + length > len(options):
            break
        if kind == 3 and length == 3:
            scale = min(options[at + 2], 14)
        elif kind == 5:
            for edge in range(at + 6, at + length - 3, 8):
                right = int.from_bytes(options[edge : edge + 4], "big")
                highest = right if highest is None or after(right, highest) else highest
        at += length
    return scale, highest


class TcpTracker:
    """Moves the states of TCP entries on."""

    def __init__(self, timeouts_ns: dict[str, int]) -> None:
        self.timeouts_ns = timeouts_ns

    def begin(self, entry: ConntrackEntry, wire: bytes) -> bool:
        """Can this segment begin a connection? A SYN, or an ACK of one that is under way already."""
        at = (wire[0] & 15) * 4
        if not self.is_sound(wire) or ORIGINAL[KIND[wire[at + 13]]][NO] < 0:
            return False
        entry.tcp = tcp = TcpState()
        segment = Fields(wire)
        side = tcp.sides[0]
        if not segment.flags & 2:
            side.end = segment.end
            side.max_window = segment.window or 1
            side.max_end = (segment.end + side.max_window) & WORD
            tcp.sides[0].liberal = tcp.sides[1].liberal = True
        return True

    @staticmethod
    def is_sound(wire: bytes) -> bool:
        """A whole header, and flags that make sense (tcp_error)."""
        at = (wire[0] & 15) * 4
        if len(wire) < at + 20 or not 20 <= (wire[at + 12] >> 4) * 4 <= len(wire) - at:
            return False
        return wire[at + 13] & 0x37 in SOUND_FLAGS

    def packet(self, entry: ConntrackEntry, wire: bytes, is_reply: bool, now: int) -> str | None:
        """None: taken. "invalid": it is none of this connection's. "kill": the connection is over at once (a SYN: begin anew)."""
        if not self.is_sound(wire):
            return "invalid"
        tcp: TcpState = entry.tcp
        segment = Fields(wire)
        kind = KIND[segment.flags]
        old = tcp.state
        new = (REPLY if is_reply else ORIGINAL)[kind][old]
        sender, receiver = tcp.sides[is_reply], tcp.sides[not is_reply]
        last_kind, last_reply, _, _, last_end, _ = tcp.last
        if new == SS and old >= TW:
            if sender.close_init or receiver.close_init or (last_reply == is_reply and last_kind == RST):
                return "kill"
            new = IG
        if new == IG:
            if not (kind == SYNACK and last_kind == SYN and last_reply != is_reply and segment.ack == last_end):
                self._remember(tcp, kind, is_reply, segment)
                return None
            old, new = SS, SR  # it answers a SYN that was ignored: the ends are in step, we were not
            sender.max_window = receiver.max_window = 0
            receiver.end, receiver.max_end, receiver.max_window = last_end, last_end, 1
        if new == IV:
            return "invalid"
        answers_ignored = kind == RST and segment.ack == last_end and (
            (bool(entry.status & SEEN_REPLY) and last_kind == SYN) or (not entry.status & ASSURED and last_kind == ACK)
        )  # fmt: skip
        if not answers_ignored:
            if kind == RST and receiver.max_ack is not None and not receiver.liberal and after(receiver.max_ack, segment.seq):
                return "invalid"
            if not self._in_window(tcp, segment, sender, receiver):
                return "invalid"
        self._remember(tcp, kind, is_reply, segment)
        return self._go_to(entry, tcp, old, new, kind, sender, now)

    def _go_to(self, entry: ConntrackEntry, tcp: TcpState, old: int, new: int, kind: int, sender: Side, now: int) -> str | None:
        timeouts = self.timeouts_ns
        tcp.state = new
        if new == FW and old != FW:
            sender.close_init = True
        timeout = timeouts[TIMEOUT_OF[new]]
        if tcp.retransmits >= MAX_RETRANSMITS:
            timeout = min(timeout, timeouts["tcp_timeout_max_retrans"])
        elif kind == RST:
            timeout = timeouts["tcp_timeout_close"]
        elif tcp.sides[0].unacknowledged or tcp.sides[1].unacknowledged:
            timeout = min(timeout, timeouts["tcp_timeout_unacknowledged"])
        elif tcp.last[5] == 0:
            timeout = min(timeout, timeouts["tcp_timeout_max_retrans"])
        if not entry.status & SEEN_REPLY:
            if kind == RST:
                return "kill"
            if new == ES:
                timeout = min(timeout, timeouts["tcp_timeout_unacknowledged"])
        elif new == ES and old in (SR, ES):
            entry.status |= ASSURED
        entry.expires_ns = now + timeout
        return None

    @staticmethod
    def _remember(tcp: TcpState, kind: int, is_reply: bool, segment: Fields) -> None:
        now = (kind, is_reply, segment.seq, segment.ack, segment.end, segment.window)
        if kind == ACK:
            tcp.retransmits = tcp.retransmits + 1 if now == tcp.last else 0
        tcp.last = now

    def _in_window(self, tcp: TcpState, segment: Fields, sender: Side, receiver: Side) -> bool:
        """tcp_in_window, after "Real Stateful TCP Packet Filtering in IP Filter" by Guido van Rooij."""
        seq, ack, end, flags = segment.seq, segment.ack, segment.end, segment.flags
        sack = ack
        if len(segment.options) > TIMESTAMPS_ONLY and not flags & 2:
            highest = _options(segment.options)[1]
            sack = highest if highest is not None and after(highest, ack) else ack
        if flags & 2 and (not sender.max_window or (tcp.state in (SS, SR) and after(end, sender.end))):
            self._begin_side(segment, sender, receiver)
            if not flags & 16:
                return True
        elif not sender.max_window:
            self._pick_up_side(segment, sender, receiver, sack)
        if not flags & 16 or (flags & 4 and ack == 0):
            ack = sack = receiver.end
        if flags & 4 and seq == 0 and tcp.state == SS:
            seq = end = sender.end
        fits = (
            after(sender.max_end + 1, seq)
            and (not receiver.max_window or after(end, sender.end - receiver.max_window - 1))
            and after(receiver.end + 1, sack)
            and after(sack, receiver.end - max(sender.max_window, MIN_ACK_WINDOW) - 1)
        )
        if fits:
            self._move_window(segment, sender, receiver, ack, sack, end)
        return fits or sender.liberal or receiver.liberal

    @staticmethod
    def _move_window(segment: Fields, sender: Side, receiver: Side, ack: int, sack: int, end: int) -> None:
        """What a good segment teaches of both sides."""
        window = segment.window if segment.flags & 2 else segment.window << sender.scale
        sender.max_window = max(sender.max_window, window + ((sack - ack) & WORD))
        if after(end, sender.end):
            sender.end = end
            sender.unacknowledged = True
        if segment.flags & 16 and (sender.max_ack is None or after(ack, sender.max_ack)):
            sender.max_ack = ack
        if receiver.max_window and after(end, sender.max_end):
            receiver.max_window += (end - sender.max_end) & WORD
        if after(sack + window, receiver.max_end - 1):
            receiver.max_end = (sack + window + (window == 0)) & WORD
        if ack == receiver.end:
            receiver.unacknowledged = False

    @staticmethod
    def _pick_up_side(segment: Fields, sender: Side, receiver: Side, sack: int) -> None:
        """The first segment that is seen of a side, and no SYN."""
        sender.end = segment.end
        sender.max_window = (segment.window << sender.scale) or 1
        sender.max_end = (segment.end + sender.max_window) & WORD
        if not receiver.max_window:
            receiver.end = receiver.max_end = sack
        elif sack == (receiver.end + 1) & WORD:
            receiver.end = sack

    @staticmethod
    def _begin_side(segment: Fields, sender: Side, receiver: Side) -> None:
        sender.end = sender.max_end = segment.end
        sender.max_window = segment.window or 1
        scale = _options(segment.options)[0]
        sender.scaled, sender.scale = scale is not None, scale or 0
        if segment.flags & 16 and not (sender.scaled and receiver.scaled):
            sender.scale = receiver.scale = 0
