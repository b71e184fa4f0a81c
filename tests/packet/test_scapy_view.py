"""Scapy as a view: what it may build, and what it takes ports for."""

from __future__ import annotations

import pytest
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.l2 import ARP, Ether
from scapy.layers.vxlan import VXLAN
from scapy.packet import Raw
from scapy.volatile import RandShort

from emu.errors import EmuError
from emu.packet.frame import Frame
from emu.packet.scapy_view import build, dissect

ETHER = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
ADDRESSES = IP(src="10.0.0.1", dst="10.0.0.2")


@pytest.mark.parametrize(
    ("packet", "named"),
    [
        (Ether() / ADDRESSES, "Ether.src"),
        (Ether(src="02:00:00:00:00:01") / ADDRESSES, "Ether.dst"),
        (ETHER / IP(dst="10.0.0.2"), "IP.src"),
        (ETHER / ARP(psrc="10.0.0.1"), "ARP.hwsrc"),
        (ETHER / ARP(hwsrc="02:00:00:00:00:01"), "ARP.psrc"),
        (ETHER / ADDRESSES / UDP(sport=1, dport=4789) / VXLAN() / Ether(), "Ether.src"),
        (ETHER / ADDRESSES / UDP(sport=RandShort(), dport=1), "UDP.sport"),
        (ETHER / IP(src="10.0.0.1", dst="10.0.0.0/24"), "IP.dst"),
        (ADDRESSES, "IP()"),
    ],
)
def test_what_scapy_would_fill_in_from_this_machine_is_refused(packet, named):
    with pytest.raises(EmuError, match=named.replace(".", r"\.").replace("()", r"\(\)")):
        build(packet)


def test_a_packet_that_names_its_addresses_is_built_and_read_back():
    wire = build(ETHER / ADDRESSES / ICMP(id=7, seq=1) / Raw(b"hello"))
    packet = dissect(wire)
    assert packet[ICMP].id == 7
    assert bytes(packet) == wire
    assert build(packet) == wire


def test_a_frame_is_dissected_once():
    frame = Frame(build(ETHER / ADDRESSES / ICMP()), 1)
    assert frame.packet is frame.packet


@pytest.mark.parametrize(("sport", "dport"), [(53, 48879), (8472, 40000), (4789, 40000), (53, 4790), (53, 6633)])
def test_ordinary_ports_are_not_taken_for_vxlan(sport, dport):
    assert VXLAN not in dissect(bytes(ETHER / ADDRESSES / UDP(sport=sport, dport=dport) / Raw(b"x" * 40)))


@pytest.mark.parametrize("port", [4789, 8472])
def test_vxlan_ports_show_the_inner_frame(port):
    inner = bytes(ETHER / ADDRESSES / ICMP())
    packet = dissect(bytes(ETHER / ADDRESSES / UDP(sport=40000, dport=port) / Raw(b"\x08\x00\x00\x00\x00\x00\x01\x00" + inner)))
    assert packet[VXLAN].vni == 1
    assert bytes(packet[VXLAN].payload) == inner


def test_flannels_udp_port_shows_the_inner_packet():
    packet = dissect(bytes(ETHER / ADDRESSES / UDP(sport=8285, dport=8285) / Raw(bytes(IP(src="10.1.0.1", dst="10.2.0.1") / ICMP()))))
    assert packet[IP:2].src == "10.1.0.1"


def test_any_bytes_are_dissected():
    for wire in (b"", b"\x00" * 5, b"\xff" * 60, b"\x02" * 12 + b"\x08\x00" + b"\x4f" * 3):
        dissect(wire)
