"""`trace.jsonl` and the comments: what happened to each packet."""

from __future__ import annotations

import pytest

from emu.errors import EmuError
from emu.netns.socket import UdpSocket
from emu.observe.dispositions import judge
from emu.observe.journey import Hop, Journey, Note
from emu.observe.journey_text import step_text
from emu.observe.pcap_reader import read as read_capture
from emu.observe.summary import changes, summary
from emu.observe.trace import read
from emu.packet import ethernet, ipv4, udp
from emu.packet.address import ip
from tests.observe.captures import Watched, recorded
from tests.wires import Routed


def frame(src: str, dst: str, ttl: int = 64, sport: int = 1000, payload: bytes = b"x", fragment: int = 0) -> bytes:
    segment = udp.build(ip(src), ip(dst), sport, 53, payload)
    return ethernet.build(b"\x02" * 6, b"\x04" * 6, ethernet.IPV4, ipv4.build(ip(src), ip(dst), 17, segment, ttl=ttl, fragment=fragment))


def test_a_packet_has_one_line_with_all_its_hops(tmp_path):
    recorded(tmp_path, journeys=True)
    packets = read(tmp_path / "trace.jsonl")
    datagram = next(each for each in packets.values() if "UDP" in each.hops[0].packet)
    assert [(hop.at, hop.direction, hop.copy) for hop in datagram.hops] == [
        ("h1/eth0", "out", False), ("switch/port1", "in", False), ("switch/port2", "out", False), ("switch/br0", "in", True),
        ("h2/eth0", "in", False),
    ]  # fmt: skip
    assert [step.reason for step in datagram.drops()] == ["NO_LISTENER"]
    assert [hop.time_ns for hop in datagram.hops] == sorted(hop.time_ns for hop in datagram.hops)
    error = next(each for each in packets.values() if "ICMP port unreachable" in each.hops[0].packet)
    assert error.cause == datagram.id
    assert judge(datagram, [error]).sentence == "refused by h2: ICMP port unreachable"


def test_a_routed_packet_says_that_its_ttl_was_counted_down(tmp_path):
    from emu.observe.recorder import Recorder

    net = Routed()
    recorder = Recorder(Watched(net.engine), tmp_path)
    for netns in (net.left, net.router, net.right):
        recorder.watch(netns)
    UdpSocket(net.left).sendto(b"x", ("10.0.2.2", 7))
    net.engine.run(until_ns=10**8)
    recorder.finish()
    notes = [(frame.interface, frame.comments) for frame in read_capture(tmp_path / "captures" / "all.pcapng").frames if frame.comments]
    assert ("router/eth1", ["TTL 64 → 63"]) in notes


def test_a_packet_that_no_tap_saw_has_its_line_too(tmp_path):
    from tests.observe.captures import recorder_of
    from tests.wires import Bridged

    net = Bridged(2)
    recorder = recorder_of(net, tmp_path)
    recorder.note("h1", 4711, "lost in thought")
    recorder.finish()
    assert read(tmp_path / "trace.jsonl") == {4711: Journey(4711, 0, [Hop(0, "h1", "", "", "", [Note("lost in thought")])])}


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        (frame("10.0.0.1", "10.0.0.2"), frame("10.0.0.1", "10.0.0.2"), []),
        (
            frame("10.0.0.1", "10.0.0.2"),
            frame("192.0.2.1", "10.0.0.2", 63, 1024),
            ["source 10.0.0.1:1000 → 192.0.2.1:1024", "TTL 64 → 63"],
        ),
        (frame("10.0.0.1", "10.0.0.2"), frame("10.0.0.1", "10.9.0.2"), ["destination 10.0.0.2:53 → 10.9.0.2:53"]),
        (frame("10.0.0.1", "10.0.0.2", payload=b"x" * 99), frame("10.0.0.1", "10.0.0.2", fragment=0x2000), ["fragmented"]),
        (frame("10.0.0.1", "10.0.0.2", fragment=0x2000), frame("10.0.0.1", "10.0.0.2", payload=b"x" * 99), ["reassembled"]),
    ],
)
def test_changes_between_two_taps_are_put_in_words(before, after, found):
    assert [step_text(step) for step in changes(before, after)] == found


def test_any_bytes_have_a_summary():
    for wire in (b"", b"\x00" * 13, b"\xff" * 14, b"\x02" * 12 + b"\x08\x00" + b"\xff" * 20, b"\x02" * 12 + b"\x08\x06\x00"):
        assert summary(wire)
    whole = frame("10.0.0.1", "10.0.0.2")
    for end in range(len(whole)):
        assert summary(whole[:end])


@pytest.mark.parametrize("text", ["", "{", '{"format": "other"}\n', '{"format": "emu-trace", "version": 99}\n'])
def test_a_file_that_is_no_trace_is_an_error(tmp_path, text):
    (tmp_path / "trace.jsonl").write_text(text)
    with pytest.raises(EmuError, match="trace"):
        read(tmp_path / "trace.jsonl")
