"""One packet's way through a lab as plain data: hops in causal order, and at each hop the steps that the packet took there.

A hop is a device that the packet was seen at, or a namespace that it never left or was lost in. Steps stand in the order in which they
happened, those of a packet's birth at the first device that it leaves by. Everything here becomes JSON and comes back from it; sentences
are made in journey_text.py. Ports of a NAT step are in its text as `address:port`; times are virtual nanoseconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from emu.netdev.drop import DropReason

DECISIONS = ("forward", "flood", "up")
RELATIONS = ("answers", "answered by", "about", "error", "redirects", "redirected by", "asks for")


FRAGMENTED, REASSEMBLED, INCOMPLETE = "fragmented", "reassembled", "fragments are missing"


@dataclass(slots=True)
class RuleHit:
    """A rule that matched: `verdict` is a target's or a chain's name; number 0: the chain's policy, and then there is no text."""

    chain: str
    number: int
    verdict: str
    text: str = ""
    jump: bool = False


@dataclass(slots=True)
class Chain:
    """A table was walked at a hook: the rules that matched, of which the last one decided."""

    kind: ClassVar[str] = "chain"
    hook: str
    table: str
    rules: list[RuleHit]

    @property
    def decided(self) -> RuleHit:
        return self.rules[-1]

    def is_followed_by(self, other: Chain) -> bool:
        return other.hook == self.hook and other.table == self.table and bool(self.decided.number)  # a policy is a walk's end

    def followed_by(self, other: Chain) -> Chain:
        return Chain(self.hook, self.table, self.rules + other.rules)


@dataclass(slots=True)
class Connection:
    """What conntrack says of the packet: NEW, ESTABLISHED, RELATED, INVALID …"""

    kind: ClassVar[str] = "conntrack"
    hook: str
    state: str


@dataclass(slots=True)
class Translated:
    """NAT: `end` is `source` or `destination`. `hook` is empty where only the bytes tell."""

    kind: ClassVar[str] = "nat"
    end: str
    before: str
    after: str
    hook: str = ""


@dataclass(slots=True)
class Routed:
    """The route chosen: `type` unicast, local, broadcast …; `matched` is the table's entry that it was."""

    kind: ClassVar[str] = "route"
    type: str
    dst: str
    via: str
    dev: str
    matched: str


@dataclass(slots=True)
class Bridged:
    """A bridge's decision: `forward` to the port where the address was learned, `flood` to all of them, `up` to the host."""

    kind: ClassVar[str] = "bridge"
    bridge: str
    decision: str
    ports: list[str]


@dataclass(slots=True)
class Encapsulated:
    """The packet goes on in another one; `how` is the tunnel device's kind."""

    kind: ClassVar[str] = "encapsulate"
    how: str
    src: str
    dst: str
    vni: int | None = None


@dataclass(slots=True)
class Decapsulated:
    """The packet came out of another one."""

    kind: ClassVar[str] = "decapsulate"
    how: str
    src: str
    dst: str
    vni: int | None = None


@dataclass(slots=True)
class Ttl:
    """A router counted it down."""

    kind: ClassVar[str] = "ttl"
    before: int
    after: int


@dataclass(slots=True)
class Size:
    """Its fragments: made, put together, or waited for in vain."""

    kind: ClassVar[str] = "size"
    what: str


@dataclass(slots=True)
class Waited:
    """The next hop's address was not known: the packet waited for the answer to an ARP request."""

    kind: ClassVar[str] = "neighbour"
    address: str
    request: int  # the packet id of the ARP request


@dataclass(slots=True)
class Linked:
    """Another packet: this one `answers` it, is an error `about` it, `redirects` it or `asks for` it; the other way round it is
    `answered by`, has an `error`, is `redirected by` this one.
    """

    kind: ClassVar[str] = "link"
    relation: str
    id: int


@dataclass(slots=True)
class Dropped:
    """The packet, or a copy of it, ended: `reason` is a DropReason's name; `rule`, in `table`, is the one that did it.

    `quiet` is the end of a copy that everybody throws away: one that was for another host, whose MAC address is `to`.
    """

    kind: ClassVar[str] = "drop"
    at: str
    reason: str
    table: str = ""
    hook: str = ""
    rule: RuleHit | None = None
    quiet: bool = False
    to: str = ""


@dataclass(slots=True)
class Unanswered:
    """It arrived, and the answer or error could not be sent; `reason` is a DropReason's name, `to` the address it would have gone to."""

    kind: ClassVar[str] = "unanswered"
    reason: str
    to: str


@dataclass(slots=True)
class Note:
    """Said by a program or a test, or of a switch in user space, whose decisions nobody sees."""

    kind: ClassVar[str] = "note"
    text: str


Step = (
    Chain | Connection | Translated | Routed | Bridged | Encapsulated | Decapsulated | Ttl | Size | Waited | Linked | Dropped | Unanswered
    | Note
)  # fmt: skip
# Kinds of which one object stands in many packets' ways: not to be changed.
SHARED = (Chain, Connection, Translated, Routed, Bridged, Encapsulated, Decapsulated, Ttl)
STEPS: dict[str, type[Step]] = {each.kind: each for each in Step.__args__}


@dataclass(slots=True)
class Hop:
    """`direction` is `in`, `out`, or empty where no device saw the packet; `copy`: only a capture saw it, the host did not."""

    time_ns: int
    place: str
    device: str  # its name in the place
    direction: str
    packet: str
    steps: list[Step] = field(default_factory=list)
    copy: bool = False

    @property
    def at(self) -> str:
        return f"{self.place}/{self.device}" if self.device else self.place


@dataclass(slots=True)
class Journey:
    """All that is known of one packet id. `cause` is the packet that it answers or is about, 0 for none."""

    id: int
    cause: int = 0
    hops: list[Hop] = field(default_factory=list)

    def steps(self) -> list[tuple[Hop, Step]]:
        return [(hop, step) for hop in self.hops for step in hop.steps]

    def drops(self) -> list[Dropped]:
        """Where it, or a copy of it, ended against somebody's will."""
        return [step for _, step in self.steps() if isinstance(step, Dropped) and not step.quiet]


# --- JSON


def as_data(thing: Any) -> dict[str, Any]:
    """For `json.JSONEncoder(default=as_data)`: what has its default value stands there too, but for a hop's."""
    if isinstance(thing, Hop):
        data: dict[str, Any] = {"t": thing.time_ns, "place": thing.place, "dev": thing.device, "dir": thing.direction}
        data["packet"] = thing.packet
        if thing.steps:
            data["steps"] = thing.steps
        if thing.copy:
            data["copy"] = True
        return data
    kind = getattr(thing, "kind", None)
    data = {} if kind is None else {"kind": kind}
    for name in thing.__slots__:
        data[name] = getattr(thing, name)
    return data


def journey_of(data: dict[str, Any]) -> Journey:
    """A journey from its JSON. Raises KeyError, TypeError or ValueError for what is none."""
    journey = Journey(int(data["id"]), int(data.get("cause", 0)))
    for hop in data["hops"]:
        steps = [_step_of(step) for step in hop.get("steps", ())]
        place, device, direction, packet = (str(hop[name]) for name in ("place", "dev", "dir", "packet"))
        journey.hops.append(Hop(int(hop["t"]), place, device, direction, packet, steps, bool(hop.get("copy"))))
    if not journey.hops:
        raise ValueError("a packet has been somewhere")
    return journey


def _step_of(data: dict[str, Any]) -> Step:
    values = {name: value for name, value in data.items() if name != "kind"}
    if "rules" in values:
        values["rules"] = [RuleHit(**each) for each in values["rules"]]
    if values.get("rule") is not None:
        values["rule"] = RuleHit(**values["rule"])
    step = STEPS[data["kind"]](**values)
    if not _is_sound(step):
        raise ValueError(f"no {data['kind']} is like that")
    return step


def _is_sound(step: Step) -> bool:
    """Are its words among those that there are?"""
    if isinstance(step, (Dropped, Unanswered)):
        return step.reason in DropReason.__members__
    if isinstance(step, Linked):
        return step.relation in RELATIONS
    if isinstance(step, Bridged):
        return step.decision in DECISIONS
    return not isinstance(step, Chain) or bool(step.rules)
