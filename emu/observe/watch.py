"""What befalls packets between two taps, from the points where the data path lets itself be watched (netfilter's traces, drops, changes of
tables), and a bridge's decision, asked of its forwarding database at the moment when the tap of a port sees a frame.

All of it is kept as it comes, most of it as steps that many packets share; observe/reconstruct.py tells whose they are and where they
belong when the run is over.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from emu.netdev.bridge import Bridge, BridgePort
from emu.netfilter.rule_text import rule_text
from emu.observe.journey import Bridged, Chain, Connection, RuleHit, Step, Translated

if TYPE_CHECKING:
    from emu.engine import Engine
    from emu.netdev.device import NetDevice
    from emu.netfilter.netfilter import TraceEvent
    from emu.netfilter.table import Rule
    from emu.netns.fib import Route
    from emu.netns.namespace import Netns
    from emu.observe.store import RecordStore
    from emu.packet.address import Ip
    from emu.packet.frame import Frame

END = {"src": "source", "dst": "destination"}


class Hit(NamedTuple):
    """Something that befell a packet in netfilter; `dst` is where it goes at that moment."""

    step: Chain | Connection | Translated
    dst: bytes


class Routes(NamedTuple):
    """A namespace's routes from now on. `redirected` is, by destination, the gateway that a router has told, and until when."""

    local: tuple[Route, ...]
    main: tuple[Route, ...]
    redirected: dict[bytes, tuple[Ip, int]]


class Named(NamedTuple):
    """A device has this name from now on."""

    dev: NetDevice
    name: str


Happening = Step | Hit | Routes | Named
Event = tuple[int, int, int, str, Happening]  # how many records there were before, virtual time in ns, packet id, place, what
Tell = Callable[[int, Happening], None]


class EventStore:
    """Happenings in their order: forty bytes for each, as what happens is the same for many packets and is kept once."""

    def __init__(self) -> None:
        self._numbers = array("q")
        self._places: dict[str, int] = {}
        self._what: list[Happening] = []

    def __len__(self) -> int:
        return len(self._what)

    def teller(self, engine: Engine, records: RecordStore, place: str) -> Tell:
        """What keeps the happenings of a place: this is what each of them costs."""
        extend, what, recent = self._numbers.extend, self._what, records.recent
        number = self._places.setdefault(place, len(self._places))
        longer: dict[tuple[int, int], Hit] = {}
        latest: tuple[Hit, int, int] | None = None  # with its packet's id and position

        def tell(trace_id: int, happening: Happening) -> None:
            nonlocal latest
            position = records.spilled + len(recent)
            if type(happening) is Hit:
                if latest is not None and what[-1] is latest[0] and latest[1] == trace_id and latest[2] == position:
                    key = id(latest[0]), id(happening)
                    if key not in longer:
                        longer[key] = _walk_on(latest[0], happening)
                    if longer[key] is not happening:
                        what[-1] = longer[key]
                        latest = longer[key], trace_id, position
                        return
                latest = happening, trace_id, position
            extend((position, engine.now, trace_id, number))
            what.append(happening)

        return tell

    def __iter__(self) -> Iterator[Event]:
        numbers, places = iter(self._numbers), list(self._places)
        for position, now, trace_id, place, what in zip(numbers, numbers, numbers, numbers, self._what, strict=False):
            yield position, now, trace_id, places[place], what


def watch_namespace(netns: Netns, tell: Tell) -> Callable[[], None]:
    """Its rules, and its routes and the names of its devices as they are and as they change. What it returns ends that."""
    netfilter, fib, routing = netns.netfilter, netns.fib, netns.ipv4.routing
    known: dict[tuple[object, ...], tuple[Hit, Rule | None]] = {}  # with the rule, which lives as long as its id stands here

    def rule_met(event: TraceEvent) -> None:
        datagram, hook, table, chain, number, verdict, rule = event
        key = (hook, table, chain, number, verdict, id(rule), datagram.dst)
        found = known.get(key)
        if found is None:
            found = known[key] = Hit(_step(event), datagram.dst), rule
        tell(datagram.trace_id, found[0])

    def routes_changed(*_: object) -> None:
        tell(0, Routes(tuple(fib.local), tuple(fib.routes), dict(routing.redirected)))

    def device_changed(dev: NetDevice, there: bool) -> None:
        if there:
            tell(0, Named(dev, dev.name))

    def end() -> None:
        netfilter.traces.remove(rule_met)
        netns.on_device.remove(device_changed)
        fib.on_change.remove(routes_changed)
        routing.on_redirect.remove(routes_changed)

    netfilter.traces.append(rule_met)
    fib.on_change.append(routes_changed)
    routing.on_redirect.append(routes_changed)
    netns.on_device.append(device_changed)
    for dev in netns.devices.values():
        device_changed(dev, True)
    routes_changed()
    return end


def _step(event: TraceEvent) -> Chain | Connection | Translated:
    _, hook, table, chain, number, verdict, rule = event
    if table == "conntrack":
        return Connection(hook.name, verdict)
    if table == "nat" and not chain:
        end, before, _, after = verdict.split()
        return Translated(END[end], before, after, hook.name)
    text = rule_text(rule).strip() if rule is not None else ""
    return Chain(hook.name, table, [RuleHit(chain, number, verdict, text, rule is not None and bool(rule.jump))])


def _walk_on(before: Hit, hit: Hit) -> Hit:
    """Both as one, if they are rules of one table that were met at the same hook; else the second."""
    if isinstance(before.step, Chain) and isinstance(hit.step, Chain) and before.step.is_followed_by(hit.step):
        return Hit(before.step.followed_by(hit.step), before.dst)
    return hit


def bridge_decision(dev: NetDevice, frame: Frame, known: dict[tuple[str, ...], Bridged]) -> Bridged | None:
    """What a bridge will do with a frame that comes in at its port `dev`, or that the host sends by `dev`, the bridge itself.

    None: there is no bridge, or it drops the frame. `known` has the decisions so far: most are one of a few.
    """
    bridge = dev if isinstance(dev, Bridge) else dev.master
    if not isinstance(bridge, Bridge) or not bridge.up:
        return None
    source = None if dev is bridge else bridge.ports[dev]
    dst = frame.wire[:6]
    entry = None if not dst or dst[0] & 1 else bridge.fdb.entries.get(dst)
    if entry is not None and not entry.is_local and not entry.is_static and bridge.engine.now - entry.updated_ns >= bridge.fdb.ageing_ns:
        entry = None
    if entry is None or (entry.port is None and source is None):
        key: tuple[str, ...] = (bridge.name, "flood", *_flooded(bridge, source, bool(dst and dst[0] & 1)))
    elif source is not None and (entry.is_local or entry.port is None):
        key = bridge.name, "up"
    elif entry.port is None or (entry.port is source and not source.hairpin):
        return None
    else:
        key = bridge.name, "forward", entry.port.dev.name
    decision = known.get(key)
    if decision is None:
        decision = known[key] = Bridged(key[0], key[1], list(key[2:]))
    return decision


def _flooded(bridge: Bridge, source: BridgePort | None, group: bool) -> Iterator[str]:
    for port in bridge.ports.values():
        alone = source is not None and source.isolated and port.isolated
        if (port is not source or port.hairpin) and (port.flood or group) and port.dev.up and not alone:
            yield port.dev.name
