"""Connection tracking (net/netfilter/nf_conntrack_core.c, nf_conntrack_proto_{udp,icmp,generic}.c; TCP is in conntrack_tcp.py).

An entry is known by two flow tuples, one a direction. A flow tuple is 13 bytes: protocol, source, destination, and two words: the ports
of TCP and UDP; the identifier, and type and code, of ICMP queries; zero for all other protocols. Timeouts are looked at when an entry is:
there are no timers.

Not modelled: checksums are not verified here (receivers do), expectations and helpers (FTP, SIP …), zones, accounting, the limit on
entries, and what SCTP, DCCP and GRE have beyond addresses: their flows are told apart by addresses only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import Enum, IntFlag
from typing import Any, NamedTuple

from emu.engine import SECOND, Engine
from emu.netfilter.conntrack_tcp import TcpTracker
from emu.packet import icmp, ipv4
from emu.packet.datagram import Datagram

ICMP, TCP, UDP = ipv4.ICMP, ipv4.TCP, ipv4.UDP
WITH_PORTS = (TCP, UDP)
FIRST_SWEEP = 1024
INVERSE_ICMP = {8: 0, 0: 8, 13: 14, 14: 13, 15: 16, 16: 15, 17: 18, 18: 17}
ICMP_STARTS = frozenset({8, 13, 15, 17})
MAX_ICMP_TYPE = 18

SECONDS = {  # sysctl net.netfilter.nf_conntrack_…
    "tcp_timeout_syn_sent": 120, "tcp_timeout_syn_recv": 60, "tcp_timeout_established": 432000, "tcp_timeout_fin_wait": 120,
    "tcp_timeout_close_wait": 60, "tcp_timeout_last_ack": 30, "tcp_timeout_time_wait": 120, "tcp_timeout_close": 10,
    "tcp_timeout_max_retrans": 300, "tcp_timeout_unacknowledged": 300,
    "udp_timeout": 30, "udp_timeout_stream": 120, "icmp_timeout": 30, "generic_timeout": 600,
}  # fmt: skip
TIMEOUTS_NS = {name: seconds * SECOND for name, seconds in SECONDS.items()}


class CtInfo(Enum):
    """What a packet is to its connection."""

    __hash__ = object.__hash__  # each packet is looked up by it: Enum's own is slow

    NEW = "NEW"
    ESTABLISHED = "ESTABLISHED"
    ESTABLISHED_REPLY = "ESTABLISHED reply"
    RELATED = "RELATED"
    RELATED_REPLY = "RELATED reply"
    INVALID = "INVALID"
    UNTRACKED = "UNTRACKED"


NEW, ESTABLISHED, ESTABLISHED_REPLY = CtInfo.NEW, CtInfo.ESTABLISHED, CtInfo.ESTABLISHED_REPLY
RELATED, RELATED_REPLY, INVALID, UNTRACKED = CtInfo.RELATED, CtInfo.RELATED_REPLY, CtInfo.INVALID, CtInfo.UNTRACKED
REPLIES = frozenset({ESTABLISHED_REPLY, RELATED_REPLY})


class Status(IntFlag):
    """enum ip_conntrack_status, as far as it is used."""

    SEEN_REPLY = 1
    ASSURED = 2
    CONFIRMED = 4
    SRC_NAT = 8
    DST_NAT = 16
    SRC_NAT_DONE = 32
    DST_NAT_DONE = 64


SEEN_REPLY, ASSURED, CONFIRMED = int(Status.SEEN_REPLY), int(Status.ASSURED), int(Status.CONFIRMED)


class Flow(NamedTuple):
    """A flow tuple taken apart. For ICMP `sport` is the identifier and `dport` type and code."""

    protocol: int
    src: bytes
    dst: bytes
    sport: int
    dport: int

    def pack(self) -> bytes:
        return b"%c%b%b%b%b" % (self.protocol, self.src, self.dst, self.sport.to_bytes(2, "big"), self.dport.to_bytes(2, "big"))


def unpack(flow: bytes) -> Flow:
    return Flow(flow[0], flow[1:5], flow[5:9], flow[9] << 8 | flow[10], flow[11] << 8 | flow[12])


def invert(flow: bytes) -> bytes:
    """The tuple of the packets that answer."""
    if flow[0] == ICMP:
        return b"\x01%b%b%b%c%c" % (flow[5:9], flow[1:5], flow[9:11], INVERSE_ICMP.get(flow[11], flow[11]), flow[12])
    return flow[:1] + flow[5:9] + flow[1:5] + flow[11:13] + flow[9:11]


def flow_of(packet: bytes) -> bytes | None:
    """The flow tuple of an IP packet (whole, or its first bytes in an ICMP error). None: a later fragment, or cut too short, or none."""
    if len(packet) < 20 or (packet[6] & 0x1F or packet[7]):
        return None
    protocol = packet[9]
    at = (packet[0] & 15) * 4
    if at < 20:
        return None
    if protocol == ICMP:
        return b"\x01" + packet[12:20] + packet[at + 4 : at + 6] + packet[at : at + 2] if len(packet) >= at + 8 else None
    if protocol in WITH_PORTS:
        ends = packet[12:24] if at == 20 else packet[12:20] + packet[at : at + 4]
        return packet[9:10] + ends if len(packet) >= at + 8 else None
    return packet[9:10] + packet[12:20] + b"\0\0\0\0"


class ConntrackEntry:
    """One connection: plain data."""

    __slots__ = ("expires_ns", "mark", "masquerade_dev", "original", "protocol", "reply", "status", "stream_ns", "tcp", "translations")

    def __init__(self, original: bytes, reply: bytes) -> None:
        self.original = original
        self.reply = reply
        self.protocol = original[0]
        self.status = 0  # of Status
        self.mark = 0
        self.expires_ns = 0
        self.stream_ns = 0  # UDP: a stream from then on
        self.tcp: Any = None  # conntrack_tcp.TcpState
        self.masquerade_dev: Any = None  # the NetDevice whose address it borrows
        self.translations: dict[tuple[bool, bool], Any] = {}  # by direction and manipulation: nat.Translation

    @property
    def replied(self) -> bool:
        return bool(self.status & SEEN_REPLY)

    @property
    def assured(self) -> bool:
        return bool(self.status & ASSURED)


def _shown(entry: ConntrackEntry) -> tuple[int, int]:
    """Its status, and TCP's state: the kernel tells who listens when they change (nf_ct_deliver_cached_events)."""
    return entry.status, entry.tcp.state if entry.tcp is not None else 0


class Conntrack:
    """The connections of one namespace."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.timeouts_ns = TIMEOUTS_NS
        self.tcp = TcpTracker(self.timeouts_ns)
        self.on_change: list[Callable[[str, ConntrackEntry], None]] = []  # "NEW", "UPDATE", "DESTROY"
        self.on_destroy: Callable[[ConntrackEntry], None] = lambda entry: None  # NAT's own
        self._flows: dict[bytes, ConntrackEntry] = {}
        self._sweep_at = FIRST_SWEEP

    def set_timeout(self, name: str, lasts_ns: int) -> None:
        self.timeouts_ns = self.tcp.timeouts_ns = {**self.timeouts_ns, name: lasts_ns}

    # --- a packet comes in: PREROUTING and OUTPUT

    def track(self, datagram: Datagram) -> None:
        """Find or make the packet's connection, and move the connection's state on: nf_conntrack_in."""
        if datagram.ct is not None or datagram.ct_info is UNTRACKED:
            return  # it has come over the loopback device
        wire = datagram.wire
        if wire[9] == ICMP:
            at = (wire[0] & 15) * 4
            kind = wire[at] if len(wire) > at else 255
            if kind in icmp.ERRORS:
                return self._track_error(datagram)
            if kind > MAX_ICMP_TYPE:
                datagram.ct_info = INVALID
                return
        flow = flow_of(wire)
        if flow is None:
            datagram.ct_info = INVALID
            return
        while not self._track_flow(datagram, flow):
            pass  # an ended TCP connection made way for a new one: NF_REPEAT

    def _track_flow(self, datagram: Datagram, flow: bytes) -> bool:
        """False: look again."""
        now = self.engine.now
        entry = self._flows.get(flow)
        if entry is not None and entry.expires_ns <= now:
            self.delete(entry)
            entry = None
        if entry is None:
            entry = self._new(datagram, flow)
            if entry is None:
                datagram.ct_info = INVALID
                return True
        before = _shown(entry) if self.on_change and entry.status & CONFIRMED else None
        is_reply = flow != entry.original
        protocol = entry.protocol
        if protocol == UDP:
            self._udp(entry, now)
        elif protocol == TCP:
            verdict = self.tcp.packet(entry, datagram.wire, is_reply, now)
            if verdict is not None:
                if verdict == "kill":
                    self.delete(entry)
                    before = None
                    if datagram.wire[(datagram.wire[0] & 15) * 4 + 13] & 2:  # SYN
                        return False
                else:
                    datagram.ct_info = INVALID
                    return True
        else:
            entry.expires_ns = now + self.timeouts_ns["icmp_timeout" if protocol == ICMP else "generic_timeout"]
        datagram.ct = entry
        if is_reply:
            entry.status |= SEEN_REPLY
            datagram.ct_info = ESTABLISHED_REPLY
        else:
            datagram.ct_info = ESTABLISHED if entry.status & SEEN_REPLY else NEW
        if before is not None and before != _shown(entry):
            for watcher in self.on_change:
                watcher("UPDATE", entry)
        return True

    def _new(self, datagram: Datagram, flow: bytes) -> ConntrackEntry | None:
        """An entry that is not in the table before its packet has passed all hooks; None: nothing begins like this."""
        if flow[0] == ICMP and flow[11] not in ICMP_STARTS:
            return None
        entry = ConntrackEntry(flow, invert(flow))
        if flow[0] == TCP and not self.tcp.begin(entry, datagram.wire):
            return None
        return entry

    def _udp(self, entry: ConntrackEntry, now: int) -> None:
        timeouts = self.timeouts_ns
        if not entry.status & CONFIRMED:
            entry.stream_ns = now + 2 * SECOND
        if entry.status & SEEN_REPLY and now > entry.stream_ns:
            entry.status |= ASSURED
            entry.expires_ns = now + timeouts["udp_timeout_stream"]
        else:
            entry.expires_ns = now + timeouts["udp_timeout"]

    def _track_error(self, datagram: Datagram) -> None:
        """An ICMP error belongs to the connection of the packet it quotes (nf_conntrack_inet_error)."""
        datagram.ct_info = INVALID
        wire = datagram.wire
        quoted = wire[(wire[0] & 15) * 4 + 8 :]
        flow = flow_of(quoted)
        if flow is None:
            return
        towards = invert(flow)  # the tuple of packets that go the error's own way
        entry = self.find(towards)
        if entry is None or datagram.dst != towards[5:9]:
            return
        datagram.ct = entry
        datagram.ct_info = RELATED if towards == entry.original else RELATED_REPLY

    # --- a packet leaves: INPUT and POSTROUTING

    def confirm(self, datagram: Datagram) -> bool:
        """The first packet has passed: its connection is one. False: another took the same tuple meanwhile, the packet ends."""
        entry: ConntrackEntry = datagram.ct
        if entry.status & CONFIRMED:
            return True
        there = self.find(entry.original)
        if there is not None and there.reply == entry.reply:
            datagram.ct = there  # two first packets at once: nf_ct_resolve_clash
            return True
        if there is not None or self.find(entry.reply) is not None:
            return False
        if len(self._flows) >= self._sweep_at:
            self._sweep()
        entry.status |= CONFIRMED
        self._flows[entry.original] = entry
        self._flows[entry.reply] = entry
        for watcher in self.on_change:
            watcher("NEW", entry)
        return True

    # --- the table

    def find(self, flow: bytes) -> ConntrackEntry | None:
        """The living connection that has the tuple, in either direction."""
        entry = self._flows.get(flow)
        if entry is not None and entry.expires_ns <= self.engine.now:
            self.delete(entry)
            return None
        return entry

    def is_taken(self, flow: bytes, but: ConntrackEntry) -> bool:
        """Has another connection the tuple? (nf_conntrack_tuple_taken)"""
        entry = self.find(flow)
        return entry is not None and entry is not but

    def marked(self, entry: ConntrackEntry) -> None:
        """A rule has given it another mark (IPCT_MARK)."""
        if entry.status & CONFIRMED:
            for watcher in self.on_change:
                watcher("UPDATE", entry)

    def delete(self, entry: ConntrackEntry) -> None:
        if self._flows.get(entry.original) is not entry:
            return
        for flow in (entry.original, entry.reply):
            if self._flows.get(flow) is entry:
                del self._flows[flow]
        self.on_destroy(entry)
        for watcher in self.on_change:
            watcher("DESTROY", entry)

    def entries(self) -> list[ConntrackEntry]:
        """Those that live, oldest first."""
        self._sweep()
        return list(self._unique())

    def flush(self, wanted: Callable[[ConntrackEntry], bool] = lambda entry: True) -> int:
        """Delete those that are wanted away; how many there were."""
        gone = [entry for entry in self.entries() if wanted(entry)]
        for entry in gone:
            self.delete(entry)
        return len(gone)

    def _unique(self) -> Iterator[ConntrackEntry]:
        return (entry for flow, entry in self._flows.items() if flow == entry.original)

    def _sweep(self) -> None:
        now = self.engine.now
        for entry in [entry for entry in self._unique() if entry.expires_ns <= now]:
            self.delete(entry)
        self._sweep_at = max(FIRST_SWEEP, 2 * len(self._flows))
