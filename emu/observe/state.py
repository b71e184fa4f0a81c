"""State dumps compared in words: what `ip addr`, `iptables-save`, `docker network inspect` … print, with a recording of the same.

    host.iptables-save, line 14: -A DOCKER -j RETURN, expected -A DOCKER -j DROP

Lines are equal up to the renaming of the captures that belong to them: generated MAC addresses, ids, names of veths and interface numbers.
Left out: times and counters, the order of lines where programs promise none, states of neighbours that only say how long ago they were
heard (REACHABLE, STALE, DELAY, PROBE).
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import Any

from emu.observe.renaming import Renaming
from emu.observe.values import EPHEMERAL, FIRST_NAT_PORT, Name, Value, shape
from emu.observe.words import Difference

UNORDERED = (
    "conntrack-L",
    "ip-neigh",
    "docker-ps",
    "bridge-fdb",
    "docker-network-ls",
    "netns-list",
    ".env",
    "ss-lntu",
    "sysctl",
    "brctl-show",
    "ovs-fdb",
    "ovs-route",
    "ovs-vsctl-show",
)

Line = tuple[Value, ...]

_TOKEN = re.compile(
    r"""(?P<mac>\b[0-9a-f]{2}(?::[0-9a-f]{2}){5}\b)
      | (?P<id>\b[0-9a-f]{64}\b|\b[0-9a-f]{12}\b|(?<=gateway_)[0-9a-f]{12}\b|\b(?=[a-z]*\d)[0-9a-z]{25}\b|^(?=[a-z]*\d)[0-9a-z]{12}(?=[ ]))
      | (?P<swarm>(?<=^1-)[0-9a-z]{10}$|(?<=^lb_)[0-9a-z]{9}$)
      | (?P<veth>\bveth[0-9a-f]{7}\b)
      | (?P<index>(?<=@if)\d+|^\d+(?=:[ ])|(?<=link-netnsid[ ])\d+)
      | (?P<echo>(?<=[ ]id=)\d+)
      | (?P<revision>(?<=Index:[ ])\d+|(?<=_revision:[ ])\d+)
      | (?P<lease>(?<=\.lease:[ ])[1-9]\d+|(?<="lease[ ])[0-9a-f]{15,16})
      | (?P<chosen>(?<=sport=)\d+(?=[ ]dport=\d+[ ](?:\[UNREPLIED\][ ])?src=)|(?<=dport=)\d+(?=[ ](?:\[ASSURED\][ ])?mark=))
      | (?P<port>(?<=port=)\d+|(?<=port[ ])\d+|(?<=127\.0\.0\.11:)\d+)""",
    re.VERBOSE | re.MULTILINE,
)
_BRIDGE_ID = re.compile(r"\b8000\.([0-9a-f]{12}\b|(?:[0-9a-f]{1,2}:){5}[0-9a-f]{1,2})")
_LEFT_OUT = [  # what it is, what is put in its place
    (re.compile(r" link-netns(id)? \S+"), ""),  # where the other end is
    (re.compile(r"(?<=\w)@if\d+(?=:)"), ""),
    (re.compile(r"\b(\w+_timer) +[\d.]+"), r"\1"),
    (re.compile(r"\b(REACHABLE|STALE|DELAY|PROBE)\b"), "(known)"),
    (re.compile(r"^(\w+ +\d+) \d+ (?=[A-Zs])", re.MULTILINE), r"\1 (seconds) "),  # conntrack's timeout
    (re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z"), "(time)"),
    (re.compile(r"(About an?|Less than a|\d+) (second|minute|hour|day)s?( ago)?"), "(time)"),
    (re.compile(r"^# (Generated|Completed) .*$"), ""),
    (re.compile(r"(?m)^(:\S+ \S+) \[\d+:\d+\]$"), r"\1"),
    (re.compile(r"(?<=\.ttl: )\d+|(?<=remaining\()\d+"), "(seconds)"),
    (re.compile(r"^\[0:\d+\] "), "[never] "),  # a rule's counters
    (re.compile(r"^\[\d+:\d+\] "), "[counted] "),
    (re.compile(r"(?m)^( *(?:LOCAL|\d+) +\d+ +[0-9a-f:]{17}) +\d+$"), r"\1"),  # Open vSwitch's forwarding table: the age
    (re.compile(r"(?m)^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"), "(id)"),
    (re.compile(r"[ \t]+"), " "),
]


def compare_state(name: str, ours: str, reference: str, names: Renaming) -> list[Difference]:
    """`name` is that of the dump, [MOMENT/]PLACE.WHAT."""
    if name.endswith(".json"):
        try:
            mine, theirs = json.loads(ours), json.loads(reference)
        except ValueError:
            return [Difference(name, f"is no JSON: {ours[:60]!r}")]
        ours, reference = "\n".join(_flat(_like(mine, theirs))), "\n".join(_flat(theirs))
    if name.endswith("docker-inspect"):  # lines of a name and what is said of it
        ours, reference = ("\n".join(_flat_lines(text)) for text in (ours, reference))
    if name.endswith("brctl-show"):  # ports stand in the order of their names, the first beside the bridge
        ours, reference = (re.sub(r"(?m)\t(no|yes)\t+(\S+)$", r"\t\1\n\2", text) for text in (ours, reference))
    if name.endswith("ovs-vsctl-show"):
        ours, reference = _unfolded(ours), _unfolded(reference)
    mine_lines, their_lines = _lines(ours), _lines(reference)
    if is_unordered(name):
        return list(_unordered(name, mine_lines, their_lines, names))
    return list(_ordered(name, mine_lines, their_lines, names))


def _unfolded(text: str) -> str:
    """Each line with those that it is indented under: they come in any order."""
    above: list[str] = []
    lines = []
    for line in text.splitlines():
        above[(len(line) - len(line.lstrip())) // 4 :] = [line.strip()]
        lines.append(", ".join(above[1:] or above))
    return "\n".join(lines)


def _lines(text: str) -> list[tuple[int, Line]]:
    """Numbered, without empty ones."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        for pattern, instead in _LEFT_OUT:
            line = pattern.sub(instead, line)  # noqa: PLW2901 - step by step
        if line.strip():
            found.append((number, tuple(_tokens(line.strip()))))
    return found


def _tokens(line: str) -> Iterator[Value]:
    line = _BRIDGE_ID.sub(lambda match: "8000." + _padded(match[1]), line)
    position = 0
    for match in _TOKEN.finditer(line):
        if value := _name(match):
            yield line[position : match.start()]
            yield value
            position = match.end()
    yield line[position:]


def _padded(address: str) -> str:
    """A bridge's address: brctl writes it in one, ip without leading zeros."""
    digits = "".join(each.zfill(2) for each in address.split(":"))
    return ":".join(re.findall("..", digits))


def _name(match: re.Match[str]) -> Name | None:
    """What a run chooses freely. Group addresses and what Docker derives from an IP address are compared as they are."""
    text, kind = match[0], str(match.lastgroup)
    if kind == "mac":
        return Name("MAC", text) if not int(text[:2], 16) & 1 and text != "00:00:00:00:00:00" else None
    if kind == "chosen" and int(text) >= FIRST_NAT_PORT:  # by a connection's client, or by NAT for it
        return Name("ephemeral port", text)
    if kind in {"port", "chosen"}:
        return Name("ephemeral port", text) if int(text) in EPHEMERAL else None
    if kind == "echo":  # process numbers: two containers may have the same one
        return Name("echo id between " + " ".join(re.findall(r"(?:src|dst)=(\S+)", match.string)), text)
    return Name("interface number" if kind == "index" else kind, text[:12] if kind == "id" else text)


def is_unordered(name: str) -> bool:
    """Dumps whose lines stand in an order are read first: they tell what the names in the others mean."""
    return name.endswith(UNORDERED)


def _text(line: Line, names: Renaming | None = None) -> str:
    return "".join(names.expected(value) if names is not None else str(value) for value in line)


def _shape(line: Line) -> tuple[Value, ...]:
    return tuple(map(shape, line))


def _fields(line: Line) -> dict[str, Value]:
    return {str(position): value for position, value in enumerate(line)}


def _ordered(name: str, ours: Sequence[tuple[int, Line]], reference: Sequence[tuple[int, Line]], names: Renaming) -> Iterator[Difference]:
    mine, theirs = ([_shape(line) for _, line in lines] for lines in (ours, reference))
    for tag, start, end, their_start, their_end in SequenceMatcher(None, mine, theirs, autojunk=False).get_opcodes():
        some, others = ours[start:end], reference[their_start:their_end]
        common = min(len(some), len(others))
        for (number, line), (_, their_line) in zip(some[:common], others[:common], strict=True):
            if tag != "equal" or not names.meet_in_text(_fields(line), _fields(their_line)):
                yield Difference(name, f"{_text(line)}, expected {_text(their_line, names)}", line=number)
        for number, line in some[common:]:
            yield Difference(name, f"{_text(line)} is not expected", line=number)
        where = f"before line {ours[end][0]}" if end < len(ours) else "at the end"
        for _, line in others[common:]:
            yield Difference(name, f"a line is missing {where}: {_text(line, names)}")


def _unordered(name: str, ours: Sequence[tuple[int, Line]], reference: Sequence[tuple[int, Line]], names: Renaming) -> Iterator[Difference]:
    """Lines that can only be one go first: they tell what names mean; of several, one whose names stand in as many other lines."""
    left, missing, waiting = list(ours), [], [line for _, line in reference]
    counts = [Counter(value for _, line in lines for value in line if isinstance(value, Name)) for lines in (ours, reference)]
    if name.endswith(".sysctl"):
        waiting = list(dict.fromkeys(waiting))  # it was asked for some twice
    alike_in_shape: dict[tuple[Value, ...], list[tuple[int, Line]]] = {}
    for each in left:
        alike_in_shape.setdefault(_shape(each[1]), []).append(each)
    shapes = {line: _shape(line) for line in waiting}
    while waiting:
        candidates = [
            [each for each in alike_in_shape.get(shapes[theirs], ()) if names.could_meet_in_text(_fields(each[1]), _fields(theirs))]
            for theirs in waiting
        ]
        position = min(range(len(waiting)), key=lambda each: (len(candidates[each]), each))
        theirs, found = waiting.pop(position), candidates[position]
        if found:
            alike = next((each for each in found if _often(each[1], counts[0]) == _often(theirs, counts[1])), found[0])
            names.meet_in_text(_fields(alike[1]), _fields(theirs))
            left.remove(alike)
            alike_in_shape[shapes[theirs]].remove(alike)
        else:
            missing.append(theirs)
    for line in missing:
        yield Difference(name, f"a line is missing: {_text(line, names)}")
    for number, line in left if not name.endswith(".sysctl") else ():  # of which the reference has a selection
        yield Difference(name, f"{_text(line)} is not expected", line=number)


def _often(line: Line, counts: Counter[Name]) -> list[int]:
    return [counts[value] for value in line if isinstance(value, Name)]


# --- JSON: one line a value


def _like(ours: Any, reference: Any, depth: int = 2) -> Any:
    """Where the reference is the one object of a list, with some of its keys only: so is ours."""
    if isinstance(reference, dict) and isinstance(ours, list) and len(ours) == 1:
        return _like(ours[0], reference)
    if isinstance(reference, dict) and isinstance(ours, dict) and depth:
        return {key: _like(value, reference[key], depth - 1) for key, value in ours.items() if key in reference}
    return ours


def _flat(value: Any, path: str = "") -> Iterator[str]:
    if isinstance(value, dict) and value:
        for key in sorted(value, key=lambda each: (_named(value[each]), each)):
            yield from _flat(value[key], f"{path}.{key}".lstrip("."))
    elif isinstance(value, list) and value:
        for position, each in enumerate(sorted(value, key=_named) if all(_named(each) for each in value) else value):
            yield from _flat(each, f"{path}[{position}]")
    else:
        yield f"{path}: {json.dumps(value)}"


def _flat_lines(text: str) -> Iterator[str]:
    for line in sorted(text.splitlines()):
        name, _, value = line.partition(" ")
        try:
            yield from _flat(json.loads(value), name)
        except ValueError:  # what `docker inspect` says when there is no container
            yield line


def _named(value: Any) -> str:
    return str(value.get("Name", value.get("key", ""))) if isinstance(value, dict) else ""
