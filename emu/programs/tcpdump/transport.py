"""What an IP packet carries, in tcpdump's words: TCP, UDP, ICMP, IGMP, GRE, IP in IP (print-tcp.c, print-udp.c, print-icmp.c …).

Not modelled: the protocols that tcpdump knows by other ports than those of DNS, HTTP and VXLAN; they are shown as TCP or UDP.
"""

from __future__ import annotations

from emu.packet import icmp, ipv4, tcp, udp
from emu.packet.checksum import pseudo_checksum
from emu.packet.icmp import Type
from emu.programs.tcpdump.payload import dns_text, http_text
from emu.programs.tcpdump.printer import NAMES, Style, addresses, ethernet_text, ethertype_text, ip_packet_text, network_text

FLAGS = (("F", tcp.FIN), ("S", tcp.SYN), ("R", tcp.RST), ("P", tcp.PSH), (".", tcp.ACK), ("U", tcp.URG), ("E", tcp.ECE), ("W", tcp.CWR))
HTTP = frozenset({80, 8080, 3128})
DNS, MDNS, VXLAN, OTV = 53, 5353, 4789, 8472
RX = range(7000, 7010)
UNREACHABLE = {
    0: "net {dst} unreachable", 1: "host {dst} unreachable", 5: "{dst} unreachable - source route failed",
    6: "net {dst} unreachable - unknown", 7: "host {dst} unreachable - unknown", 8: "{dst} unreachable - source host isolated",
    9: "net {dst} unreachable - admin prohibited", 10: "host {dst} unreachable - admin prohibited",
    11: "net {dst} unreachable - tos prohibited", 12: "host {dst} unreachable - tos prohibited",
    13: "host {dst} unreachable - admin prohibited filter", 14: "host {dst} unreachable - host precedence violation",
    15: "host {dst} unreachable - precedence cutoff",
}  # fmt: skip
RECORDS = {1: "is_in", 2: "is_ex", 3: "to_in", 4: "to_ex", 5: "allow", 6: "block"}
REDIRECTS = {0: "net", 1: "host", 2: "tos-net", 3: "tos-host"}


def transport_text(style: Style, wire: bytes, header: int, missing: int) -> str:
    """ip_demux_print of the first (or only) piece of a packet, of whose end `missing` bytes are not there."""
    protocol, payload = wire[9], wire[header:]
    if protocol == ipv4.TCP:
        return _tcp(style, wire, payload, missing)
    if protocol == ipv4.UDP:
        return _udp(style, wire, payload, missing)
    text = addresses(style, wire)
    if protocol == ipv4.ICMP:
        return text + _icmp(style, wire, payload, missing)
    if protocol == ipv4.IGMP:
        return text + ("igmp" if style.quick else _igmp(style, payload))
    if protocol == ipv4.GRE:
        return text + _gre(style, payload)
    if protocol == ipv4.IPIP:
        return f"{text}IP {ip_packet_text(style, payload)}"
    name = NAMES.get(protocol) if not style.numeric else None
    return f"{text} {name or f'ip-proto-{protocol}'} {len(payload) + missing}"


# --- TCP


def _tcp(style: Style, wire: bytes, payload: bytes, missing: int) -> str:
    segment = tcp.parse(payload)
    if segment is None:
        return addresses(style, wire) + "[|tcp]"
    source, destination = (style.port("tcp", port) for port in (segment.source_port, segment.destination_port))
    text = f"{style.host(wire[12:16])}.{source} > {style.host(wire[16:20])}.{destination}: "
    length = len(segment.payload) + missing
    if style.quick:
        return f"{text}tcp {length}"
    flags = segment.flags
    text += f"Flags [{''.join(letter for letter, bit in FLAGS if flags & bit) or 'none'}]"
    if style.verbose and not missing and not ipv4.is_fragment(wire):
        text += f", cksum 0x{int.from_bytes(payload[16:18], 'big'):04x} {_sum(wire, payload, ipv4.TCP)}"
    sequence, acknowledgment, reverse_start = _relative(style, wire, segment)
    if style.verbose > 1 or length or flags & (tcp.SYN | tcp.FIN | tcp.RST):
        text += f", seq {sequence}" + (f":{sequence + length & 0xFFFFFFFF}" if length else "")
    if flags & tcp.ACK:
        text += f", ack {acknowledgment}"
    text += f", win {segment.window}"
    if flags & tcp.URG:
        text += f", urg {int.from_bytes(payload[18:20], 'big')}"
    if segment.options:
        text += f", options [{_options(segment.options, reverse_start)}]"
    text += f", length {length}"
    ports = {segment.source_port, segment.destination_port}
    if length and flags & tcp.RST and style.verbose:
        return f"{text} [RST {segment.payload.decode('latin-1')}]"
    if length and ports & HTTP:
        return text + ": " + http_text(segment.payload, verbose=bool(style.verbose))
    if length > 2 and DNS in ports:
        return f"{text} {dns_text(segment.payload[2:], length - 2, verbose=style.verbose)}"
    return text


def _sum(wire: bytes, payload: bytes, protocol: int) -> str:
    at = 16 if protocol == ipv4.TCP else 6
    if pseudo_checksum(wire[12:16], wire[16:20], protocol, payload) == 0:
        return "(correct)"
    right = pseudo_checksum(wire[12:16], wire[16:20], protocol, payload[:at] + b"\0\0" + payload[at + 2 :])
    return f"(incorrect -> 0x{right:04x})"


def _relative(style: Style, wire: bytes, segment: tcp.Segment) -> tuple[int, int, int]:
    """Numbers counted from the first that were seen of a conversation, and where the other side's begin."""
    sequence, acknowledgment = segment.sequence, segment.acknowledgment
    if style.absolute or not segment.flags & tcp.ACK:
        return sequence, acknowledgment, 0
    here = wire[12:16] + segment.source_port.to_bytes(2, "big")
    there = wire[16:20] + segment.destination_port.to_bytes(2, "big")
    known = style.conversations.get((here, there))
    if known is None or segment.flags & tcp.SYN:
        start, other = sequence, (acknowledgment - 1) & 0xFFFFFFFF
        style.conversations[here, there], style.conversations[there, here] = (start, other), (other, start)
        return sequence, acknowledgment, other
    start, other = known
    return (sequence - start) & 0xFFFFFFFF, (acknowledgment - other) & 0xFFFFFFFF, other


def _options(options: bytes, other_start: int) -> str:
    texts, at = [], 0
    while at < len(options):
        kind = options[at]
        length = 1 if kind < 2 else options[at + 1] if at + 1 < len(options) else 0
        if length < 1 or (kind > 1 and length < 2) or at + length > len(options):
            texts.append("[bad opt]")
            break
        texts.append(_option(kind, options[at + 2 : at + length], other_start))
        at += length
        if kind == 0:
            break
    return ",".join(texts)


def _option(kind: int, data: bytes, other_start: int) -> str:
    numbers = [int.from_bytes(data[at : at + 4], "big") for at in range(0, len(data) - 3, 4)]
    if kind == 2 and len(data) == 2:
        return f"mss {int.from_bytes(data, 'big')}"
    if kind == 3 and len(data) == 1:
        return f"wscale {data[0]}"
    if kind == 5:
        pairs = zip(numbers[::2], numbers[1::2], strict=False)
        blocks = "".join(f"{{{(left - other_start) & 0xFFFFFFFF}:{(right - other_start) & 0xFFFFFFFF}}}" for left, right in pairs)
        return f"sack {len(numbers) // 2} {blocks}"
    if kind == 8 and len(numbers) == 2:
        return f"TS val {numbers[0]} ecr {numbers[1]}"
    return {0: "eol", 1: "nop", 4: "sackOK"}.get(kind, f"unknown-{kind}")


# --- UDP


def _udp(style: Style, wire: bytes, payload: bytes, missing: int) -> str:
    if len(payload) < udp.HEADER:
        return addresses(style, wire) + "[|udp]"
    source, destination, length, total = udp.HEADER_FIELDS.unpack_from(payload)
    data = payload[udp.HEADER :]
    text = f"{style.host(wire[12:16])}.{style.port('udp', source)} > {style.host(wire[16:20])}.{style.port('udp', destination)}: "
    if style.quick:
        return f"{text}UDP, length {length - udp.HEADER}"
    if style.verbose > 1 and not missing and not ipv4.is_fragment(wire):
        sound = _sum(wire, payload, ipv4.UDP)
        right = sound.removeprefix("(incorrect -> ").removesuffix(")")
        text += "[no cksum] " if not total else "[udp sum ok] " if sound == "(correct)" else f"[bad udp cksum 0x{total:04x} -> {right}!] "
    ports = {source, destination}
    if DNS in ports or MDNS in ports:
        return text + dns_text(data, length - udp.HEADER, verbose=style.verbose)
    if VXLAN in ports or OTV in ports:
        return text + _vxlan(style, data, otv=VXLAN not in ports)
    if (source in RX or destination in RX) and len(data) < 28:
        return f"{text} [|rx] ({length - udp.HEADER})"
    return f"{text}UDP, length {length - udp.HEADER}"


def _vxlan(style: Style, data: bytes, *, otv: bool) -> str:
    if len(data) < 8:
        return "[|otv]" if otv else "[|vxlan]"
    flags = f"flags [{'I' if data[0] & 8 else '.'}] (0x{data[0]:02x})"
    number = int.from_bytes(data[4:7], "big")
    what = f"OTV, {flags}, overlay {int.from_bytes(data[1:4], 'big')}, instance {number}" if otv else f"VXLAN, {flags}, vni {number}"
    return f"{what}\n{ethernet_text(style, data[8:])}"


# --- ICMP, IGMP


def _icmp(style: Style, wire: bytes, message: bytes, missing: int) -> str:
    if len(message) < icmp.HEADER:
        return "ICMP [|icmp]"
    kind, code, rest = message[0], message[1], message[4:8]
    identifier, sequence = int.from_bytes(rest[:2], "big"), int.from_bytes(rest[2:], "big")
    if kind in {Type.ECHO, Type.ECHO_REPLY}:
        text = f"echo {'request' if kind == Type.ECHO else 'reply'}, id {identifier}, seq {sequence}"
    elif kind == Type.DEST_UNREACH:
        text = _unreachable(style, code, rest, message[8:])
    elif kind == Type.REDIRECT:
        gateway = style.host(rest)
        text = f"redirect {style.host(message[24:28])} to {REDIRECTS.get(code, f'#{code}')} {gateway}"
    elif kind == Type.TIME_EXCEEDED:
        text = {0: "time exceeded in-transit", 1: "ip reassembly time exceeded"}.get(code, f"time exceeded-#{code}")
    elif kind == Type.PARAMETER_PROBLEM:
        text = f"parameter problem - octet {rest[0]}" if not code else f"parameter problem - code {code}"
    else:
        names = {Type.SOURCE_QUENCH: "source quench", Type.ADDRESS_MASK: "address mask request"}
        text = names.get(Type(kind), f"type-#{kind}") if kind in set(Type) else f"type-#{kind}"
    text = f"ICMP {text}, length {len(message) + missing}"
    if style.verbose and not missing and not ipv4.is_fragment(wire) and not icmp.is_valid(message):
        text += " (wrong icmp cksum)"
    if style.verbose and kind in icmp.ERRORS and len(message) > icmp.HEADER:
        text += ("\n\t" if style.link else "\n\tIP ") + ip_packet_text(style, message[8:], 65535)  # a quotation is never whole
    return text


def _unreachable(style: Style, code: int, rest: bytes, quoted: bytes) -> str:
    if len(quoted) < ipv4.HEADER:
        return "unreachable [|icmp]"
    dst, protocol = style.host(quoted[16:20]), quoted[9]
    if code == 2:
        return f"{dst} protocol {protocol} unreachable"
    if code == 3:
        inner = quoted[(quoted[0] & 15) * 4 :]
        port = int.from_bytes(inner[2:4], "big")
        name = {ipv4.TCP: "tcp", ipv4.UDP: "udp"}.get(protocol)
        return f"{dst} {name} port {style.port(name, port)} unreachable" if name else f"{dst} protocol {protocol} port {port} unreachable"
    if code == 4:
        mtu = int.from_bytes(rest[2:], "big")
        return f"{dst} unreachable - need to frag" + (f" (mtu {mtu})" if mtu else "")
    return UNREACHABLE.get(code, f"{{dst}} unreachable - #{code}").format(dst=dst)


def _igmp(style: Style, message: bytes) -> str:
    kind = message[0] if message else -1
    if kind == 0x22 and len(message) >= 8:
        return f"igmp v3 report, {int.from_bytes(message[6:8], 'big')} group record(s)" + (_groups(style, message) if style.verbose else "")
    names = {0x12: "v1 report", 0x16: "v2 report", 0x17: "leave"}
    if kind in names and len(message) >= 8:
        return f"igmp {names[kind]} {style.host(message[4:8])}"
    return f"igmp query v{3 if len(message) >= 12 else 2}" if kind == 0x11 else "igmp"


def _groups(style: Style, message: bytes) -> str:
    """The records of a version 3 report (RFC 3376 §4.2)."""
    text, at = "", 8
    while at + 8 <= len(message):
        count = int.from_bytes(message[at + 2 : at + 4], "big")
        sources = [style.host(message[place : place + 4]) for place in range(at + 8, min(at + 8 + 4 * count, len(message) - 3), 4)]
        text += f" [gaddr {style.host(message[at + 4 : at + 8])} {RECORDS.get(message[at], f'[v3-report-#{message[at]}]')}"
        text += f"{' { ' + ''.join(f'{each} ' for each in sources) + '}' if style.verbose > 1 else f', {count} source(s)'}]"
        at += 8 + 4 * count + 4 * message[at + 1]
    return text


# --- tunnels


def _gre(style: Style, payload: bytes) -> str:
    if len(payload) < 4:
        return "[|gre]"
    bits, ethertype = payload[0] << 8 | payload[1], payload[2] << 8 | payload[3]
    names = [name for name, bit in (("checksum present", 0x8000), ("routing present", 0x4000), ("key present", 0x2000),
                                    ("sequence# present", 0x1000)) if bits & bit]  # fmt: skip
    text = f"GREv{bits & 7}" + (f", Flags [{', '.join(names) or 'none'}]" if style.verbose else "")
    at = 4
    if bits & 0x8000:
        text += f", sum 0x{payload[at : at + 2].hex()}" if style.verbose else ""
        at += 4
    if bits & 0x2000:
        text += f", key=0x{int.from_bytes(payload[at : at + 4], 'big'):x}"
        at += 4
    if bits & 0x1000:
        text += f", seq {int.from_bytes(payload[at : at + 4], 'big')}"
        at += 4
    text += f", proto {_gre_name(ethertype)} (0x{ethertype:04x})" if style.link else ""
    text += f", length {len(payload)}" + ("\n\t" if style.verbose else ": ")
    inner = payload[at:]
    if ethertype == 0x6558:
        return text + ethernet_text(style, inner)
    return text + network_text(style, ethertype, inner, prefix=True)


def _gre_name(ethertype: int) -> str:
    return ethertype_text(ethertype).split()[1]
