"""netem as a device's root discipline."""

from __future__ import annotations

from emu.engine import MILLISECOND, SECOND, Engine
from emu.netdev.device import TX
from emu.netdev.drop import DropReason
from emu.netdev.qdisc import Netem, NetemOptions, Probability
from emu.netdev.veth import Veth
from emu.packet.frame import Frame
from tests.wires import Seen, namespace, veth


def device(options: NetemOptions) -> tuple[Veth, Seen]:
    """One end of a pair that has this netem, and what leaves it."""
    engine = Engine(1)
    left, _ = veth(namespace(engine, "left"), "eth0", namespace(engine, "right"), "eth0")
    left.qdisc = Netem(left, options)
    return left, Seen(left)


def send(dev: Veth, count: int = 1, size: int = 60) -> list[Frame]:
    frames = [Frame(b"\xff" * 6 + b"\x02" + bytes(5) + b"\x88\xb5" + bytes(size - 14), number) for number in range(count)]
    for frame in frames:
        dev.transmit(frame)
    return frames


def sent(seen: Seen) -> list[int]:
    return [frame.trace_id for _, direction, frame in seen.frames if direction is TX]


def test_a_tap_sees_frames_when_they_leave_the_queue() -> None:
    dev, seen = device(NetemOptions(delay_ns=10 * MILLISECOND))
    send(dev, 2)
    assert dev.qdisc is not None
    assert dev.qdisc.backlog() == (120, 2)
    dev.engine.run()
    assert [when for when, _, _ in seen.frames] == [10 * MILLISECOND] * 2
    assert (dev.qdisc.sent_packets, dev.qdisc.sent_bytes, dev.qdisc.backlog()) == (2, 120, (0, 0))


def test_jitter_stays_within_its_bounds_and_may_change_the_order() -> None:
    dev, seen = device(NetemOptions(delay_ns=10 * MILLISECOND, jitter_ns=5 * MILLISECOND))
    send(dev, 100)
    dev.engine.run()
    times = [when for when, _, _ in seen.frames]
    assert 5 * MILLISECOND <= min(times) < max(times) <= 15 * MILLISECOND
    assert sorted(sent(seen)) == list(range(100)) != sent(seen)


def test_a_rate_spaces_frames() -> None:
    dev, seen = device(NetemOptions(rate_bps=1_000_000))
    send(dev, 3, 1000)
    dev.engine.run()
    assert [when for when, _, _ in seen.frames] == [number * 8 * SECOND // 1000 for number in (1, 2, 3)]


def test_the_limit_drops_what_does_not_fit() -> None:
    dev, seen = device(NetemOptions(delay_ns=MILLISECOND, limit=3))
    send(dev, 5)
    dev.engine.run()
    assert sent(seen) == [0, 1, 2]
    assert dev.drops == {DropReason.QUEUE_FULL: 2}


def test_loss_and_duplication() -> None:
    dev, seen = device(NetemOptions(loss=Probability(1.0)))
    send(dev)
    assert dev.drops == {DropReason.LOSS: 1}
    dev, seen = device(NetemOptions(duplicate=Probability(1.0)))
    send(dev)
    dev.engine.run()
    assert sent(seen) == [0, 0]


def test_every_gap_th_frame_overtakes_those_that_wait() -> None:
    dev, seen = device(NetemOptions(delay_ns=MILLISECOND, gap=3, reorder=Probability(1.0)))
    send(dev, 6)
    dev.engine.run()
    assert sent(seen) == [2, 5, 0, 1, 3, 4]


def test_frames_that_wait_on_a_device_that_goes_down_are_dropped() -> None:
    dev, seen = device(NetemOptions(delay_ns=MILLISECOND))
    send(dev)
    dev.set_up(False)
    dev.engine.run()
    assert (sent(seen), dev.drops) == ([], {DropReason.DEVICE_DOWN: 1})


def test_a_discipline_that_goes_takes_its_queue_along() -> None:
    dev, seen = device(NetemOptions(delay_ns=MILLISECOND))
    send(dev, 2)
    assert dev.qdisc is not None
    dev.qdisc.reset()
    dev.engine.run()
    assert (sent(seen), dev.drops) == ([], {DropReason.QUEUE_FULL: 2})
