"""All files of a run, made from what a recorder holds: `captures/`, `trace.jsonl`, `steps.log`, `wireshark/`.

Interfaces stand in topology order: host by host, a host's own interfaces before those of its containers, each in the order in which they
appeared. An interface that came and went in one instant, as a veth on its way into a container does, and saw nothing, gets no file.
"""

from __future__ import annotations

from collections.abc import Container
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING

from emu.netdev.device import TX
from emu.observe import pcap, wireshark
from emu.observe.journey_text import step_text
from emu.observe.pcapng import InterfaceDescription, PcapNgWriter
from emu.observe.reconstruct import Reconstruction
from emu.observe.step_memory import StepMemory
from emu.observe.trace import FILE, TraceWriter

if TYPE_CHECKING:
    from emu.observe.recorder import Recorder

FLUSH_RECORDS = 16_384


def write_run(recorder: Recorder, folder: Path) -> int:
    """Write everything; gives the number of pcap files. Raises OSError and EmuError."""
    captures = folder / "captures"
    captures.mkdir(parents=True, exist_ok=True)
    pcap.check_time(recorder.epoch_ns)
    pcap.check_time(recorder.epoch_ns + recorder.engine.now)
    order = interface_order(recorder)
    write_pcaps(recorder, captures, order)
    write_merged(recorder, captures / "all.pcapng", folder / FILE, order)
    (folder / "steps.log").write_text(steps_log(recorder), encoding="utf-8")
    wireshark.write(folder / "wireshark")
    return len(order)


def interface_order(recorder: Recorder) -> list[int]:
    """The numbers of the interfaces that are in the files, in the files' order."""
    seen = set(map(itemgetter(1), recorder.store))
    places = {place: position for position, place in enumerate(recorder.places)}

    def key(number: int) -> tuple[int, int, int]:
        place = recorder.interfaces[number].place
        return places.get(place.partition("/")[0], len(places)), places[place], number

    kept = (
        number for number, each in enumerate(recorder.interfaces) if number in seen or each.gone_ns is None or each.gone_ns > each.born_ns
    )
    return sorted(kept, key=key)


def file_names(recorder: Recorder, order: list[int]) -> dict[int, str]:
    """`HOST[.CONTAINER].INTERFACE.pcap`; where dots in names make two alike, the later one gets a number."""
    names: dict[int, str] = {}
    for number in order:
        stem = recorder.interfaces[number].label.replace("/", ".")
        name, again = f"{stem}.pcap", 1
        while name in names.values():
            again += 1
            name = f"{stem}~{again}.pcap"
        names[number] = name
    return names


def write_pcaps(recorder: Recorder, folder: Path, order: list[int] | None = None) -> None:
    """One file an interface. Files are opened to append, one at a time: a lab may have more interfaces than a process may have files."""
    names = file_names(recorder, order if order is not None else interface_order(recorder))
    parts = {number: [pcap.file_header(recorder.interfaces[number].link_type)] for number in names}
    adders = {number: blocks.append for number, blocks in parts.items()}
    record = pcap.recording(recorder.epoch_ns)
    records = iter(recorder.store)
    last_now, last_frame, block = -1, None, b""
    for name in names.values():
        (folder / name).write_bytes(b"")
    while some := list(islice(records, FLUSH_RECORDS)):
        for now, number, _, frame in some:
            if frame is not last_frame or now != last_now:  # a bridge shows one frame on several interfaces at once
                last_now, last_frame, block = now, frame, record(now, frame.wire)
            adders[number](block)
        _flush(folder, names, parts)
    _flush(folder, names, parts)


def _flush(folder: Path, names: dict[int, str], parts: dict[int, list[bytes]]) -> None:
    for number, blocks in parts.items():
        if blocks:
            with (folder / names[number]).open("ab") as file:
                file.write(b"".join(blocks))
            blocks.clear()


def write_merged(recorder: Recorder, capture: Path, trace: Path, order: list[int], only: Container[int] | None = None) -> None:
    """`all.pcapng` with comments, and the trace, in one go over the records; of all packets, or of those with the ids `only`."""
    interfaces, epoch = recorder.interfaces, recorder.epoch_ns
    places = {number: position for position, number in enumerate(order)}
    listed = [interfaces[number] for number in order]
    descriptions = [InterfaceDescription(each.label, each.description, each.mac, link_type=each.link_type) for each in listed]
    with capture.open("wb") as file, trace.open("w", encoding="utf-8", newline="\n") as lines:
        merged = PcapNgWriter(file, descriptions)
        merged.names(address_names(recorder))
        tracer = TraceWriter(lines, epoch)
        texts = StepMemory(step_text)
        for (now, number, direction, frame), hop in Reconstruction(recorder, tracer.add, only):
            merged.write(places[number], epoch + now, frame.wire, direction is TX, frame.trace_id, texts(hop.steps))
        tracer.close()


def address_names(recorder: Recorder) -> dict[bytes, list[str]]:
    """The places behind the addresses that only one place has, for Wireshark's name resolution."""
    owners: dict[bytes, set[str]] = {}
    for netns in recorder.namespaces:
        for address in netns.all_addresses():
            if address.scope != "host":
                owners.setdefault(address.ip, set()).add(netns.name)
    return {address: [min(places)] for address, places in sorted(owners.items()) if len(places) == 1}


def steps_log(recorder: Recorder) -> str:
    """Each command with its time, output and status, as on a terminal."""
    lines = []
    for ran in recorder.steps:
        lines.append(f"{ran.started_ns / 1e9:.6f} {ran.step.place}$ {ran.step.line}\n{ran.output}")
        if ran.output and not ran.output.endswith("\n"):
            lines.append("\n")
        lines.append("(in the background)\n" if ran.exit_status is None else f"(exit status {ran.exit_status})\n")
        lines += [f"! {problem}\n" for problem in ran.problems]
        lines.append("\n")
    return "".join(lines)
