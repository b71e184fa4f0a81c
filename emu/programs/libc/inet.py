"""What net-tools and busybox share: netmasks, classes, numbers of bytes in words, the flags of an interface (netdevice(7))."""

from __future__ import annotations

from emu.netdev.device import NetDevice
from emu.packet.address import from_number, ip_text, netmask

BITS = (
    ("UP", 0x1), ("BROADCAST", 0x2), ("LOOPBACK", 0x8), ("RUNNING", 0x40), ("NOARP", 0x80), ("PROMISC", 0x100), ("ALLMULTI", 0x200),
    ("MULTICAST", 0x1000),
)  # fmt: skip
UNITS = ("KiB", "MiB", "GiB", "TiB", "PiB")


def flags(dev: NetDevice) -> dict[str, int]:
    """The names and bits that SIOCGIFFLAGS gives, in the order in which net-tools prints them."""
    own = {"LOOPBACK"} if dev.kind == "loopback" else {"BROADCAST"} if dev.kind == "dummy" else {"BROADCAST", "MULTICAST"}
    own |= {"UP"} if dev.up else set()
    own |= {"RUNNING"} if dev.up and dev.carrier else set()
    own |= {"NOARP"} if not dev.arp or dev.kind == "dummy" else set()
    own |= {"PROMISC"} if dev.promiscuous else set()
    return {name: bit for name, bit in BITS if name in own}


def mask_text(length: int) -> str:
    return ip_text(from_number(netmask(length)))


def mask_length(text: str) -> int:
    """The length of a dotted netmask. Raises ValueError for one with holes."""
    lengths = {mask_text(length): length for length in range(33)}
    if text not in lengths:
        raise ValueError(f"{text!r} is not a netmask")
    return lengths[text]


def class_length(address: bytes) -> int:
    """The prefix length of an address's class (A, B, C), which SIOCSIFADDR takes."""
    return 8 if address[0] < 128 else 16 if address[0] < 192 else 24 if address[0] < 224 else 32


def scaled(octets: int, *, least: int) -> str:
    """`1928 (1.8 KiB)`, cut and not rounded; below `least` bytes it stays at bytes."""
    if octets < least:
        return f"{octets} ({octets}.0 B)"
    tenths, at = octets * 10 // 1024, 0
    while tenths >= 10 * 1024 and at + 1 < len(UNITS):
        tenths, at = tenths // 1024, at + 1
    return f"{octets} ({tenths // 10}.{tenths % 10} {UNITS[at]})"
