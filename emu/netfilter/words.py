"""The values in iptables' command lines: numbers, ports, addresses; and iptables' words for what is wrong with them (iptables 1.8.9)."""

from __future__ import annotations

import re

from emu.errors import EmuError
from emu.netfilter.table import Prefix
from emu.packet.address import Ip, from_number, ip, ip_text, netmask, number

PROGRAM = "iptables v1.8.9 (nf_tables): "
HINT = "\nTry `iptables -h' or 'iptables --help' for more information."

NUMBER = re.compile(r"0[xX][0-9a-fA-F]+|[0-9]+")
PROTOCOLS = {
    "icmp": 1,
    "igmp": 2,
    "ipencap": 4,
    "tcp": 6,
    "udp": 17,
    "gre": 47,
    "esp": 50,
    "ah": 51,
    "ospf": 89,
    "ipcomp": 108,
    "sctp": 132,
    "udplite": 136,
}
PROTOCOL_NAMES = {value: name for name, value in PROTOCOLS.items()}
SERVICES = {  # the part of /etc/services that tutorials use
    "ftp-data": 20, "ftp": 21, "ssh": 22, "telnet": 23, "smtp": 25, "domain": 53, "bootps": 67, "bootpc": 68, "tftp": 69, "http": 80,
    "pop3": 110, "sunrpc": 111, "ntp": 123, "imap2": 143, "snmp": 161, "bgp": 179, "ldap": 389, "https": 443, "syslog": 514,
    "submission": 587, "ldaps": 636, "imaps": 993, "pop3s": 995, "openvpn": 1194, "ms-sql-s": 1433, "nfs": 2049, "mysql": 3306,
    "postgresql": 5432, "sip": 5060, "redis": 6379, "http-alt": 8080,
}  # fmt: skip
SERVICE_NAMES = {value: name for name, value in SERVICES.items()}


UNKNOWN_RULE = "not modelled: "  # so begins the comment of a rule without a target that stands for one which emu does not take


class IptablesError(EmuError):
    """What iptables says, and the status it leaves with."""

    def __init__(self, text: str, status: int = 1) -> None:
        super().__init__(text)
        self.status = status


# What iptables 1.8.9 has beyond what is here (iptables-extensions(8)): refused by name, so that nobody looks for a typing error.
ELSEWHERE = frozenset({
    "ah", "bpf", "cgroup", "cluster", "connbytes", "connlabel", "control", "cpu", "dccp", "devgroup",
    "ecn", "esp", "ipvs", "nfacct", "osf", "owner",
    "quota", "realm", "set", "socket", "string", "time", "u32", "AUDIT", "CLASSIFY",
    "CLUSTERIP", "CONNSECMARK", "ECN", "HMARK", "IDLETIMER", "LED", "NFQUEUE", "RATEEST",
    "SECMARK", "SET", "SYNPROXY", "TCPOPTSTRIP", "TEE", "TPROXY", "ULOG",
})  # fmt: skip


def usage(text: str) -> IptablesError:
    """A command line that iptables does not take: status 2."""
    return IptablesError(PROGRAM + text + HINT, 2)


def integer(text: str, low: int, high: int) -> int | None:
    """A decimal, hexadecimal or octal number, if it is one within the bounds."""
    try:
        value = int(text, 16 if text.lower().startswith("0x") else 8 if len(text) > 1 and text.startswith("0") else 10)
    except ValueError:
        return None
    return value if low <= value <= high and text.isascii() and "_" not in text and text.strip() == text else None


def port(text: str) -> int:
    value = SERVICES.get(text, integer(text, 0, 65535))
    if value is None:
        raise usage(f"invalid port/service `{text}' specified")
    return value


def port_range(text: str) -> tuple[int, int]:
    """`80`, `80:90`, `:90`, `80:`."""
    low, colon, high = text.partition(":")
    if not colon:
        return port(text), port(text)
    first, last = port(low) if low else 0, port(high) if high else 65535
    if first > last:
        raise usage("invalid portrange (min > max)")
    return first, last


def port_range_text(ports: tuple[int, int]) -> str:
    return str(ports[0]) if ports[0] == ports[1] else f"{ports[0]}:{ports[1]}"


def service(value: int, numeric: bool) -> str:
    return str(value) if numeric else SERVICE_NAMES.get(value, str(value))


def protocol(text: str) -> int:
    name = text.lower()
    if name == "all":
        return 0
    value = PROTOCOLS.get(name, integer(text, 0, 255))
    if value is None:
        raise usage(f'unknown protocol "{text}" specified')
    return value


def bounded(owner: str, option: str, text: str, low: int, high: int) -> int:
    """An option's number (XTTYPE_UINT…)."""
    value = integer(text, low, high)
    if value is None:
        raise usage(f'{owner}: bad value for option "{option}", or out of range ({low}-{high}).\n')
    return value


def bounded_pair(owner: str, option: str, text: str, high: int) -> tuple[int, int]:
    """`5`, `5:9`, `:9`, `5:` (XTTYPE_UINT16RC); the second may be the lower."""
    found: list[int] = []
    rest: str | None = text
    while rest is not None:
        if len(found) == 2:
            raise usage(f'{owner}: Too many components for option "{option}" (max: 2)\n')
        digits = NUMBER.match(rest)
        end = digits.end() if digits else 0
        value = integer(rest[:end], 0, high) if end else (high if found else 0) if rest[:1] in ("", ":") else None
        if value is None:
            raise usage(f'{owner}: bad value for option "{option}" near "{rest}", or out of range (0-{high}).\n')
        if rest[end:] and rest[end] != ":":
            raise usage(f'{owner}: Argument to "{option}" has unexpected characters near "{rest[end:]}".\n')
        found.append(value)
        rest = rest[end + 1 :] if rest[end:] else None
    return found[0], found[-1]


def masked(owner: str, option: str, text: str) -> tuple[int, int]:
    """`value[/mask]`, 32 bits each (XTTYPE_MARKMASK32)."""
    value, slash, mask = text.partition("/")
    number_, bits = integer(value, 0, 0xFFFFFFFF), integer(mask, 0, 0xFFFFFFFF) if slash else 0xFFFFFFFF
    if number_ is None or bits is None:
        raise usage(f'{owner}: bad integer value for option "{option}", or out of range.\n')
    return number_, bits


def masked_text(value: int, mask: int) -> str:
    return f"{value:#x}" if mask == 0xFFFFFFFF else f"{value:#x}/{mask:#x}"


def address(text: str) -> Ip:
    """Names are not looked up. A short form such as `10.1` or `0` has its missing numbers zero, as for networks."""
    parts = text.split(".")
    try:
        return ip(".".join(parts + ["0"] * (4 - len(parts))))
    except ValueError:
        raise usage(f"host/network `{text}' not found") from None


def mask_of(text: str) -> Ip:
    length = integer(text, 0, 32)
    if length is not None:
        return from_number(netmask(length))
    try:
        return ip(text)
    except ValueError:
        raise usage(f"invalid mask `{text}' specified") from None


def mask_length(owner: str, option: str, text: str) -> int:
    """A length, which the kernel may find too long, or a mask (XTTYPE_PLENMASK)."""
    length = integer(text, 0, 0xFF)
    if length is not None:
        return length
    try:
        bits = number(ip(text))
    except ValueError:
        wrong = f'bad value for option "{option}", neither a valid network mask nor valid CIDR (0-32).'
        raise usage(f"{owner}: {wrong}\n") from None
    if netmask(bits.bit_count()) != bits:
        raise usage(f"{owner}: a mask with holes is not modelled: {text}\n")
    return bits.bit_count()


def prefix(text: str, inverted: bool) -> Prefix | None:
    """`10.0.0.0/8`, `10.0.0.0/255.0.0.0`, `10.0.0.1`; None for every address."""
    host, slash, mask = text.partition("/")
    bits = mask_of(mask) if slash else Ip(b"\xff\xff\xff\xff")
    network = from_number(number(address(host)) & number(bits))
    if bits == b"\0\0\0\0" and not inverted:
        return None
    return Prefix(network, bits, inverted)


def mask_text(mask: Ip) -> str:
    """The length of a mask that has one, else the mask."""
    bits = number(mask)
    length = bits.bit_count()
    return str(length) if netmask(length) == bits else ip_text(mask)


def quoted(text: str) -> str:
    """As iptables-save writes strings: in quotes if it must."""
    if text and all(char.isalnum() or char in "_-" for char in text):
        return text
    return '"' + "".join("\\" + char if char in "\\\"'" else char for char in text) + '"'
