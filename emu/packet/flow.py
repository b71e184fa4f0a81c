"""The flow hash of a packet, as net/core/flow_dissector.c reads it: tunnels choose their UDP source port by it.

Protocol and addresses count for every IPv4 packet, the ports for TCP and UDP that are not fragments; for all else it is the two MAC
addresses. ICMP hashes alike in both directions. For TCP and connected UDP Linux takes a random number of the socket's own, so that the
directions differ; here the hash of the flow in its direction stands for it, and for UDP that is not connected too.
"""

from __future__ import annotations

from zlib import crc32

from emu.packet.ethernet import IPV4

_WITH_PORTS = (6, 17)  # TCP, UDP


def flow_key(wire: bytes) -> bytes:
    """What of an Ethernet frame counts for its flow."""
    if wire[12:14] != IPV4 or len(wire) < 34:
        return wire[:14]
    protocol = wire[23:24]
    if wire[23] in _WITH_PORTS and not (wire[20] & 0x3F or wire[21]):
        ports = 14 + (wire[14] & 15) * 4
        return protocol + wire[26:34] + wire[ports : ports + 4]
    src, dst = wire[26:30], wire[30:34]
    return protocol + src + dst if src < dst else protocol + dst + src


def flow_hash(key: bytes, secret: int) -> int:
    """32 bits; `secret` is the machine's, chosen at boot."""
    value = crc32(key, secret)
    return (value * 0x9E3779B1 ^ value >> 15) & 0xFFFFFFFF


def source_port(hashed: int, low: int, high: int) -> int:
    """udp_flow_src_port: a port of `low` to `high`, the upper bound never taken."""
    return (((hashed ^ hashed << 16) & 0xFFFFFFFF) * (high - low) >> 32) + low
