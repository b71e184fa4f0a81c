"""`conntrack -L` as conntrack-tools 1.4.7 prints entries (libnetfilter_conntrack, snprintf_default.c)."""

from __future__ import annotations

from emu.netfilter.conntrack import ICMP, TCP, UDP, ConntrackEntry, Flow, unpack
from emu.netfilter.words import PROTOCOL_NAMES
from emu.packet.address import ip_text


def entry_text(entry: ConntrackEntry, now_ns: int) -> str:
    """One line: protocol, seconds left, state, both tuples."""
    name = PROTOCOL_NAMES.get(entry.protocol, "unknown") if entry.protocol in (ICMP, TCP, UDP, 47, 132, 136) else "unknown"
    state = f" {entry.tcp.name}" if entry.tcp is not None else ""
    head = f"{name:<8s} {entry.protocol} {max(entry.expires_ns - now_ns, 0) // 1_000_000_000}{state}"
    unreplied = "" if entry.replied else " [UNREPLIED]"
    assured = " [ASSURED]" if entry.assured else ""
    return f"{head} {_flow_text(unpack(entry.original))}{unreplied} {_flow_text(unpack(entry.reply))}{assured} mark={entry.mark} use=1"


def _flow_text(flow: Flow) -> str:
    text = f"src={ip_text(flow.src)} dst={ip_text(flow.dst)}"
    if flow.protocol in (TCP, UDP):
        return f"{text} sport={flow.sport} dport={flow.dport}"
    if flow.protocol == ICMP:
        return f"{text} type={flow.dport >> 8} code={flow.dport & 0xFF} id={flow.sport}"
    return text
