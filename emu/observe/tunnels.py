"""What a frame says of the tunnel that it is in, for those who watch: which packet is the outer one, and a VXLAN's VNI."""

from __future__ import annotations

from functools import lru_cache

from emu.encap import vxlan
from emu.observe.journey import Decapsulated, Encapsulated, Step
from emu.packet.address import ip_text
from emu.packet.ethernet import IPV4
from emu.packet.ipv4 import GRE, UDP

TUNNELS = frozenset({"vxlan", "ipip", "gre", "gretap", "tun"})  # kinds of devices whose frames go on inside of others


def carries(outer: bytes, inner: bytes) -> bool:
    """Has the IPv4 packet, or its first fragment, the beginning of this frame's packet in it? A program may have counted down its TTL."""
    payload = outer[34:]
    return inner[14:22] in payload and inner[26:54] in payload


def _put_in(outer: bytes, inner: bytes) -> str:
    """How a switch in user space, which has no tunnel devices, has put a frame into another: `gre`, `vxlan`, or empty if it has not."""
    if len(outer) <= len(inner) or len(inner) < 34 or outer[12:14] != IPV4 or not outer.endswith(inner):
        return ""
    return {GRE: "gre", UDP: "vxlan"}.get(outer[23], "")


def vni_of(how: str, outer: bytes) -> int | None:
    """Of a VXLAN packet that is not a later fragment."""
    if how != "vxlan" or len(outer) < 50 or (outer[20] & 0x1F or outer[21]):
        return None
    at = 14 + (outer[14] & 15) * 4 + 8
    return int.from_bytes(outer[at + 4 : at + 4 + 3], "big") if len(outer) >= at + vxlan.HEADER else None


def switched(before: bytes, after: bytes) -> list[Step]:
    """What a switch in user space did that has tunnels of its own."""
    for step, outer, inner in ((encapsulated, after, before), (decapsulated, before, after)):
        how = _put_in(outer, inner)
        if how:
            return [step(how, outer)]
    return []


@lru_cache(maxsize=4096)
def _encapsulated(how: str, src: bytes, dst: bytes, vni: int | None) -> Encapsulated:
    return Encapsulated(how, ip_text(src), ip_text(dst), vni)


@lru_cache(maxsize=4096)
def _decapsulated(how: str, src: bytes, dst: bytes, vni: int | None) -> Decapsulated:
    return Decapsulated(how, ip_text(src), ip_text(dst), vni)


def encapsulated(how: str, outer: bytes) -> Encapsulated:
    """The step: one object for all packets between two ends."""
    return _encapsulated(how, outer[26:30], outer[30:34], vni_of(how, outer))


def decapsulated(how: str, outer: bytes) -> Decapsulated:
    return _decapsulated(how, outer[26:30], outer[30:34], vni_of(how, outer))
