"""What `ip -j -d` says of a device's kind, in the words of `ip -d` and of `ip link add`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

UNSAID = {"udp_zero_csum6_tx", "udp_zero_csum6_rx"}  # of IPv6
JSON_WORDS = {"link": "dev", "port": "dstport", "learning": "nolearning", "udp_csum": "noudpcsum", "pmtudisc": "nopmtudisc"}
SAID_IF_FALSE = {"learning", "udp_csum", "pmtudisc"}
USUAL: dict[str, tuple[Any, ...]] = {"ttl": (0,), "df": ("unset",), "proto": ("ipip", "any")}


def details_of_json(data: dict[str, Any]) -> Iterator[str]:
    """The words for the `info_data` of `ip -j -d`."""
    for key, value in data.items():
        if key in UNSAID or value in USUAL.get(key, ()):
            continue
        if key == "port_range" and isinstance(value, dict):
            yield from ("srcport", str(value.get("low")), str(value.get("high")))
        elif isinstance(value, bool):
            if value is not (key in SAID_IF_FALSE):
                yield JSON_WORDS.get(key, key)
        else:
            yield from (JSON_WORDS.get(key, key), str(value))
