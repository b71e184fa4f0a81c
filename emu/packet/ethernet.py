"""Ethernet II headers (IEEE 802.3 clause 3; EtherTypes of IANA's list). Not modelled: 802.1Q tags, 802.3 length fields with LLC."""

from __future__ import annotations

HEADER = 14
DST = slice(0, 6)
SRC = slice(6, 12)
TYPE = slice(12, 14)

IPV4 = b"\x08\x00"
ARP = b"\x08\x06"
IPV6 = b"\x86\xdd"


def build(dst: bytes, src: bytes, ethertype: bytes, payload: bytes) -> bytes:
    return b"%b%b%b%b" % (dst, src, ethertype, payload)
