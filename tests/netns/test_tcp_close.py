"""Ending connections: FIN in all orders, RST, TIME_WAIT, forged segments."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu.engine import MILLISECOND, SECOND
from emu.netdev.drop import DropReason
from emu.netns.tcp_state import TcpState
from emu.packet import ipv4, tcp
from emu.packet.datagram import Datagram
from emu.packet.tcp import ACK, FIN, RST, SYN, Segment
from tests.netns.tcp_wire import CLIENT, SERVER, Pair, read_all, send_raw


def states(end):
    return [known.state for known in end.tcp.connections()]


def test_who_closes_first_waits_a_minute_in_the_background():
    pair = Pair()

    async def story():
        client, server = await pair.connected()
        client.close()
        assert await server.recv() == b""
        server.close()
        await pair.engine.sleep(MILLISECOND)

    pair.run(story())
    assert states(pair.client) == [TcpState.TIME_WAIT]
    assert states(pair.server) == []
    assert pair.engine.quiet
    pair.engine.run(until_ns=61 * SECOND)
    assert states(pair.client) == []


def test_closed_side_answers_the_last_fin_without_identification():
    pair = Pair()

    async def story():
        client, server = await pair.connected()
        await client.send(b"x")
        await server.recv()
        await pair.engine.sleep(SECOND)
        client.close()
        await pair.engine.sleep(SECOND)
        server.close()
        await pair.engine.sleep(SECOND)

    pair.run(story())
    last = pair.sent_by(CLIENT)[-1]
    assert (last.flags, last.identification) == (ACK, 0)


def test_unanswered_fin_of_a_closed_socket_is_given_up_sooner():
    pair = Pair()

    async def story():
        client, _ = await pair.connected()
        pair.wire.drop_if = lambda seen: True
        client.close()

    pair.run(story())
    pair.engine.run()
    assert 100 <= pair.engine.now / SECOND <= 220
    assert states(pair.client) == []


def test_simultaneous_close_leaves_both_in_time_wait():
    pair = Pair()

    async def story():
        client, server = await pair.connected()
        await pair.engine.sleep(SECOND)
        client.close()
        server.close()
        await pair.engine.sleep(MILLISECOND)

    pair.run(story())
    assert [seen.flags for seen in pair.wire.seen[3:]] == [FIN | ACK, FIN | ACK, ACK, ACK]
    assert states(pair.client) == states(pair.server) == [TcpState.TIME_WAIT]


def test_half_closed_connection_carries_data_the_other_way():
    pair = Pair()

    async def story():
        client, server = await pair.connected()
        await client.send(b"question")
        client.shutdown()
        assert await read_all(server) == b"question"
        await pair.engine.sleep(SECOND)
        assert client.connection.state is TcpState.FIN_WAIT2
        assert server.connection.state is TcpState.CLOSE_WAIT
        await pair.engine.sleep(300 * SECOND)
        await server.send(b"answer" * 1000)
        server.close()
        answer = await read_all(client)
        with pytest.raises(BrokenPipeError):
            await client.send(b"more")
        client.close()
        return answer

    assert pair.run(story()) == b"answer" * 1000


def test_closed_side_waits_one_minute_for_the_others_fin():
    pair = Pair()

    async def story():
        client, _server = await pair.connected()
        client.close()
        await pair.engine.sleep(59 * SECOND)
        assert states(pair.client) == [TcpState.FIN_WAIT2]
        await pair.engine.sleep(2 * SECOND)

    pair.run(story())
    assert states(pair.client) == []


def test_close_with_unread_data_resets():
    pair = Pair()

    async def story():
        client, server = await pair.connected()
        await client.send(b"never read")
        await pair.engine.sleep(SECOND)
        server.close()
        with pytest.raises(ConnectionResetError):
            await client.recv()

    pair.run(story())
    assert pair.wire.seen[-1].flags == RST | ACK
    assert states(pair.client) == states(pair.server) == []


def test_data_for_a_program_that_has_gone_is_answered_with_reset():
    pair = Pair()

    async def story():
        client, server = await pair.connected()
        server.close()
        await pair.engine.sleep(SECOND)
        await client.send(b"anyone?")
        await pair.engine.sleep(SECOND)
        with pytest.raises(OSError, match=r"Broken pipe|reset"):
            await client.send(b"anyone?")

    pair.run(story())
    assert any(seen.flags & RST for seen in pair.sent_by(SERVER))


def test_abort_sends_a_reset_and_the_peer_hears_of_it():
    pair = Pair()

    async def story():
        client, server = await pair.connected()
        client.abort()
        with pytest.raises(ConnectionResetError):
            await server.recv()

    pair.run(story())


def test_data_before_a_reset_is_lost_to_who_reads_late_but_eof_is_not_an_error():
    pair = Pair()

    async def story():
        client, server = await pair.connected()
        await client.send(b"last words")
        client.close()
        await pair.engine.sleep(SECOND)
        return await server.recv(4), await read_all(server)

    assert pair.run(story()) == (b"last", b" words")


def test_listener_that_closes_resets_what_nobody_accepted():
    pair = Pair()
    listener = pair.server.tcp.listen(("0.0.0.0", 80))

    async def story():
        client = await pair.client.tcp.connect(("10.0.0.2", 80))
        await pair.engine.sleep(SECOND)
        listener.close()
        with pytest.raises(ConnectionResetError):
            await client.recv()

    pair.run(story())


def test_recv_with_a_timeout_gives_up_and_loses_nothing():
    pair = Pair()

    async def story():
        client, server = await pair.connected()
        with pytest.raises(TimeoutError):
            await server.recv(timeout=0.5)
        await client.send(b"late")
        return await server.recv(timeout=0.5)

    assert pair.run(story()) == b"late"


def test_forged_reset_and_syn_in_the_window_are_challenged():
    pair = Pair()

    async def story():
        client, server = await pair.connected()
        ack = pair.wire.seen[2].segment
        for flags, offset in ((RST, 1000), (SYN, 0)):
            await pair.engine.sleep(SECOND)
            before = len(pair.sent_by(SERVER))
            forged = Segment(ack.source_port, 80, (ack.sequence + offset) & 0xFFFFFFFF, 0, flags, 0, b"", b"")
            send_raw(pair, CLIENT, forged)
            await pair.engine.sleep(10 * MILLISECOND)
            assert len(pair.sent_by(SERVER)) == before + 1
            assert pair.sent_by(SERVER)[-1].flags == ACK
        await client.send(b"still here")
        return await server.recv()

    assert pair.run(story()) == b"still here"


def test_reset_with_the_expected_number_ends_the_connection():
    pair = Pair()

    async def story():
        _client, server = await pair.connected()
        ack = pair.wire.seen[2].segment
        send_raw(pair, CLIENT, Segment(ack.source_port, 80, ack.sequence, 0, RST, 0, b"", b""))
        with pytest.raises(ConnectionResetError):
            await server.recv()

    pair.run(story())


def test_old_timestamp_is_refused():
    pair = Pair()

    async def story():
        client, server = await pair.connected()
        await pair.engine.sleep(SECOND)
        await client.send(b"x")
        await server.recv()
        last = next(seen for seen in reversed(pair.sent_by(CLIENT)) if seen.segment.payload)
        old = last.segment.options[:4] + ((last.options.timestamp - 5000) & 0xFFFFFFFF).to_bytes(4, "big") + last.segment.options[8:]
        forged = last.segment._replace(sequence=(last.segment.sequence + 1) & 0xFFFFFFFF, options=old, payload=b"evil")
        send_raw(pair, CLIENT, forged)
        with pytest.raises(TimeoutError):
            await server.recv(timeout=1.0)

    pair.run(story())
    assert pair.server.drops == {DropReason.TCP_INVALID: 1}


def test_new_connection_takes_over_from_time_wait():
    pair = Pair()

    async def story():
        listener = pair.server.tcp.listen(("0.0.0.0", 80))
        first = await pair.client.tcp.connect(("10.0.0.2", 80), local_port=5000)
        (await listener.accept()).close()
        await first.recv()
        first.close()
        await pair.engine.sleep(SECOND)
        assert TcpState.TIME_WAIT in states(pair.server)
        second = await pair.client.tcp.connect(("10.0.0.2", 80), local_port=5000)
        await second.send(b"again")
        return await (await listener.accept()).recv()

    assert pair.run(story()) == b"again"


def test_stray_segment_is_answered_with_its_own_number():
    pair = Pair()
    send_raw(pair, CLIENT, Segment(1, 2, 10, 4711, ACK, 0, b"", b""))
    pair.engine.run()
    reset = pair.wire.seen[1].segment
    assert (reset.flags, reset.sequence, reset.acknowledgment) == (RST, 4711, 0)


def test_bad_checksum_is_dropped_and_counted():
    pair = Pair()
    segment = bytearray(tcp.build(CLIENT, SERVER, Segment(1, 2, 3, 4, SYN, 5, b"", b"")))
    segment[16] ^= 1
    pair.server.tcp.receive(Datagram(ipv4.build(CLIENT, SERVER, 6, bytes(segment)), 1))
    pair.server.tcp.receive(Datagram(ipv4.build(CLIENT, SERVER, 6, b"short"), 1))
    assert pair.server.drops == {DropReason.BAD_CHECKSUM: 1, DropReason.MALFORMED: 1}


segments = st.tuples(
    st.integers(-3000, 3000), st.integers(-3000, 3000), st.integers(0, 255), st.integers(0, 65535),
    st.binary(max_size=40).map(lambda wire: wire + bytes(-len(wire) % 4)), st.binary(max_size=100),
)  # fmt: skip


@given(st.lists(segments, max_size=12), st.sampled_from(["established", "half", "closing", "connecting", "listening"]))
def test_no_segment_makes_an_exception(made, stage):
    pair = Pair()
    pair.server.tcp.listen(("0.0.0.0", 81))
    sequence, acknowledgment, port, own = 0, 0, 4000, 81

    async def story():
        nonlocal sequence, acknowledgment, port, own
        if stage == "connecting":
            pair.wire.drop_if = lambda seen: seen.src == SERVER
            socket = pair.server.tcp.start_connect(("10.0.0.1", 4000))
            acknowledgment, own = socket.connection.sender.nxt, socket.local[1]
        elif stage != "listening":
            client, server = await pair.connected()
            connection = server.connection
            sequence, acknowledgment, port, own = connection.receiver.nxt, connection.sender.nxt, client.local[1], 80
            if stage == "half":
                server.shutdown()
            elif stage == "closing":
                server.close()
        for start, ack, flags, window, options, payload in made:
            segment = Segment(
                port, own, (sequence + start) & 0xFFFFFFFF, (acknowledgment + ack) & 0xFFFFFFFF, flags, window, options, payload
            )
            send_raw(pair, CLIENT, segment)
            await pair.engine.sleep(MILLISECOND)

    pair.run(story())
    pair.engine.run(until_ns=pair.engine.now + 400 * SECOND)
    for end in (pair.client, pair.server):
        for known in end.tcp.connections():
            board = getattr(getattr(known, "sender", None), "board", None)
            assert board is None or board.in_flight >= 0


@given(st.binary(max_size=100))
def test_no_bytes_make_an_exception(wire):
    pair = Pair()
    pair.server.tcp.receive(Datagram(ipv4.build(CLIENT, SERVER, 6, wire), 1))
    assert sum(pair.server.drops.values()) == 1


@given(st.binary(min_size=20, max_size=60), st.integers(0, 20), st.integers(0, 20))
def test_no_icmp_quote_makes_an_exception(quoted, kind, code):
    pair = Pair()
    pair.run(pair.connected())
    pair.client.tcp.error(quoted, kind, code, 0, SERVER)
