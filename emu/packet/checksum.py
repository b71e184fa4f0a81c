"""The Internet checksum: RFC 1071 whole, RFC 1624 incremental.

A ones'-complement sum of 16-bit words is the big-endian number modulo 65535, and Python's big integers do that in one step.
"""

from __future__ import annotations


def checksum(data: bytes) -> int:
    """The 16-bit checksum of `data`, to be put in the header (the field's own bytes being zero)."""
    if len(data) & 1:
        data += b"\x00"
    value = int.from_bytes(data, "big")
    rest = value % 0xFFFF
    # 0 and 65535 are one number to ones' complement; only all-zero data sums to 0.
    return 0xFFFF - rest if rest or not value else 0


def pseudo_checksum(src: bytes, dst: bytes, protocol: int, segment: bytes) -> int:
    """The TCP or UDP checksum of `segment` (its checksum field zero), with the IPv4 pseudo header of RFC 793 §3.1."""
    return checksum(b"%b%b\x00%c%b%b" % (src, dst, protocol, len(segment).to_bytes(2, "big"), segment))


def update(old_sum: int, old: bytes, new: bytes) -> int:
    """The checksum after `old` was replaced by `new` (same even length, at an even offset): RFC 1624, HC' = ~(~HC + ~m + m')."""
    total = (0xFFFF - old_sum) + int.from_bytes(new, "big") - int.from_bytes(old, "big")
    rest = total % 0xFFFF
    return 0xFFFF - rest if rest else 0
