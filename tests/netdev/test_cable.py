"""A LAN segment: what it does to a frame's time, and which frames it loses."""

from __future__ import annotations

from typing import Any

from scapy.layers.l2 import Ether

from emu.engine import MILLISECOND, SECOND, Engine
from emu.netdev.cable import FRAMING, LanSegment
from emu.netdev.device import RX
from emu.netdev.drop import DropReason
from emu.netdev.nic import Nic
from emu.packet.address import Mac
from emu.packet.frame import Frame
from tests.wires import Seen

MACS = [Mac(bytes([2, 0, 0, 0, 0, number])) for number in (1, 2, 3)]
BROADCAST = b"\xff" * 6


class Segment:
    """Three NICs on a segment; `seen[i]` is what the i-th one saw."""

    def __init__(self, **options: Any) -> None:
        self.engine = Engine(1)
        self.lan = LanSegment(self.engine, "lan", **options)
        self.nics = [Nic(self.engine, f"nic{number}", mac) for number, mac in enumerate(MACS)]
        for nic in self.nics:
            self.lan.plug(nic)
            nic.set_up(True)
            nic.rx_handler = lambda dev, frame: None
        self.seen = [Seen(nic) for nic in self.nics]

    def send(self, sender: int, dst: bytes, size: int = 60) -> None:
        frame = Frame(dst + MACS[sender] + b"\x88\xb5" + bytes(size - 14), self.engine.next_trace_id())
        self.nics[sender].transmit(frame)

    def received(self, number: int) -> list[int]:
        """The times."""
        return [when for when, direction, _ in self.seen[number].frames if direction is RX]


def test_a_frame_takes_the_delay() -> None:
    net = Segment(delay_ns=5 * MILLISECOND)
    net.send(0, BROADCAST)
    net.engine.run()
    assert [net.received(number) for number in range(3)] == [[], [5 * MILLISECOND], [5 * MILLISECOND]]


def test_an_unknown_destination_is_flooded_and_a_known_one_is_not() -> None:
    net = Segment()
    net.send(0, MACS[1])
    net.engine.run()
    net.send(1, MACS[0])
    net.engine.run()
    assert [len(net.received(number)) for number in range(3)] == [1, 1, 1]


def test_a_rate_spaces_frames_by_their_length_on_the_line() -> None:
    net = Segment(delay_ns=0, rate_bps=1_000_000)
    for size in (60, 1514):
        net.send(0, MACS[1], size)
    net.engine.run()
    first = (60 + FRAMING) * 8 * SECOND // 1_000_000
    assert net.received(1) == [first, first + (1514 + FRAMING) * 8 * SECOND // 1_000_000]


def test_each_nic_has_a_line_of_its_own() -> None:
    net = Segment(delay_ns=0, rate_bps=1_000_000)
    net.send(0, MACS[2], 1514)
    net.send(1, MACS[2], 1514)
    net.engine.run()
    assert len(set(net.received(2))) == 1


def test_a_line_that_more_waits_for_than_its_queue_holds_drops() -> None:
    net = Segment(rate_bps=1_000_000, queue=2)
    for _ in range(6):
        net.send(0, MACS[1], 1514)
    net.engine.run()
    assert net.nics[0].drops == {DropReason.QUEUE_FULL: 6 - len(net.received(1))}
    assert len(net.received(1)) in {3, 4}  # one is being sent


def test_loss_drops_its_share_and_the_same_frames_for_the_same_seed() -> None:
    runs = []
    for _ in range(2):
        net = Segment(loss=0.25)
        for _ in range(1000):
            net.send(0, MACS[1])
            net.engine.run()
        assert net.nics[0].drops == {DropReason.LOSS: 1000 - len(net.received(1))}
        runs.append(net.received(1))
    assert runs[0] == runs[1]
    assert 200 < 1000 - len(runs[0]) < 300


def test_a_nic_drops_what_is_longer_than_its_mtu_and_what_has_no_segment() -> None:
    net = Segment()
    net.send(0, MACS[1], 1515)
    assert net.nics[0].drops == {DropReason.TOO_BIG: 1}
    alone = Nic(net.engine, "alone", MACS[0])
    alone.set_up(True)
    assert not alone.carrier
    alone.transmit(Frame(bytes(60), 1))
    assert alone.drops == {DropReason.NO_CARRIER: 1}


def test_a_frame_that_arrives_at_a_nic_that_is_down_is_dropped_there() -> None:
    net = Segment()
    net.nics[1].set_up(False)
    net.nics[0].inject(Ether(src="02:00:00:00:00:09", dst="02:00:00:00:00:01") / b"up")
    net.send(0, MACS[1])
    net.engine.run()
    assert net.nics[1].drops == {DropReason.DEVICE_DOWN: 1}
    assert net.nics[1].counters.rx_dropped == 1
