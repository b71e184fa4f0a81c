"""`emu run --live`: the merged capture as it grows, for `wireshark -k -i -`.

The stream has what is known when a frame passes: interface, direction, time, packet id, bytes. Interfaces are described when they first
appear, so they stand in that order, those that come later between the frames. Not in it, for it is known only when a packet's way has come
to its end: the comments on frames, and the names of addresses; `all.pcapng`, which is written when the run is over, has both.

A reader that goes away ends the stream, not the run.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, BinaryIO

from emu.netdev.device import TX
from emu.observe.pcapng import InterfaceDescription, interface, packet, section_header

if TYPE_CHECKING:
    from emu.observe.recorder import CapturedInterface, Recorder


class LiveCapture:
    """Follows a recorder. `flush` brings the stream up to date; the engine calls it now and then, the run after each step."""

    def __init__(self, recorder: Recorder, stream: BinaryIO) -> None:
        self._recorder = recorder
        self._stream: BinaryIO | None = stream
        self._written = 0  # records
        self._places: dict[int, int] = {}  # numbers of interfaces to their places in the stream
        recorder.engine.now_and_then.insert(0, self.flush)  # before the recorder moves what is in memory to disk
        self._send(section_header())

    @property
    def ended(self) -> bool:
        """The reader has gone."""
        return self._stream is None

    def flush(self) -> None:
        if self._stream is None:
            return
        recorder, places, epoch = self._recorder, self._places, self._recorder.epoch_ns
        store = recorder.store
        blocks = [
            self._describe(number, each) for number, each in enumerate(recorder.interfaces) if number not in places and each.gone_ns is None
        ]
        for now, number, direction, frame in islice(store.recent, self._written - store.spilled, None):
            if number not in places:  # it is gone already
                blocks.append(self._describe(number, recorder.interfaces[number]))
            blocks.append(packet(places[number], epoch + now, frame.wire, direction is TX, frame.trace_id))
        self._written = len(store)
        if blocks:
            self._send(b"".join(blocks))

    def _describe(self, number: int, each: CapturedInterface) -> bytes:
        self._places[number] = len(self._places)
        return interface(InterfaceDescription(each.label, each.description, each.mac, link_type=each.link_type))

    def _send(self, blocks: bytes) -> None:
        assert self._stream is not None
        try:
            self._stream.write(blocks)
            self._stream.flush()
        except BrokenPipeError:
            self._stream = None
