"""VXLAN headers against Scapy, and against bytes of any kind."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.l2 import Ether
from scapy.layers.vxlan import VXLAN

from emu.encap import vxlan

vnis = st.integers(0, vxlan.MAX_VNI)
frames = st.binary(min_size=14, max_size=200)


@given(vnis, frames)
def test_header_is_scapys(vni, inner):
    # Scapy sets a second flag of its own beside the I flag: real VXLAN has 0x08 alone.
    assert vxlan.encapsulate(vni, inner) == bytes(VXLAN(flags=0x08, vni=vni)) + inner


@given(vnis, frames)
def test_decapsulate_gives_back_what_was_encapsulated(vni, inner):
    assert vxlan.decapsulate(vxlan.encapsulate(vni, inner)) == (vni, inner)


def test_scapy_reads_the_inner_frame():
    inner = bytes(Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02", type=0x0806) / b"x")
    seen = VXLAN(vxlan.encapsulate(42, inner))
    assert (seen.vni, bytes(seen.payload)) == (42, inner)


@given(st.binary(max_size=64))
def test_any_bytes_are_a_packet_or_a_named_fault(payload):
    found = vxlan.decapsulate(payload)
    if isinstance(found, vxlan.Fault):
        assert (len(payload) < 22) == (found is vxlan.Fault.SHORT)
    else:
        assert vxlan.encapsulate(*found) == payload


def test_a_reserved_bit_or_no_vni_flag_is_a_fault():
    good = vxlan.encapsulate(7, bytes(14))
    for at, value in ((0, 0x00), (0, 0x0C), (1, 0x01), (3, 0x80), (7, 0x01)):
        assert vxlan.decapsulate(good[:at] + bytes([value]) + good[at + 1 :]) is vxlan.Fault.FLAGS
