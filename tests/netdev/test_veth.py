"""A veth pair: what goes in at one end comes out at the other, unless one is down, gone or too small."""

from __future__ import annotations

import pytest

from emu.engine import Engine
from emu.netdev.device import RX, TX
from emu.netdev.drop import DropReason
from emu.netdev.veth import Veth
from emu.packet.frame import Frame
from tests.wires import Seen, namespace, veth


@pytest.fixture
def pair() -> tuple[Veth, Veth]:
    engine = Engine()
    return veth(namespace(engine, "left"), "eth0", namespace(engine, "right"), "eth0")


def frame(size: int = 60) -> Frame:
    return Frame(b"\xff" * 6 + b"\x02" + bytes(5) + b"\x88\xb5" + bytes(size - 14), 1)


def test_the_other_end_receives_the_very_frame(pair: tuple[Veth, Veth]) -> None:
    left, right = pair
    seen = Seen(left), Seen(right)
    sent = frame()
    left.transmit(sent)
    left.engine.run()
    assert [[(direction, each) for _, direction, each in end.frames] for end in seen] == [[(TX, sent)], [(RX, sent)]]
    assert (left.counters.tx_packets, left.counters.tx_bytes) == (right.counters.rx_packets, right.counters.rx_bytes) == (1, 60)


def test_carrier_is_whether_the_other_end_is_up(pair: tuple[Veth, Veth]) -> None:
    left, right = pair
    right.netns.set_down(right)
    assert (left.carrier, right.carrier) == (False, True)
    left.transmit(frame())
    assert left.drops == {DropReason.NO_CARRIER: 1}


def test_an_end_that_is_down_sends_nothing_and_hears_nothing(pair: tuple[Veth, Veth]) -> None:
    left, right = pair
    right.transmit(frame())
    left.netns.set_down(left)
    left.engine.run()
    left.transmit(frame())
    assert left.drops == {DropReason.DEVICE_DOWN: 2}
    assert (left.counters.rx_dropped, left.counters.tx_dropped) == (1, 1)


def test_a_frame_that_the_other_end_is_too_small_for_is_dropped(pair: tuple[Veth, Veth]) -> None:
    left, right = pair
    right.netns.set_mtu(right, 1400)
    left.transmit(frame(1414))
    left.transmit(frame(1415))
    left.engine.run()
    assert left.drops == {DropReason.TOO_BIG: 1}
    assert right.counters.rx_packets == 1


def test_deleting_one_end_deletes_both(pair: tuple[Veth, Veth]) -> None:
    left, right = pair
    other = right.netns
    left.netns.delete_device(left)
    assert "eth0" not in other.devices
