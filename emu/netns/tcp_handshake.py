"""How a TCP connection opens: from either side, or from both at once (tcp_rcv_synsent_state_process, tcp_v4_syn_recv_sock; RFC 9293 §3.5).

Not modelled: Fast Open.
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from emu.netdev.drop import DropReason
from emu.netns.tcp_state import TcpState
from emu.packet.tcp import ACK, RST, SYN

if TYPE_CHECKING:
    from emu.netns.tcp_connection import Connection
    from emu.netns.tcp_listen import TcpListener
    from emu.netns.tcp_segment import Received
    from emu.packet.tcp import Segment

DEFAULT_MSS, MIN_MSS, MAX_MSS = 536, 48, 65535


def open_actively(connection: Connection) -> None:
    """Send the SYN of connect(2)."""
    connection.receiver.first_window(0)
    connection.sender.open()


def open_passively(connection: Connection, listener: TcpListener, received: Received) -> None:
    """Answer the SYN that came to a listener."""
    connection.listener = listener
    connection.state = TcpState.SYN_RECEIVED
    _take_syn(connection, received)
    connection.receiver.first_window(connection.output.options_length)
    connection.output.cause = received.datagram.trace_id
    connection.sender.open()


def _take_syn(connection: Connection, received: Received) -> None:
    """What the peer's SYN or SYN-ACK offers; what it does not offer is off."""
    options, sender, output = received.options, connection.sender, connection.output
    sender.peer_mss = min(max(options.mss or DEFAULT_MSS, MIN_MSS), MAX_MSS)
    sender.sack_permitted &= options.sack_permitted
    output.timestamps &= options.timestamp is not None
    connection.scaled &= options.window_scale is not None
    if connection.scaled:
        sender.scale = options.window_scale or 0
    sender.window = sender.max_window = received.window
    connection.receiver.open(received.start, options.timestamp if output.timestamps else None)


def receive_in_syn_sent(connection: Connection, received: Received, segment: Segment) -> None:
    """tcp_rcv_synsent_state_process."""
    sender, output, flags = connection.sender, connection.output, received.flags
    if flags & ACK:
        options = received.options
        echo_fits = not output.timestamps or options.timestamp is None or not options.echo or output.has_sent(options.echo)
        if not sender.una < received.ack <= sender.nxt or not echo_fits:
            connection.tcp.reset(received.datagram, segment)
            return connection.drop(received.datagram)
        if flags & RST:
            return connection.fail(ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED)))
    if flags & RST or not flags & SYN:
        return connection.drop(received.datagram)
    _take_syn(connection, received)
    if not flags & ACK:  # simultaneous open
        connection.state = TcpState.SYN_RECEIVED
        output.emit(sender.una, SYN)
        return
    sender.on_ack(received)
    connection.state = TcpState.ESTABLISHED
    output.confirm_neighbour()
    output.acknowledge()
    connection.wake()
    sender.push()


def complete(connection: Connection, received: Received) -> bool:
    """The acknowledgment of our SYN-ACK (or crossing SYN): established. False if it is refused."""
    if received.ack <= connection.sender.una:
        connection.drop(received.datagram)
        return False
    if connection.listener is not None and not connection.listener.admit(connection):
        connection.drop(received.datagram, DropReason.LISTEN_OVERFLOW)
        return False
    connection.state = TcpState.ESTABLISHED
    return True
