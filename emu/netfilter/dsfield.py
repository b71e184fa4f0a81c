"""The second byte of the IP header, as DSCP (six bits, two more for ECN) and as TOS: names and numbers for four extensions of iptables."""

from __future__ import annotations

from emu.netfilter.words import NUMBER, integer, usage
from emu.packet import ipv4

CLASSES = {  # iptables' dscp_helper.c
    "CS0": 0x00, "CS1": 0x08, "CS2": 0x10, "CS3": 0x18, "CS4": 0x20, "CS5": 0x28, "CS6": 0x30, "CS7": 0x38, "BE": 0x00,
    "AF11": 0x0A, "AF12": 0x0C, "AF13": 0x0E, "AF21": 0x12, "AF22": 0x14, "AF23": 0x16, "AF31": 0x1A, "AF32": 0x1C, "AF33": 0x1E,
    "AF41": 0x22, "AF42": 0x24, "AF43": 0x26, "EF": 0x2E,
}  # fmt: skip
NAMES = {  # iptables' tos_values.c
    "Minimize-Delay": 0x10, "Maximize-Throughput": 0x08, "Maximize-Reliability": 0x04, "Minimize-Cost": 0x02, "Normal-Service": 0x00,
}  # fmt: skip
NAMED_MASK = 0x3F


def dscp_class(text: str) -> int:
    """What follows a name does not matter, as in iptables."""
    for name, value in CLASSES.items():
        if text.upper().startswith(name):
            return value
    raise usage(f"Invalid DSCP value `{text}'")


def tos(text: str) -> tuple[int, int]:
    """A name, or `value[/mask]`."""
    value, slash, mask = text.partition("/")
    named = next((number for name, number in NAMES.items() if name.lower() == text.lower()), None)
    if named is not None:
        return named, NAMED_MASK
    digits = NUMBER.match(text)
    if digits is None or integer(digits[0], 0, 0xFF) is None:
        raise usage(f'Symbolic name "{text}" is unknown')
    found, bits = integer(value, 0, 0xFF), integer(mask, 0, 0xFF) if slash else 0xFF
    if found is None or bits is None:
        raise usage(f'Illegal value: "{text}"')
    return found, bits


def tos_name(value: int, mask: int) -> str:
    return next((name for name, number in NAMES.items() if number == value), "") if mask == NAMED_MASK else ""


def changed(wire: bytes, keep: int, flip: int) -> bytes:
    """The packet with only the bits in `keep` left of the byte, and then those in `flip` flipped."""
    new = wire[ipv4.TOS] & keep ^ flip
    return wire if new == wire[ipv4.TOS] else ipv4.replace(wire, slice(0, 2), bytes([wire[0], new]))
