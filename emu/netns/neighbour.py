"""The neighbour table and its states (net/core/neighbour.c; RFC 4861 §7.3 has the names).

What a state means for a packet to the neighbour:

    INCOMPLETE  wait: asked, no answer yet (three broadcasts a second apart)
    REACHABLE   send: confirmed within the reachable time
    STALE       send, and become DELAY: the address is known, not confirmed lately
    DELAY       send: if nothing confirms within five seconds, become PROBE
    PROBE       send: three unicast requests a second apart
    FAILED      ask anew: nobody answered
    PERMANENT   send: set by hand

Not modelled: garbage collection (a table here stays below gc_thresh1, where the kernel keeps entries too), app_solicit, NOARP entries.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import Enum
from functools import cached_property
from typing import TYPE_CHECKING

from emu.engine import MILLISECOND, SECOND, Timer
from emu.netdev.device import NetDevice
from emu.netdev.drop import DropReason
from emu.packet.address import ANY, Ip, Mac
from emu.packet.datagram import Datagram
from emu.packet.ethernet import IPV4
from emu.packet.frame import Frame

if TYPE_CHECKING:
    from random import Random

    from emu.netns.namespace import Netns

NEVER = -(1 << 62)
LOCKTIME_UNIT_NS = 10 * MILLISECOND  # `locktime` counts hundredths of a second


class NeighbourState(Enum):
    """NUD_…"""

    INCOMPLETE = "INCOMPLETE"
    REACHABLE = "REACHABLE"
    STALE = "STALE"
    DELAY = "DELAY"
    PROBE = "PROBE"
    FAILED = "FAILED"
    PERMANENT = "PERMANENT"


INCOMPLETE, REACHABLE, STALE, DELAY, PROBE, FAILED, PERMANENT = NeighbourState
VALID = frozenset({REACHABLE, STALE, DELAY, PROBE, PERMANENT})
PASSES = VALID - {STALE}  # a packet in these states changes nothing
CONNECTED = frozenset({REACHABLE, PERMANENT})  # NUD_CONNECTED


class Neighbour:
    """`header` is the Ethernet header to the neighbour, ready to be put before a packet; empty while its MAC is not known.

    `passes`: a packet may go out as things are, and changes nothing.
    """

    __slots__ = ("confirmed_ns", "dev", "header", "ip", "mac", "passes", "probes", "queue", "state", "timer", "updated_ns", "used_ns")

    def __init__(self, dev: NetDevice, ip: Ip, now: int) -> None:
        self.dev = dev
        self.ip = ip
        self.mac: Mac | None = None
        self.state = FAILED
        self.passes = False
        self.header = b""
        self.queue: list[Datagram] = []
        self.probes = 0
        self.timer: Timer | None = None
        self.confirmed_ns = NEVER
        self.updated_ns = now
        self.used_ns = now


class NeighbourTable:
    """A namespace's neighbours by device and address."""

    def __init__(self, netns: Netns) -> None:
        self.netns = netns
        self.engine = netns.engine
        self.entries: dict[tuple[NetDevice, bytes], Neighbour] = {}
        self.on_change: list[Callable[[Neighbour, bool], None]] = []

    @cached_property
    def _random(self) -> Random:
        return self.engine.stream(f"neighbour {self.netns.chances}")

    # --- sending

    def find_or_make(self, dev: NetDevice, ip: bytes) -> Neighbour:
        entry = self.entries.get((dev, ip))
        if entry is None:
            entry = self.entries[dev, ip] = Neighbour(dev, Ip(ip), self.engine.now)
        return entry

    def send(self, entry: Neighbour, datagram: Datagram) -> None:
        """Put the Ethernet header on and transmit, or queue the packet and ask (neigh_resolve_output)."""
        entry.used_ns = self.engine.now
        if not entry.passes and not self._send_slow(entry, datagram):
            return
        entry.dev.transmit(Frame(entry.header + datagram.wire, datagram.trace_id, datagram.cause))

    def _send_slow(self, entry: Neighbour, datagram: Datagram) -> bool:
        """__neigh_event_send: may the packet go out now?"""
        state = entry.state
        if state is STALE:
            self._set(entry, DELAY)
            self._start(entry, self._time(entry, "delay_first_probe_time", SECOND), self._delay_over)
            return True
        limit = self._value(entry, "unres_qlen")
        if len(entry.queue) >= limit:
            self.netns.drop(entry.queue.pop(0), DropReason.NEIGHBOUR_QUEUE_FULL, entry.dev)
        entry.queue.append(datagram)
        if state is FAILED:
            entry.probes = 0
            self._set(entry, INCOMPLETE)
            self._probe(entry)
        return False

    # --- timers

    def _probe(self, entry: Neighbour) -> None:
        """One more request, or the end: neigh_timer_handler and neigh_probe."""
        unicast = entry.state is PROBE
        if entry.probes >= self._value(entry, "ucast_solicit" if unicast else "mcast_solicit"):
            return self._fail(entry)
        entry.probes += 1
        waiting = entry.queue[-1] if entry.queue else None
        self.netns.arp.solicit(
            entry.dev,
            entry.ip,
            entry.mac if unicast else None,
            waiting.src if waiting is not None else None,
            cause=waiting.trace_id if waiting is not None else 0,
        )
        self._start(entry, self._time(entry, "retrans_time_ms", MILLISECOND), self._probe)

    def _delay_over(self, entry: Neighbour) -> None:
        """Five seconds after the first packet: confirmed meanwhile (by TCP), or to be asked."""
        if self.engine.now <= entry.confirmed_ns + self._time(entry, "delay_first_probe_time", SECOND):
            self._reachable(entry)
            return
        entry.probes = 0
        self._set(entry, PROBE)
        self._probe(entry)

    def _reachable(self, entry: Neighbour) -> None:
        """Reachable for a random time of 0.5 to 1.5 times the base, from the confirmation on."""
        self._set(entry, REACHABLE)
        base = self._time(entry, "base_reachable_time_ms", MILLISECOND)
        lasts = round(base * self._random.uniform(0.5, 1.5))
        # Background: an entry that nobody uses need not keep a lab from ending.
        self._start(entry, max(entry.confirmed_ns, self.engine.now - base) + lasts - self.engine.now, self._reachable_over, background=True)

    def _reachable_over(self, entry: Neighbour) -> None:
        delay = self._time(entry, "delay_first_probe_time", SECOND)
        now = self.engine.now
        if now < entry.confirmed_ns + self._time(entry, "base_reachable_time_ms", MILLISECOND) // 2:
            self._reachable(entry)
        elif now <= entry.used_ns + delay:
            self._set(entry, DELAY)
            self._start(entry, delay, self._delay_over, background=True)
        else:
            self._set(entry, STALE)

    def _fail(self, entry: Neighbour) -> None:
        """Nobody answers: the packets that wait end, and their senders hear of it (arp_error_report)."""
        self._set(entry, FAILED)
        queue, entry.queue = entry.queue, []
        for datagram in queue:
            self.netns.link_failure(datagram, entry.dev)

    # --- learning

    def learn(self, dev: NetDevice, ip: bytes, mac: bytes, state: NeighbourState, *, create: bool, override: bool) -> None:
        """What an ARP packet says about its sender (neigh_event_ns, neigh_update).

        `override`: another address counts even within the locktime, in which else the first of several replies does.
        """
        entry = self.entries.get((dev, ip))
        if entry is None:
            if not create:
                return
            entry = self.find_or_make(dev, ip)
        if entry.state is PERMANENT:
            return
        now = self.engine.now
        known = entry.state in VALID
        if known and entry.mac != mac and not override and now - entry.updated_ns <= self._value(entry, "locktime") * LOCKTIME_UNIT_NS:
            return
        if state is REACHABLE:
            entry.confirmed_ns = now
        if known and entry.mac == mac and state is STALE:
            return  # what is known better is not made worse
        if entry.mac != mac:
            entry.updated_ns = now
        entry.mac = Mac(mac)
        entry.header = mac + dev.mac + IPV4
        if state is REACHABLE:
            self._reachable(entry)
        else:
            self._stop(entry)
            self._set(entry, state)
        queue, entry.queue = entry.queue, []
        for datagram in queue:
            self.send(entry, datagram)

    def confirm(self, dev: NetDevice, ip: bytes) -> None:
        """The upper layer has proof that the neighbour hears us (dst_confirm); looked at when DELAY ends."""
        entry = self.entries.get((dev, ip))
        if entry is not None:
            entry.confirmed_ns = self.engine.now

    # --- by hand

    def is_known(self, dev: NetDevice, ip: Ip) -> bool:
        """Has a neighbour's address been found? If not, it is asked for (neigh_event_send without a packet)."""
        entry = self.find_or_make(dev, ip)
        if entry.state is FAILED:
            entry.probes = 0
            self._set(entry, INCOMPLETE)
            self._probe(entry)
        return entry.state in VALID

    def connected_mac(self, dev: NetDevice, ip: Ip) -> Mac | None:
        """The address of a neighbour that is known for certain now (a tunnel answers ARP for it)."""
        entry = self.entries.get((dev, ip))
        return entry.mac if entry is not None and entry.state in CONNECTED else None

    def add_permanent(self, dev: NetDevice, ip: Ip, mac: Mac) -> None:
        self.set_state(dev, ip, mac, PERMANENT)

    def set_state(self, dev: NetDevice, ip: Ip, mac: Mac | None, state: NeighbourState) -> None:
        """`ip neigh replace`; packets that wait go out if the state lets them."""
        entry = self.find_or_make(dev, ip)
        self._stop(entry)
        if mac is not None:
            entry.mac = mac
            entry.header = mac + dev.mac + IPV4
        entry.updated_ns = self.engine.now
        if state is REACHABLE:
            entry.confirmed_ns = self.engine.now
            self._reachable(entry)
        else:
            self._set(entry, state)
        if state in VALID:
            queue, entry.queue = entry.queue, []
            for datagram in queue:
                self.send(entry, datagram)

    def remove(self, dev: NetDevice, ip: bytes) -> bool:
        entry = self.entries.pop((dev, ip), None)
        if entry is None:
            return False
        self._stop(entry)
        entry.state = FAILED  # who still holds it asks anew
        entry.passes = False
        entry.header = b""
        queue, entry.queue = entry.queue, []
        for datagram in queue:
            self.netns.drop(datagram, DropReason.NO_NEIGHBOUR, dev)
        self.netns.forget_routes()
        for watcher in self.on_change:
            watcher(entry, False)
        return True

    def flush(self, dev: NetDevice, *, permanent: bool = True) -> None:
        """All entries of a device (it goes down, or its address changes)."""
        for owner, ip in [key for key, entry in self.entries.items() if key[0] is dev and (permanent or entry.state is not PERMANENT)]:
            self.remove(owner, ip)

    def shown(self) -> Iterable[Neighbour]:
        """In the order of `ip neigh`: emu's is by device and address."""
        return sorted((entry for entry in self.entries.values() if entry.ip != ANY), key=lambda entry: (entry.dev.ifindex, entry.ip))

    # --- small things

    def _value(self, entry: Neighbour, key: str) -> int:
        return self.netns.sysctl.integer(f"net.ipv4.neigh.{entry.dev.name}.{key}")

    def _time(self, entry: Neighbour, key: str, unit_ns: int) -> int:
        return self._value(entry, key) * unit_ns

    def _start(self, entry: Neighbour, delay_ns: int, callback: Callable[[Neighbour], None], *, background: bool = False) -> None:
        self._stop(entry)
        entry.timer = self.engine.call_later(max(delay_ns, 0), callback, entry, background=background)

    def _stop(self, entry: Neighbour) -> None:
        if entry.timer is not None:
            entry.timer.cancel()
            entry.timer = None

    def _set(self, entry: Neighbour, state: NeighbourState) -> None:
        if state is not entry.state:
            entry.updated_ns = self.engine.now
        entry.state = state
        entry.passes = state in PASSES
        for watcher in self.on_change:
            watcher(entry, True)
