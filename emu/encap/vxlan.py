"""VXLAN headers (RFC 7348): eight bytes between the outer UDP header and the inner Ethernet frame.

A receiver checks them as drivers/net/vxlan does: the I flag must be set and every reserved bit zero. Not modelled: GBP, GPE, remote
checksum offload (their bits are reserved here, as on a device without these options).
"""

from __future__ import annotations

from enum import Enum

HEADER = 8
IANA_PORT = 4789
LINUX_PORT = 8472  # what `ip link` takes when no dstport is said
MAX_VNI = 0xFFFFFF
OVERHEAD = 14 + 20 + 8 + HEADER  # what an inner frame's IP packet grows by on the wire

_FLAGS = b"\x08\x00\x00\x00"  # I: the VNI is valid


class Fault(Enum):
    """Why a payload is no VXLAN packet."""

    SHORT = "shorter than the VXLAN header and an Ethernet header"
    FLAGS = "the I flag is not set, or a reserved bit is"


def encapsulate(vni: int, inner: bytes) -> bytes:
    """The UDP payload that carries the Ethernet frame `inner`."""
    return b"%b%b\x00%b" % (_FLAGS, vni.to_bytes(3, "big"), inner)


def decapsulate(payload: bytes) -> tuple[int, bytes] | Fault:
    """VNI and inner Ethernet frame of a UDP payload."""
    if len(payload) < HEADER + 14:
        return Fault.SHORT
    if payload[:4] != _FLAGS or payload[7]:
        return Fault.FLAGS
    return int.from_bytes(payload[4:7], "big"), payload[8:]
