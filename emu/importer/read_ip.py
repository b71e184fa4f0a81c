"""`ip addr`, `ip link`, `ip route`, `ip neigh`, `ip rule` (iproute2), as text and as JSON, with and without details.

Not modelled: IPv6 and multipath routes are told of and left out; address lifetimes mean nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any

from emu.importer.beside import take_policy_rule
from emu.importer.details import details_of_json
from emu.importer.model import Address, Device, Facts, File, Foreign, Neighbour, Route, checked
from emu.topology.source import Source

HEAD = re.compile(r"(?P<index>\d+): ([^\s:@]+)(?:@([^\s:]+))?: <([^>]*)>(.*)")
LINK = re.compile(r"link/(\S+)(?: ([0-9a-f:.]+))?")
INET = re.compile(r"inet6? (\S+)(?: peer \S+)?(?: brd \S+)?(?: any \S+)? scope (\S+)")
OF_THE_MOMENT = {"linkdown", "dead", "offload", "trap"}
NUMBERED = re.compile(r" (nhid|expires) \S+")  # what the kernel calls it, and how long it stays
TYPES = {"unicast", "local", "broadcast", "multicast", "unreachable", "blackhole", "prohibit", "throw", "anycast", "nat"}
ROUTE_KEYS = {"gateway": "via", "dev": "dev", "protocol": "proto", "scope": "scope", "prefsrc": "src", "metric": "metric"}
ROUTE_KNOWN = {*ROUTE_KEYS, "type", "dst", "table", "flags", "metrics", "nhid", "expires", "cache"}
KINDS = {
    "bridge", "veth", "vlan", "vxlan", "macvlan", "macvtap", "ipvlan", "dummy", "tun", "wireguard", "bond", "team", "ipip", "sit", "gre",
    "gretap", "ip6gre", "ip6tnl", "vti", "ifb", "vrf", "geneve", "openvswitch", "can", "nlmon", "xfrm", "ipvtap", "erspan",
}  # fmt: skip
OWN_RULES = [(number, ["from", "all", "lookup", table]) for number, table in (("0", "local"), ("32766", "main"), ("32767", "default"))]


def decoded(file: File) -> list[Any]:
    """The list that `-j` prints. Raises Foreign."""
    try:
        found = json.loads(file.text)
    except (ValueError, RecursionError) as error:
        raise Foreign(file.at(getattr(error, "lineno", 1)), f"is cut short, or no JSON: {getattr(error, 'msg', error)}") from None
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise Foreign(file.at(), f"is JSON, but not what `{file.kind.replace('-', ' ')}` prints")
    return [each for each in found if each]  # an older ip has empty ones for what it leaves out


def listed(value: Any) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else []


def is_json(file: File) -> bool:
    return file.text.lstrip()[:1] in ("[", "{")


# --- devices and addresses


def devices(file: File) -> dict[str, Device]:
    """By name, in their order. Raises Foreign."""
    found = (_devices_of_json if is_json(file) else _devices_of_text)(file)
    return {device.name: device for device in found}


def _devices_of_json(file: File) -> Iterator[Device]:
    for entry in decoded(file):
        if not isinstance(entry.get("ifname"), str) or not isinstance(entry.get("flags", []), list):
            raise Foreign(file.at(), "has an interface without a name")
        source = file.line_of(json.dumps(entry["ifname"]))
        device = Device(entry["ifname"], source, frozenset(map(str, entry.get("flags", []))), _number(entry.get("mtu"), source))
        device.mac, device.link = str(entry.get("address", "")), str(entry.get("link_type", "ether"))
        device.peer = str(entry.get("link") or (f"if{entry['link_index']}" if "link_index" in entry else ""))
        device.master, device.index = str(entry.get("master", "")), _number(entry.get("ifindex"), source, "an interface's number", 0)
        info = entry.get("linkinfo")
        if isinstance(info, dict):
            device.kind, data = str(info.get("info_kind", "")), info.get("info_data")
            device.details = tuple(details_of_json(data)) if isinstance(data, dict) else ()
        for each in _dicts(entry.get("addr_info")):
            text = str(each.get("local")) if "address" in each else f"{each.get('local')}/{each.get('prefixlen')}"
            plain = "address" not in each and each.get("scope") in ("global", "host", "link")
            where = file.line_of(str(each.get("local")))
            if each.get("family") == "inet6":
                device.ipv6.append(Address(text, where, plain))
            else:
                device.addresses.append(Address(checked(text, where), where, plain))
        yield device


def _number(value: Any, source: Source, what: str = "an MTU", default: int = 1500) -> int:
    try:
        return int(default if value is None else value)
    except (TypeError, ValueError):
        raise Foreign(source, f"'{value}' is not {what}") from None


def _dicts(value: Any) -> Iterable[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict) and each] if isinstance(value, list) else []


def _devices_of_text(file: File) -> Iterator[Device]:
    device: Device | None = None
    for number, line in enumerate(file.text.splitlines(), 1):
        if not line.strip():
            continue
        head = HEAD.match(line)
        if head is not None:
            if device is not None:
                yield device
            device = _head(head, file.at(number))
        elif device is None or not line.startswith((" ", "\t")):
            raise Foreign(file.at(number), f"is not a line of `ip addr`: {line.strip()[:60]!r}")
        else:
            _detail(device, line.strip(), file.at(number))
    if device is not None:
        yield device


def _head(head: re.Match[str], source: Source) -> Device:
    words = head[5].split()
    pairs = dict(pairwise(words))
    device = Device(head[2], source, frozenset(head[4].split(",")), _number(pairs.get("mtu"), source))
    device.peer, device.master, device.index = head[3] or "", pairs.get("master", ""), int(head["index"])
    return device


def _detail(device: Device, line: str, source: Source) -> None:
    word = line.split(maxsplit=1)[0]
    if link := LINK.match(line):
        device.link, device.mac = link[1], link[2] or ""
    elif inet := INET.match(line):
        plain = " peer " not in f" {line} " and inet[2] in ("global", "host", "link")
        if word == "inet6":
            device.ipv6.append(Address(inet[1], source, plain))
        else:
            device.addresses.append(Address(checked(inet[1], source), source, plain))
    elif word in KINDS and not device.kind:
        device.kind, device.details = word, tuple(line.split()[1:])


# --- routes


def routes(file: File, facts: Facts) -> list[Route]:
    """Those of IPv4. Raises Foreign."""
    return list((_routes_of_json if is_json(file) else _routes_of_text)(file, facts))


def _routes_of_json(file: File, facts: Facts) -> Iterator[Route]:
    for entry in decoded(file):
        if not isinstance(entry.get("dst"), str):
            raise Foreign(file.at(), "has a route without a destination")
        dst, kind = entry["dst"], str(entry.get("type", "unicast"))
        source = file.line_of(json.dumps(dst))
        if ":" in dst or "via" in entry or ":" in str(entry.get("gateway", "")):
            _ipv6(facts, source, dst, made_by_kernel=entry.get("protocol") == "kernel" or kind == "multicast")
        elif "nexthops" in entry:
            facts.remark(source, f"route to {dst}: multipath is not modelled")
        else:
            words = [*([kind] if kind != "unicast" else []), dst]
            words += [text for key, word in ROUTE_KEYS.items() if key in entry for text in (word, str(entry[key]))]
            words += [text for key, value in entry.items() if key not in ROUTE_KNOWN for text in (key, str(value))]
            words += [flag for flag in listed(entry.get("flags")) if flag not in OF_THE_MOMENT]
            for metric in _dicts(entry.get("metrics")):
                words += [word for key, value in metric.items() for word in (key, str(value))]
            yield Route(tuple(words), str(entry.get("dev", "")), str(entry.get("table", "main")), source)


def _routes_of_text(file: File, facts: Facts) -> Iterator[Route]:
    lines = file.text.splitlines()
    for number, line in enumerate(lines, 1):
        words, source = NUMBERED.sub("", line).split(), file.at(number)
        if not words or words[0] == "nexthop":
            continue
        kind = words.pop(0) if words[0] in TYPES else ""
        if not words or not re.match(r"default$|[0-9a-f.:]+(/\d+)?$", words[0]):
            raise Foreign(source, f"is not a line of `ip route`: {line.strip()[:60]!r}")
        dst, rest = words[0], [word for word in words[1:] if word not in OF_THE_MOMENT]
        if ":" in dst or re.search(r"\bvia (inet6|\S*:)|\bpref (low|medium|high)\b", line):
            _ipv6(facts, source, dst, made_by_kernel="proto kernel" in line or kind == "multicast")
        elif number < len(lines) and lines[number].split()[:1] == ["nexthop"]:
            facts.remark(source, f"route to {dst}: multipath is not modelled")
        else:
            table = rest[rest.index("table") + 1] if "table" in rest[:-1] else "main"
            rest = rest if table == "main" else _without(rest, "table")
            route = Route((*([kind] if kind else []), dst, *rest), rest[rest.index("dev") + 1] if "dev" in rest[:-1] else "", table, source)
            yield route


def _ipv6(facts: Facts, source: Source, dst: str, *, made_by_kernel: bool) -> None:
    """Of those that come with an address nothing is said: of the address it is."""
    if not made_by_kernel:
        facts.remark(source, f"route to {dst}: IPv6 is not modelled")


def _without(words: list[str], word: str) -> list[str]:
    at = words.index(word)
    return [*words[:at], *words[at + 2 :]]


def rules(file: File, facts: Facts) -> None:
    """Policy routing: only the kernel's own three rules are had. Raises Foreign."""
    if is_json(file):
        lines = [(_rule(entry), file.at()) for entry in decoded(file)]
    else:
        lines = [(line, file.at(number)) for number, line in enumerate(file.text.splitlines(), 1) if line.strip()]
    for line, source in lines:
        match = re.match(r"(\d+):\s*(\S.*)", line)
        if match is None:
            raise Foreign(source, f"is not a line of `ip rule`: {line.strip()[:60]!r}")
        words = match[2].split()
        if (match[1], words) not in OWN_RULES:
            take_policy_rule(words, source, facts)


def _rule(entry: dict[str, Any]) -> str:
    known = {"priority", "not", "src", "srclen", "dst", "dstlen", "iif", "oif", "fwmark", "fwmask", "table", "action"}
    words = [f"{entry.get('priority')}:", *(["not"] if "not" in entry else []), "from", _joined(entry, "src", "srclen") or "all"]
    pairs = [("to", _joined(entry, "dst", "dstlen")), ("fwmark", _joined(entry, "fwmark", "fwmask"))]
    pairs += [(key, str(entry.get(key, ""))) for key in ("iif", "oif")]
    pairs += [(key, str(value)) for key, value in entry.items() if key not in known]
    words += [text for key, value in pairs if value for text in (key, value)]
    return " ".join([*words, *(["lookup", str(entry["table"])] if "table" in entry else [str(entry.get("action", ""))])])


def _joined(entry: dict[str, Any], key: str, length: str) -> str:
    return f"{entry[key]}/{entry[length]}" if length in entry and key in entry else str(entry.get(key, ""))


# --- neighbours


def neighbours(file: File, facts: Facts) -> list[Neighbour]:
    """Those of IPv4. Raises Foreign."""
    found = (_neighbours_of_json if is_json(file) else _neighbours_of_text)(file)
    kept = []
    for each in found:
        if ":" not in each.address:
            kept.append(each)
        elif "PERMANENT" in each.states:
            facts.remark(each.source, f"neighbour {each.address}: IPv6 is not modelled")
    return kept


def _neighbours_of_json(file: File) -> Iterator[Neighbour]:
    for entry in decoded(file):
        if not isinstance(entry.get("dst"), str):
            raise Foreign(file.at(), "has a neighbour without an address")
        states = tuple(listed(entry.get("state")))
        yield Neighbour(
            entry["dst"], str(entry.get("dev", "")), str(entry.get("lladdr", "")), states, file.line_of(json.dumps(entry["dst"]))
        )


def _neighbours_of_text(file: File) -> Iterator[Neighbour]:
    for number, line in enumerate(file.text.splitlines(), 1):
        words = line.split()
        if not words:
            continue
        if not re.match(r"[0-9a-f.:]+$", words[0]) or "dev" not in words[:-1]:
            raise Foreign(file.at(number), f"is not a line of `ip neigh`: {line.strip()[:60]!r}")
        pairs = dict(pairwise(words))
        states = tuple(word for word in words[3:] if word.isupper())
        yield Neighbour(words[0], pairs["dev"], pairs.get("lladdr", ""), states, file.at(number))
