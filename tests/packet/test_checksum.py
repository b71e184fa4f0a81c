"""Checksums against Scapy's, whole and incremental."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st
from scapy.utils import checksum as scapy_checksum

from emu.packet import ipv4
from emu.packet.checksum import checksum, pseudo_checksum, update
from tests.packet.strategies import ips


@given(st.binary(max_size=200))
@example(b"")
@example(b"\x00" * 20)
@example(b"\xff" * 20)
def test_checksum_is_scapys(data):
    assert checksum(data) == scapy_checksum(data)


@given(ips, ips, st.sampled_from([6, 17]), st.binary(max_size=100))
def test_pseudo_checksum_is_scapys(src, dst, protocol, segment):
    head = src + dst + bytes([0, protocol]) + len(segment).to_bytes(2, "big")
    assert pseudo_checksum(src, dst, protocol, segment) == scapy_checksum(head + segment)


@given(st.binary(min_size=2, max_size=60).filter(lambda data: len(data) % 2 == 0), st.data())
def test_incremental_update_verifies_like_a_whole_sum(data, draw):
    start = draw.draw(st.integers(0, len(data) // 2 - 1)) * 2
    size = draw.draw(st.sampled_from([size for size in (2, 4, 6, 8) if start + size <= len(data)]))
    new = draw.draw(st.binary(min_size=size, max_size=size))
    changed = data[:start] + new + data[start + size :]
    updated = update(checksum(data), data[start : start + size], new)
    assert checksum(changed + updated.to_bytes(2, "big")) == 0 or not any(changed)


@given(st.integers(0, 0xFFFF), st.integers(0, 0xFFFF), st.integers(0, 0xFFFF))
def test_incremental_update_is_equation_3_of_rfc_1624(old_sum, old, new):
    total = (~old_sum & 0xFFFF) + (~old & 0xFFFF) + new
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    expected = ~total & 0xFFFF
    assert update(old_sum, old.to_bytes(2, "big"), new.to_bytes(2, "big")) in {
        expected,
        expected ^ 0xFFFF if expected in {0, 0xFFFF} else expected,
    }


@given(ips, ips, st.integers(1, 255))
def test_any_number_of_hops_keeps_a_header_valid(src, dst, ttl):
    packet = ipv4.build(src, dst, 1, b"", ttl=ttl)
    for _ in range(ttl):
        packet = ipv4.decrement_ttl(packet)
        assert ipv4.is_valid(packet)
    assert packet[ipv4.TTL] == 0
