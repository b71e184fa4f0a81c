"""`emu trace`: the way of a probe through a lab that is brought up for it, or of a packet of a run that is over."""

from __future__ import annotations

import re
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from emu.errors import EmuError
from emu.lab import Lab
from emu.observe.dispositions import SILENCE, Disposition, is_arp_reply, is_request_for_address, judge
from emu.observe.files import interface_order, write_merged
from emu.observe.journey import Journey
from emu.observe.journey_text import journey_lines, step_text
from emu.observe.run_folder import RunFolder
from emu.observe.trace import FILE, read
from emu.probe import Trace, find_origin, find_target, probe

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from emu.topology.spec import Topology

PATH_CAPTURE = "path.pcapng"
WAITS = re.compile(r"waits for the address of \S+: ARP #(\d+)$")


def trace(topology: Topology, origin: str, target: str, folder: Path | None = None, size: int | None = None) -> Trace:
    """Bring the lab up, run its steps, send the probe. Raises EmuError for names that are not there."""
    with RunFolder(folder) if folder is not None else nullcontext() as files, Lab(topology) as lab:
        lab.up_with_steps()
        source = find_origin(lab, origin)
        told, recorder = probe(lab, source, find_target(lab, target, source), size)
        if files is not None:
            write_merged(recorder, files / PATH_CAPTURE, files / FILE, interface_order(recorder), told.ids)
        return told


def trace_text(told: Trace) -> str:
    """For people: a headline, the way there, the way back."""
    known = {**told.related, **{each.id: each for each in (told.probe, *told.answers)}}
    lines = [f"#{told.probe.id} {told.origin.name} > {told.target}: {headline(told.disposition)}", *way_lines(told.probe, known)]
    for answer in told.answers[:1]:
        lines += [f"the way back, #{answer.id}", *way_lines(answer, known)]
    return "\n".join(lines + [f"note: {note}" for note in told.notes])


def headline(disposition: Disposition) -> str:
    took = f" in {disposition.took_ns / 1e6:.3f} ms" if disposition.took_ns is not None else ""
    sentence = disposition.sentence
    return sentence[: len(disposition.word)].upper() + sentence[len(disposition.word) :] + took


def way_lines(journey: Journey, known: Mapping[int, Journey]) -> list[str]:
    """A packet's hops; where it waited for an address, what was asked and answered."""
    lines = []
    for line in journey_lines(journey):
        lines.append(line)
        found = WAITS.search(line)
        request = known.get(int(found[1])) if found else None
        if found is not None and request is not None:
            lines.append(f"{' ' * (found.start() + 4)}{_asked(request, known)}")
    return lines


def _asked(request: Journey, known: Mapping[int, Journey]) -> str:
    """An ARP request, the replies (two hosts may have the address), and what was lost of them."""
    replies = [each for each in known.values() if each.cause == request.id and is_arp_reply(each)]
    told = [f"#{each.id} {each.hops[0].packet}" for each in (request, *replies)] + ([] if replies else ["no answer"])
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


def disposition_of(journey: Journey, journeys: Mapping[int, Journey]) -> Disposition:
    return judge(journey, [each for each in journeys.values() if each.cause == journey.id])


def list_text(journeys: Mapping[int, Journey]) -> str:
    """A line a packet, in the order in which they were born."""
    lines = []
    answers: dict[int, list[Journey]] = {}
    for each in journeys.values():
        answers.setdefault(each.cause, []).append(each)
    for journey in sorted(journeys.values(), key=_born):
        if journey.hops:
            ended = judge(journey, answers.get(journey.id, ()))
            ending = ended.sentence.removesuffix(f": {SILENCE}")
            lines.append(f"#{journey.id:<5} {_born(journey) / 1e9:10.6f}  {journey.hops[0].place:12}  {_packet(journey)}  {ending}")
    return "\n".join(lines)


def _born(journey: Journey) -> int:
    return journey.hops[0].time_ns if journey.hops else 0


def _packet(journey: Journey) -> str:
    return next((hop.packet for hop in journey.hops if hop.packet), "(never at a device)")


def packet_text(journey: Journey, journeys: Mapping[int, Journey]) -> str:
    """One packet, and the first that answers it."""
    answers = [each for each in journeys.values() if each.cause == journey.id and not is_request_for_address(each)]
    lines = [f"#{journey.id} {_packet(journey)}: {headline(disposition_of(journey, journeys))}", *way_lines(journey, journeys)]
    for answer in answers[:1]:
        lines += [f"the way back, #{answer.id}", *way_lines(answer, journeys)]
    return "\n".join(lines)


def packets_data(journeys: Iterable[Journey], everything: Mapping[int, Journey]) -> list[dict[str, object]]:
    return [{"disposition": disposition_of(each, everything).as_data(), "packet": each} for each in journeys]
