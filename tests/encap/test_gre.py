"""GRE headers against Scapy, and against bytes of any kind."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import GRE

from emu.encap import gre

keys = st.one_of(st.none(), st.integers(0, 0xFFFFFFFF))
protocols = st.sampled_from([gre.IPV4, gre.ETHERNET])


def scapy_gre(protocol: int, key: int | None, **more: int) -> bytes:
    return bytes(GRE(proto=protocol, key_present=int(key is not None), key=key, **more))


@given(protocols, keys, st.binary(max_size=100))
def test_header_is_scapys(protocol, key, inner):
    assert gre.encapsulate(protocol, key, inner) == scapy_gre(protocol, key) + inner


@given(protocols, keys, st.binary(max_size=100))
def test_decapsulate_gives_back_what_was_encapsulated(protocol, key, inner):
    assert gre.decapsulate(gre.encapsulate(protocol, key, inner)) == gre.Gre(protocol, key, inner)


def test_checksum_and_sequence_number_of_a_received_header_are_understood():
    packet = bytes(GRE(proto=gre.IPV4, chksum_present=1, key_present=1, key=5, seqnum_present=1, sequence_number=9) / b"payload!")
    assert gre.decapsulate(packet) == gre.Gre(gre.IPV4, 5, b"payload!")
    assert gre.decapsulate(packet[:-1] + b"?") is gre.Fault.CHECKSUM


@given(st.binary(max_size=40))
def test_any_bytes_are_a_packet_or_a_named_fault(payload):
    assert isinstance(gre.decapsulate(payload), gre.Gre | gre.Fault)


def test_other_versions_and_unknown_flags_are_faults():
    assert gre.decapsulate(b"\x00\x01\x08\x00") is gre.Fault.FLAGS
    assert gre.decapsulate(b"\x40\x00\x08\x00") is gre.Fault.FLAGS
    assert gre.decapsulate(b"\x20\x00\x08\x00\x00") is gre.Fault.SHORT
