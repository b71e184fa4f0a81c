from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu.netdev.drop import DropReason
from emu.netdev.qdisc import Netem, NetemOptions, Probability
from emu.packet.frame import Frame
from emu.programs.tc import describe
from tests.programs.machines import Machines

FRAME = bytes.fromhex("020000000002020000000001") + b"\x88\xb5" + bytes(86)


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("delay 50ms loss 10%", "limit 1000 delay 50ms loss 10%"),
        ("delay 100ms 10ms 25%", "limit 1000 delay 100ms  10ms 25%"),
        ("rate 1mbit", "limit 1000 rate 1Mbit"),
        ("duplicate 1% limit 500", "limit 500 duplicate 1%"),
        ("delay 10ms reorder 25% 50%", "limit 1000 delay 10ms reorder 25% 50%  gap 1"),
    ],
)
def test_netem_is_shown_as_tc_shows_it(words: str, shown: str) -> None:
    machines = Machines()
    machines.output("a", f"tc qdisc add dev eth0 root netem {words}")
    assert machines.output("a", "tc qdisc show dev eth0") == f"qdisc netem 8001: root refcnt 2 {shown}\n"
    assert "qdisc netem state UP" in machines.output("a", "ip link show eth0")


def test_delay_is_added_to_each_way_out() -> None:
    machines = Machines()
    machines.output("a", "ping -c 1 10.5.0.2; tc qdisc add dev eth0 root netem delay 50ms")
    assert "icmp_seq=1 ttl=64 time=50.1 ms" in machines.output("a", "ping -c 1 10.5.0.2")
    machines.output("a", "tc qdisc del dev eth0 root")
    assert "icmp_seq=1 ttl=64 time=0.100 ms" in machines.output("a", "ping -c 1 10.5.0.2")


@pytest.mark.parametrize(
    ("line", "status", "text"),
    [
        ("tc qdisc add dev eth0 root tbf rate 1mbit", 1, "tc: 'tbf' is not modelled"),
        ("tc qdisc add dev eth0 root netem corrupt 1%", 1, "tc: 'netem corrupt' is not modelled"),
        ("tc qdisc add dev nosuch root netem delay 1ms", 1, 'Cannot find device "nosuch"'),
        ("tc qdisc del dev eth0 root", 2, "Error: Cannot delete qdisc with handle of zero."),
        ("tc qdisc change dev eth0 root netem delay 1ms", 2, "Error: Qdisc not found. To create specify NLM_F_CREATE flag."),
        ("tc qdisc add dev eth0 root netem delay x", 1, 'Illegal "latency"'),
        ("tc filter add dev eth0", 255, "tc: 'filter' is not modelled"),
    ],
)
def test_refusals_are_tcs(line: str, status: int, text: str) -> None:
    assert Machines().refusal("a", line) == (status, text + "\n")


def send(options: NetemOptions, count: int) -> tuple[Machines, list[int]]:
    """Frames sent at once through a netem: when (ns) which came out is in the machines' wire; here the times."""
    machines = Machines()
    dev = machines.hosts["a"].netns.device("eth0")
    dev.qdisc = Netem(dev, options)
    times: list[int] = []
    dev.taps.append(lambda _dev, _direction, _frame: times.append(machines.engine.now))
    for number in range(count):
        dev.transmit(Frame(FRAME + bytes([number & 0xFF]), number + 1))
    machines.engine.run()
    return machines, times


def test_rate_spaces_frames_by_their_length() -> None:
    _, times = send(NetemOptions(rate_bps=1_000_000), 3)
    one = 101 * 8 * 1000
    assert times == [one, 2 * one, 3 * one]


def test_loss_is_counted_and_near_what_was_asked() -> None:
    machines, times = send(NetemOptions(loss=Probability(0.25)), 800)
    lost = machines.hosts["a"].netns.device("eth0").drops[DropReason.LOSS]
    assert lost + len(times) == 800
    assert 150 < lost < 250


def test_a_full_queue_drops() -> None:
    machines, times = send(NetemOptions(delay_ns=1000, limit=10), 15)
    assert len(times) == 10
    assert machines.hosts["a"].netns.device("eth0").drops[DropReason.QUEUE_FULL] == 5


@given(delay=st.integers(0, 10**7), jitter=st.integers(0, 10**7), rate=st.sampled_from([0, 10**5, 10**8]))
def test_every_frame_comes_out_once_and_in_time(delay: int, jitter: int, rate: int) -> None:
    _, times = send(NetemOptions(delay_ns=delay, jitter_ns=jitter, rate_bps=rate), 20)
    assert len(times) == 20
    assert times == sorted(times)
    assert rate or times[-1] <= delay + jitter


def test_correlation_and_overhead_are_described() -> None:
    options = NetemOptions(loss=Probability(0.003, 0.25), rate_bps=256_000, overhead=10, delay_ns=1_500_000)
    assert describe(options) == "limit 1000 delay 1.5ms loss 0.3% 25% rate 256Kbit packetoverhead 10"
