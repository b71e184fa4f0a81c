"""What may come and go is still compared: a pure acknowledgment must have the headers that its direction of the connection has in the
reference, a probe of a neighbour the addresses that the two neighbours have, and at the end as much must have been acknowledged.

    host.eth0, frame 9: TTL 63, expected 64
    host.eth0: a TCP ACK with TTL 64 is missing
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from emu.observe.canonical import Canonical
from emu.observe.canonical_tcp import SEEN, flow_text
from emu.observe.prepared import Prepared
from emu.observe.renaming import Renaming
from emu.observe.values import Value
from emu.observe.words import Difference, merged
from emu.packet.address import ip_text

_VARYING = ("TCP flags", "TCP window", "payload", "IP length", "captured")  # within one direction of a connection
_ENDS = ("source", "TCP source port", "destination", "TCP destination port")

Say = Callable[[Value], str]
Ends = tuple[str, ...]
Headers = dict[str, set[str]]
Wrong = tuple[Canonical, str, str, str]  # frame, field, what it is, what the other side has


def unordered(name: str, ours: Prepared, reference: Prepared, names: Renaming) -> list[Difference]:
    here, there = str, names.expected
    found = [
        *_acknowledgments(name, ours, reference, names),
        *_unanswered(name, ours, reference),
    ]
    for check in (_acks, _probes):
        for frame, field, value, expected in check(ours, here, reference, there):
            text = f"{field} {value}, expected {expected}" if field else f"{frame.title} is not expected"
            found.append(Difference(name, text, (frame.number,)))
        for frame, field, value, _ in check(reference, there, ours, here):
            text = f"one {frame.kind}{f' with {field} {value}' if field else ''} missing: {frame.title.removeprefix(frame.kind).strip()}"
            found.append(Difference(name, text, (), (frame.number,)))
    return merged(found)


# --- pure acknowledgments


def _acks(some: Prepared, say: Say, others: Prepared, say_others: Say) -> Iterator[Wrong]:
    """What is in no frame of the same direction of the connection at the other side."""
    known = _headers(others, say_others)
    for frame in some.acks:
        ends = _ends(frame, say)
        if ends not in known:
            if not any(_ends(each, say) == ends for each in some.ordered):  # else those say it
                yield frame, "", "", ""
            continue
        for field, value in _header(frame, say).items():
            expected = known[ends].get(field, set())
            if value not in expected and value != SEEN:
                yield frame, field, value, " or ".join(sorted(expected)) or "none"


def _headers(prepared: Prepared, say: Say) -> dict[Ends, Headers]:
    """The values that each field has, for each direction of a connection, but for its SYN."""
    found: dict[Ends, Headers] = {}
    for frame in prepared.everything:
        if frame.flow is not None and "SYN" not in str(frame.field("TCP flags")).split():
            values = found.setdefault(_ends(frame, say), {})
            for field, value in _header(frame, say).items():
                values.setdefault(field, set()).add(value)
    return found


def _ends(frame: Canonical, say: Say) -> Ends:
    return tuple(say(value) for field, value in frame.fields.items() if field.removeprefix("inner ") in _ENDS)


def _header(frame: Canonical, say: Say) -> dict[str, str]:
    header = {field: say(value) for field, value in frame.fields.items() if not field.endswith(_VARYING)}
    options = {
        field: value.replace("NOP", "").replace("SACK", "").split() for field, value in header.items() if field.endswith("TCP options")
    }
    return header | {field: " ".join(words) for field, words in options.items()}


def _acknowledgments(name: str, ours: Prepared, reference: Prepared, names: Renaming) -> Iterator[Difference]:
    """How much each side has acknowledged when the capture ends."""
    mine = {flow_text(flow, str): number for flow, number in ours.acknowledged.items()}
    for flow, number in reference.acknowledged.items():
        text = flow_text(flow, names.expected)
        if mine.get(text, number) != number:
            yield Difference(name, f"TCP {text}: {mine[text]} acknowledged at the end, expected {number}")


# --- probes of neighbours


def _probes(some: Prepared, say: Say, others: Prepared, say_others: Say) -> Iterator[Wrong]:
    """Addresses that the other side has not, and a probe between two that it does not know."""
    known = _neighbours(others, say_others)
    for frame in some.probes:
        assert frame.arp is not None
        sender, target = known.get(ip_text(frame.arp.sender_ip)), known.get(ip_text(frame.arp.target_ip))
        if not sender or not target:
            yield frame, "", "", ""
            continue
        for field, expected in (
            ("Ethernet destination", target),
            ("Ethernet source", sender),
            ("ARP sender MAC", sender),
            ("ARP target MAC", target | {"00:00:00:00:00:00"} if frame.arp.operation == 1 else target),
        ):
            value = frame.field(field)
            if value is not None and say(value) not in expected:
                yield frame, field, say(value), " or ".join(sorted(expected))


def _neighbours(prepared: Prepared, say: Say) -> dict[str, set[str]]:
    """The MAC addresses that frames give an IP address."""
    found: dict[str, set[str]] = {}
    for frame in prepared.everything:
        for address, hardware in (
            (frame.field("ARP sender"), frame.field("ARP sender MAC")),
            (frame.field("source"), frame.field("Ethernet source")),
            (frame.field("destination"), frame.field("Ethernet destination")),
        ):
            if address is not None and hardware is not None:
                found.setdefault(str(address), set()).add(say(hardware))
    return found


def _unanswered(name: str, ours: Prepared, reference: Prepared) -> Iterator[Difference]:
    for asked in sorted(ours.unanswered.keys() ^ reference.unanswered.keys()):
        frame = ours.unanswered.get(asked)
        if frame is not None:
            yield Difference(name, f"{frame.title} (unicast) is not answered, expected an answer", (frame.number,))
        else:
            frame = reference.unanswered[asked]
            yield Difference(name, f"{frame.title} (unicast) is answered or missing, expected without answer", (), (frame.number,))
