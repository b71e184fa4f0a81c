"""One probe from a place of a lab to another, watched on its way: what `emu trace` shows.

A probe is what people try: an ICMP echo, the SYN of a connection, a UDP datagram. It is sent by a socket of the place, as a program's
would be. Not modelled: probes of other protocols.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from emu.engine import SECOND
from emu.errors import did_you_mean
from emu.netfilter.words import UNKNOWN_RULE
from emu.netns.socket import RawSocket, UdpSocket
from emu.observe.dispositions import ANSWERED, DELIVERED, REFUSED, Disposition, is_error
from emu.observe.journey import Chain, Dropped, Hop, Journey
from emu.observe.packets import Packets
from emu.observe.reconstruct import reconstruct
from emu.observe.recorder import Recorder
from emu.packet import icmp, ipv4
from emu.packet.address import ANY, Ip, ip_text, mac_text
from emu.probe_ends import Origin, Target, addresses, listening

if TYPE_CHECKING:
    from emu.lab import Lab

PATIENCE_NS = 12 * SECOND  # ARP gives up after three seconds, and may have to at several routers
ECHO_ID = b"em"
PAYLOAD = 56
NO_WAY = {errno.EHOSTUNREACH: "UNREACHABLE_ROUTE", errno.EACCES: "PROHIBIT_ROUTE", errno.EINVAL: "BLACKHOLE", errno.EMSGSIZE: "FRAG_NEEDED"}


@dataclass(slots=True)
class Trace:
    """A probe's way: `answers` name it as their cause, `related` are the ARP packets that it or they needed, and errors about answers.

    `elsewhere`: another place has the same address, and was reached.
    """

    origin: Origin
    target: Target
    probe: Journey
    answers: list[Journey] = field(default_factory=list)
    related: dict[int, Journey] = field(default_factory=dict)
    disposition: Disposition = field(default_factory=lambda: Disposition(""))
    notes: list[str] = field(default_factory=list)
    elsewhere: bool = False

    @property
    def answered(self) -> bool:
        return self.disposition.word == ANSWERED and not self.elsewhere

    @property
    def errors(self) -> list[Journey]:
        """About answers: who sent one hears that it did not come home."""
        about = {answer.id for answer in self.answers}
        return [each for each in self.related.values() if each.cause in about and is_error(each)]

    @property
    def ids(self) -> set[int]:
        """Of all packets that belong to it."""
        return {self.probe.id, *(answer.id for answer in self.answers), *self.related}

    def as_data(self) -> dict[str, Any]:
        return {
            "from": self.origin.name,
            "to": {
                "name": self.target.name,
                "address": ip_text(self.target.address),
                "protocol": self.target.protocol,
                "port": self.target.port,
            },
            "disposition": self.disposition.as_data(),
            "probe": self.probe,
            "answers": self.answers,
            "related": list(self.related.values()),
            "elsewhere": self.elsewhere,
            "notes": self.notes,
        }  # fmt: skip


def probe(lab: Lab, origin: Origin, target: Target, size: int | None = None) -> tuple[Trace, Recorder]:
    """Send one, wait for what becomes of it, and tell; the recorder has the frames. `size` is that of an echo's or datagram's payload."""
    recorder = Recorder(lab, journeys=True)
    for netns in lab.namespaces().values():
        recorder.watch(netns)
    engine, trace, failure = lab.engine, Trace(origin, target, Journey(0)), None

    async def send() -> OSError | None:
        trace.probe.id = engine.next_trace_id() + 1  # sockets send at once
        return await _PROBES[target.protocol](origin, target, PAYLOAD if size is None else size)

    sent = engine.spawn(send(), "probe")
    try:
        engine.run(until=sent, until_ns=engine.now + PATIENCE_NS)
        failure = sent.result() if sent.done else OSError(errno.ETIMEDOUT, "no answer")
        engine.run(until_ns=engine.now + SECOND // 100)
    finally:
        recorder.stop()
        lab.on_netns.remove(recorder.watch)
    return _told(lab, recorder, trace, failure), recorder


async def _echo(origin: Origin, target: Target, size: int) -> OSError | None:
    """Until an answer comes, or an error about it."""
    sock = RawSocket(origin.netns, ipv4.ICMP)
    try:
        message = icmp.build(icmp.Type.ECHO, 0, b"%b\x00\x01" % ECHO_ID, bytes(size))
        sock.sendto(message, ip_text(target.address), source=ip_text(origin.address))
        while not _ends((await sock.recv(PATIENCE_NS / SECOND)).payload):
            pass
    except OSError as error:
        return error
    finally:
        sock.close()
    return None


def _ends(message: bytes) -> bool:
    """Is it the answer to our echo, or an error about it? A redirect is none: the packet goes on."""
    if message[0] == icmp.Type.ECHO_REPLY:
        return message[icmp.IDENTIFIER] == ECHO_ID
    if message[0] not in icmp.ERRORS or message[0] == icmp.Type.REDIRECT or len(message) < 36:
        return False
    quoted = message[icmp.HEADER :]
    echo = quoted[(quoted[0] & 15) * 4 :]
    return quoted[9] == ipv4.ICMP and echo[icmp.IDENTIFIER] == ECHO_ID


async def _syn(origin: Origin, target: Target, _size: int) -> OSError | None:
    local = ip_text(origin.address) if origin.address != ANY else None
    try:
        sock = await origin.netns.tcp.connect((ip_text(target.address), target.port), PATIENCE_NS / SECOND, local_address=local)
        sock.close()
    except OSError as error:
        return error
    return None


async def _datagram(origin: Origin, target: Target, size: int) -> OSError | None:
    sock = UdpSocket(origin.netns)
    sock.broadcast = True
    try:
        if origin.address != ANY:
            sock.bind((ip_text(origin.address), 0))
        sock.connect((ip_text(target.address), target.port))
        sock.send(bytes(size))
        await sock.recv(PATIENCE_NS / SECOND)
    except OSError as error:
        return error
    finally:
        sock.close()
    return None


_PROBES = {"icmp": _echo, "tcp": _syn, "udp": _datagram}


# --- what became of it


def _told(lab: Lab, recorder: Recorder, trace: Trace, failure: OSError | None) -> Trace:
    packets = Packets({journey.id: journey for journey in reconstruct(recorder)})
    trace.probe = packets.by_id.get(trace.probe.id) or _never_sent(lab, trace, failure)
    trace.answers = packets.answers(trace.probe)
    errors = [each for answer in trace.answers for each in packets.answers(answer) if is_error(each)]
    trace.related = {each.id: each for each in errors} | packets.addresses_asked_for((trace.probe, *trace.answers, *errors))
    trace.disposition = packets.disposition(trace.probe)
    trace.elsewhere = _is_elsewhere(lab, trace)
    trace.notes = list(_notes(lab, trace, failure))
    return trace


def _never_sent(lab: Lab, trace: Trace, failure: OSError | None) -> Journey:
    """The system call has failed: there was never a packet."""
    origin, target = trace.origin, trace.target
    reason = NO_WAY.get(failure.errno or 0, "NO_ROUTE") if failure is not None else "NO_ROUTE"
    source = f"{ip_text(origin.address)} > " if origin.address != ANY else ""  # else nobody has chosen one
    packet = f"{source}{ip_text(target.address)}{f':{target.port}' if target.port else ''} {target.protocol.upper()}, never sent"
    place = origin.netns.name
    return Journey(trace.probe.id, 0, [Hop(lab.engine.now, place, "", "", packet, [Dropped(place, reason)])])


def _is_elsewhere(lab: Lab, trace: Trace) -> bool:
    """Two places may have the same address, each on its own host: who was reached?"""
    found, target = trace.disposition, trace.target
    if target.netns is None or target.address[0] == 127 or found.word not in (ANSWERED, REFUSED, DELIVERED):
        return False
    owners = {owner.name for owner in addresses(lab).get(ip_text(target.address), ())}
    return found.where in owners - {target.netns.name} and target.netns.name in owners


def _notes(lab: Lab, trace: Trace, failure: OSError | None) -> Iterable[str]:
    """What may have been meant instead."""
    target, text = trace.target, ip_text(trace.target.address)
    if target.netns is None and text not in addresses(lab) and not trace.answered and _may_be_a_place(lab, target.address):
        yield f"no place of the lab has the address {text}{did_you_mean(text, addresses(lab))}"
    refusing = lab.namespaces().get(trace.disposition.where) if trace.disposition.word == REFUSED else None
    if refusing is not None:
        listens = ", ".join(listening(refusing, target.protocol)) or "no port"
        yield f"{refusing.name} listens on {listens} ({target.protocol})"
    if trace.disposition.word != ANSWERED and failure is None and target.protocol == "tcp":
        yield "the connection came about all the same: a SYN that was sent again was answered"
    if trace.elsewhere:
        yield f"{trace.disposition.where} has the address {text} too, and was reached in the place of {target.name}"
    yield from _taken_for(lab, trace)
    yield from _proxies(lab, trace)
    yield from doubts(trace)


def _taken_for(lab: Lab, trace: Trace) -> Iterable[str]:
    """Who on the way has a neighbour at a MAC address that the neighbour has not?"""
    if trace.answered:
        return
    places = {hop.place for journey in (trace.probe, *trace.answers) for hop in journey.hops}
    owners = addresses(lab)
    for netns in (netns for name, netns in lab.namespaces().items() if name in places):
        for entry in netns.neighbours.entries.values():
            having = owners.get(ip_text(entry.ip), ())
            if entry.mac is not None and having and not any(dev.mac == entry.mac for owner in having for dev in owner.devices.values()):
                at = f"{ip_text(entry.ip)} dev {entry.dev.name} lladdr {mac_text(entry.mac)} {entry.state.name}"
                yield f"{netns.name}'s `ip neigh` has {at}, which is not the MAC address of {having[0].name}"


def _proxies(lab: Lab, trace: Trace) -> Iterable[str]:
    """docker-proxy takes a connection for a container, whether that listens or not."""
    target = trace.target
    for name, place in lab.places().items():
        if place.container is not None and place.host.netns.name == trace.disposition.where and trace.answered and target.protocol == "tcp":
            for port in (port for endpoint in place.container.endpoints.values() for port in endpoint.published):
                if port.protocol == "tcp" and port.host_port == target.port:
                    yield f"docker-proxy answers there; from it to {name}:{port.port} goes a connection of its own"
                    return


def _may_be_a_place(lab: Lab, address: Ip) -> bool:
    """Not a group's address, a broadcast or one of 127.0.0.0/8."""
    kinds = {netns.address_type(address) for netns in lab.namespaces().values()}
    return address[0] != 127 and not kinds & {"BROADCAST", "MULTICAST"}


def doubts(trace: Trace) -> Iterable[str]:
    """Rules that are not modelled and that the probe or an answer has met: nobody knows what they would have done."""
    for walk in [step for journey in (trace.probe, *trace.answers) for _, step in journey.steps() if isinstance(step, Chain)]:
        for hit in walk.rules:
            if not hit.verdict and f'--comment "{UNKNOWN_RULE}' in hit.text:
                said = hit.text.partition("--comment ")[2]
                yield f"{walk.table} {hit.chain} #{hit.number} may have decided this; what it does is {said}"
