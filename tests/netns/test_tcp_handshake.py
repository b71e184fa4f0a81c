"""Opening connections: the bytes of a recording, ports, refusals, timers."""

from __future__ import annotations

import errno
import itertools

import pytest

from emu.engine import MILLISECOND, SECOND
from emu.netdev.drop import DropReason
from emu.netns.tcp_state import TcpState
from emu.packet.address import ip
from emu.packet.tcp import ACK, FIN, PSH, RST, SYN, Segment
from tests.netns.tcp_wire import CLIENT, SERVER, Pair, read_all, send_raw


def test_handshake_has_the_options_and_windows_of_the_recording():
    pair = Pair()
    pair.run(pair.connected())
    syn, syn_ack, ack = pair.wire.seen
    # docker-single-host/bridge-tcp: time stamps and numbers differ, all else is the same
    assert syn.segment.options[:8].hex() == "020405b40402080a"
    assert syn.segment.options[12:].hex() == "000000000103030a"
    assert (syn.flags, syn.segment.window, syn.segment.acknowledgment) == (SYN, 64240, 0)
    assert syn_ack.segment.options[:8].hex() == "020405b40402080a"
    assert syn_ack.segment.options[16:].hex() == "0103030a"
    assert (syn_ack.flags, syn_ack.segment.window, syn_ack.identification) == (SYN | ACK, 65160, 0)
    assert syn_ack.options.echo == syn.options.timestamp
    assert (ack.flags, ack.segment.window, len(ack.segment.options)) == (ACK, 63, 12)
    assert ack.identification == (syn.identification + 1) & 0xFFFF
    assert (syn_ack.cause, ack.cause) == (syn.trace_id, syn_ack.trace_id)


def test_request_and_answer_go_as_in_the_recording():
    pair = Pair()

    async def story():
        client, server = await pair.connected()

        async def serve():
            await server.recv()
            await pair.engine.sleep(2 * MILLISECOND)
            await server.send(b"h" * 209)
            await pair.engine.sleep(MILLISECOND)
            await server.send(b"b" * 38)
            await pair.engine.sleep(MILLISECOND)
            server.close()

        task = pair.engine.spawn(serve())
        await client.send(b"g" * 73)
        assert len(await read_all(client)) == 247
        client.close()
        await task

    pair.run(story())
    pair.engine.run()
    start = pair.wire.seen[0].segment.sequence, pair.wire.seen[1].segment.sequence
    lines = []
    for seen in pair.wire.seen[3:]:
        own = seen.src == SERVER
        segment = seen.segment
        lines.append((
            "web" if own else "box", segment.flags, (segment.sequence - start[own]) & 0xFFFFFFFF,
            (segment.acknowledgment - start[not own]) & 0xFFFFFFFF, segment.window, len(segment.payload),
        ))  # fmt: skip
    assert lines == [
        ("box", PSH | ACK, 1, 1, 63, 73),
        ("web", ACK, 1, 74, 64, 0),
        ("web", PSH | ACK, 1, 74, 64, 209),
        ("box", ACK, 74, 210, 63, 0),
        ("web", PSH | ACK, 210, 74, 64, 38),
        ("box", ACK, 74, 248, 63, 0),
        ("web", FIN | ACK, 248, 74, 64, 0),
        ("box", FIN | ACK, 74, 249, 63, 0),
        ("web", ACK, 249, 75, 64, 0),
    ]
    identifications = [seen.identification for seen in pair.sent_by(CLIENT)]
    assert identifications == [(identifications[0] + step) & 0xFFFF for step in range(len(identifications))]


@pytest.mark.parametrize(("rmem_max", "scale", "first_ack"), [(33554432, 10, 63), (6291456, 7, 502)])
def test_window_scale_follows_from_tcp_rmem(rmem_max, scale, first_ack):
    pair = Pair()
    pair.client.sysctl.set("net.ipv4.tcp_rmem", f"4096 131072 {rmem_max}")
    pair.run(pair.connected())
    assert pair.wire.seen[0].options.window_scale == scale
    assert pair.wire.seen[2].segment.window == first_ack


def test_loopback_mtu_gives_mss_65495():
    pair = Pair()
    for end in (pair.client, pair.server):
        end.ipv4.mtu = 65536
    pair.run(pair.connected())
    assert [seen.options.mss for seen in pair.wire.seen[:2]] == [65495, 65495]
    assert [seen.segment.window for seen in pair.wire.seen[:3]] == [65495, 65483, 64]


def test_mss_follows_the_mtu_and_the_smaller_side_counts():
    pair = Pair()
    pair.server.ipv4.mtu = 1450
    pair.run(exchange(pair, b"x" * 5000))
    assert [seen.options.mss for seen in pair.wire.seen[:2]] == [1460, 1410]
    assert max(len(seen.segment.payload) for seen in pair.sent_by(CLIENT)) == 1398


async def exchange(pair, data):
    client, server = await pair.connected()
    reading = pair.engine.spawn(read_all(server))
    await client.send(data)
    client.close()
    got = await reading
    server.close()
    return got


def test_closed_port_refuses_with_a_bare_reset():
    pair = Pair()
    with pytest.raises(ConnectionRefusedError):
        pair.run(pair.client.tcp.connect(("10.0.0.2", 81)))
    syn, reset = pair.wire.seen
    assert (reset.flags, reset.segment.sequence, reset.segment.window, reset.segment.options) == (RST | ACK, 0, 0, b"")
    assert reset.segment.acknowledgment == syn.segment.sequence + 1
    assert (reset.identification, reset.cause) == (0, syn.trace_id)
    assert pair.server.drops == {DropReason.NO_LISTENER: 1}
    assert not pair.client.tcp.connections()


def test_unanswered_syn_is_sent_again_and_given_up_as_linux_6_5_does():
    pair = Pair()
    pair.wire.drop_if = lambda seen: True
    with pytest.raises(TimeoutError):
        pair.run(pair.client.tcp.connect(("10.0.0.2", 80)))
    times = [seen.at_ns // SECOND for seen in pair.wire.seen]
    assert [later - sooner for sooner, later in itertools.pairwise(times)] == [1, 1, 1, 1, 1, 2, 4, 8, 16, 32]
    assert pair.engine.now == 131 * SECOND


def test_connect_timeout_of_the_program_ends_the_attempt():
    pair = Pair()
    pair.wire.drop_if = lambda seen: True
    with pytest.raises(TimeoutError):
        pair.run(pair.client.tcp.connect(("10.0.0.2", 80), timeout=2.5))
    assert pair.engine.now == 2_500 * MILLISECOND
    assert not pair.client.tcp.connections()


def test_syn_ack_is_sent_again_five_times():
    pair = Pair()
    listener = pair.server.tcp.listen(("0.0.0.0", 80))
    del pair.wire.ends[CLIENT]
    send_raw(pair, CLIENT, Segment(1000, 80, 7, 0, SYN, 1000, b"", b""))
    pair.engine.run()
    assert [seen.at_ns // SECOND for seen in pair.sent_by(SERVER)] == [0, 1, 3, 7, 15, 31]
    assert all(seen.identification == 0 for seen in pair.sent_by(SERVER))
    assert pair.server.tcp.connections() == [listener]


def test_peer_without_options_gets_none():
    pair = Pair()
    pair.server.tcp.listen(("0.0.0.0", 80))
    send_raw(pair, CLIENT, Segment(1000, 80, 7, 0, SYN, 1000, b"", b""))
    pair.engine.run(until_ns=SECOND // 2)
    (answer,) = pair.sent_by(SERVER)
    assert answer.segment.options.hex() == "020405b4"
    assert answer.segment.window == 64240


def test_no_route_is_told_at_once():
    pair = Pair()
    pair.client.ipv4.unreachable = True
    with pytest.raises(OSError, match="unreachable") as caught:
        pair.run(pair.client.tcp.connect(("10.0.0.2", 80)))
    assert caught.value.errno == errno.ENETUNREACH


@pytest.mark.parametrize(
    ("kind", "code", "number"),
    [
        (3, 0, errno.ENETUNREACH),
        (3, 1, errno.EHOSTUNREACH),
        (3, 3, errno.ECONNREFUSED),
        (3, 13, errno.EHOSTUNREACH),
        (11, 0, errno.EHOSTUNREACH),
    ],
)
def test_icmp_error_ends_a_connection_attempt(kind, code, number):
    pair = Pair()

    def answer(seen):
        pair.engine.call_later(MILLISECOND, pair.client.tcp.error, seen.packet[:28], kind, code, 0, SERVER)
        return True

    pair.wire.drop_if = answer
    with pytest.raises(OSError, match=r".") as caught:
        pair.run(pair.client.tcp.connect(("10.0.0.2", 80)))
    assert caught.value.errno == number
    assert pair.engine.now == MILLISECOND


def test_broadcast_cannot_be_connected_to():
    pair = Pair()
    with pytest.raises(OSError, match="unreachable"):
        pair.run(pair.client.tcp.connect(("10.0.0.255", 80)))


def test_full_accept_queue_drops_and_counts():
    pair = Pair()
    listener = pair.server.tcp.listen(("0.0.0.0", 80), 1)

    async def story():
        connects = [pair.engine.spawn(pair.client.tcp.connect(("10.0.0.2", 80))) for _ in range(3)]
        await pair.engine.sleep(SECOND // 2)
        assert listener.waiting == 2
        for _ in range(3):
            await listener.accept()
        for connect in connects:
            await connect

    pair.run(story())
    assert pair.server.drops[DropReason.LISTEN_OVERFLOW] >= 1


def test_connect_prefers_even_ports_and_listen_odd_ones():
    pair = Pair()
    listener = pair.server.tcp.listen(("0.0.0.0", 0))
    assert 32768 <= listener.local[1] <= 60999
    assert listener.local[1] % 2 == 1

    async def story():
        return [(await pair.client.tcp.connect(("10.0.0.2", listener.local[1]))).local[1] for _ in range(5)]

    ports = pair.run(story())
    assert all(port % 2 == 0 and 32768 <= port <= 60999 for port in ports)
    assert len(set(ports)) == 5
    assert all(2 <= later - sooner <= 18 for sooner, later in itertools.pairwise(ports))


def test_ports_in_use_are_refused():
    pair = Pair()
    pair.server.tcp.listen(("0.0.0.0", 80))
    with pytest.raises(OSError, match="in use"):
        pair.server.tcp.listen(("10.0.0.2", 80))
    with pytest.raises(OSError, match="assign"):
        pair.server.tcp.listen(("10.0.0.9", 81))


def test_simultaneous_open_makes_one_connection():
    pair = Pair()

    async def story():
        one = pair.client.tcp.start_connect(("10.0.0.2", 2000), 1000)
        two = pair.server.tcp.start_connect(("10.0.0.1", 1000), 2000)
        await one.connected()
        await two.connected()
        await one.send(b"hello")
        return await two.recv(), one.connection.state, two.connection.state

    assert pair.run(story()) == (b"hello", TcpState.ESTABLISHED, TcpState.ESTABLISHED)
    assert [seen.flags for seen in pair.wire.seen[:4]] == [SYN, SYN, SYN | ACK, SYN | ACK]


def test_two_runs_are_the_same_and_another_seed_is_not():
    def packets(seed):
        pair = Pair(seed)
        pair.run(exchange(pair, b"x" * 20000))
        return [seen.packet for seen in pair.wire.seen]

    assert packets(1) == packets(1)
    assert packets(1) != packets(2)


def test_segment_to_a_broadcast_address_is_dropped_without_answer():
    pair = Pair()
    pair.wire.ends[ip("10.0.0.255")] = pair.server
    send_raw(pair, CLIENT, Segment(1000, 80, 7, 0, SYN, 1000, b"", b""), dst=ip("10.0.0.255"))
    pair.engine.run()
    assert pair.server.drops == {DropReason.NO_LISTENER: 1}
    assert not pair.sent_by(SERVER)
