"""The values of a frame's fields in a comparison: text, numbers, and names that a run chooses freely."""

from __future__ import annotations

from dataclasses import dataclass

from emu.packet.address import mac_text

EPHEMERAL = range(32768, 61000)  # net.ipv4.ip_local_port_range
FIRST_NAT_PORT = 1024  # of those that masquerading chooses (nf_nat_l4proto_unique_tuple)


@dataclass(frozen=True, slots=True)
class Name:
    """A value that a run chooses freely: equal up to a one-to-one renaming within its `kind`."""

    kind: str
    value: str

    def __str__(self) -> str:
        return self.value


Value = str | int | Name
Fields = dict[str, Value]


def mac_value(address: bytes, ip: bytes = b"") -> Value:
    """Group addresses, zero, and those that Docker derives from the IP address stand for themselves."""
    text = mac_text(address)
    return text if address[0] & 1 or not any(address) or (ip and address[2:] == ip) else Name("MAC", text)


def port_value(wire: bytes, *, is_chosen: bool = False) -> Value:
    """`is_chosen`: it is the client's of a connection, so that NAT may have chosen it."""
    number = int.from_bytes(wire, "big")
    return Name("ephemeral port", str(number)) if number in EPHEMERAL or (is_chosen and number >= FIRST_NAT_PORT) else number


def shape(value: Value) -> Value:
    """The value with a name replaced by its kind."""
    return value.kind if isinstance(value, Name) else value
