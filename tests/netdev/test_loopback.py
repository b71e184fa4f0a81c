"""lo gives back what it is given, at once, and shows it to a tap once."""

from __future__ import annotations

from emu.engine import Engine
from emu.netdev.device import RX
from emu.netdev.drop import DropReason
from emu.packet.frame import Frame
from tests.wires import Seen, namespace


def test_a_frame_comes_back_without_time_passing_and_is_seen_once() -> None:
    engine = Engine()
    lo = namespace(engine, "host").device("lo")
    seen = Seen(lo)
    sent = Frame(bytes(12) + b"\x88\xb5" + bytes(50), 1)
    lo.transmit(sent)
    assert seen.frames == []  # not inside the sender's own call
    engine.run()
    assert seen.frames == [(0, RX, sent)]
    counters = lo.counters
    assert (counters.tx_packets, counters.tx_bytes, counters.rx_packets, counters.rx_bytes) == (1, 64, 1, 64)


def test_a_loopback_that_is_down_drops() -> None:
    engine = Engine()
    host = namespace(engine, "host")
    lo = host.device("lo")
    host.set_down(lo)
    lo.transmit(Frame(bytes(60), 1))
    assert lo.drops == {DropReason.DEVICE_DOWN: 1}


def test_bytes_that_are_no_frame_are_dropped_and_counted() -> None:
    lo = namespace(Engine(), "host").device("lo")
    lo.inject(bytes(13))
    assert lo.drops == {DropReason.MALFORMED: 1}
    lo.rx_handler = None
    lo.inject(bytes(60))
    assert lo.drops == {DropReason.MALFORMED: 1, DropReason.UNKNOWN_PROTOCOL: 1}
