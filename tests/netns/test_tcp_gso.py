"""What GSO shows on the wire: PSH at the end of each burst, and bursts that are cut anew as one when the path takes less."""

from __future__ import annotations

from emu.engine import MILLISECOND
from emu.netns import tcp_gso
from emu.netns.tcp_congestion import Cubic
from emu.netns.tcp_rtt import RoundTrip
from emu.netns.tcp_scoreboard import Scoreboard, Sent
from emu.packet.tcp import PSH
from tests.netns.tcp_wire import CLIENT, Pair
from tests.netns.test_tcp_handshake import exchange

MSS = 1448


def sizes_and_pushes(pair: Pair) -> list[tuple[int, bool]]:
    return [(len(seen.segment.payload), bool(seen.flags & PSH)) for seen in pair.wire.seen if seen.src == CLIENT and seen.segment.payload]


def test_the_last_segment_of_a_burst_has_psh():
    pair = Pair(1)
    data = bytes(20 * MSS)
    assert pair.run(exchange(pair, data)) == data
    sent = sizes_and_pushes(pair)
    assert sent[:10] == [(MSS, False)] * 9 + [(MSS, True)]  # the first window
    assert sent[-1] == (MSS, True)


def test_a_segment_alone_has_psh_where_a_write_ends_only():
    pair = Pair(1)
    assert pair.run(exchange(pair, bytes(100))) == bytes(100)
    assert sizes_and_pushes(pair) == [(100, True)]


def test_far_peers_get_packets_of_two_segments():
    near, far = RoundTrip(), RoundTrip()
    near.sample(200_000, 0, 1)
    far.sample(40 * MILLISECOND, 0, 1)
    assert tcp_gso.segments(MSS, Cubic(), near) == tcp_gso.MAX_SIZE // MSS
    assert tcp_gso.segments(MSS, Cubic(), far) == 2


def test_a_packet_is_cut_anew_as_one():
    board = Scoreboard()
    for number, packet in ((0, 0), (1, 0), (2, 1)):
        board.on_sent(Sent(number * MSS, PSH if number else 0, bytes([number]) * MSS, packet), number)
    board.split(1398)
    pieces = [(sent.start, len(sent.payload), bool(sent.flags & PSH)) for sent in board.segments.values()]
    assert pieces == [(0, 1398, False), (1398, 1398, False), (2796, 100, True), (2896, 1398, False), (4294, 50, True)]
    assert b"".join(sent.payload for sent in board.segments.values()) == b"".join(bytes([number]) * MSS for number in range(3))
    assert board.lost == 5
