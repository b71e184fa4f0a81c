"""Recordings compared with themselves, with what a second run would make of them, and with what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from emu.errors import EmuError
from emu.observe import pcap
from emu.observe.compare import compare
from emu.observe.pcap_reader import read
from emu.packet import arp, ethernet, ipv4, tcp, udp
from emu.packet.address import ip, mac

RECORDINGS = Path(__file__).parent.parent.parent / "pcaps" / "linux"
BRIDGE_PING = RECORDINGS / "bridge-ping" / "host.docker0.pcap"
PUBLISH = RECORDINGS / "publish-dnat" / "host.eth0.pcap"

COALESCED = (7, 9)  # pure acknowledgments of PUBLISH that later ones make superfluous

Frames = list[tuple[int, bytes]]


def change(path: Path, reference: Path, edit: Callable[[Frames], Frames]) -> Path:
    """The reference with its frames edited, under the same name."""
    path.mkdir(exist_ok=True)
    pcap.write(path / reference.name, edit([(frame.time_ns, frame.wire) for frame in read(reference).frames]))
    return path / reference.name


def words(path: Path, reference: Path, edit: Callable[[Frames], Frames]) -> list[str]:
    return said(change(path, reference, edit), reference)


def said(ours: Path, reference: Path, names: dict[str, str] | None = None) -> list[str]:
    return [str(difference) for difference in compare(ours, reference, names).differences]


def at(number: int, edit: Callable[[bytes], bytes]) -> Callable[[Frames], Frames]:
    def edited(frames: Frames) -> Frames:
        return [(when, edit(wire) if position == number else wire) for position, (when, wire) in enumerate(frames, 1)]

    return edited


def everywhere(edit: Callable[[bytes], bytes]) -> Callable[[Frames], Frames]:
    return lambda frames: [(when, edit(wire)) for when, wire in frames]


def rebuilt(wire: bytes, edit: Callable[[tcp.Segment], tcp.Segment]) -> bytes:
    """A TCP frame with its segment edited and its checksum right."""
    if wire[12:14] != ethernet.IPV4 or wire[23] != ipv4.TCP:
        return wire
    packet = wire[14:]
    segment = tcp.parse(packet[20 : int.from_bytes(packet[2:4], "big")])
    assert segment is not None
    src, dst = packet[ipv4.SRC], packet[ipv4.DST]
    word = ipv4.fragment_word(packet)
    body = tcp.build(src, dst, edit(segment))
    return wire[:14] + ipv4.build(src, dst, ipv4.TCP, body, ttl=packet[8], tos=packet[1], identification=7, fragment=word)


@pytest.mark.parametrize("scenario", sorted({path.parent.name for path in RECORDINGS.glob("*/*.pcap")}))
def test_every_recording_equals_itself(scenario):
    found = said(RECORDINGS / scenario, RECORDINGS / scenario)
    assert [text for text in found if "does not occur any more" not in text] == []


# --- what a second run does otherwise


def test_other_ephemeral_ports_sequence_numbers_and_ip_ids_are_no_difference(tmp_path):
    def other_run(segment: tcp.Segment) -> tcp.Segment:
        source, target = (port + 3 if port > 32768 else port for port in segment[:2])
        shift = 1000 if source < target else 77
        refused = segment.flags & tcp.RST
        return segment._replace(
            source_port=source, destination_port=target, window=segment.window,
            sequence=segment.sequence if refused else segment.sequence + shift & 0xFFFFFFFF,
            acknowledgment=segment.acknowledgment + (1000 + 77 - shift) & 0xFFFFFFFF if segment.flags & tcp.ACK else 0,
        )  # fmt: skip

    assert words(tmp_path, PUBLISH, everywhere(lambda wire: rebuilt(wire, other_run))) == []


def test_other_mac_addresses_are_no_difference_if_each_stands_for_one(tmp_path):
    docker0, other = mac("02:42:46:82:7d:25"), mac("02:42:01:02:03:04")
    reference = RECORDINGS / "publish-dnat" / "host.docker0.pcap"
    assert any(docker0 in frame.wire for frame in read(reference).frames)
    assert words(tmp_path, reference, everywhere(lambda wire: wire.replace(docker0, other))) == []
    found = words(tmp_path, reference, at(3, lambda wire: wire.replace(docker0, other)))
    assert found == ["host.docker0, frame 3: Ethernet source 02:42:01:02:03:04, expected 02:42:46:82:7d:25"]


def test_pure_acknowledgements_and_arp_probes_may_come_and_go(tmp_path):
    def without(frames: Frames) -> Frames:
        kept = []
        for when, wire in frames:
            is_probe = wire[12:14] == ethernet.ARP and when - frames[0][0] > 3 * 10**9
            is_ack = wire[12:14] == ethernet.IPV4 and wire[23] == 6 and wire[47] == tcp.ACK
            number = frames.index((when, wire)) + 1
            if not is_probe and not (is_ack and number in COALESCED):
                kept.append((when, wire))
        assert len(kept) == len(frames) - 2 - len(COALESCED)
        return kept

    assert words(tmp_path, PUBLISH, without) == []


def test_two_fins_may_race(tmp_path):
    """The server's FIN (frame 13) goes out before it has seen the client's (12), which it acknowledges on its own."""

    def race(frames: Frames) -> Frames:
        def number(by: int) -> Callable[[tcp.Segment], tcp.Segment]:
            return lambda each: each._replace(acknowledgment=each.acknowledgment + by)

        stamps = frames[7][1][54:66]  # the options of an earlier segment of the server's
        early = rebuilt(frames[12][1], lambda each: number(-1)(each)._replace(options=stamps))
        last = rebuilt(frames[12][1], lambda each: each._replace(sequence=each.sequence + 1, flags=tcp.ACK))
        when = frames[11][0]
        return [*frames[:11], (when, early), (when + 1, frames[11][1]), (when + 2, last), *frames[13:]]

    assert words(tmp_path, PUBLISH, race) == []


def test_a_fin_that_acknowledges_the_other_one_does_not_race(tmp_path):
    found = words(tmp_path, PUBLISH, lambda frames: [*frames[:11], frames[12], frames[11], *frames[13:]])
    assert "host.eth0, frame 12: TCP acknowledgment 84, expected at a segment's end" in found


# --- what is wrong


def test_a_header_field_is_named_with_its_frame(tmp_path):
    found = words(tmp_path, BRIDGE_PING, at(3, lambda wire: wire[:14] + ipv4.decrement_ttl(wire[14:])))
    assert found == ["host.docker0, frame 3: TTL 63, expected 64"]


def test_a_missing_frame_is_named(tmp_path):
    found = words(tmp_path, BRIDGE_PING, lambda frames: frames[1:])
    assert found == ["host.docker0: one ARP request missing before frame 1: 172.17.0.2 > 172.17.0.3"]


def test_a_frame_too_many_is_named(tmp_path):
    found = words(tmp_path, BRIDGE_PING, lambda frames: [*frames[:3], frames[2], *frames[3:]])
    assert found == ["host.docker0, frame 4: ICMP echo request 172.17.0.2 > 172.17.0.3 is not expected"]


def test_frames_in_another_order_are_said_to_be(tmp_path):
    found = words(tmp_path, BRIDGE_PING, lambda frames: [frames[1], frames[0], *frames[2:]])
    assert found == ["host.docker0, frame 2: ARP request 172.17.0.2 > 172.17.0.3 comes too late, expected before frame 1"]


def test_a_wrong_checksum_a_changed_byte_and_another_flag_are_found(tmp_path):
    assert words(tmp_path, BRIDGE_PING, at(3, lambda wire: wire[:-1] + bytes([wire[-1] ^ 1]))) != []
    assert words(tmp_path, PUBLISH, at(4, lambda wire: wire[:50] + bytes([wire[50] ^ 1]) + wire[51:])) == [
        "host.eth0, frame 4: TCP checksum wrong, expected right"
    ]
    pushed = words(tmp_path, PUBLISH, at(3, lambda wire: rebuilt(wire, lambda each: each._replace(flags=each.flags | tcp.PSH))))
    assert pushed == ["host.eth0, frame 3: TCP flags SYN PSH, expected SYN"]


def test_a_port_that_stands_for_two_is_a_difference(tmp_path):
    def one_port(segment: tcp.Segment) -> tcp.Segment:
        source, target = (40000 if port > 32768 else port for port in segment[:2])
        return segment._replace(source_port=source, destination_port=target)

    found = words(tmp_path, PUBLISH, everywhere(lambda wire: rebuilt(wire, one_port)))
    assert any("ephemeral" in text or "source port 40000, expected" in text for text in found)


def test_two_connections_that_have_one_port_by_chance_are_told_apart(tmp_path):
    def one_port(segment: tcp.Segment) -> tcp.Segment:
        source, target = (40000 if port > 32768 else port for port in segment[:2])
        return segment._replace(source_port=source, destination_port=target)

    reference = change(tmp_path, PUBLISH, everywhere(lambda wire: rebuilt(wire, one_port)))
    assert said(PUBLISH, reference) == []
    assert said(reference, reference) == []
    apart = words(tmp_path / "apart", PUBLISH, at(7, lambda wire: rebuilt(wire, lambda each: each._replace(source_port=58544))))
    assert apart
    assert said(tmp_path / "apart" / PUBLISH.name, reference)


def test_another_delay_between_retries_is_a_difference(tmp_path):
    asks = [(number * 10**9, ethernet.build(b"\xff" * 6, b"\x02" * 6, ethernet.ARP, _ask("10.0.0.1", "10.0.0.9"))) for number in range(3)]
    pcap.write(tmp_path / "reference.pcap", asks)
    pcap.write(tmp_path / "near.pcap", [(when * 11 // 10, wire) for when, wire in asks])
    pcap.write(tmp_path / "far.pcap", [(when * 3, wire) for when, wire in asks])
    assert said(tmp_path / "near.pcap", tmp_path / "reference.pcap") == []
    found = said(tmp_path / "far.pcap", tmp_path / "reference.pcap")
    assert found[0] == "far, frames 2 and 3: ARP request 10.0.0.1 > 10.0.0.9: 3.000 s after the one before, expected 1.000 s"


def _ask(sender: str, target: str) -> bytes:
    return arp.build(arp.Arp(arp.REQUEST, mac("02:02:02:02:02:02"), ip(sender), mac("00:00:00:00:00:00"), ip(target)))


# --- folders, tunnels, files


def test_a_renaming_is_kept_through_a_folder(tmp_path):
    reference, ours = tmp_path / "reference", tmp_path / "ours"
    for folder, ports in ((reference, (40000, 40000)), (ours, (50000, 50001))):
        folder.mkdir()
        for name, port in zip(("a", "b"), ports, strict=True):
            pcap.write(folder / f"{name}.pcap", [(0, _datagram(port))])
    assert said(ours, reference) == ["b, frame 1: UDP source port 50001, expected 50000 (40000 in the reference)"]


def test_captures_that_only_one_folder_has_are_named(tmp_path):
    for folder, name in (("ours", "a"), ("reference", "b")):
        (tmp_path / folder).mkdir()
        pcap.write(tmp_path / folder / f"{name}.pcap", [])
    assert said(tmp_path / "ours", tmp_path / "reference") == [
        "b: there is no such capture, expected one", "a: this capture is not in the reference",
    ]  # fmt: skip
    assert said(tmp_path / "ours", tmp_path / "reference", {"b": "a"}) == []
    (tmp_path / "empty").mkdir()
    with pytest.raises(EmuError, match="no captures"):
        said(tmp_path / "ours", tmp_path / "empty")


def test_a_tunnels_inside_is_compared_field_by_field(tmp_path):
    def tunnel(source: int, vni: int, inner: bytes) -> bytes:
        return _datagram(source, 8472, b"\x08\x00\x00\x00" + vni.to_bytes(3, "big") + b"\x00" + inner)

    pcap.write(tmp_path / "reference.pcap", [(0, tunnel(33000, 1, _datagram(40000)))])
    pcap.write(tmp_path / "same.pcap", [(0, tunnel(35000, 1, _datagram(40001)))])
    pcap.write(tmp_path / "other.pcap", [(0, tunnel(33000, 2, _datagram(40000, 8)))])
    assert said(tmp_path / "same.pcap", tmp_path / "reference.pcap") == []
    assert said(tmp_path / "other.pcap", tmp_path / "reference.pcap") == [
        "other, frame 1: VNI 2, expected 1", "other, frame 1: inner UDP destination port 8, expected 7",
    ]  # fmt: skip


def _datagram(source: int, target: int = 7, payload: bytes = b"hello") -> bytes:
    one, two = ip("10.0.0.1"), ip("10.0.0.2")
    packet = ipv4.build(one, two, ipv4.UDP, udp.build(one, two, source, target, payload))
    return ethernet.build(b"\x02" * 6, b"\x04" * 6, ethernet.IPV4, packet)


def test_any_bytes_are_compared(tmp_path):
    whole = read(PUBLISH).frames[3].wire
    pcap.write(tmp_path / "cut.pcap", [(0, whole[:end]) for end in range(len(whole))])
    assert said(tmp_path / "cut.pcap", tmp_path / "cut.pcap") == []


def test_of_a_frame_that_a_recording_has_cut_what_is_there_is_compared(tmp_path):
    for name, payload in (("ours", b"x" * 500), ("other", b"y" * 500)):
        pcap.write(tmp_path / f"{name}.pcap", [(0, _datagram(40000, payload=payload))])
    whole = (tmp_path / "ours.pcap").read_bytes()
    length = len(whole) - 40
    cut = whole[:32] + (100).to_bytes(4, "little") + length.to_bytes(4, "little") + whole[40:140]
    (tmp_path / "reference.pcap").write_bytes(cut)
    assert said(tmp_path / "ours.pcap", tmp_path / "reference.pcap") == []
    assert len(said(tmp_path / "other.pcap", tmp_path / "reference.pcap")) == 1


def test_what_gre_carries_is_compared_field_by_field(tmp_path: Path) -> None:
    recording = RECORDINGS / "ovs-gre-key" / "h1.eth0.pcap"

    def other_ids(frames: Frames) -> Frames:
        """The inner IP id is the sender's choice; 14 + 20 + 8 bytes are around the inner frame."""
        return [(at, _other_id(wire) if wire[23] == ipv4.GRE and wire[54:56] == ethernet.IPV4 else wire) for at, wire in frames]

    def other_key(frames: Frames) -> Frames:
        return [(at, wire[:41] + b"\x06" + wire[42:] if wire[23] == ipv4.GRE else wire) for at, wire in frames]

    assert words(tmp_path, recording, other_ids) == []
    assert "GRE key 6, expected 5" in words(tmp_path, recording, other_key)[0]


def _other_id(wire: bytes) -> bytes:
    return wire[:56] + ipv4.replace(wire[56:], slice(4, 6), b"\x12\x34")
