"""Tunnel ports of Open vSwitch, which puts on and takes off the outer headers itself (netdev-vport.c, netdev-native-tnl.c, tnl-ports.c).

The outer header has DF set and identification 0; of the inner TOS only ECN is copied, unless `tos=inherit`. Not modelled: remotes, keys
and addresses that flows choose (`flow`), checksums of the tunnel (`csum`), names instead of addresses, IPv6, `packet_type`, GPE and GBP.
"""

from __future__ import annotations

from dataclasses import dataclass

from emu.encap import gre, vxlan
from emu.netdev.tunnel import outer_tos, take_congestion_mark
from emu.packet import ethernet, ipv4, udp
from emu.packet.address import ANY, Ip, Mac, ip
from emu.packet.flow import flow_hash, flow_key

KINDS = ("gre", "vxlan")
DEFAULT_TTL = 64
INHERIT = -1
_PORTS = (32768, 61000)  # of the outer UDP source: tnl_udp_port_min, tnl_udp_port_max
_NUMBERS = {"key": 1 << 64, "in_key": 1 << 64, "out_key": 1 << 64, "dst_port": 1 << 16, "ttl": 1 << 8, "tos": 1 << 8}
_REFUSED = {"csum", "packet_type", "exts", "egress_pkt_mark", "seq"}


class RefusedOption(Exception):
    """An option that Open vSwitch has, and emu has not."""


@dataclass(frozen=True)
class TunnelOptions:
    """What the options of an interface say; None for a key: none in the header, 0 when received."""

    kind: str
    remote: Ip
    local: Ip = ANY
    in_key: int | None = None
    out_key: int | None = None
    port: int = vxlan.IANA_PORT
    ttl: int = DEFAULT_TTL
    tos: int = 0
    dont_fragment: bool = True

    @property
    def ends(self) -> tuple[object, ...]:
        """Two ports cannot have the same."""
        return (self.kind, self.remote, self.local, self.in_key or 0, self.port if self.kind == "vxlan" else 0)

    @property
    def system_name(self) -> str:
        """The port of the datapath that all tunnels of the kind share."""
        return "gre_sys" if self.kind == "gre" else f"vxlan_sys_{self.port}"


def parse_options(name: str, kind: str, options: dict[str, str]) -> TunnelOptions:
    """set_tunnel_config. Options that nobody knows are passed over, as the daemon does (its log has a line on them).

    Raises ValueError with the daemon's words for what it cannot use, RefusedOption for what emu does not model.
    """
    for key, value in options.items():
        if key in _REFUSED or value == "flow" or (value == "inherit" and key not in {"tos", "ttl"}):
            raise RefusedOption(f"options:{key}={value}")
    wrong = [f"{name}: bad {kind} '{key}'" for key in ("remote_ip", "local_ip") if key in options and _address(options[key]) is None]
    remote = _address(options.get("remote_ip", ""))
    if remote is None:
        raise ValueError("\n".join([*wrong, f"{name}: {kind} type requires valid 'remote_ip' argument"]))
    numbers = {key: _number(key, options[key]) for key in _NUMBERS if key in options}
    return TunnelOptions(
        kind,
        remote,
        _address(options.get("local_ip", "")) or ANY,
        numbers.get("in_key", numbers.get("key")),
        numbers.get("out_key", numbers.get("key")),
        numbers.get("dst_port", vxlan.IANA_PORT),
        INHERIT if options.get("ttl") == "inherit" else numbers.get("ttl", DEFAULT_TTL),
        1 if options.get("tos") == "inherit" else numbers.get("tos", 0),
        options.get("df_default", "true") == "true",
    )


def _address(text: str) -> Ip | None:
    try:
        return ip(text)
    except ValueError:
        return None


def _number(key: str, text: str) -> int:
    """As strtoull and atoi: what is no number counts as 0, what is too large loses its upper bits."""
    try:
        return int(text, 0) % _NUMBERS[key]
    except ValueError:
        return 0


def encapsulate(options: TunnelOptions, frame: bytes, source: Ip, macs: tuple[Mac, Mac], secret: int) -> bytes:
    """tnl_push: the outer Ethernet frame, for `macs` (destination, source)."""
    inner = frame[14:] if frame[12:14] == ethernet.IPV4 and len(frame) >= ethernet.HEADER + ipv4.HEADER else b""
    if options.kind == "gre":
        protocol, payload = ipv4.GRE, gre.encapsulate(gre.ETHERNET, _low(options.out_key, 32), frame)
    else:
        low, high = _PORTS
        port = (flow_hash(flow_key(frame), secret) * (high - low) >> 32) + low
        protocol = ipv4.UDP
        carried = vxlan.encapsulate(_low(options.out_key, 24) or 0, frame)
        payload = udp.build(source, options.remote, port, options.port, carried, with_checksum=False)
    tos = outer_tos(options.tos, inner) if inner else options.tos & ~1
    ttl = options.ttl if options.ttl != INHERIT else inner[8] if inner else DEFAULT_TTL
    word = ipv4.DONT_FRAGMENT if options.dont_fragment else 0
    packet = ipv4.build(source, options.remote, protocol, payload, ttl, tos, 0, word)
    return ethernet.build(*macs, ethernet.IPV4, packet)


def _low(key: int | None, bits: int) -> int | None:
    return key & (1 << bits) - 1 if key is not None else None


@dataclass(frozen=True)
class Received:
    """An outer packet that was taken apart. `key` None: without."""

    kind: str
    src: Ip
    dst: Ip
    key: int | None
    port: int
    inner: bytes


def is_tunnelled(packet: bytes) -> tuple[str, int] | None:
    """The kind of tunnel an IPv4 packet may be of, with its UDP port; fragments are of none."""
    if len(packet) < ipv4.HEADER or ipv4.is_fragment(packet):
        return None
    if packet[9] == ipv4.GRE:
        return "gre", 0
    header = ipv4.header_length(packet)
    return ("vxlan", int.from_bytes(packet[header + 2 : header + 4], "big")) if packet[9] == ipv4.UDP else None


def decapsulate(kind: str, packet: bytes) -> Received | None:
    """tnl_pop; None if it is malformed, or what it carries is no Ethernet frame."""
    if not ipv4.is_valid(packet):
        return None
    packet = packet[: packet[2] << 8 | packet[3]]
    header = ipv4.header_length(packet)
    src, dst = Ip(packet[12:16]), Ip(packet[16:20])
    if kind == "gre":
        found = gre.decapsulate(packet[header:])
        if isinstance(found, gre.Fault) or found.protocol != gre.ETHERNET or len(found.inner) < ethernet.HEADER:
            return None
        return Received(kind, src, dst, found.key, 0, found.inner)
    if not udp.is_valid(packet, header):
        return None
    carried = vxlan.decapsulate(packet[header + udp.HEADER :])
    if isinstance(carried, vxlan.Fault):
        return None
    return Received(kind, src, dst, carried[0], int.from_bytes(packet[header + 2 : header + 4], "big"), carried[1])


def marked(outer: bytes, inner: bytes) -> bytes | None:
    """The inner frame, marked if the outer packet met congestion; None if it cannot be marked and must go."""
    if outer[1] & 3 != 3 or inner[12:14] != ethernet.IPV4 or len(inner) < ethernet.HEADER + ipv4.HEADER:
        return inner
    packet = take_congestion_mark(outer[1], inner[ethernet.HEADER :])
    return None if packet is None else inner[: ethernet.HEADER] + packet
