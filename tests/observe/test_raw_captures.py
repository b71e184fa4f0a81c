"""Captures of devices without a link layer: link type raw IP in both formats, for tshark, Scapy and emu's own reader alike."""

from __future__ import annotations

from pathlib import Path

import pytest
from scapy.layers.inet import ICMP, IP
from scapy.layers.l2 import ARP
from scapy.utils import rdpcap

from emu import load_topology, run
from emu.observe import pcap_reader
from emu.observe.compare import compare
from tests import tshark

TUNNELS = """\
name: tunnels
lans: { lan: {} }
hosts:
  h1: { interfaces: { eth0: { lan: lan, address: 10.0.0.1/24 } } }
  h2: { interfaces: { eth0: { lan: lan, address: 10.0.0.2/24 } } }
steps:
  - h1$ ip link add t1 type gre local 10.0.0.1 remote 10.0.0.2; ip link set t1 up; ip addr add 10.9.0.1/24 dev t1
  - h2$ ip tunnel add t1 mode gre local 10.0.0.2 remote 10.0.0.1; ip link set t1 up; ip addr add 10.9.0.2/24 dev t1
  - { on: h1, run: ping -c 1 10.9.0.2, expect: { exit: 0 } }
"""


@pytest.fixture
def captures(tmp_path: Path) -> Path:
    (tmp_path / "tunnels.yaml").write_text(TUNNELS)
    assert run(load_topology(tmp_path / "tunnels.yaml"), tmp_path / "out").ok
    return tmp_path / "out" / "captures"


def test_a_tunnel_without_a_link_layer_has_a_file_of_ip_packets(captures):
    request, reply = rdpcap(str(captures / "h1.t1.pcap"))
    assert (request.__class__, request[ICMP].type, reply[ICMP].type) == (IP, 8, 0)
    assert (captures / "h1.t1.pcap").read_bytes()[20] == 101
    assert (captures / "h1.eth0.pcap").read_bytes()[20] == 1


def test_the_merged_file_says_the_link_type_of_each_interface(captures):
    frames = [frame for frame in pcap_reader.read(captures / "all.pcapng").frames if frame.interface == "h2/t1"]
    assert [frame.link for frame in frames] == [101, 101]


@tshark.needs_tshark
def test_tshark_reads_both_kinds_in_one_file(captures):
    rows = tshark.fields(captures / "all.pcapng", "frame.interface_name", "icmp.type", "_ws.malformed")
    assert [(row[1], row[2]) for row in rows if row[0] == "h1/t1"] == [("8", ""), ("0", "")]


def test_the_trace_tells_packets_without_a_link_layer_in_words(captures):
    trace = (captures.parent / "trace.jsonl").read_text()
    assert '"place":"h1","dev":"t1","dir":"out","packet":"10.9.0.1 > 10.9.0.2 ICMP echo request ttl 64"' in trace


def test_two_runs_are_compared_there_too(captures):
    assert compare(captures, captures).equal


def test_a_device_of_another_kind_under_an_old_name_has_a_file_of_its_own(tmp_path):
    again = "ip link del t1; ip link add t1 type gretap local 10.0.0.1 remote 10.0.0.2; ip link set t1 up; ip addr add 10.9.0.1/24 dev t1"
    (tmp_path / "tunnels.yaml").write_text(f"{TUNNELS}  - h1$ {again}; ping -c 1 10.9.0.2\n")
    assert run(load_topology(tmp_path / "tunnels.yaml"), tmp_path / "out").ok
    files = [tmp_path / "out" / "captures" / name for name in ("h1.t1.pcap", "h1.t1~2.pcap")]
    assert [file.read_bytes()[20] for file in files] == [101, 1]
    assert [packet[ARP].pdst for packet in rdpcap(str(files[1]))] == ["10.9.0.2"] * 3
    merged = [frame for frame in pcap_reader.read(tmp_path / "out" / "captures" / "all.pcapng").frames if frame.interface == "h1/t1"]
    assert [frame.link for frame in merged] == [101] * 2 + [1] * 3
