"""Data through bad wires: loss, reordering, windows, probes, timeouts."""

from __future__ import annotations

import itertools

import pytest

from emu.engine import MILLISECOND, SECOND
from emu.netns.tcp_recovery import Phase
from emu.packet.tcp import ACK, PSH, SYN
from tests.netns.tcp_wire import CLIENT, SERVER, Pair, read_all
from tests.netns.test_tcp_handshake import exchange


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_ten_megabytes_arrive_intact_through_loss_reordering_and_delay(seed):
    pair = Pair(seed, 10 * MILLISECOND)
    pair.wire.keep = False
    pair.wire.loss, pair.wire.reorder, pair.wire.duplicate, pair.wire.rate_bps = 0.01, 0.02, 0.002, 10**9
    data = pair.engine.stream("data").randbytes(10_000_000)
    assert pair.run(exchange(pair, data), limit_s=60) == data


@pytest.mark.parametrize("seed", range(4))
def test_data_arrives_intact_through_a_dreadful_wire(seed):
    pair = Pair(seed, 5 * MILLISECOND)
    pair.wire.keep = False
    pair.wire.loss, pair.wire.reorder, pair.wire.duplicate = 0.1, 0.2, 0.1
    data = pair.engine.stream("data").randbytes(200_000)
    assert pair.run(exchange(pair, data)) == data


def test_peer_without_sack_and_timestamps_gets_all_too():
    pair = Pair(1, 5 * MILLISECOND)
    for key in ("tcp_sack", "tcp_timestamps", "tcp_window_scaling"):
        pair.server.sysctl.set(f"net.ipv4.{key}", "0")
    pair.wire.loss = 0.02
    data = pair.engine.stream("data").randbytes(1_000_000)
    assert pair.run(exchange(pair, data)) == data
    assert not any(seen.segment.options for seen in pair.wire.seen if not seen.flags & SYN)


def lose_data(pair, *numbers):
    """Lose the given data segments of the client, counted from 1, when first sent."""
    count = 0
    highest = 0

    def drop(seen):
        nonlocal count, highest
        if seen.src != CLIENT or not seen.segment.payload or seen.segment.sequence <= highest:
            return False
        highest = seen.segment.sequence
        count += 1
        return count in numbers

    pair.wire.drop_if = drop


def test_one_loss_is_seen_in_sack_blocks_and_repaired_without_timeout():
    pair = Pair(1, 10 * MILLISECOND)
    lose_data(pair, 12)
    data = bytes(100_000)
    assert pair.run(exchange(pair, data)) == data
    with_sack = [seen for seen in pair.sent_by(SERVER) if seen.options.sack]
    assert with_sack
    numbers = [seen.segment.sequence for seen in pair.sent_by(CLIENT) if seen.segment.payload]
    again = [number for number in set(numbers) if numbers.count(number) == 2]
    assert len(again) == 1
    first, second = (seen.at_ns for seen in pair.sent_by(CLIENT) if seen.segment.payload and seen.segment.sequence == again[0])
    assert second - first < 60 * MILLISECOND


def test_many_losses_in_a_window_are_repaired_in_one_recovery():
    pair = Pair(1, 10 * MILLISECOND)
    lose_data(pair, 15, 17, 19, 21)
    assert pair.run(exchange(pair, bytes(200_000))) == bytes(200_000)
    numbers = [seen.segment.sequence for seen in pair.sent_by(CLIENT) if seen.segment.payload]
    assert len(numbers) - len(set(numbers)) == 4


def test_lost_tail_is_probed_after_two_round_trips():
    pair = Pair(1, 10 * MILLISECOND)
    lose_data(pair, 5)

    async def story():
        client, server = await pair.connected()
        reading = pair.engine.spawn(read_all(server))
        await client.send(bytes(4 * 1448 + 100))
        await pair.engine.sleep(SECOND)
        client.close()
        server_got = await reading
        server.close()
        return len(server_got)

    assert pair.run(story()) == 4 * 1448 + 100
    lost = [seen.at_ns for seen in pair.sent_by(CLIENT) if len(seen.segment.payload) == 100]
    assert len(lost) == 2
    assert 40 * MILLISECOND <= lost[1] - lost[0] <= 250 * MILLISECOND


def test_retransmission_timeout_backs_off_and_gives_up_after_retries2():
    pair = Pair(1, 10 * MILLISECOND)

    async def story():
        client, _ = await pair.connected()
        pair.wire.drop_if = lambda seen: True
        await client.send(b"into the void")
        with pytest.raises(TimeoutError):
            await client.recv()

    pair.run(story())
    times = [seen.at_ns for seen in pair.sent_by(CLIENT) if seen.segment.payload]
    gaps = [(later - sooner) / SECOND for sooner, later in itertools.pairwise(times)]
    # The first one is the tail loss probe; the RTO is 20 ms of round trip plus 200 ms.
    assert gaps[:6] == pytest.approx([0.22, 0.22, 0.44, 0.88, 1.76, 3.52], rel=0.02)
    assert max(gaps) == 120
    assert 924 <= (pair.engine.now - times[1]) / SECOND <= 1100


def test_delayed_acknowledgment_waits_after_the_quick_phase():
    pair = Pair()

    async def story():
        client, _ = await pair.connected()
        for _ in range(60):
            await client.send(bytes(20))
            await pair.engine.sleep(10 * MILLISECOND)

    pair.run(story())
    acks = [seen.at_ns for seen in pair.sent_by(SERVER) if seen.flags == ACK]
    gaps = [round((later - sooner) / MILLISECOND) for sooner, later in itertools.pairwise(acks)]
    assert gaps[:15] == [10] * 15
    assert set(gaps[17:]) == {40}


def test_bulk_data_is_acknowledged_every_second_segment():
    pair = Pair(1, 5 * MILLISECOND)
    pair.server.sysctl.set("net.ipv4.tcp_rmem", "4096 131072 131072")
    pair.wire.rate_bps = 10**8
    pair.run(exchange(pair, bytes(2_000_000)))
    data = [seen for seen in pair.sent_by(CLIENT) if seen.segment.payload]
    acks = [seen for seen in pair.sent_by(SERVER) if seen.flags == ACK]
    assert 0.4 < len(acks) / len(data) < 0.65


def test_initial_window_is_ten_segments_and_doubles():
    pair = Pair(1, 20 * MILLISECOND)
    pair.run(exchange(pair, bytes(300_000)))
    data = [seen.at_ns for seen in pair.sent_by(CLIENT) if seen.segment.payload]
    bursts = [sum(1 for at in data if at == when) for when in sorted(set(data))]
    assert bursts[:3] == [10, 20, 40]


def test_push_marks_the_end_of_a_write_only():
    pair = Pair()
    pair.run(exchange(pair, bytes(5000)))
    flags = [bool(seen.flags & PSH) for seen in pair.sent_by(CLIENT) if seen.segment.payload]
    assert flags == [False, False, False, True]


def test_nagle_holds_a_small_segment_until_the_first_is_acknowledged():
    def segments(nodelay):
        pair = Pair(1, 10 * MILLISECOND)

        async def story():
            client, server = await pair.connected()
            client.nodelay = nodelay
            for _ in range(4):
                await client.send(b"ab")
            await pair.engine.sleep(SECOND)
            return await server.recv()

        assert pair.run(story()) == b"abababab"
        return [len(seen.segment.payload) for seen in pair.sent_by(CLIENT) if seen.segment.payload]

    assert segments(nodelay=False) == [2, 6]
    assert segments(nodelay=True) == [2, 2, 2, 2]


def test_zero_window_is_probed_and_opens_again():
    pair = Pair(1, MILLISECOND)
    data = pair.engine.stream("data").randbytes(500_000)

    async def story():
        client, server = await pair.connected()

        async def write():
            await client.send(data)
            client.close()

        writing = pair.engine.spawn(write())
        await pair.engine.sleep(20 * SECOND)
        stalled = client.connection.sender
        assert stalled.window < 1448
        assert not len(stalled.board)
        got = await read_all(server)
        await writing
        return got

    assert pair.run(story()) == data
    probes = [seen.at_ns for seen in pair.sent_by(CLIENT) if not seen.segment.payload and SECOND // 10 < seen.at_ns < 20 * SECOND]
    gaps = [later - sooner for sooner, later in itertools.pairwise(probes)]
    assert len(probes) >= 5
    assert all(later == pytest.approx(2 * sooner, rel=0.05) for sooner, later in itertools.pairwise(gaps))


def test_receive_window_grows_with_a_program_that_reads():
    pair = Pair(1, 20 * MILLISECOND)
    pair.wire.rate_bps = 10**9
    pair.wire.keep = False

    async def story():
        client, server = await pair.connected()
        reading = pair.engine.spawn(read_all(server))
        await client.send(bytes(20_000_000))
        client.close()
        await reading
        return server.connection.receiver.buffer

    assert pair.run(story()) > 2_000_000


def test_smaller_path_mtu_cuts_what_is_in_flight():
    pair = Pair(1, MILLISECOND)

    def router(seen):
        if len(seen.packet) <= 1300:
            return False
        pair.engine.post(MILLISECOND, learn, seen.packet[:28])
        return True

    def learn(quoted):
        pair.client.ipv4.mtu = 1300
        pair.client.tcp.error(quoted, 3, 4, 1300, SERVER)

    async def story():
        client, server = await pair.connected()
        pair.wire.drop_if = router
        reading = pair.engine.spawn(read_all(server))
        await client.send(bytes(20000))
        client.close()
        return len(await reading)

    assert pair.run(story(), limit_s=2) == 20000
    assert client_phase(pair) in {Phase.OPEN, Phase.LOSS, None}


def client_phase(pair):
    connections = [known for known in pair.client.tcp.connections() if hasattr(known, "sender")]
    return connections[0].sender.recovery.phase if connections else None


def test_neighbour_is_confirmed_when_data_is_acknowledged():
    pair = Pair()
    confirmed = []
    pair.client.confirm = lambda dev, address: confirmed.append(address)
    pair.client.ipv4.route = lambda dst, src=b"", oif=None: (_Route(), CLIENT)
    pair.run(exchange(pair, b"x" * 100))
    assert confirmed
    assert set(confirmed) == {SERVER}


class _Route:
    dev = object()
    via = None
