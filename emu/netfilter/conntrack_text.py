"""Entries as conntrack-tools 1.4.7 prints them, for -L and -E (libnetfilter_conntrack, snprintf_default.c)."""

from __future__ import annotations

from emu.engine import MILLISECOND, SECOND
from emu.netfilter.conntrack import ICMP, TCP, UDP, ConntrackEntry, Flow, unpack
from emu.netfilter.words import PROTOCOL_NAMES
from emu.packet.address import ip_text

JIFFY_NS = 4 * MILLISECOND  # the kernel's timeouts are counted in these (CONFIG_HZ=250)


def entry_text(entry: ConntrackEntry, now_ns: int) -> str:
    """A line of the table: what an event has, the mark and who holds it."""
    return f"{_head(entry, now_ns)} mark={entry.mark} use=1"


def event_text(entry: ConntrackEntry, now_ns: int) -> str:
    """Of an event: the mark only if there is one."""
    return _head(entry, now_ns) + (f" mark={entry.mark}" if entry.mark else "")


def _head(entry: ConntrackEntry, now_ns: int) -> str:
    """Protocol, seconds left, state, both tuples."""
    name = PROTOCOL_NAMES.get(entry.protocol, "unknown") if entry.protocol in (ICMP, TCP, UDP, 47, 132, 136) else "unknown"
    state = f" {entry.tcp.name}" if entry.tcp is not None else ""
    left_ns = (entry.expires_ns // JIFFY_NS - now_ns // JIFFY_NS) * JIFFY_NS
    head = f"{name:<8s} {entry.protocol} {max(left_ns, 0) // SECOND}{state}"
    unreplied = "" if entry.replied else " [UNREPLIED]"
    assured = " [ASSURED]" if entry.assured else ""
    return f"{head} {_flow_text(unpack(entry.original))}{unreplied} {_flow_text(unpack(entry.reply))}{assured}"


def _flow_text(flow: Flow) -> str:
    text = f"src={ip_text(flow.src)} dst={ip_text(flow.dst)}"
    if flow.protocol in (TCP, UDP):
        return f"{text} sport={flow.sport} dport={flow.dport}"
    if flow.protocol == ICMP:
        return f"{text} type={flow.dport >> 8} code={flow.dport & 0xFF} id={flow.sport}"
    return text
