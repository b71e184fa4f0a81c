"""What the four targets of the nat table share: `--random` and the like, and ranges of addresses and ports (iptables' libxt_NAT.c)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

from emu.netfilter.conntrack import ConntrackEntry
from emu.netfilter.nat import Manip, NatRange
from emu.netfilter.table import Passage, Rule, Verdict
from emu.netfilter.target import Target
from emu.netfilter.words import port, usage
from emu.packet.address import ip, ip_text

if TYPE_CHECKING:
    from emu.packet.datagram import Datagram

ANYTHING = NatRange()
TRANSLATED_PORTS = frozenset({6, 17, 1})


def parse_ports(text: str) -> tuple[tuple[int, int], int | None]:
    """`80`, `80-90`, and with `/2000` what offsets count from."""
    text, slash, base = text.partition("/")
    low, dash, high = text.partition("-")
    first, last = port(low), port(high if dash else low)
    if first > last:
        raise usage(f'Port range "{text}" is wrong: its first port is above its last')
    return (first, last), port(base) if slash else None


def parse_range(text: str) -> NatRange:
    """`10.0.0.1`, `10.0.0.1-10.0.0.9`, `:80`, `10.0.0.1:80-90/8000`."""
    hosts, colon, ports = text.partition(":")
    wanted = NatRange()
    if hosts:
        low, dash, high = hosts.partition("-")
        try:
            wanted = NatRange(ip(low), ip(high if dash else low))
        except ValueError:
            raise usage(f'Bad IP address "{hosts}"\n') from None
    if colon:
        numbers, base = parse_ports(ports)
        wanted = replace(wanted, ports=numbers, base=base)
    return wanted


def ports_text(wanted: NatRange) -> str:
    if wanted.ports is None:
        return ""
    low, high = wanted.ports
    return (str(low) if low == high else f"{low}-{high}") + (f"/{wanted.base}" if wanted.base is not None else "")


def range_text(wanted: NatRange) -> str:
    text = ""
    if wanted.low is not None and wanted.high is not None:
        text = ip_text(wanted.low) if wanted.low == wanted.high else f"{ip_text(wanted.low)}-{ip_text(wanted.high)}"
    return text + (f":{ports_text(wanted)}" if wanted.ports is not None else "")


@dataclass(slots=True)
class NatTarget(Target):
    """A child names its `manip` and the option that gives its range."""

    tables: ClassVar[frozenset[str]] = frozenset({"nat"})
    needs_conntrack: ClassVar[bool] = True
    manip: ClassVar[Manip]
    RANGE_OPTION: ClassVar[str]
    wanted: NatRange = ANYTHING
    flags: tuple[str, ...] = ()  # --random, --random-fully, --persistent, in this order

    def set(self, option: str, values: list[str], inverted: bool, rule: Rule) -> None:
        if option in ("--random", "--random-fully", "--persistent"):
            self.flags = tuple(flag for flag in ("--random", "--random-fully", "--persistent") if flag in (*self.flags, option))
            self.wanted = replace(self.wanted, random=self.flags[0] != "--persistent", persistent="--persistent" in self.flags)
        else:
            given = self.parse(values[0])
            self.wanted = replace(self.wanted, low=given.low, high=given.high, ports=given.ports, base=given.base)

    def parse(self, text: str) -> NatRange:
        return parse_range(text)

    def check(self, rule: Rule) -> None:
        if self.wanted.ports is None:
            return
        if rule.protocol not in (6, 17, 33, 132) or rule.protocol_inverted:
            raise usage("Need TCP, UDP, SCTP or DCCP with port specification")
        if rule.protocol not in TRANSLATED_PORTS:
            raise usage(f"{self.name}: ports of SCTP and DCCP are not modelled")

    def save(self) -> str:
        return " ".join([f"{self.RANGE_OPTION} {range_text(self.wanted)}", *self.flags])

    def list(self, numeric: bool) -> str:
        return " ".join([f"to:{range_text(self.wanted)}", *(flag[2:] for flag in self.flags)])

    def range_for(self, run: Any, datagram: Datagram, passage: Passage) -> NatRange | None:
        """The range for this packet. None: there is no address, the packet ends."""
        return self.wanted

    def apply(self, run: Any, datagram: Datagram, passage: Passage) -> Verdict:
        entry: ConntrackEntry = datagram.ct
        wanted = self.range_for(run, datagram, passage)
        if wanted is None:
            return Verdict.DROP
        run.nat.bind(entry, wanted, self.manip)
        return Verdict.ACCEPT


@dataclass(slots=True)
class PortsTarget(NatTarget):
    """A target that chooses the address itself and is only told ports: `--to-ports`."""

    RANGE_OPTION: ClassVar[str] = "--to-ports"
    LISTED: ClassVar[str]  # the words before the ports in `iptables -L`

    def parse(self, text: str) -> NatRange:
        ports, base = parse_ports(text)
        return NatRange(ports=ports, base=base)

    def save(self) -> str:
        return " ".join([*([f"--to-ports {ports_text(self.wanted)}"] if self.wanted.ports else []), *self.flags])

    def list(self, numeric: bool) -> str:
        return " ".join([*([f"{self.LISTED} {ports_text(self.wanted)}"] if self.wanted.ports else []), *(flag[2:] for flag in self.flags)])
