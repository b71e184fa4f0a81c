"""The settings that go with the captures, read by tshark."""

from __future__ import annotations

import csv
import subprocess
from pathlib import Path

import pytest

from emu.observe import pcap, pcapng, wireshark
from emu.packet import ethernet, ipv4, tcp, udp
from emu.packet.address import ip
from tests import tshark

ONE, TWO = ip("10.0.0.1"), ip("10.0.0.2")
STOCK = Path("/usr/share/wireshark/colorfilters")


def ether(payload: bytes) -> bytes:
    return ethernet.build(b"\x02" * 6, b"\x04" * 6, ethernet.IPV4, payload)


def datagram(port: int, payload: bytes) -> bytes:
    return ether(ipv4.build(ONE, TWO, ipv4.UDP, udp.build(ONE, TWO, 40000, port, payload)))


@tshark.needs_tshark
def test_tunnels_on_linux_ports_are_taken_apart(tmp_path):
    wireshark.write(tmp_path / "wireshark")
    inner = datagram(7, b"hello")
    frames = [datagram(8472, b"\x08\x00\x00\x00\x00\x00\x01\x00" + inner), datagram(8285, inner[14:])]
    pcap.write(tmp_path / "x.pcap", enumerate(frames))
    rows = tshark.fields(tmp_path / "x.pcap", "udp.dstport", "vxlan.vni", config=tmp_path / "wireshark")
    assert rows == [("8472|7", "1"), ("8285|7", "")]


@tshark.needs_tshark
def test_bad_checksums_are_found_and_the_profile_of_the_merged_file_knows_no_retransmission(tmp_path):
    wireshark.write(tmp_path / "wireshark")
    segment = tcp.build(ONE, TWO, tcp.Segment(1000, 80, 1, 1, tcp.ACK | tcp.PSH, 100, b"", b"hello"))
    wire = ether(ipv4.build(ONE, TWO, ipv4.TCP, segment))
    pcap.write(tmp_path / "x.pcap", enumerate([wire, wire, wire[:-1] + b"!"]))
    interface = {"config": tmp_path / "wireshark"}
    merged = {**interface, "options": ("-C", wireshark.PROFILE)}
    flags = "tcp.analysis.flags"
    assert [row[0] for row in tshark.fields(tmp_path / "x.pcap", "frame.number", where=flags, **interface)][:1] == ["2"]
    assert tshark.fields(tmp_path / "x.pcap", "frame.number", where=flags, **merged) == []
    for settings in (interface, merged):
        assert tshark.fields(tmp_path / "x.pcap", "tcp.checksum.status", **settings) == [("1",), ("1",), ("0",)]


@tshark.needs_tshark
def test_every_colour_rule_is_a_filter_that_wireshark_knows(tmp_path):
    wireshark.write(tmp_path)
    pcap.write(tmp_path / "x.pcap", [])
    rules = [line for line in (tmp_path / "profiles" / "emu" / "colorfilters").read_text().splitlines() if not line.startswith("#")]
    assert rules
    either = " || ".join(f"({rule.split('@')[2]})" for rule in rules)  # one start of tshark for all
    tshark.run("-r", str(tmp_path / "x.pcap"), "-Y", either, config=tmp_path)
    with pytest.raises(AssertionError):
        tshark.run("-r", str(tmp_path / "x.pcap"), "-Y", f"{either} || (nosuch.field == 1)", config=tmp_path)


@tshark.needs_tshark
def test_tshark_reads_the_settings_without_complaint(tmp_path):
    wireshark.write(tmp_path / "wireshark")
    with (tmp_path / "x.pcapng").open("wb") as file:
        pcapng.PcapNgWriter(file, [pcapng.InterfaceDescription("a")]).write(0, 1, datagram(7, b""), True, 7, ["source 1 → 2"])
    done = subprocess.run(
        [tshark.TSHARK, "-C", "emu", "-r", str(tmp_path / "x.pcapng")], capture_output=True, text=True, check=True,
        env={"WIRESHARK_CONFIG_DIR": str(tmp_path / "wireshark"), "HOME": str(tmp_path)},
    )  # fmt: skip
    complaints = [line for line in done.stderr.splitlines() if "Running as user" not in line]
    assert complaints == []
    assert "source 1 → 2" in done.stdout


@tshark.needs_tshark
def test_the_check_over_captures_finds_what_is_wrong(tmp_path):
    segment = tcp.build(ONE, TWO, tcp.Segment(1000, 80, 1, 1, tcp.ACK | tcp.PSH, 100, b"", b"hello"))
    wire = ether(ipv4.build(ONE, TWO, ipv4.TCP, segment))
    pcap.write(tmp_path / "x.pcap", enumerate([wire, wire, wire[:-1] + b"!", wire[:30], wire[:24] + b"\x00\x00" + wire[26:]]))
    findings = tshark.check(tmp_path / "x.pcap")
    assert [line.split(":")[0] for line in findings.tcp] == ["2"]
    assert [line.split(":")[0] for line in findings.checksums] == ["3", "5"]
    assert [line.split(":")[0] for line in findings.malformed] == ["4"]


@tshark.needs_tshark
def test_every_button_is_a_filter_that_tshark_knows_and_its_table_is_read(tmp_path):
    wireshark.write(tmp_path)
    pcap.write(tmp_path / "x.pcap", [])
    table = tmp_path / "profiles" / "emu" / "dfilter_buttons"
    rows = list(csv.reader(table.read_text().replace("\\x22", '""').splitlines()))
    assert [row[1] for row in rows] == ["Drops", "This packet", "Overlay", "ARP"]
    either = " || ".join(f"({expression})" for _, _, expression, _ in rows)
    tshark.run("-C", "emu", "-r", str(tmp_path / "x.pcap"), "-Y", either, config=tmp_path)
    assert complaints(tmp_path) == []
    table.write_text('"PERHAPS","Drops"\n')
    assert complaints(tmp_path), "tshark does not look at the table: the test above proves nothing"


def complaints(config):
    done = subprocess.run(
        [tshark.TSHARK, "-C", "emu", "-r", str(config / "x.pcap")], capture_output=True, text=True, check=False,
        env={"WIRESHARK_CONFIG_DIR": str(config), "HOME": str(config)},
    )  # fmt: skip
    return [line for line in done.stderr.splitlines() if "Running as user" not in line]


@pytest.mark.skipif(not STOCK.is_file(), reason="Wireshark's stock colour rules are not installed")
def test_the_stock_colours_are_wireshark_s_own():
    ours = wireshark.files()["colorfilters"].splitlines()
    assert [line for line in STOCK.read_text().splitlines() if not line.startswith("#")] == ours[2:]
