"""A packet under way, as reconstruct.py has followed it so far: where it was last seen in each namespace, and what is still open there."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from emu.observe.fragments import Pieces, datagram_of, is_fragment
from emu.observe.journey import Bridged, Hop, Journey, Step
from emu.observe.tunnels import carries, encapsulated
from emu.packet.ethernet import IPV4

MOST_INSIDE = 64  # fragments that wait at once for an outer packet of their own: as many as the largest packet has in a usual tunnel


@dataclass(slots=True)
class Place:
    """Steps, and where among them something belongs that is known only later."""

    steps: list[Step]
    position: int


@dataclass(slots=True)
class Undecided(Place):
    """A bridge's decision, which stands behind PREROUTING, for that may change it."""

    decision: Bridged


@dataclass(slots=True)
class Inside(Place):
    """What a packet was when it went into a tunnel, and where its next outer packet begins; `outer` is the one that it went into."""

    hop: Hop
    how: str
    wire: bytes
    outer: bytes = b""


class Way:
    """By namespace: `here` the last hop, `wires` the frame there, `pending` what befell it before any hop."""

    def __init__(self, trace_id: int) -> None:
        self.journey = Journey(trace_id)
        self.here: dict[str, Hop] = {}
        self.wires: dict[str, bytes] = {}
        self.pending: dict[str, list[Step]] = {}
        self.routed: set[str] = set()  # namespaces that have chosen a route for it, or need none
        self.whole: set[str] = set()  # namespaces that have put its fragments together
        self.bridging: dict[str, Bridged] = {}  # what a bridge has decided
        self.undecided: dict[str, Undecided] = {}
        self.wire = b""
        self.text = ""
        self.inside: Inside | None = None  # the latest of those
        self.insides: deque[Inside] = deque(maxlen=MOST_INSIDE)
        self.entered: set[str] = set()  # namespaces that it has come into since it went into the tunnel
        self.outer = b""  # what it last came in as
        self.bound_for: dict[str, bytes] = {}  # by namespace: where it goes, if that is not what was seen of it there
        self.times: dict[str, int] = {}  # by namespace: when the first thing befell it that no device saw
        self.pieces = Pieces()
        self.done = False

    def steps(self, place: str) -> list[Step]:
        """Where the next step in the namespace belongs."""
        hop = self.here.get(place)
        return hop.steps if hop is not None else self.pending.setdefault(place, [])

    # --- bridges

    def ask_bridge(self, place: str, decision: Bridged) -> None:
        """A bridge has a frame, and will decide so unless PREROUTING changes where it goes."""
        self.bridging[place] = decision
        if decision.decision != "up":
            self.routed.add(place)
        steps = self.steps(place)
        self.undecided[place] = Undecided(steps, len(steps), decision)

    def settle_bridge(self, place: str, port: str = "") -> None:
        """The bridge has decided; `port`: the frame left by it, so one that was for the host has been turned to a neighbour there."""
        found = self.undecided.pop(place, None)
        if found is None:
            return
        decision = found.decision
        if port and decision.decision == "up":
            decision = self.bridging[place] = Bridged(decision.bridge, "forward", [port])
        found.steps.insert(found.position, decision)

    # --- tunnels

    def carried_by(self, wire: bytes, place: str) -> Inside | None:
        """What went into a tunnel, if the frame that is seen in the namespace is its outer packet, or a fragment of that."""
        if not self.insides or place in self.entered or wire[12:14] != IPV4 or len(wire) < 34:
            return None
        packet = datagram_of(wire) if is_fragment(wire) else None
        return next((each for each in reversed(self.insides) if each.outer == packet or carries(wire, each.wire)), None)

    def is_in_tunnel(self, place: str) -> bool:
        """Has it gone into a tunnel there, and not come in again?"""
        return self.inside is not None and place not in self.entered

    def goes_into(self, inside: Inside) -> None:
        """A tunnel device sends it."""
        self.inside = inside
        self.insides.append(inside)
        self.entered.clear()
        self.bound_for.clear()
        self.routed.clear()  # the outer packet has a route of its own

    @staticmethod
    def put_into(inside: Inside, outer: bytes) -> None:
        """Say so where the outer packet began."""
        packet, step = datagram_of(outer), encapsulated(inside.how, outer)
        if inside.outer != packet and step not in inside.steps:  # else another fragment of it
            inside.steps.insert(inside.position, step)
        inside.outer = packet

    def begin_of_outer(self, steps: list[Step]) -> int:
        """Where the steps of the outer packet begin among those; 0 if they are not its own."""
        return self.inside.position if self.inside is not None and self.inside.steps is steps else 0

    @staticmethod
    def goes_on_inside(inside: Inside, hop: Hop) -> None:
        """An outer packet has left by the hop; the next one, for another remote, begins behind that."""
        inside.hop, inside.steps, inside.position = hop, hop.steps, len(hop.steps)

    def goes_on_elsewhere(self, place: str) -> None:
        """The bridge's own copy of a flooded frame has ended: what happens there next happens to the one in the tunnel."""
        inside = self.inside
        if inside is not None and place not in self.entered and inside.hop.place == place:
            self.here[place] = inside.hop
