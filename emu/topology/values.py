"""What a word in a topology file may be: each function takes the text and returns its value, or raises ValueError with the reason.

Units are those of the Linux tools: durations as `sleep` and `tc` take them, rates and losses as `tc netem` does.
"""

from __future__ import annotations

import re
import shlex

from emu.packet import address
from emu.topology.spec import is_pattern
from emu.topology.spec_compose import Exposed

NAME = r"^[A-Za-z0-9][A-Za-z0-9_-]*$"
CONTAINER_NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]*$"
DEVICE_NAME = r"^[^\s/:%]{1,15}$"
LONGEST_NAME = 63
DURATION = r"^([0-9]{1,12})(?:\.([0-9]{1,9}))?\s*(ns|us|ms|s|m|h)?$"
RATE = r"^([0-9]{1,12})(?:\.([0-9]{1,9}))?\s*(bit|kbit|mbit|gbit|tbit)$"
PERCENTAGE = r"^([0-9]{1,3}(?:\.[0-9]{1,9})?)\s*%$"
PORTS = r"^[0-9]{1,5}(?:-[0-9]{1,5})?(?:/(?:tcp|udp))?$"

_NANOSECONDS = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
_BITS = {"bit": 1, "kbit": 10**3, "mbit": 10**6, "gbit": 10**9, "tbit": 10**12}


def _scaled(whole: str, fraction: str | None, unit: int) -> int:
    return int(whole) * unit + (int(fraction) * unit // 10 ** len(fraction) if fraction else 0)


def duration(text: str) -> int:
    """Nanoseconds from `20ms`, `1.5s`, `2` (seconds)."""
    match = re.match(DURATION, text)
    if match is None:
        raise ValueError(f"'{text}' is not a duration such as 20ms or 1.5s")
    return _scaled(match[1], match[2], _NANOSECONDS[match[3] or "s"])


def positive_duration(text: str) -> int:
    value = duration(text)
    if not value:
        raise ValueError("must be longer than 0")
    return value


def rate(text: str) -> int:
    """Bits a second from `10mbit`."""
    match = re.match(RATE, text.lower())
    if match is None:
        raise ValueError(f"'{text}' is not a rate such as 10mbit; units: {', '.join(_BITS)}")
    value = _scaled(match[1], match[2], _BITS[match[3]])
    if not value:
        raise ValueError("must be more than 0bit")
    return value


def percentage(text: str) -> float:
    """A fraction from `1%`."""
    match = re.match(PERCENTAGE, text)
    if match is None or float(match[1]) > 100:
        raise ValueError(f"'{text}' is not a percentage such as 1%, from 0% to 100%")
    return float(match[1]) / 100


def whole_number(text: str, minimum: int, maximum: int) -> int:
    if not (text.isascii() and text.isdigit() and (text == "0" or text[0] != "0")):
        raise ValueError(f"'{text}' is not a whole number")
    if len(text) > 20 or not minimum <= int(text) <= maximum:
        raise ValueError(f"{text if len(text) <= 20 else 'the number'} is not from {minimum} to {maximum}")
    return int(text)


def ip(text: str) -> str:
    """An address, as text."""
    if "/" in text:
        raise ValueError(f"'{text}' is an address with a prefix length; an address alone is wanted")
    address.ip(text)
    return address.ip_text(address.ip(text))


def extra_host(name: str, text: str) -> None:
    """A line for /etc/hosts."""
    if not name or (text != "host-gateway" and not text):
        raise ValueError(f"'{name}:{text}' is not NAME:ADDRESS")
    if text != "host-gateway":
        unicast_ip(text)


def unicast_ip(text: str) -> str:
    value = address.ip(ip(text))
    if value[0] in (0, 127) or value[0] >= 224:
        raise ValueError(f"'{text}' is not an address that a machine can have")
    return address.ip_text(value)


def cluster_store(text: str) -> str:
    """`consul://192.168.60.5:8500`, of dockerd's --cluster-store; raises ValueError."""
    scheme, separator, rest = text.partition("://")
    if scheme not in ("consul", "etcd", "zk") or not separator or not rest:
        raise ValueError(f"'{text}' is not a store: consul://HOST:PORT, etcd://HOST:PORT or zk://HOST:PORT")
    return text


def store(text: str) -> str:
    """`memory`, or a real server: `etcd://HOST:PORT`."""
    scheme, separator, rest = text.partition("://")
    host, colon, port = rest.rpartition(":")
    if text != "memory" and not (scheme == "etcd" and separator and host and colon and port.isdigit()):
        raise ValueError(f"'{text}' is not a store: memory, or etcd://127.0.0.1:2379")
    return text


def subnet(text: str) -> str:
    """A network with its length; no bits of a host."""
    if not text[:1].isdigit():
        raise ValueError(f"'{text}' is not a subnet such as 192.168.50.0/24")
    if "/" not in text:
        raise ValueError(f"'{text}' has no prefix length; write it as {text}/24, say")
    value, length = address.prefix(text)
    network = f"{address.ip_text(address.network(value, length))}/{length}"
    if address.network(value, length) != value:
        raise ValueError(f"'{text}' has host bits set; the network is {network}")
    return network


def interface_address(text: str) -> str:
    """A host's address with its prefix length."""
    if "/" not in text:
        raise ValueError(f"'{text}' has no prefix length; write it as {text}/24, say")
    value, length = address.prefix(text)
    unicast_ip(address.ip_text(value))
    if not length:
        raise ValueError(f"'{text}': an interface's prefix length is from 1 to 32")
    if length < 31 and value in (address.network(value, length), address.broadcast(value, length)):
        what = "network's own" if value == address.network(value, length) else "broadcast"
        raise ValueError(f"'{text}' is the {what} address of its subnet")
    return f"{address.ip_text(value)}/{length}"


def mac(text: str) -> str:
    """A MAC address a network card can have, in lower case."""
    try:
        value = address.mac(text)
    except ValueError:
        raise ValueError(f"'{text}' is not a MAC address such as 02:00:00:00:50:10 (quote it)") from None
    if address.is_multicast_mac(value) or value == address.ZERO_MAC:
        raise ValueError(f"'{text}' is not a unicast MAC address")
    return address.mac_text(value)


def _name(text: str, pattern: str, allowed: str) -> str:
    if not re.match(pattern, text) or len(text) > LONGEST_NAME or text.endswith("\n"):
        raise ValueError(f"'{text}' is not a name: {allowed}")
    return text


def name(text: str) -> str:
    return _name(text, NAME, f"letters, digits, '_' and '-', at most {LONGEST_NAME}")


def container_name(text: str) -> str:
    return _name(text, CONTAINER_NAME, f"letters, digits, '_', '.' and '-', at most {LONGEST_NAME}")


def device_name(text: str) -> str:
    if not re.match(DEVICE_NAME, text) or text in (".", "..") or not text.isprintable() or not text.isascii():
        raise ValueError(f"'{text}' is not an interface name: at most 15 characters, no '/', ':' or space")
    if text == "lo":
        raise ValueError("'lo' is every host's own loopback; choose another name")
    return text


def text(value: str) -> str:
    """Anything that can be printed on one or more lines, and is not empty."""
    if not value.strip():
        raise ValueError("is empty")
    return value


def any_text(value: str) -> str:
    return value


def line(value: str) -> str:
    if "\n" in value.strip():
        raise ValueError("is more than one line")
    return text(value).strip()


def absolute_path(value: str) -> str:
    if not value.startswith("/") or value.endswith("/") or "\0" in value:
        raise ValueError(f"'{value}' is not the absolute path of a file")
    return value


def words(value: str) -> tuple[str, ...]:
    """A command line's words, as a shell splits them."""
    try:
        return tuple(shlex.split(value))
    except ValueError as error:
        raise ValueError(f"cannot be split into words: {str(error).lower()}") from None


def exposed(value: str) -> tuple[Exposed, ...]:
    """`80`, `53/udp`, `3000-3005/tcp`."""
    ports, _, protocol = value.partition("/")
    return tuple(Exposed(port, known_protocol(protocol or "tcp")) for port in port_range(ports))


def known_protocol(value: str) -> str:
    if value.lower() not in ("tcp", "udp"):
        raise ValueError(f"the protocol '{value}' is not modelled; known: tcp, udp")
    return value.lower()


def port(value: str) -> int:
    if not (value.isascii() and value.isdigit() and len(value) <= 5 and 1 <= int(value) <= 65535):
        raise ValueError(f"'{value}' is not a port from 1 to 65535")
    return int(value)


def port_range(value: str) -> range:
    """`80` or `8000-8010`."""
    first, dash, last = value.partition("-")
    low, high = port(first), port(last if dash else first)
    if high < low:
        raise ValueError(f"the range '{value}' runs backwards")
    return range(low, high + 1)


def expected_text(value: str) -> str:
    """A substring, or a `/regex/`."""
    if is_pattern(value):
        try:
            re.compile(value[1:-1])
        except (re.error, OverflowError, RecursionError) as error:
            raise ValueError(f"{value} is not a regular expression: {error}") from None
    return any_text(value)


def inside(one: str, other: str) -> bool:
    """Whether an address (with or without a length) is in a subnet."""
    network, length = address.prefix(other)
    return address.network(address.prefix(one)[0], length) == address.network(network, length)


def overlap(one: str, other: str) -> bool:
    """Whether two subnets have addresses in common."""
    return inside(one, other) if address.prefix(one)[1] >= address.prefix(other)[1] else inside(other, one)
