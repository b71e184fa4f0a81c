"""Frames as Scapy packets, for those who look or make frames by hand: the one door between emu's bytes and Scapy.

Scapy fills in what a packet leaves open from the machine it runs on (its own MAC and IP address, its ARP cache): `build` refuses such
packets. Scapy also takes UDP from and to several ports for VXLAN that are ordinary ports elsewhere: only destinations 4789 (IANA) and
8472 (Linux, flannel) stay bound. UDP 8285 is flannel's udp back end, plain IP packets.

Not modelled: packets with Scapy's random values (`RandShort()`); a lab is the same each time.
"""

from __future__ import annotations

from scapy.base_classes import Net
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP, Ether
from scapy.layers.vxlan import VXLAN
from scapy.packet import Packet, Raw, bind_layers, split_layers
from scapy.volatile import VolatileValue

from emu.errors import EmuError
from emu.packet import ethernet, ipv4

FLANNEL_UDP_PORT = 8285
_VXLAN_SOURCE_PORTS = (4789, 4790, 6633, 8472)
_OTHER_VXLAN_PORTS = (4790, 6633, 48879)
_REQUIRED: tuple[tuple[type[Packet], tuple[str, ...]], ...] = (
    (Ether, ("src", "dst")),
    (ARP, ("hwsrc", "psrc")),
    (IP, ("src",)),
    (IPv6, ("src",)),
)


def _bind_ports() -> None:
    for port in _VXLAN_SOURCE_PORTS:
        split_layers(UDP, VXLAN, sport=port)
    for port in _OTHER_VXLAN_PORTS:
        split_layers(UDP, VXLAN, dport=port)
    split_layers(UDP, VXLAN, sport=4789, dport=4789)
    bind_layers(UDP, VXLAN, dport=4789)
    bind_layers(UDP, VXLAN, dport=8472)
    bind_layers(UDP, IP, dport=FLANNEL_UDP_PORT)


_bind_ports()


def dissect(wire: bytes) -> Packet:
    """The frame's layers from Ether down. Never fails: what Scapy cannot read is a Raw layer."""
    return Ether(wire) if len(wire) >= ethernet.HEADER else Raw(wire)


def dissect_packet(wire: bytes) -> Packet:
    """The same for what crosses a device without a link layer: from IP down."""
    return IP(wire) if len(wire) >= ipv4.HEADER else Raw(wire)


def build(packet: Packet) -> bytes:
    """The bytes of a packet that names its own addresses. Raises EmuError for one whose sources Scapy would take from this machine."""
    return _build(packet, Ether)


def build_packet(packet: Packet) -> bytes:
    """The same for a device without a link layer."""
    return _build(packet, IP)


def _build(packet: Packet, first: type[Packet]) -> bytes:
    if not isinstance(packet, first):
        raise EmuError(f"a frame begins with {first.__name__}(src=…, dst=…) here, not with {type(packet).__name__}()")
    layer = packet
    while layer:
        _check(layer)
        layer = layer.payload
    return bytes(packet)


def _check(layer: Packet) -> None:
    for kind, required in _REQUIRED:
        if isinstance(layer, kind):
            for field in required:
                if layer.fields.get(field) is None:
                    raise EmuError(f"{kind.__name__}.{field} is not set: Scapy would take it from the machine that emu runs on")
    for field, value in layer.fields.items():
        if isinstance(value, VolatileValue):
            raise EmuError(f"{type(layer).__name__}.{field} is a random value of Scapy's: a lab is the same each time, so give a number")
        if isinstance(value, Net):
            raise EmuError(f"{type(layer).__name__}.{field} stands for several addresses: give one")
