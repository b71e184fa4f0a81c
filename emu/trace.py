"""`emu trace`: the way of a probe through a lab that is brought up for it, or of a packet of a run that is over."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from emu.errors import EmuError
from emu.lab import Lab
from emu.observe.dispositions import (
    SILENCE,
    Disposition,
    decisive_answer,
    is_arp_reply,
    is_error,
    judge,
)
from emu.observe.files import interface_order, write_merged
from emu.observe.journey import Encapsulated, Journey
from emu.observe.journey_text import journey_lines, step_text
from emu.observe.packets import Packets
from emu.observe.run_folder import RunFolder
from emu.observe.trace import FILE, read
from emu.probe import Trace, probe
from emu.probe_ends import find_origin, find_target

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from emu.topology.spec import Topology

PATH_CAPTURE = "path.pcapng"


def trace(topology: Topology, origin: str, target: str, folder: Path | None = None, size: int | None = None) -> Trace:
    """Bring the lab up, run its steps, send the probe. Raises EmuError for names that are not there."""
    with RunFolder(folder, "emu trace") if folder is not None else nullcontext() as files, Lab(topology) as lab:
        wrong = lab.up_with_steps()
        source = find_origin(lab, origin)
        sent_to = find_target(lab, target, source)
        if size is not None and sent_to.protocol == "tcp":
            raise EmuError(f"--size: the probe of a TCP port is a SYN, which carries nothing; {target}/udp and a ping have a size")
        told, recorder = probe(lab, source, sent_to, size)
        told.notes += wrong
        if files is not None:
            write_merged(recorder, files / PATH_CAPTURE, files / FILE, interface_order(recorder), told.ids)
        return told


def trace_text(told: Trace) -> str:
    """For people: a headline, the way there, the way back."""
    known = {**told.related, **{each.id: each for each in (told.probe, *told.answers)}}
    first = f"#{told.probe.id} {told.origin.name} > {told.target}: {headline(told.disposition)}"
    return "\n".join([first, *_ways(told.probe, told.answers, known, told.errors), *(f"note: {note}" for note in told.notes)])


def headline(disposition: Disposition) -> str:
    took = f" in {disposition.took_ns / 1e6:.3f} ms" if disposition.took_ns is not None else ""
    word, brief = disposition.word, disposition.brief
    return word.upper() + brief.removeprefix(word) + took


def _ways(journey: Journey, answers: Sequence[Journey], known: Mapping[int, Journey], errors: Sequence[Journey] = ()) -> list[str]:
    """The way there, the way back of the answer that counts, and a line for each of the others, and of errors about them."""
    lines = way_lines(journey, known)
    decisive = decisive_answer(journey, answers)
    if decisive is not None:
        lines += [f"{'the error' if is_error(decisive) else 'the way back'}, #{decisive.id}", *way_lines(decisive, known)]
    told = {packet_of(decisive)} if decisive is not None else set()  # what was sent again is not told again
    for other in (*answers, *errors):
        if packet_of(other) not in told:
            told.add(packet_of(other))
            lines.append(f"besides, #{other.id} from {other.hops[0].place}: {packet_of(other)}: {judge(other).brief}")
    return lines


def way_lines(journey: Journey, known: Mapping[int, Journey]) -> list[str]:
    """A packet's hops; where it waited for an address, what was asked and answered."""
    return journey_lines(journey, lambda waited: _asked(known[waited.request], known) if waited.request in known else "")


def _asked(request: Journey, known: Mapping[int, Journey]) -> str:
    """An ARP request, the replies (two hosts may have the address), and what was lost of them, and in which tunnel."""
    replies = [each for each in known.values() if each.cause == request.id and is_arp_reply(each)]
    told = []
    for each in (request, *replies):
        told.append(f"#{each.id} {each.hops[0].packet}")
        if each.drops() or not replies:
            told += dict.fromkeys(step_text(step) for _, step in each.steps() if isinstance(step, Encapsulated))
    told += [] if replies else ["no answer"]
    lost = dict.fromkeys(step_text(drop) for each in (request, *replies) for drop in each.drops())
    return "; ".join([*told, *lost])


# --- a run that is over


def run_packets(folder: Path) -> dict[int, Journey]:
    """The packets of a run. Raises EmuError for a folder that is no run, or whose trace cannot be read."""
    if not (folder / FILE).exists():
        raise EmuError(f"{folder}: there is no {FILE} in it: is it the folder of a run? `emu run TOPOLOGY -o FOLDER` writes one")
    return read(folder / FILE)


def find_packet(journeys: Mapping[int, Journey], number: int) -> Journey:
    """Raises EmuError with the numbers that there are."""
    if number not in journeys:
        if not journeys:
            raise EmuError("the run has no packets")
        raise EmuError(f"the run has no packet {number}: they are numbered {min(journeys)} to {max(journeys)}")
    return journeys[number]


def list_text(packets: Mapping[int, Journey]) -> str:
    """A line a packet, in the order in which they were born."""
    run, lines = Packets(packets), []
    for journey in sorted(packets.values(), key=lambda each: each.hops[0].time_ns):
        first, ending = journey.hops[0], run.disposition(journey).brief.removesuffix(f": {SILENCE}")
        lines.append(f"#{journey.id:<5} {first.time_ns / 1e9:10.6f}  {first.place:12}  {packet_of(journey)}  {ending}")
    return "\n".join(lines)


def packet_of(journey: Journey) -> str:
    return next((hop.packet for hop in journey.hops if hop.packet), "(never at a device)")


def packet_text(journey: Journey, packets: Mapping[int, Journey]) -> str:
    """One packet, and what answers it."""
    run = Packets(packets)
    first = f"#{journey.id} {packet_of(journey)}: {headline(run.disposition(journey))}"
    return "\n".join([first, *_ways(journey, run.answers(journey), packets)])


def packet_data(journey: Journey, packets: Mapping[int, Journey]) -> dict[str, object]:
    """One packet, what answers it, and the ARP packets that it or they needed."""
    run = Packets(packets)
    answers = run.answers(journey)
    related = run.addresses_asked_for((journey, *answers))
    return {
        "disposition": run.disposition(journey).as_data(), "packet": journey, "answers": answers, "related": list(related.values())
    }  # fmt: skip


def packets_data(packets: Mapping[int, Journey]) -> list[dict[str, object]]:
    run = Packets(packets)
    return [{"disposition": run.disposition(each).as_data(), "packet": each} for each in packets.values()]
