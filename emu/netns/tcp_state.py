"""The states of a connection (RFC 9293 §3.3.2)."""

from __future__ import annotations

from enum import Enum


class TcpState(Enum):
    """Values as `ss` prints them."""

    SYN_SENT = "SYN-SENT"
    SYN_RECEIVED = "SYN-RECV"
    ESTABLISHED = "ESTAB"
    FIN_WAIT1 = "FIN-WAIT-1"
    FIN_WAIT2 = "FIN-WAIT-2"
    CLOSE_WAIT = "CLOSE-WAIT"
    CLOSING = "CLOSING"
    LAST_ACK = "LAST-ACK"
    TIME_WAIT = "TIME-WAIT"
    LISTEN = "LISTEN"
    CLOSED = "UNCONN"
