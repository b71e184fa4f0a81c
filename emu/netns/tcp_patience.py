"""How long a connection goes on without an answer (tcp_write_timeout, tcp_probe_timer, net/ipv4/tcp_timer.c).

A SYN is first sent again every second a few times (tcp_syn_linear_timeouts, Linux 6.5). Not modelled: TCP_USER_TIMEOUT, black hole
detection, an own value for tcp_orphan_retries.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu.netns.tcp_rtt import RTO_MAX_NS, RTO_MIN_NS
from emu.netns.tcp_state import TcpState

if TYPE_CHECKING:
    from emu.netns.tcp_connection import Connection

ORPHAN_RETRIES = 8


def is_enough(connection: Connection, timeouts: int, since_first_ns: int) -> bool:
    """After this many retransmission timeouts in a row, the first of them so long ago?"""
    sysctl = connection.sysctl
    if connection.state is TcpState.SYN_SENT:
        return timeouts >= sysctl("tcp_syn_retries") + sysctl("tcp_syn_linear_timeouts")
    if connection.state is TcpState.SYN_RECEIVED:
        return timeouts >= sysctl("tcp_synack_retries")
    return timeouts > 0 and since_first_ns >= _longest(retries(connection))


def is_backing_off(connection: Connection, timeouts: int) -> bool:
    """Does the timeout double now?"""
    return connection.state is not TcpState.SYN_SENT or timeouts > connection.sysctl("tcp_syn_linear_timeouts")


def retries(connection: Connection) -> int:
    """Fewer for a connection that no program holds any more."""
    return ORPHAN_RETRIES if connection.orphaned else connection.sysctl("tcp_retries2")


def _longest(count: int) -> int:
    """How long `count` timeouts take that begin at the smallest RTO (tcp_model_timeout)."""
    doubling = (RTO_MAX_NS // RTO_MIN_NS).bit_length() - 1
    if count <= doubling:
        return ((2 << count) - 1) * RTO_MIN_NS
    return ((2 << doubling) - 1) * RTO_MIN_NS + (count - doubling) * RTO_MAX_NS
