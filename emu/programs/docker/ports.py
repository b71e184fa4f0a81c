"""What `-p` and `--expose` take (docker/go-connections nat): `80`, `8080:80`, `127.0.0.1::80`, `8000-8010:80`, `8000-8002:80-82/udp`."""

from __future__ import annotations

from emu.docker.checks import is_address
from emu.docker.model import Port, PortBinding

PROTOCOLS = ("tcp", "udp", "sctp")
HIGHEST = 65535


def bindings(entry: str) -> list[PortBinding]:
    """Raises ValueError in Docker's words."""
    rest, _, protocol = entry.partition("/")
    front, _, inner = rest.rpartition(":")
    host_ip, _, outer = front.rpartition(":")
    if ":" in host_ip and not host_ip.startswith("["):
        raise ValueError(f"Invalid ip address {host_ip}: address {host_ip}:: too many colons in address")
    if not inner:
        raise ValueError(f"No port specified: {entry}<empty>")
    if host_ip and not is_address(host_ip):
        raise ValueError(f"Invalid ip address: {host_ip}")
    first, last = _range(inner, f"Invalid containerPort: {inner}")
    low, high = _range(outer, f"Invalid hostPort: {outer}") if outer else (0, 0)
    if outer and high - low != last - first and first != last:
        raise ValueError(f"Invalid ranges specified for container and host Ports: {inner} and {outer}")
    protocol = _protocol(protocol)
    if not outer:
        return [PortBinding(port, protocol, host_ip) for port in range(first, last + 1)]
    if high - low == last - first:
        return [PortBinding(first + offset, protocol, host_ip, low + offset, low + offset) for offset in range(high - low + 1)]
    return [PortBinding(first, protocol, host_ip, low, high)]


def exposed(entry: str) -> list[Port]:
    """Raises ValueError in Docker's words."""
    if ":" in entry:
        raise ValueError(f"invalid port format for --expose: {entry}")
    numbers, _, protocol = entry.partition("/")
    first, _, last = numbers.partition("-")
    for number in (first, last or first):
        if not number.isascii() or not number.isdigit():
            raise ValueError(f'invalid range format for --expose: {entry}, error: strconv.ParseUint: parsing "{number}": invalid syntax')
        if int(number) > HIGHEST:
            raise ValueError(
                f'invalid range format for --expose: {entry}, error: strconv.ParseUint: parsing "{number}": value out of range'
            )
    if int(last or first) < int(first):
        raise ValueError(f"invalid range format for --expose: {entry}, error: Invalid range specified for the Port: {numbers}")
    return [(port, _protocol(protocol)) for port in range(int(first), int(last or first) + 1)]


def _range(text: str, wrong: str) -> tuple[int, int]:
    first, dash, last = text.partition("-")
    numbers = [first, last if dash else first]
    if not all(number.isascii() and number.isdigit() and int(number) <= HIGHEST for number in numbers) or int(numbers[0]) > int(numbers[1]):
        raise ValueError(wrong)
    return int(numbers[0]), int(numbers[1])


def _protocol(text: str) -> str:
    protocol = text.lower() or "tcp"
    if protocol not in PROTOCOLS:
        raise ValueError(f"Invalid proto: {text}")
    return protocol
