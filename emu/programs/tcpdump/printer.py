"""A frame in tcpdump's words: Ethernet, ARP, IPv4 (print-ether.c, print-arp.c, print-ip.c at 4.99.3). What IP carries: transport.py."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from emu.packet import arp, ethernet, ipv4
from emu.packet.address import BROADCAST_MAC, ip_text, mac_text
from emu.packet.checksum import checksum
from emu.programs.libc.services import service_name

ETHERTYPES = {0x0800: "IPv4", 0x0806: "ARP", 0x86DD: "IPv6", 0x8100: "802.1Q", 0x8035: "Reverse ARP", 0x6558: "TEB"}
OPERATIONS = {1: "Request", 2: "Reply", 3: "Reverse Request", 4: "Reverse Reply"}
PROTOCOLS = {1: "ICMP", 2: "IGMP", 4: "IPIP", 6: "TCP", 17: "UDP", 47: "GRE", 50: "ESP", 132: "SCTP"}
NAMES = {1: "icmp", 2: "igmp", 4: "ipencap", 6: "tcp", 17: "udp", 47: "gre", 50: "esp", 132: "sctp"}
OUI = {bytes(3): "Ethernet"}


@dataclass
class Style:
    """The options that say how packets are shown; `name_of` finds the name of an address."""

    numeric: bool = False
    link: bool = False  # -e
    verbose: int = 0
    quick: bool = False
    absolute: bool = False  # -S
    name_of: Callable[[str], str | None] = lambda _address: None
    conversations: dict[tuple[bytes, ...], tuple[int, int]] = field(default_factory=dict)

    def host(self, address: bytes) -> str:
        text = ip_text(address)
        return text if self.numeric else self.name_of(text) or text

    def port(self, protocol: str, port: int) -> str:
        return str(port) if self.numeric else service_name(protocol, port) or str(port)

    def hardware(self, address: bytes) -> str:
        if self.numeric:
            return mac_text(address)
        if address == BROADCAST_MAC:
            return "Broadcast"
        return f"{mac_text(address)} (oui {OUI.get(address[:3], 'Unknown')})"


def ethernet_text(style: Style, wire: bytes, cut: int = 0) -> str:
    """A frame from its Ethernet header on; `cut`: so many bytes of it were not captured."""
    if len(wire) < ethernet.HEADER:
        return "[|ether]"
    ethertype = int.from_bytes(wire[12:14], "big")
    payload = wire[ethernet.HEADER :]
    if not style.link:
        return network_text(style, ethertype, payload, prefix=True, cut=cut)
    head = f"{style.hardware(wire[6:12])} > {style.hardware(wire[:6])}, {ethertype_text(ethertype)}, length {len(wire) + cut}: "
    return head + network_text(style, ethertype, payload, prefix=False, cut=cut)


def ethertype_text(ethertype: int) -> str:
    return f"ethertype {ETHERTYPES.get(ethertype, 'Unknown')} (0x{ethertype:04x})"


def network_text(style: Style, ethertype: int, payload: bytes, *, prefix: bool, cut: int = 0) -> str:
    """ethertype_print; `prefix`: say the protocol, since no link header has said it."""
    if ethertype == 0x0800:
        return ("IP " if prefix else "") + ip_packet_text(style, payload, cut)
    if ethertype == 0x0806:
        return ("ARP, " if prefix else "") + _arp(style, payload)
    if not prefix:
        return f"ethertype {ETHERTYPES[ethertype]}" if ethertype in ETHERTYPES else ""
    return f"{ethertype_text(ethertype)}, length {len(payload)}: "


# --- ARP


def _arp(style: Style, wire: bytes) -> str:
    packet = arp.parse(wire)
    if packet is None:
        return "[|arp]" if len(wire) < arp.LENGTH else f"Unknown Hardware ({int.from_bytes(wire[:2], 'big')}), length {len(wire)}"
    sender, target = style.host(packet.sender_ip), style.host(packet.target_ip)
    text = "Ethernet (len 6), IPv4 (len 4), " if style.verbose else ""
    text += OPERATIONS.get(packet.operation, f"Unknown ({packet.operation})")
    if packet.operation == arp.REQUEST:
        known = f" ({style.hardware(packet.target_mac)})" if packet.target_mac != bytes(6) else ""
        text += f" who-has {target}{known} tell {sender}"
    elif packet.operation == arp.REPLY:
        text += f" {sender} is-at {style.hardware(packet.sender_mac)}"
    return f"{text}, length {len(wire)}"


# --- IPv4


def ip_packet_text(style: Style, wire: bytes, cut: int = 0) -> str:
    """ip_print: with -v the header's fields come first, on a line of their own. `cut` bytes at the end are not there to be seen."""
    from emu.programs.tcpdump.transport import transport_text

    if len(wire) < ipv4.HEADER:
        return f"truncated-ip {len(wire)}"
    length, header = int.from_bytes(wire[2:4], "big"), (wire[0] & 15) * 4
    if header < ipv4.HEADER or length < header:
        return f"bad-hlen {header}" if header < ipv4.HEADER else f"bad-len {length}"
    word, protocol = ipv4.fragment_word(wire), wire[9]
    missing = max(length - len(wire), 0)
    short = f"truncated-ip - {missing - cut} bytes missing! " if missing > cut else ""
    head = _header(wire, length, header, word) if style.verbose else ""
    source, destination = wire[12:16], wire[16:20]
    if word & ipv4.OFFSET_MASK:
        name = NAMES.get(protocol) if not style.numeric else None
        return f"{short}{head}{style.host(source)} > {style.host(destination)}: {name or f'ip-proto-{protocol}'}"
    return short + head + transport_text(style, wire[:length], header, min(missing, cut))


def _header(wire: bytes, length: int, header: int, word: int) -> str:
    flags = [name for name, bit in (("+", 0x2000), ("DF", 0x4000), ("rb", 0x8000)) if word & bit]
    name, protocol = PROTOCOLS.get(wire[9]), wire[9]
    ecn = ("", ",ECT(1)", ",ECT(0)", ",CE")[wire[1] & 3]
    text = f"(tos 0x{wire[1]:x}{ecn}, ttl {wire[8]}, id {wire[4] << 8 | wire[5]}, offset {(word & ipv4.OFFSET_MASK) * 8}, "
    text += f"flags [{', '.join(flags) or 'none'}], proto {f'{name} ({protocol})' if name else f'unknown ({protocol})'}, length {length}"
    if header > ipv4.HEADER:
        text += ", options (" + _options(wire[20:header]) + ")"
    if len(wire) >= header and checksum(wire[:header]):
        right = checksum(wire[:10] + b"\0\0" + wire[12:header])
        text += f", bad cksum {int.from_bytes(wire[10:12], 'big'):x} (->{right:x})!"
    return text + ")\n    "


def _options(options: bytes) -> str:
    texts, at = [], 0
    while at < len(options):
        kind = options[at]
        length = 1 if kind < 2 else options[at + 1] if at + 1 < len(options) else 0
        texts.append({0: "EOL", 1: "NOP", 7: "RR", 68: "TS", 131: "LSRR", 137: "SSRR", 148: "RA"}.get(kind, f"unknown {kind}"))
        if not length or kind == 0:
            break
        at += length
    return ",".join(texts)


def addresses(style: Style, wire: bytes) -> str:
    return f"{style.host(wire[12:16])} > {style.host(wire[16:20])}: "
