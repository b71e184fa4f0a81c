"""A packet under way, as reconstruct.py has followed it so far: where it was last seen in each namespace, and what is still open there."""

from __future__ import annotations

from dataclasses import dataclass

from emu.observe.fragments import Pieces
from emu.observe.journey import Bridged, Hop, Journey, Step
from emu.observe.tunnels import encapsulated, is_outer


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
    """What a packet was when it went into a tunnel, and where its next outer packet begins."""

    hop: Hop
    how: str
    wire: bytes


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
        self.inside: Inside | None = None
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

    def is_carried_by(self, wire: bytes, place: str) -> bool:
        """Is the frame, or packet, that is seen in the namespace the outer one of what went into a tunnel?"""
        return self.inside is not None and place not in self.entered and is_outer(wire, self.inside.wire)

    def put_into(self, outer: bytes) -> None:
        """Say so where the outer packet began."""
        inside = self.inside
        assert inside is not None
        step = encapsulated(inside.how, outer)
        if step not in inside.steps:  # else another fragment of it
            inside.steps.insert(inside.position, step)

    def begin_of_outer(self, steps: list[Step]) -> int:
        """Where the steps of the outer packet begin among those; 0 if they are not its own."""
        return self.inside.position if self.inside is not None and self.inside.steps is steps else 0

    def goes_on_inside(self, hop: Hop) -> None:
        """An outer packet has left by the hop; the next one, for another remote, begins behind that."""
        assert self.inside is not None
        self.inside.hop, self.inside.steps, self.inside.position = hop, hop.steps, len(hop.steps)

    def goes_on_elsewhere(self, place: str) -> None:
        """The bridge's own copy of a flooded frame has ended: what happens there next happens to the one in the tunnel."""
        inside = self.inside
        if inside is not None and place not in self.entered and inside.hop.place == place:
            self.here[place] = inside.hop
