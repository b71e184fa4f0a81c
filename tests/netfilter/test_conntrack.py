"""Connections: states, timeouts, and what each packet is to its connection."""

import pytest

from emu.netfilter.conntrack import CtInfo
from emu.packet import tcp

CLIENT, SERVER = ("10.0.0.1", 5000), ("10.0.0.2", 80)
FIN, SYN, RST, ACK = tcp.FIN, tcp.SYN, tcp.RST, tcp.ACK


@pytest.fixture
def tracked(router):
    router.iptables("-A FORWARD -m conntrack --ctstate INVALID -j LOG")
    return router


class Talk:
    """Segments of one connection, each end counting for itself."""

    def __init__(self, router):
        self.router = router
        self.next = {CLIENT: 1000, SERVER: 9000}

    def __call__(self, src, flags, data=b""):
        dst = SERVER if src is CLIENT else CLIENT
        segment = self.router.tcp(src, dst, flags, seq=self.next[src], ack=self.next[dst] if flags & ACK else 0, data=data)
        self.next[src] += len(data) + bool(flags & SYN) + bool(flags & FIN)
        self.router.pass_hooks(segment, "eth0", "docker0")
        return segment.ct_info

    @property
    def state(self):
        entries = self.router.netfilter.conntrack.entries()
        return entries[0].tcp.name if entries else None

    @property
    def seconds(self):
        return int(self.router.entries()[0].split()[2])


def test_a_tcp_connection_from_its_first_segment_to_its_last(tracked):
    say = Talk(tracked)
    story = [
        (CLIENT, SYN, CtInfo.NEW, "SYN_SENT", 120),
        (SERVER, SYN | ACK, CtInfo.ESTABLISHED_REPLY, "SYN_RECV", 60),
        (CLIENT, ACK, CtInfo.ESTABLISHED, "ESTABLISHED", 432000),
        (CLIENT, FIN | ACK, CtInfo.ESTABLISHED, "FIN_WAIT", 120),
        (SERVER, ACK, CtInfo.ESTABLISHED_REPLY, "CLOSE_WAIT", 60),
        (SERVER, FIN | ACK, CtInfo.ESTABLISHED_REPLY, "LAST_ACK", 30),
        (CLIENT, ACK, CtInfo.ESTABLISHED, "TIME_WAIT", 120),
    ]
    for src, flags, info, state, seconds in story:
        assert (say(src, flags), say.state, say.seconds) == (info, state, seconds)
    assert "[ASSURED]" in tracked.entries()[0]
    tracked.wait(120)
    assert tracked.entries() == []


def test_unacknowledged_data_shortens_the_wait(tracked):
    say = Talk(tracked)
    for src, flags in ((CLIENT, SYN), (SERVER, SYN | ACK), (CLIENT, ACK)):
        say(src, flags)
    say(CLIENT, ACK | tcp.PSH, b"GET /")
    assert say.seconds == 300
    say(SERVER, ACK)
    assert say.seconds == 432000


def test_a_new_syn_reopens_a_connection_in_time_wait(tracked):
    say = Talk(tracked)
    flags = [(CLIENT, SYN), (SERVER, SYN | ACK), (CLIENT, ACK), (CLIENT, FIN | ACK), (SERVER, ACK), (SERVER, FIN | ACK), (CLIENT, ACK)]
    for src, what in flags:
        say(src, what)
    say.next[CLIENT] += 100_000
    assert say(CLIENT, SYN) is CtInfo.NEW
    assert say.state == "SYN_SENT"


def test_a_reset_of_an_unanswered_syn_deletes_the_entry(tracked):
    say = Talk(tracked)
    say(CLIENT, SYN)
    assert say(SERVER, RST | ACK) is CtInfo.ESTABLISHED_REPLY
    assert tracked.entries() == []


def test_a_reset_closes_an_established_connection(tracked):
    say = Talk(tracked)
    for src, flags in ((CLIENT, SYN), (SERVER, SYN | ACK), (CLIENT, ACK), (CLIENT, RST | ACK)):
        say(src, flags)
    assert (say.state, say.seconds) == ("CLOSE", 10)


def test_a_connection_under_way_is_picked_up(tracked):
    say = Talk(tracked)
    assert say(CLIENT, ACK, b"data") is CtInfo.NEW
    assert say(SERVER, ACK) is CtInfo.ESTABLISHED_REPLY
    assert say.state == "ESTABLISHED"


def test_segments_far_outside_of_the_window_are_invalid(tracked):
    say = Talk(tracked)
    for src, flags in ((CLIENT, SYN), (SERVER, SYN | ACK), (CLIENT, ACK)):
        say(src, flags)
    say.next[CLIENT] += 1_000_000
    assert say(CLIENT, ACK, b"data") is CtInfo.INVALID


def test_a_retransmitted_or_reordered_segment_is_not_invalid(tracked):
    say = Talk(tracked)
    for src, flags in ((CLIENT, SYN), (SERVER, SYN | ACK), (CLIENT, ACK)):
        say(src, flags)
    for sequence in (1001, 1501, 1001, 1601, 1101):
        say.next[CLIENT] = sequence
        assert say(CLIENT, ACK, b"x" * 100) is CtInfo.ESTABLISHED


@pytest.mark.parametrize("flags", [0, SYN | FIN, SYN | RST, FIN, FIN | RST | ACK])
def test_flags_that_make_no_sense_are_invalid(tracked, flags):
    assert Talk(tracked)(CLIENT, flags) is CtInfo.INVALID


def test_udp_becomes_a_stream_after_two_seconds(tracked):
    def both():
        tracked.pass_hooks(tracked.udp(CLIENT, SERVER), "eth0", "docker0")
        tracked.pass_hooks(tracked.udp(SERVER, CLIENT), "docker0", "eth0")

    tracked.pass_hooks(tracked.udp(CLIENT, SERVER), "eth0", "docker0")
    assert "[UNREPLIED]" in tracked.entries()[0]
    both()
    assert tracked.entries()[0].startswith("udp      17 30 src=10.0.0.1")
    tracked.wait(3)
    both()
    assert tracked.entries()[0].startswith("udp      17 120 ") and "[ASSURED]" in tracked.entries()[0]
    tracked.wait(120)
    assert tracked.entries() == []


def test_a_ping_and_its_answer_are_one_connection(tracked):
    question, answer = tracked.ping("10.0.0.1", "10.0.0.2", 72), tracked.ping("10.0.0.2", "10.0.0.1", 72, reply=True)
    tracked.pass_hooks(question, "eth0", "docker0")
    tracked.pass_hooks(answer, "docker0", "eth0")
    assert (question.ct_info, answer.ct_info) == (CtInfo.NEW, CtInfo.ESTABLISHED_REPLY)
    assert tracked.entries() == [
        "icmp     1 30 src=10.0.0.1 dst=10.0.0.2 type=8 code=0 id=72 src=10.0.0.2 dst=10.0.0.1 type=0 code=0 id=72 mark=0 use=1"
    ]


def test_an_echo_reply_that_nobody_asked_for_is_invalid(tracked):
    answer = tracked.ping("10.0.0.2", "10.0.0.1", 72, reply=True)
    tracked.pass_hooks(answer, "eth0", "docker0")
    assert answer.ct_info is CtInfo.INVALID and answer.ct is None
    assert tracked.entries() == []


def test_an_error_is_related_to_the_connection_it_quotes(tracked):
    sent = tracked.udp(CLIENT, SERVER)
    tracked.pass_hooks(sent, "eth0", "docker0")
    error = tracked.icmp_error("10.9.9.9", "10.0.0.1", 3, 1, sent.wire[:28])
    stranger = tracked.icmp_error("10.9.9.9", "10.0.0.1", 3, 1, tracked.udp(CLIENT, ("10.0.0.3", 1)).wire)
    for datagram in (error, stranger):
        tracked.pass_hooks(datagram, "docker0", "eth0")
    assert (error.ct_info, stranger.ct_info) == (CtInfo.RELATED_REPLY, CtInfo.INVALID)


def test_a_dropped_first_packet_leaves_no_entry(tracked):
    tracked.iptables("-A FORWARD -j DROP")
    assert not tracked.pass_hooks(tracked.udp(CLIENT, SERVER), "eth0", "docker0")
    assert tracked.entries() == []


def test_untracked_packets_have_no_connection(tracked):
    tracked.iptables("-t raw -A PREROUTING -p udp -j CT --notrack")
    datagram = tracked.udp(CLIENT, SERVER)
    tracked.pass_hooks(datagram, "eth0", "docker0")
    assert datagram.ct_info is CtInfo.UNTRACKED
    assert tracked.entries() == []


def test_conntrack_sleeps_until_a_rule_needs_it(router):
    router.iptables("-A FORWARD -j ACCEPT")
    assert not router.netfilter.defrag
    router.pass_hooks(router.udp(CLIENT, SERVER), "eth0", "docker0")
    assert router.entries() == []
    router.iptables("-t nat -N DOCKER")
    assert router.netfilter.defrag
    router.pass_hooks(router.udp(CLIENT, SERVER), "eth0", "docker0")
    assert len(router.entries()) == 1


def test_flushing_by_address_takes_both_ends_of_the_answers(tracked):
    for port in (1, 2):
        tracked.pass_hooks(tracked.udp(CLIENT, ("10.0.0.2", port)), "eth0", "docker0")
    tracked.pass_hooks(tracked.udp(CLIENT, ("10.0.0.9", 1)), "eth0", "docker0")
    assert tracked.netfilter.flush_conntrack(address=b"\x0a\0\0\2") == 2
    assert len(tracked.entries()) == 1
