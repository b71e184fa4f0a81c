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


def port_value(wire: bytes, turn: int = 0) -> Value:
    """`turn`: it is a client's, so that NAT may have chosen it, and that of the first, second … connection of a run that has the number."""
    number = int.from_bytes(wire, "big")
    return Name("ephemeral port", in_turn(str(number), turn)) if number in EPHEMERAL or (turn and number >= FIRST_NAT_PORT) else number


def in_turn(text: str, turn: int) -> str:
    """What a name is called that several things have had by chance."""
    return text if turn < 2 else f"{text} ({turn})"


def shape(value: Value) -> Value:
    """The value with a name replaced by its kind."""
    return value.kind if isinstance(value, Name) else value
