"""Captures of others, and files that are none."""

from __future__ import annotations

import struct
from contextlib import suppress

import pytest
from scapy.utils import PcapNgWriter, RawPcapWriter

from emu.errors import EmuError
from emu.observe import pcap
from emu.observe.pcap_reader import read

WIRE = b"\x02" * 12 + b"\x88\xb5" + b"\x00" * 46


@pytest.mark.parametrize("endianness", ["<", ">"])
@pytest.mark.parametrize("nano", [False, True])
def test_pcap_of_either_byte_order_and_resolution_is_read(tmp_path, endianness, nano):
    path = tmp_path / "x.pcap"
    with RawPcapWriter(str(path), linktype=1, nano=nano, endianness=endianness) as writer:
        writer.write_header(None)
        writer.write_packet(WIRE, sec=5, usec=7)
    assert [(frame.time_ns, frame.wire) for frame in read(path).frames] == [(5_000_000_000 + (7 if nano else 7000), WIRE)]


def test_scapys_pcapng_is_read(tmp_path):
    from scapy.layers.l2 import Ether

    packet = Ether(WIRE)
    packet.time = 12.5
    with PcapNgWriter(str(tmp_path / "x.pcapng")) as writer:
        writer.write(packet)
    assert [(frame.time_ns, frame.wire) for frame in read(tmp_path / "x.pcapng").frames] == [(12_500_000_000, WIRE)]


def test_big_endian_pcapng_with_a_binary_resolution_and_an_offset_is_read(tmp_path):
    def block(kind: int, body: bytes) -> bytes:
        length = struct.pack(">I", len(body) + 12)
        return struct.pack(">I", kind) + length + body + length

    options = struct.pack(">HHB3xHHqHH", 9, 1, 0x80 | 10, 14, 8, 100, 0, 0)
    data = block(0x0A0D0D0A, struct.pack(">IHHq", 0x1A2B3C4D, 1, 0, -1)) + block(1, struct.pack(">HHI", 1, 0, 0) + options)
    data += block(5, b"\x00" * 12)  # statistics: passed over
    data += block(6, struct.pack(">IIIII", 0, 0, 1536, len(WIRE), len(WIRE)) + WIRE)
    (tmp_path / "x.pcapng").write_bytes(data)
    assert read(tmp_path / "x.pcapng").frames[0].time_ns == 101_500_000_000


def test_an_empty_capture_has_no_frames(tmp_path):
    pcap.write(tmp_path / "x.pcap", [])
    assert read(tmp_path / "x.pcap").frames == []


WHOLE = pcap.file_header() + pcap.recording(0)(1, WIRE)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty"),
        (b"hello world, this is text", "is no pcap or pcapng file"),
        (WHOLE[:10], "cut short in its header"),
        (WHOLE[:30], "cut short in the header of frame 1"),
        (WHOLE[:-1], "cut short in frame 1"),
        (WHOLE[:20] + b"\x69\x00\x00\x00" + WHOLE[24:], "link type 105"),
        (b"\x0a\x0d\x0d\x0a\x1c\x00", "cut short in a block's header"),
        (b"\x0a\x0d\x0d\x0a" + b"\x00" * 20, "byte order magic"),
        (b"\x0a\x0d\x0d\x0a\x1c\x00\x00\x00\x4d\x3c\x2b\x1a", "cut short in the block"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_with_the_reason(tmp_path, data, message):
    path = tmp_path / "x.pcap"
    path.write_bytes(data)
    with pytest.raises(EmuError, match=message) as error:
        read(path)
    assert str(path) in str(error.value)


def test_a_file_that_is_not_there_is_an_error_of_the_user(tmp_path):
    with pytest.raises(EmuError, match="No such file"):
        read(tmp_path / "none.pcap")


def test_a_capture_cut_anywhere_never_fails_otherwise(tmp_path):
    from tests.observe.captures import recorded

    recorded(tmp_path)
    data = (tmp_path / "captures" / "all.pcapng").read_bytes()
    for end in range(0, len(data), 7):
        (tmp_path / "cut").write_bytes(data[:end])
        with suppress(EmuError):
            read(tmp_path / "cut")
