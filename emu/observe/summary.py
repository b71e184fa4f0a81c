"""A frame in one line, and what changed in it between two taps: for traces and comments, read from the bytes."""

from __future__ import annotations

from functools import cache, lru_cache

from emu.observe.fragments import is_fragment
from emu.observe.journey import FRAGMENTED, REASSEMBLED, Size, Step, Translated, Ttl
from emu.packet import arp, ethernet, icmp
from emu.packet.address import ip_text, mac_text
from emu.packet.ipv4 import GRE, ICMP, IGMP, IPIP, TCP, UDP

NO_LINK = b"\x00" * 12 + ethernet.IPV4  # stands before an IP packet that has no link layer
_FLAGS = "FSRPAUEC"  # from the lowest bit: FIN SYN RST PSH ACK URG ECE CWR
_ICMP = {0: "echo reply", 8: "echo request", 11: "time exceeded", 12: "parameter problem"}
_UNREACHABLE = {0: "network", 1: "host", 2: "protocol", 3: "port", 9: "network prohibited", 10: "host prohibited", 13: "prohibited"}
_PROTOCOLS = {IGMP: "IGMP", IPIP: "IPIP", GRE: "GRE"}


def summary(wire: bytes) -> str:
    """`172.17.0.2:80 > 192.168.50.20:36554 TCP SA`; never fails, whatever the bytes are."""
    kind = wire[ethernet.TYPE]
    if kind == ethernet.ARP:
        return _arp(wire)
    if kind != ethernet.IPV4 or len(wire) < 34:
        return f"{mac_text(wire[6:12])} > {mac_text(wire[:6])} type 0x{kind.hex()}" if len(wire) >= 14 else f"{len(wire)} bytes"
    source, target = endpoints(wire)
    return f"{source} > {target} {_transport(wire)}"


def _arp(wire: bytes) -> str:
    packet = arp.parse(wire[14:])
    if packet is None:
        return "ARP, not for IPv4 over Ethernet"
    if packet.operation == arp.REQUEST:
        return f"ARP who has {ip_text(packet.target_ip)}? tell {ip_text(packet.sender_ip)}"
    return f"ARP {ip_text(packet.sender_ip)} is at {mac_text(packet.sender_mac)}"


def endpoints(wire: bytes) -> tuple[str, str]:
    """Addresses of an IPv4 frame, with ports where there are any."""
    source, target = ip_text(wire[26:30]), ip_text(wire[30:34])
    start = 14 + (wire[14] & 15) * 4
    if wire[23] in (TCP, UDP) and not (wire[20] << 8 | wire[21]) & 0x1FFF and len(wire) >= start + 4:
        return f"{source}:{wire[start] << 8 | wire[start + 1]}", f"{target}:{wire[start + 2] << 8 | wire[start + 3]}"
    return source, target


def _transport(wire: bytes) -> str:
    protocol = wire[23]
    start = 14 + (wire[14] & 15) * 4
    body = wire[start : 14 + (wire[16] << 8 | wire[17])]
    fragment = wire[20] << 8 | wire[21]
    if fragment & 0x1FFF:
        return f"fragment at {(fragment & 0x1FFF) * 8} ttl {wire[22]}"
    more = " first fragment" if fragment & 0x2000 else ""
    if protocol == TCP and len(body) >= 20:
        flags = "".join(name for bit, name in enumerate(_FLAGS) if body[13] >> bit & 1)
        return f"TCP {flags or '-'} length {max(len(body) - (body[12] >> 4) * 4, 0)} ttl {wire[22]}{more}"
    if protocol == UDP and len(body) >= 8:
        return f"UDP length {len(body) - 8} ttl {wire[22]}{more}"
    if protocol == ICMP and len(body) >= 8:
        return f"ICMP {_icmp(body)} ttl {wire[22]}{more}"
    return f"{_PROTOCOLS.get(protocol, f'protocol {protocol}')} ttl {wire[22]}{more}"


def _icmp(message: bytes) -> str:
    kind, code = message[:2]
    if kind == icmp.Type.REDIRECT:
        return f"redirect to {ip_text(message[4:8])}"
    if kind != icmp.Type.DEST_UNREACH:
        return _ICMP.get(kind, f"type {kind}")
    if code == icmp.Unreachable.FRAG_NEEDED:
        return f"fragmentation needed (mtu {message[6] << 8 | message[7]})"
    return f"{_UNREACHABLE.get(code, f'code {code}')} unreachable"


_ttl = cache(Ttl)  # steps are shared
_translated = lru_cache(maxsize=4096)(Translated)


def changes(before: bytes, after: bytes, *, translated: bool = False) -> list[Step]:
    """What a namespace did to an IPv4 packet between two taps: translation (unless that is known), TTL, fragmentation."""
    if before is after or before[12:14] != ethernet.IPV4 or after[12:14] != ethernet.IPV4 or len(before) < 34 or len(after) < 34:
        return []
    if before[14:] == after[14:] or before[23] != after[23]:
        return []
    found: list[Step] = []
    if not translated and before[26:34] + before[34:38] != after[26:34] + after[34:38]:
        for end, old, new in zip(("source", "destination"), endpoints(before), endpoints(after), strict=True):
            if old != new and (":" in old) == (":" in new):
                found.append(_translated(end, old, new))
    if after[22] != before[22]:
        found.append(_ttl(before[22], after[22]))
    if is_fragment(before) != is_fragment(after):
        found.append(Size(FRAGMENTED if is_fragment(after) else REASSEMBLED))
    return found
