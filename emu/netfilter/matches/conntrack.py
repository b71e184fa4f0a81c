"""-m conntrack (xt_conntrack.c): what is known of the packet's connection. Not modelled: --ctexpire."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from emu.netfilter.conntrack import REPLIES, ConntrackEntry, CtInfo, Status, unpack
from emu.netfilter.extension import bang
from emu.netfilter.match import Match
from emu.netfilter.table import Prefix, Rule, Test
from emu.netfilter.words import mask_text, port_range, port_range_text, prefix, protocol, usage
from emu.packet.address import ip_text, number

if TYPE_CHECKING:
    from emu.netfilter.netfilter import Netfilter
    from emu.packet.datagram import Datagram

STATES = ("INVALID", "NEW", "RELATED", "ESTABLISHED", "UNTRACKED", "SNAT", "DNAT")  # in the order of listings
STATUSES = ("EXPECTED", "SEEN_REPLY", "ASSURED", "CONFIRMED")
STATUS_BITS = {"SEEN_REPLY": Status.SEEN_REPLY, "ASSURED": Status.ASSURED, "CONFIRMED": Status.CONFIRMED}
NAT_BITS = {"SNAT": Status.SRC_NAT, "DNAT": Status.DST_NAT}
PORTS = ("ctorigsrcport", "ctorigdstport", "ctreplsrcport", "ctrepldstport")
ADDRESSES = ("ctorigsrc", "ctorigdst", "ctreplsrc", "ctrepldst")
ORDER = ("ctstate", "ctproto", *ADDRESSES, *PORTS, "ctstatus", "ctdir")
Value = tuple[Any, bool]  # what is wanted, inverted


def state_of(info: CtInfo | None) -> str:
    """The word for a packet's part in its connection, as rules write it."""
    return "INVALID" if info is None else info.name.removesuffix("_REPLY")


def _words(option: str, text: str, known: tuple[str, ...]) -> tuple[str, ...]:
    names = text.upper().split(",")
    for name in names:
        if name not in known:
            raise usage(f'Bad {option} "{name}"')
    return tuple(name for name in known if name in names)


@dataclass(slots=True)
class ConntrackMatch(Match):
    """Each option given must be true."""

    name: ClassVar[str] = "conntrack"
    needs_conntrack: ClassVar[bool] = True
    OPTIONS: ClassVar[dict[str, int]] = {f"--{option}": 1 for option in ORDER}
    INVERTIBLE: ClassVar[frozenset[str]] = frozenset(OPTIONS) - {"--ctdir"}
    wanted: dict[str, Value] = field(default_factory=dict)

    def set(self, option: str, values: list[str], inverted: bool, rule: Rule) -> None:
        key, text = option[2:], values[0]
        value: Any
        if key == "ctstate":
            value = _words(key, text, STATES)
        elif key == "ctstatus":
            value = () if text.upper() == "NONE" else _words(key, text, STATUSES)
        elif key == "ctproto":
            value = protocol(text)
        elif key == "ctdir":
            value = text.upper()
            if value not in ("ORIGINAL", "REPLY"):
                raise usage(f'conntrack: Bad value for "--ctdir" option: "{text}"')
        elif key in PORTS:
            value = port_range(text)
        else:
            value = prefix(text, inverted)
            if value is None:
                return
        self.wanted[key] = value, inverted

    def check(self, rule: Rule) -> None:
        if not self.wanted:
            raise usage("conntrack: At least one option is required")

    def _texts(self) -> list[tuple[bool, str, str]]:
        return [(self.wanted[key][1], key, _text(key, self.wanted[key][0])) for key in ORDER if key in self.wanted]

    def save(self) -> str:
        return " ".join(f"{bang(inverted)}--{key} {text}" for inverted, key, text in self._texts())

    def list(self, numeric: bool) -> str:
        return " ".join(f"{bang(inverted)}{key} {text}" for inverted, key, text in self._texts())

    def compile(self, netfilter: Netfilter) -> Test:
        if list(self.wanted) == ["ctstate"]:
            states, inverted = self.wanted["ctstate"]
            if not set(states) & {"SNAT", "DNAT"}:
                return _state_test(frozenset(states), inverted)
        wanted = list(self.wanted.items())

        def test(datagram: Datagram, iif: Any, oif: Any) -> bool:
            return all(_holds(key, value, datagram) is not inverted for key, (value, inverted) in wanted)

        return test


def _state_test(states: frozenset[str], inverted: bool) -> Test:
    infos: frozenset[CtInfo | None] = frozenset(info for info in (*CtInfo, None) if state_of(info) in states)

    def test(datagram: Datagram, iif: Any, oif: Any) -> bool:
        return (datagram.ct_info in infos) is not inverted

    return test


def _text(key: str, value: Any) -> str:
    if key in ("ctstate", "ctstatus"):
        return ",".join(value) or "NONE"
    if key in PORTS:
        return port_range_text(value)
    if key in ADDRESSES:
        return ip_text(value.address) if value.mask == b"\xff" * 4 else f"{ip_text(value.address)}/{mask_text(value.mask)}"
    return str(value)


def _holds(key: str, value: Any, datagram: Datagram) -> bool:
    entry: ConntrackEntry | None = datagram.ct
    info = datagram.ct_info
    if key == "ctstate":
        return state_of(info) in value or (entry is not None and any(entry.status & NAT_BITS.get(name, 0) for name in value))
    if entry is None:
        return False
    if key == "ctstatus":
        return any(entry.status & STATUS_BITS.get(name, 0) for name in value) if value else not entry.status & Status.SEEN_REPLY
    if key == "ctdir":
        return (info in REPLIES) is bool(value == "REPLY")
    flow = unpack(entry.original if key.startswith("ctorig") or key == "ctproto" else entry.reply)
    if key == "ctproto":
        return flow.protocol == int(value)
    end = flow.src if "src" in key else flow.dst
    if key in ADDRESSES:
        wanted: Prefix = value
        return number(end) & number(wanted.mask) == number(wanted.address)
    return bool(value[0] <= (flow.sport if "src" in key else flow.dport) <= value[1])
