"""One TCP connection: its states and what each does with a segment (tcp_rcv_state_process, net/ipv4/tcp_input.c; RFC 9293 §3.10).

Not modelled: keep-alive (off by default in Linux), urgent data, ECN (tcp_ecn 2 answers only who asks; nothing here asks), Fast Open.
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from emu.engine import MILLISECOND, SECOND, Future
from emu.netdev.drop import DropReason
from emu.netns import tcp_handshake
from emu.netns.tcp_output import Output
from emu.netns.tcp_receive import Receiver
from emu.netns.tcp_segment import Check, Received, validate
from emu.netns.tcp_send import Sender
from emu.netns.tcp_state import TcpState
from emu.netns.tcp_timer import RestartableTimer
from emu.netns.tcp_timewait import TimeWait
from emu.packet.address import ip_text
from emu.packet.tcp import FIN, SYN

if TYPE_CHECKING:
    from emu.netns.tcp import Key, Tcp
    from emu.netns.tcp_listen import TcpListener
    from emu.packet.datagram import Datagram
    from emu.packet.tcp import Segment

INVALID_RATE_NS = 500 * MILLISECOND  # tcp_invalid_ratelimit
CONNECT_NS = 200_000  # how long connect(2) keeps the socket to itself; what veths and the host bring back is there before that

S = TcpState
_CAN_SEND = frozenset({S.ESTABLISHED, S.CLOSE_WAIT, S.FIN_WAIT1, S.CLOSING, S.LAST_ACK})
_CAN_RECEIVE = frozenset({S.ESTABLISHED, S.FIN_WAIT1, S.FIN_WAIT2})
_AFTER_FIN = {S.ESTABLISHED: S.FIN_WAIT1, S.CLOSE_WAIT: S.LAST_ACK}


class Connection:
    """Both halves, the state between them, and how segments leave. A `TcpSocket` is a program's hold on it."""

    def __init__(self, owner: Tcp, key: Key, isn: int) -> None:
        self.tcp = owner
        self.netns = owner.netns
        self.engine = owner.netns.engine
        self.key = key
        self.local_ip, self.local_port, self.peer_ip, self.peer_port = key
        self.state = S.SYN_SENT
        self.listener: TcpListener | None = None
        self.opened_ns = self.engine.now
        self.polled = False  # the program does not wait in connect(2) but asks for errors, soft ones too
        self.error: OSError | None = None
        self.orphaned = False  # the program has closed it
        self.scaled = bool(self.sysctl("tcp_window_scaling"))
        self._challenged_ns = -INVALID_RATE_NS
        self._waiters: list[Future[None]] = []
        self.timer = RestartableTimer(self.engine, background=True)  # FIN_WAIT2
        mss = owner.path_mss(self.peer_ip)
        self.output: Output = Output(self)
        _, buffer, buffer_max = map(int, self.netns.sysctl.get("net.ipv4.tcp_rmem").split())
        self.sender: Sender = Sender(self, isn, mss)
        self.sender.sack_permitted = bool(self.sysctl("tcp_sack"))
        self.receiver: Receiver = Receiver(self, buffer, buffer_max, mss)

    def sysctl(self, name: str) -> int:
        return self.netns.sysctl.integer(f"net.ipv4.{name}")

    @property
    def local(self) -> tuple[str, int]:
        return ip_text(self.local_ip), self.local_port

    @property
    def peer(self) -> tuple[str, int]:
        return ip_text(self.peer_ip), self.peer_port

    @property
    def is_half_open(self) -> bool:
        """We sent a SYN and have the peer's, but no acknowledgment of ours."""
        return self.state is S.SYN_RECEIVED

    @property
    def can_send(self) -> bool:
        return self.state in _CAN_SEND

    # --- segments in

    def receive(self, datagram: Datagram, segment: Segment) -> None:
        """tcp_v4_do_rcv."""
        received = Received(datagram, segment, self.receiver.nxt, self.sender.una)
        self.output.cause = datagram.trace_id
        if self.state is S.SYN_SENT:
            return tcp_handshake.receive_in_syn_sent(self, received, segment)
        check = validate(self, received)
        if check is not Check.ACCEPT:
            return self._refuse(received, check)
        sender = self.sender
        if received.ack > sender.nxt or received.ack < sender.una - max(sender.max_window, 0xFFFF):
            if self.state is S.SYN_RECEIVED:
                self.tcp.reset(datagram, segment)
            else:
                self._challenge()
            return self.drop(datagram)
        if self.state is S.SYN_RECEIVED and not tcp_handshake.complete(self, received):
            return
        if self.output.timestamps and received.start <= self.receiver.acknowledged:
            self.receiver.take_timestamp(received.options.timestamp)
        una = sender.una
        sender.on_ack(received)
        self.output.soft_error = 0
        if sender.una > una:
            self.output.confirm_neighbour()
        self._on_fin_acknowledged(received)
        if self.state is not S.CLOSED:
            self._receive_payload(received)

    def _receive_payload(self, received: Received) -> None:
        """Data and FIN, then what is to be sent: data first, an ACK if none took it along."""
        if received.payload or received.flags & FIN:
            if self.state in _CAN_RECEIVE:
                if self.orphaned and received.end - (received.flags & FIN) > self.receiver.nxt:
                    self.drop(received.datagram)
                    return self._abort_unread()
                if not self.receiver.receive(received):
                    self.drop(received.datagram)
            else:
                self.receiver.acks.soon(quick=True)
                self.drop(received.datagram)
        if self.state is S.TIME_WAIT:
            return
        self.sender.push()
        self.receiver.acks.check()
        self.wake()

    def _refuse(self, received: Received, check: Check) -> None:
        if check is Check.RESET:
            return self._on_reset()
        if self.state is S.SYN_RECEIVED and received.flags & SYN:
            self.sender.repeat_syn()  # the peer's SYN again: our SYN-ACK again
        elif check is Check.ACKNOWLEDGE:
            is_data = received.end > received.start and not received.flags & SYN
            if received.end <= self.receiver.nxt and is_data:
                self.receiver.receive(received)  # an old copy: told with a D-SACK
                self.output.acknowledge()
            else:
                self._challenge(limited=not is_data)
        elif check is Check.CHALLENGE:
            self._challenge()
        self.drop(received.datagram)

    def _challenge(self, *, limited: bool = True) -> None:
        """An ACK that says where we are; to segments without data at most one in half a second (tcp_oow_rate_limited)."""
        now = self.engine.now
        if limited and now - self._challenged_ns < INVALID_RATE_NS:
            return
        self._challenged_ns = now
        self.output.acknowledge()

    def _on_reset(self) -> None:
        """tcp_reset: what the program hears depends on the state."""
        if self.state is S.SYN_RECEIVED and self.listener is not None:
            return self.destroy()
        number = {S.SYN_RECEIVED: errno.ECONNREFUSED, S.CLOSE_WAIT: errno.EPIPE}.get(self.state, errno.ECONNRESET)
        self.fail(OSError(number, os.strerror(number)))

    def _on_fin_acknowledged(self, received: Received) -> None:
        fin = self.sender.fin_number
        if fin is None or self.sender.una <= fin:
            return
        if self.state is S.FIN_WAIT1:
            self.state = S.FIN_WAIT2
            self.output.anonymous = self.orphaned and not received.flags & FIN
            self.start_fin_wait_timer()
        elif self.state is S.CLOSING:
            self._enter_time_wait()
        elif self.state is S.LAST_ACK:
            self.destroy()

    def start_fin_wait_timer(self) -> None:
        """A connection that no program holds waits a minute for the peer's FIN (tcp_fin_timeout)."""
        if self.orphaned:
            self.timer.start(self.sysctl("tcp_fin_timeout") * SECOND, self.destroy)

    def on_fin(self) -> None:
        """The peer's FIN is in order (tcp_fin)."""
        if self.state is S.ESTABLISHED:
            self.state = S.CLOSE_WAIT
            self.receiver.acks.enter_pingpong()
        elif self.state is S.FIN_WAIT1:
            self.output.acknowledge()
            self.state = S.CLOSING
        elif self.state is S.FIN_WAIT2:
            self.output.acknowledge()
            self._enter_time_wait()
        self.wake()

    def _enter_time_wait(self) -> None:
        """A small remainder keeps the ports for a minute (tcp_time_wait)."""
        self.state = S.TIME_WAIT
        self._stop()
        self.tcp.connections_by_key[self.key] = TimeWait(self)
        self.wake()

    def drop(self, datagram: Datagram, reason: DropReason = DropReason.TCP_INVALID) -> None:
        self.netns.drop(datagram, reason, datagram.iif)

    # --- giving up

    def time_out(self) -> None:
        """The peer has not answered for too long."""
        if self.state is S.SYN_RECEIVED and self.listener is not None:
            return self.destroy()
        number = self.output.soft_error or errno.ETIMEDOUT
        self.fail(OSError(number, os.strerror(number)))

    def on_icmp_error(self, number: int) -> None:
        """An ICMP error is final while connecting; within connect(2) itself and later it is only remembered (tcp_v4_err)."""
        within_connect = self.state is S.SYN_SENT and not self.polled and self.engine.now < self.opened_ns + CONNECT_NS
        if self.state in {S.SYN_SENT, S.SYN_RECEIVED} and not within_connect:
            if self.listener is None:
                self.fail(OSError(number, os.strerror(number)))
            elif number in {errno.EHOSTUNREACH, errno.ENETUNREACH}:
                self.destroy()
        else:
            self.output.soft_error = number

    def abort(self) -> None:
        """Tell the peer with a RST, and end (tcp_send_active_reset)."""
        if self.state in {S.CLOSED, S.TIME_WAIT}:
            return
        if self.state not in {S.SYN_SENT, S.SYN_RECEIVED} or self.listener is not None:
            self.output.reset()
        self.fail(ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET)))

    def _abort_unread(self) -> None:
        """Data for a program that has gone: it would never be read."""
        self.output.reset()
        self.destroy()

    def fail(self, error: OSError) -> None:
        self.error = error
        self.destroy()

    def destroy(self) -> None:
        """The connection is gone; who waits for it is told."""
        if self.state is S.CLOSED:
            return
        self.state = S.CLOSED
        self._stop()
        self.tcp.forget(self)
        if self.listener is not None:
            self.listener.forget(self)
        self.wake()

    def _stop(self) -> None:
        self.timer.stop()
        self.sender.timer.stop()
        self.receiver.acks.timer.stop()

    # --- for the socket

    def finish(self) -> None:
        """Our FIN, after all that is queued (tcp_shutdown)."""
        if self.state in _AFTER_FIN:
            self.state = _AFTER_FIN[self.state]
            self.sender.finish()

    def changed(self) -> Future[None]:
        """Done at the next event that may matter to a program."""
        future: Future[None] = Future(self.engine)
        self._waiters.append(future)
        return future

    def wake(self) -> None:
        if self._waiters:
            waiters, self._waiters = self._waiters, []
            for future in waiters:
                future.set_result(None)
