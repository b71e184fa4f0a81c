"""Blocks and options of pcapng."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from emu.observe.pcap_reader import read
from emu.observe.pcapng import InterfaceDescription, PcapNgWriter, text_option
from tests import tshark


def write(path: Path, packets, interfaces=("a",)) -> None:
    with path.open("wb") as file:
        writer = PcapNgWriter(file, [InterfaceDescription(name) for name in interfaces])
        for packet in packets:
            writer.write(*packet)


packets = st.tuples(
    st.integers(0, 2), st.integers(0, 2**64 - 1), st.binary(max_size=70), st.booleans(), st.integers(0, 2**64 - 1),
    st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20), max_size=3),
)  # fmt: skip


@settings(max_examples=50)
@given(st.lists(packets, max_size=5))
def test_what_is_written_is_read_back(tmp_path_factory, written):
    path = tmp_path_factory.mktemp("pcapng") / "x.pcapng"
    write(path, written, ("a", "b", "ü/eth0"))
    capture = read(path)
    assert capture.interfaces == ["a", "b", "ü/eth0"]
    names = capture.interfaces
    assert [
        (names.index(each.interface), each.time_ns, each.wire, each.outbound, each.packet_id, each.comments) for each in capture.frames
    ] == written


def test_a_text_that_is_too_long_is_cut_between_characters():
    wire = text_option(1, "ü" * 40_000)
    assert int.from_bytes(wire[2:4], "little") == 65_534
    wire[4:65_538].decode()
    assert len(wire) % 4 == 0


@tshark.needs_tshark
def test_tshark_reads_times_that_need_more_than_32_bits_and_small_ones(tmp_path):
    path = tmp_path / "x.pcapng"
    wire = b"\x02" * 12 + b"\x88\xb5" + b"\x00" * 46
    times = [1, 2**32 - 1, 2**32, 1_704_067_200_123_456_789]
    write(path, [(0, time, wire, True, 2**63, ["first", "second"]) for time in times])
    rows = tshark.fields(path, "frame.time_epoch", "frame.packet_id", "frame.comment")
    assert [row[0] for row in rows] == ["0.000000001", "4.294967295", "4.294967296", "1704067200.123456789"]
    assert rows[0][1:] == (str(2**63), "first|second")


@tshark.needs_tshark
def test_tshark_knows_an_interface_without_traffic_and_names_of_addresses(tmp_path):
    path = tmp_path / "x.pcapng"
    with path.open("wb") as file:
        writer = PcapNgWriter(file, [InterfaceDescription("h1/eth0", "veth in h1", b"\x02\x00\x00\x00\x00\x01", 10**10)], ["a lab"])
        writer.names({bytes((10, 0, 0, 1)): ("web", "web.app")})
    assert tshark.fields(path, "frame.number") == []
    assert read(path).interfaces == ["h1/eth0"]
