"""A frame as a list of named fields, with what a comparison must not look at left out and what it may rename marked.

Left out, because two recordings of one and the same thing differ in them: IP ids; the absolute values of TCP sequence numbers (they
are counted from the connection's first one) and of timestamps; acknowledgement numbers and windows but those of SYN and RST; time stamps
that ping puts in its payload; HTTP dates. A checksum is only right or wrong; one that the sender left to its network card (only the pseudo
header summed, as on `lo`) counts as right.

Not modelled: IPv6, 802.1Q, the meaning of IP options; such bytes are compared as they are.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from emu.packet import arp, ethernet, ipv4, tcp, udp
from emu.packet.address import ip_text, mac_text
from emu.packet.checksum import checksum, pseudo_checksum

VXLAN_PORTS = (4789, 8472)
FLANNEL_UDP_PORT = 8285
DNS_PORT = 53
EPHEMERAL = range(32768, 61000)  # net.ipv4.ip_local_port_range

_DATE = re.compile(rb"(?im)^(date|last-modified|expires|etag): [^\r\n]*")
_FLAG_NAMES = ("FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR")
_OPTION_NAMES = {0: "EOL", 1: "NOP", 2: "MSS", 3: "WS", 4: "SACKOK", 5: "SACK", 8: "TS"}


@dataclass(frozen=True, slots=True)
class Name:
    """A value that a run chooses freely: equal up to a one-to-one renaming within its `kind`."""

    kind: str
    value: str

    def __str__(self) -> str:
        return self.value


Value = str | int | Name
Flow = tuple[bytes, bytes]  # a TCP direction: source address and port, destination address and port


@dataclass(slots=True)
class Canonical:
    """`fields` in the frame's order; the rest helps to leave frames out and to put racing ones in order."""

    number: int  # in its file, from 1
    time_ns: int
    fields: dict[str, Value]
    title: str
    flow: Flow | None = None
    is_pure_ack: bool = False
    is_bare_fin: bool = False
    arp: arp.Arp | None = None
    arp_is_unicast: bool = False

    def shape(self) -> tuple[tuple[str, Value], ...]:
        """The fields with every name replaced by its kind: what frames are aligned by."""
        return tuple((key, value.kind if isinstance(value, Name) else value) for key, value in self.fields.items())


class Canonicaliser:
    """Reads the frames of one capture in order; it keeps each TCP direction's first sequence number."""

    def __init__(self) -> None:
        self._first: dict[Flow, int] = {}

    def frame(self, number: int, time_ns: int, wire: bytes) -> Canonical:
        canonical = Canonical(number, time_ns, {}, "")
        self._ethernet(wire, "", canonical)
        return canonical

    def _ethernet(self, wire: bytes, where: str, out: Canonical) -> None:
        if len(wire) < ethernet.HEADER:
            out.fields[where + "bytes"] = wire.hex()
            out.title = "runt frame"
            return
        out.fields[where + "Ethernet destination"] = _mac(wire[:6])
        out.fields[where + "Ethernet source"] = _mac(wire[6:12])
        out.fields[where + "EtherType"] = f"0x{wire[12:14].hex()}"
        payload = wire[14:]
        if wire[12:14] == ethernet.ARP and (packet := arp.parse(payload)) is not None:
            self._arp(packet, where, out)
            if not where:
                out.arp, out.arp_is_unicast = packet, not wire[0] & 1
        elif wire[12:14] == ethernet.IPV4 and len(payload) >= ipv4.HEADER and (payload[0] & 15) * 4 <= len(payload):
            self._ip(payload, where, out)
        else:
            out.fields[where + "payload"] = payload.hex()
            out.title = f"EtherType 0x{wire[12:14].hex()}"

    @staticmethod
    def _arp(packet: arp.Arp, where: str, out: Canonical) -> None:
        fields = out.fields
        fields[where + "ARP operation"] = packet.operation
        fields[where + "ARP sender MAC"] = _mac(packet.sender_mac, packet.sender_ip)
        fields[where + "ARP sender"] = ip_text(packet.sender_ip)
        fields[where + "ARP target MAC"] = _mac(packet.target_mac, packet.target_ip)
        fields[where + "ARP target"] = ip_text(packet.target_ip)
        kind = {arp.REQUEST: "request", arp.REPLY: "reply"}.get(packet.operation, f"operation {packet.operation}")
        out.title = f"ARP {kind} {ip_text(packet.sender_ip)} > {ip_text(packet.target_ip)}"

    # --- IP and what it carries; `quoted` is a packet inside an ICMP error, which may be cut short

    def _ip(self, packet: bytes, where: str, out: Canonical, *, quoted: bool = False) -> None:
        fields = out.fields
        length = ipv4.header_length(packet)
        total = int.from_bytes(packet[ipv4.LENGTH], "big")
        word = ipv4.fragment_word(packet)
        source, target = ip_text(packet[ipv4.SRC]), ip_text(packet[ipv4.DST])
        fields[where + "source"] = source
        fields[where + "destination"] = target
        fields[where + "protocol"] = packet[ipv4.PROTOCOL]
        fields[where + "TTL"] = packet[ipv4.TTL]
        fields[where + "TOS"] = packet[ipv4.TOS]
        fields[where + "DF"] = int(bool(word & ipv4.DONT_FRAGMENT))
        fields[where + "MF"] = int(bool(word & ipv4.MORE_FRAGMENTS))
        fields[where + "fragment offset"] = ipv4.fragment_offset(packet)
        fields[where + "IP length"] = total
        fields[where + "IP checksum"] = "right" if checksum(packet[:length]) == 0 else "wrong"
        if length > ipv4.HEADER:
            fields[where + "IP options"] = packet[ipv4.HEADER : length].hex()
        if len(packet) > total and not quoted:
            fields[where + "padding"] = packet[total:].hex()
        out.title = f"IP {source} > {target} protocol {packet[ipv4.PROTOCOL]}"
        body = packet[length:total]
        if ipv4.fragment_offset(packet):
            fields[where + "payload"] = body.hex()
            out.title = f"fragment {source} > {target}"
            return
        whole = not ipv4.is_fragment(packet) and len(packet) >= total
        reader = {ipv4.TCP: self._tcp, ipv4.UDP: self._udp, ipv4.ICMP: self._icmp}.get(packet[ipv4.PROTOCOL])
        if reader is None or len(body) < 8:
            fields[where + "payload"] = body.hex()
        else:
            reader(packet, body, where, out, whole, quoted)

    def _tcp(self, packet: bytes, body: bytes, where: str, out: Canonical, whole: bool, quoted: bool) -> None:
        fields = out.fields
        source, target = _port(body[:2]), _port(body[2:4])
        fields[where + "TCP source port"], fields[where + "TCP destination port"] = source, target
        out.title = f"TCP {ip_text(packet[12:16])}:{source} > {ip_text(packet[16:20])}:{target}"
        segment = tcp.parse(body)
        if segment is None:
            return  # a quoted packet has eight bytes of it: the ports, and a sequence number that means nothing alone
        flags = [name for bit, name in enumerate(_FLAG_NAMES) if segment.flags >> bit & 1]
        fields[where + "TCP flags"] = " ".join(flags)
        fields[where + "TCP options"] = _options(segment.options)
        if segment.payload:
            fields[where + "payload"] = _DATE.sub(rb"\1: (a date)", segment.payload).hex()
        if not quoted:
            flow = (packet[12:16] + body[:2], packet[16:20] + body[2:4])
            self._tcp_numbers(segment, flow, where, fields)
            fields[where + "TCP checksum"] = _sum(packet, body, tcp.CHECKSUM) if whole else "of a part"
            if not where:
                out.flow = flow
                out.is_pure_ack = segment.flags == tcp.ACK and not segment.payload
                out.is_bare_fin = segment.flags == tcp.FIN | tcp.ACK and not segment.payload
        out.title += f" [{' '.join(flags)}] length {len(segment.payload)}"

    def _tcp_numbers(self, segment: tcp.Segment, flow: Flow, where: str, fields: dict[str, Value]) -> None:
        if segment.flags & tcp.SYN or flow not in self._first:
            self._first[flow] = segment.sequence
        if segment.flags & tcp.ACK:  # the other side's first number, where its SYN was not seen
            self._first.setdefault((flow[1], flow[0]), segment.acknowledgment - 1 & 0xFFFFFFFF)
        if not segment.flags & tcp.RST or segment.sequence:
            fields[where + "TCP sequence"] = segment.sequence - self._first[flow] & 0xFFFFFFFF
        if segment.flags & (tcp.SYN | tcp.RST):
            if segment.flags & tcp.ACK:
                fields[where + "TCP acknowledgment"] = segment.acknowledgment - self._first[flow[1], flow[0]] & 0xFFFFFFFF
            fields[where + "TCP window"] = segment.window

    def _udp(self, packet: bytes, body: bytes, where: str, out: Canonical, whole: bool, quoted: bool) -> None:
        fields = out.fields
        destination = int.from_bytes(body[2:4], "big")
        tunnel = destination in VXLAN_PORTS
        source = Name("VXLAN source port", str(int.from_bytes(body[:2], "big"))) if tunnel else _port(body[:2])
        fields[where + "UDP source port"], fields[where + "UDP destination port"] = source, _port(body[2:4])
        fields[where + "UDP length"] = int.from_bytes(body[4:6], "big")
        out.title = f"UDP {ip_text(packet[12:16])}:{source} > {ip_text(packet[16:20])}:{destination}"
        if not quoted:
            fields[where + "UDP checksum"] = (
                "none" if body[6:8] == b"\x00\x00" else _sum(packet, body, udp.CHECKSUM) if whole else "of a part"
            )
        payload = body[8:]
        if tunnel and len(payload) >= 8:
            fields[where + "VXLAN flags"] = f"0x{payload[:4].hex()}"
            fields[where + "VNI"] = int.from_bytes(payload[4:7], "big")
            self._ethernet(payload[8:], where + "inner ", out)
        elif destination == FLANNEL_UDP_PORT and len(payload) >= ipv4.HEADER and payload[0] == 0x45:
            self._ip(payload, where + "inner ", out)
        elif DNS_PORT in (destination, int.from_bytes(body[:2], "big")) and len(payload) >= 12:
            fields[where + "DNS id"] = Name("DNS id", payload[:2].hex())
            fields[where + "payload"] = payload[2:].hex()
        else:
            fields[where + "payload"] = payload.hex()

    def _icmp(self, packet: bytes, body: bytes, where: str, out: Canonical, whole: bool, quoted: bool) -> None:
        fields = out.fields
        fields[where + "ICMP type"], fields[where + "ICMP code"] = body[0], body[1]
        if not quoted:
            fields[where + "ICMP checksum"] = "of a part" if not whole else "right" if checksum(body) == 0 else "wrong"
        addresses = f"{ip_text(packet[12:16])} > {ip_text(packet[16:20])}"
        if body[0] in (0, 8):
            pinged = ip_text(packet[ipv4.DST] if body[0] else packet[ipv4.SRC])
            fields[where + "ICMP id"] = Name(f"ICMP id towards {pinged}", str(int.from_bytes(body[4:6], "big")))
            fields[where + "ICMP sequence"] = int.from_bytes(body[6:8], "big")
            fields[where + "payload"] = _without_time(body[8:]).hex()
            out.title = f"ICMP echo {'request' if body[0] else 'reply'} {addresses}"
            return
        fields[where + "ICMP rest"] = body[4:8].hex()
        if len(body) >= 28 and body[8] >> 4 == 4:
            self._ip(body[8:], where + "quoted ", out, quoted=True)
        else:
            fields[where + "payload"] = body[8:].hex()
        out.title = f"ICMP type {body[0]} code {body[1]} {addresses}"


def _mac(address: bytes, ip: bytes = b"") -> Value:
    """Group addresses, zero, and those that Docker derives from the IP address stand for themselves."""
    text = mac_text(address)
    return text if address[0] & 1 or not any(address) or (ip and address[2:] == ip) else Name("MAC", text)


def _port(wire: bytes) -> Value:
    number = int.from_bytes(wire, "big")
    return Name("ephemeral port", str(number)) if number in EPHEMERAL else number


def _options(options: bytes) -> str:
    """Kinds in order; MSS and window scale with their values; of SACK only that it is there."""
    words, position = [], 0
    while position < len(options):
        kind = options[position]
        length = 1 if kind < 2 else options[position + 1] if position + 1 < len(options) else 0
        name = _OPTION_NAMES.get(kind, f"kind {kind}")
        if kind in (2, 3):
            name += f"={int.from_bytes(options[position + 2 : position + length], 'big')}"
        words.append(name)
        if not length:
            break
        position += length
    return " ".join(words) or "none"


def _sum(packet: bytes, body: bytes, where: slice) -> str:
    """Is the TCP or UDP checksum right, left to the network card, or wrong?"""
    src, dst, protocol = packet[ipv4.SRC], packet[ipv4.DST], packet[ipv4.PROTOCOL]
    if pseudo_checksum(src, dst, protocol, body) == 0:
        return "right"
    partial = 0xFFFF - checksum(b"%b%b\x00%c%b" % (src, dst, protocol, len(body).to_bytes(2, "big")))
    return "right" if int.from_bytes(body[where], "big") == partial else "wrong"


def _without_time(payload: bytes) -> bytes:
    """An echo's payload without ping's time stamp: 16 bytes of iputils (a pattern counts up after them), 4 of busybox."""
    size = 16 if payload[16:20] == bytes(range(16, 20)) else 4
    return b"\x00" * min(size, len(payload)) + payload[size:]
