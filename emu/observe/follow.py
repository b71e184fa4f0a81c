"""Follows packets from happening to happening and from device to device, and says what befell each of them there: in steps, at hops.

A happening belongs to the hop at which the packet was last seen in that namespace; what comes before (a packet is born there) belongs to
the hop that comes next.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu.netdev.device import TX
from emu.netdev.drop import DropReason
from emu.netdev.ovs_datapath import OvsInternal
from emu.observe.fragments import is_first_fragment, is_fragment
from emu.observe.journey import (
    FRAGMENTED,
    INCOMPLETE,
    REASSEMBLED,
    Bridged,
    Chain,
    Connection,
    Dropped,
    Hop,
    Linked,
    Note,
    Size,
    Step,
    Translated,
    Unanswered,
    Waited,
)
from emu.observe.routes import BEHIND_ROUTING, RouteBook
from emu.observe.summary import changes, summary
from emu.observe.tunnels import TUNNELS, decapsulated, switched
from emu.observe.watch import Hit
from emu.observe.way import Inside, Way
from emu.packet import ethernet

if TYPE_CHECKING:
    from emu.observe.recorder import CapturedInterface, Recorder
    from emu.observe.store import Record

ROUTED_BEFORE = frozenset({"INPUT", "FORWARD", "OUTPUT", "POSTROUTING"})  # hooks that lie behind the routing decision
GOING_OUT = frozenset({"OUTPUT", "POSTROUTING"})
IN_USER_SPACE = Note("taken by a switch in user space")


class Follower:
    """What it knows besides the packets' ways: the routes of all namespaces at the moment that it has come to."""

    def __init__(self, recorder: Recorder) -> None:
        self._interfaces = recorder.interfaces
        self._lost, self._lost_later = recorder.lost, recorder.lost_later
        self._has_switches = any(each.kind == OvsInternal.kind for each in recorder.interfaces)
        self._chains: dict[tuple[int, int], Chain] = {}  # what a walk of a table comes to with one rule more
        self.routes = RouteBook()

    # --- what befell it between two devices

    def befell(self, way: Way, place: str, now: int, what: Step | Hit) -> None:
        if place not in way.here:
            way.times.setdefault(place, now)
        if isinstance(what, Hit):
            self._hit(way, place, now, what)
        elif isinstance(what, Bridged):
            self._bridged(way, place, what)
        elif isinstance(what, Dropped):
            self._dropped(way, place, now, what)
        else:
            if isinstance(what, (Unanswered, Waited)):
                self._route(way, place, now)
            way.steps(place).append(what)

    def _hit(self, way: Way, place: str, now: int, hit: Hit) -> None:
        told, dst = hit
        hook, steps = told.hook, way.steps(place)
        if place not in way.routed and hook in ROUTED_BEFORE:
            self._route(way, place, now, dst)
        if isinstance(told, Chain):
            self._walked(steps, told)
        else:
            if isinstance(told, Connection) and hook == "PREROUTING" and _came_in_pieces(way, place):
                way.whole.add(place)
                steps.append(Size(REASSEMBLED))
            steps.append(told)
            way.bound_for[place] = dst
            if hook == "OUTPUT" and isinstance(told, Translated):  # ip_route_me_harder
                way.routed.discard(place)
                self._route(way, place, now, dst, again=True)
        if place in way.undecided:
            undecided = way.undecided[place]
            if hook == "PREROUTING":
                undecided.position = len(steps)
            elif undecided.decision.decision != "up":
                way.settle_bridge(place)

    def _walked(self, steps: list[Step], told: Chain) -> None:
        """A table was walked, or the walk goes on that something interrupted."""
        latest = steps[-1] if steps else None
        if not isinstance(latest, Chain) or not latest.is_followed_by(told):
            steps.append(told)
            return
        key = id(latest), id(told)
        longer = self._chains.get(key)
        if longer is None:
            longer = self._chains[key] = latest.followed_by(told)
        steps[-1] = longer

    @staticmethod
    def _bridged(way: Way, place: str, decision: Bridged) -> None:
        here = way.here.get(place)
        if here is not None and here.direction == "in":
            way.ask_bridge(place, decision)
        else:
            way.steps(place).append(decision)
            if place in way.bridging:  # a frame that waited for a neighbour behind the bridge: that is its decision
                way.bridging[place] = decision

    def _dropped(self, way: Way, place: str, now: int, drop: Dropped) -> None:
        steps = way.steps(place)
        drop = _blamed(drop, steps)
        lost = self._lost_later.get((way.journey.id, drop.at)) or self._lost[way.journey.id][0]
        carried = way.carried_by(lost, place)
        if carried is not None:
            way.put_into(carried, lost)
            way.bound_for[place] = lost[30:34]
        elif not way.journey.hops and lost[12:14] == ethernet.IPV4:
            way.bound_for[place] = lost[30:34]
        if DropReason[drop.reason] in BEHIND_ROUTING:
            self._route(way, place, now)
        if drop.hook == "PREROUTING":
            way.undecided.pop(place, None)
        else:
            way.settle_bridge(place)
        if not drop.quiet and self._has_switches:
            _taken_by_a_switch(steps)
        steps.append(drop)
        way.goes_on_elsewhere(place)

    # --- a device

    def seen(self, way: Way, record: Record, introduction: list[Linked]) -> Hop:
        now, number, direction, frame = record
        interface = self._interfaces[number]
        place = interface.place
        wire = interface.whole(frame)
        before = way.wire
        if wire == before:  # from device to device as it is: no route
            way.routed.add(place)
            if interface.kind == "macvlan" and not wire[0] & 1:  # nor at the parent
                way.routed.add(way.journey.hops[-1].place)
        else:
            way.wire, way.text = wire, summary(wire)
        steps: list[Step] = [*way.pending.pop(place, ()), *introduction]
        hop = Hop(now, place, interface.device, "out" if direction is TX else "in", way.text, steps)
        if self._has_switches and (direction is TX or interface.kind == OvsInternal.kind):
            _switch_in_user_space(way, hop, before, wire)
        if direction is TX:
            self._sent(way, interface, hop, wire)
        else:
            self._received(way, interface, hop, wire)
        way.journey.hops.append(hop)
        way.here[place] = hop
        way.wires[place] = wire
        return hop

    def _sent(self, way: Way, interface: CapturedInterface, hop: Hop, wire: bytes) -> None:
        place, tunnel = interface.place, interface.kind in TUNNELS
        here = way.here.get(place)
        if interface.kind == "bridge":  # it has waited for a neighbour behind the bridge, which decides again
            way.undecided.pop(place, None)
        way.settle_bridge(place, hop.device)
        carried = way.carried_by(wire, place)
        if carried is not None:
            way.put_into(carried, wire)
        elif here is not None:
            hop.steps += changes(way.wires[place], wire, translated=_is_translated(here, hop))
        if wire[12:14] == ethernet.IPV4:
            if place not in way.routed and (carried is not None or not way.is_in_tunnel(place)):  # else another fragment, or copy
                self._route(way, place, hop.time_ns, wire[30:34], hop if here is None else here)
            if (here is None or carried or place in way.whole) and is_first_fragment(wire):
                way.whole.discard(place)
                if Size(FRAGMENTED) not in hop.steps:
                    hop.steps.insert(_before_waiting(hop.steps), Size(FRAGMENTED))
        if tunnel:
            way.goes_into(Inside(hop.steps, len(hop.steps), hop, interface.kind, wire))
        elif carried is not None:
            way.goes_on_inside(carried, hop)

    def _received(self, way: Way, interface: CapturedInterface, hop: Hop, wire: bytes) -> None:
        place, here = interface.place, way.here.get(interface.place)
        if interface.kind in TUNNELS and here is not None and here.direction == "in":  # the outer packet was for the host
            self._route(way, place, here.time_ns)
        way.routed.discard(place)
        way.bound_for.pop(place, None)
        if is_fragment(wire):
            way.pieces.add(place, wire)
        if interface.kind != "bridge":  # where one of its ports has come before
            way.entered.add(place)
        if interface.kind == "bridge":
            way.settle_bridge(place)
            decision = way.bridging.pop(place, None)
            hop.copy = decision is not None and (decision.decision == "forward" or (decision.decision == "flood" and not wire[0] & 1))
        outer = way.wires[place] if here is not None and here.direction == "in" else way.outer
        if interface.kind in TUNNELS and len(outer) >= 34:
            hop.steps.append(decapsulated(interface.kind, way.pieces.first(place, outer)))
        way.outer = wire

    # --- routes

    def _route(self, way: Way, place: str, now: int, dst: bytes = b"", hop: Hop | None = None, *, again: bool = False) -> None:
        """The route that the namespace's tables have at that moment, if it is not told yet: before the packet left by it."""
        if place in way.routed:
            return
        hop = hop or way.here.get(place)
        chosen = self.routes.choose(place, dst or self._destination(way, place), now, hop.device if hop is not None else "")
        if chosen is None:
            return
        way.routed.add(place)
        steps = hop.steps if hop is not None else way.steps(place)
        position = len(steps) if again else _before_leaving(steps, way.begin_of_outer(steps))
        steps.insert(position, chosen)
        if place in way.undecided:  # a bridge hands a packet on to a neighbour behind it when it knows the route
            way.undecided[place].position += 1
        if chosen.type == "local" and _came_in_pieces(way, place):
            way.whole.add(place)
            whole = way.pieces.are_whole(place, way.wires[place])
            steps.insert(position + 1, Size(REASSEMBLED if whole else INCOMPLETE))

    @staticmethod
    def _destination(way: Way, place: str) -> bytes:
        """Where it goes, as far as that is known: what has gone into a tunnel goes on as a packet that is not seen yet."""
        if place in way.bound_for:
            return way.bound_for[place]
        wire = way.wires.get(place, b"")
        return wire[30:34] if wire[12:14] == ethernet.IPV4 and (way.inside is None or place in way.entered) else b""

    # --- its end

    def ended(self, way: Way) -> None:
        """It goes nowhere from where it was last seen: where nothing is said of that, it has arrived."""
        for place, hop in way.here.items():
            way.settle_bridge(place)
            if hop.direction == "in" and not hop.copy and not any(isinstance(step, Dropped) for step in hop.steps):
                self._route(way, place, hop.time_ns)


def _blamed(drop: Dropped, steps: list[Step]) -> Dropped:
    """A drop by netfilter with the rule or policy that did it, which is the last thing that happened."""
    latest = steps[-1] if steps else None
    if drop.reason == "NETFILTER" and isinstance(latest, Chain) and latest.decided.verdict != "ACCEPT":
        drop.table, drop.hook, drop.rule = latest.table, latest.hook, latest.decided
    return drop


def _switch_in_user_space(way: Way, hop: Hop, before: bytes, wire: bytes) -> None:
    """Open vSwitch may have read the frame at the device where it came in, and put it into a tunnel or taken it out of one."""
    here = way.here.get(hop.place, hop)
    _taken_by_a_switch(here.steps)
    if way.inside is None:
        here.steps += switched(before, wire)


def _taken_by_a_switch(steps: list[Step]) -> None:
    """What the kernel's own stack has passed over goes on all the same."""
    if steps and isinstance(steps[-1], Dropped) and steps[-1].reason == "NOT_MINE":
        steps[-1] = IN_USER_SPACE


def _is_translated(*hops: Hop) -> bool:
    return any(isinstance(step, Translated) for hop in hops for step in hop.steps)


def _came_in_pieces(way: Way, place: str) -> bool:
    """Has it come in as fragments that the namespace has not put together yet?"""
    here = way.here.get(place)
    return here is not None and here.direction == "in" and place not in way.whole and is_fragment(way.wires[place])


def _before_leaving(steps: list[Step], begin: int) -> int:
    """Where the first of the last steps stands that it took on its way out: hooks that know the device, waiting for a neighbour."""
    position = _before_waiting(steps)
    while position > begin:
        latest = steps[position - 1]
        if not isinstance(latest, (Chain, Connection, Translated)) or latest.hook not in GOING_OUT:
            break
        position -= 1
    return position


def _before_waiting(steps: list[Step]) -> int:
    """Where the first of the last steps stands by which it waited for a neighbour; the end if it did not."""
    position = len(steps)
    for index in range(len(steps) - 1, -1, -1):
        if isinstance(steps[index], Waited):
            position = index
        elif not isinstance(steps[index], Linked):
            break
    return position
