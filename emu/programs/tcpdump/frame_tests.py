"""The tests that a capture filter is made of: each looks at a frame's bytes, Ethernet and IPv4."""

from __future__ import annotations

import re
from collections.abc import Callable

from emu.packet import ipv4
from emu.packet.address import BROADCAST_MAC

Test = Callable[[bytes], bool]
Number = Callable[[bytes], int]  # raises IndexError outside the frame: the filter does not match then
Ends = Callable[[bytes], list[bytes]]

ETHERTYPES = {"ip": 0x0800, "arp": 0x0806, "rarp": 0x8035, "ip6": 0x86DD}
PROTOCOLS = {"icmp": 1, "igmp": 2, "tcp": 6, "udp": 17, "esp": 50, "ah": 51, "sctp": 132, "pim": 103, "vrrp": 112, "igrp": 9}


class FilterError(ValueError):
    """The expression is wrong, or asks for what is not modelled; the text is libpcap's, or names what it is."""


SYNTAX = FilterError("can't parse filter expression: syntax error")


def numbered(text: str, names: dict[str, int], what: str) -> int:
    """A protocol's number, or that of its name."""
    if re.fullmatch(r"0x[\da-fA-F]+|\d+", text):
        return int(text, 16 if text.startswith("0x") else 10) & 0xFFFF
    if text not in names:
        raise FilterError(f"unknown {what} proto '{text}'")
    return names[text]


def both(one: Test, two: Test) -> Test:
    return lambda wire: one(wire) and two(wire)


def either(one: Test, two: Test) -> Test:
    return lambda wire: one(wire) or two(wire)


def calculated(operation: Callable[[int, int], int], one: Number, two: Number) -> Number:
    return lambda wire: operation(one(wire), two(wire)) & 0xFFFFFFFF


def is_protocol(name: str) -> Test:
    if name in ETHERTYPES:
        ethertype = ETHERTYPES[name].to_bytes(2, "big")
        return lambda wire: wire[12:14] == ethertype
    if name == "ether":
        raise SYNTAX
    number = PROTOCOLS[name]
    return lambda wire: wire[12:14] == b"\x08\x00" and wire[23:24] == bytes([number])


def is_group(protocol: str, kind: str) -> Test:
    if protocol == "ip":
        if kind == "multicast":
            return lambda wire: wire[12:14] == b"\x08\x00" and wire[30:31] >= b"\xe0"
        raise FilterError("filter: 'ip broadcast' is not modelled")
    if protocol not in {"", "ether"}:
        raise SYNTAX
    return (lambda wire: wire[:6] == BROADCAST_MAC) if kind == "broadcast" else (lambda wire: bool(wire[0] & 1))


def ends_are(direction: str, sources: Ends, destinations: Ends, same: Callable[[bytes], bool]) -> Test:
    def test(wire: bytes) -> bool:
        source, destination = any(map(same, sources(wire))), any(map(same, destinations(wire)))
        if direction == "both":
            return source and destination
        return (source and direction != "dst") or (destination and direction != "src")

    return test


def addresses(ethertypes: set[int]) -> tuple[Ends, Ends]:
    """Where source and destination stand in IPv4 and ARP."""

    def ends(wire: bytes, in_ip: int, in_arp: int) -> list[bytes]:
        ethertype = int.from_bytes(wire[12:14], "big")
        if ethertype not in ethertypes:
            return []
        at = in_ip if ethertype == 0x0800 else in_arp
        return [wire[at : at + 4]] if len(wire) >= at + 4 else []

    return (lambda wire: ends(wire, 26, 28)), (lambda wire: ends(wire, 30, 38))


def ports(protocols: set[int]) -> tuple[Ends, Ends]:
    def ends(wire: bytes, at: int) -> list[bytes]:
        if wire[12:14] != b"\x08\x00" or wire[23] not in protocols or ipv4.fragment_offset(wire[14:]):
            return []
        start = 14 + (wire[14] & 15) * 4 + at
        return [wire[start : start + 2]] if len(wire) >= start + 2 else []

    return (lambda wire: ends(wire, 0)), (lambda wire: ends(wire, 2))


def bytes_of(protocol: str, at: Number, size: int) -> Number:
    def number(wire: bytes) -> int:
        start = at(wire)
        if protocol not in {"ether", "link"}:
            start += 14
            if protocol in ETHERTYPES:
                if wire[12:14] != ETHERTYPES[protocol].to_bytes(2, "big"):
                    raise IndexError
            elif wire[12:14] != b"\x08\x00" or wire[23] != PROTOCOLS[protocol] or ipv4.fragment_offset(wire[14:]):
                raise IndexError
            else:
                start += (wire[14] & 15) * 4
        if start + size > len(wire):
            raise IndexError
        return int.from_bytes(wire[start : start + size], "big")

    return number
