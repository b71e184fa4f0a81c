"""`emu run --live`: the stream is the merged capture, as far as it is known while frames pass."""

from __future__ import annotations

import io
import os
import subprocess
import sys

from click.testing import CliRunner

from emu.cli import main
from emu.netdev.veth import Veth
from emu.observe.live import LiveCapture
from emu.observe.pcapng_reader import PcapNgReader
from emu.packet.address import Mac
from tests import tshark
from tests.observe.captures import recorder_of, send
from tests.observe.test_drop_counters import LAB
from tests.wires import Bridged

FIELDS = (
    "frame.interface_name",
    "frame.packet_id",
    "frame.time_epoch",
    "frame.packet_flags_direction",
    "frame.len",
    "ip.src",
    "arp.opcode",
)


def test_each_flush_brings_the_stream_up_to_date():
    net, stream = Bridged(2), io.BytesIO()
    recorder = recorder_of(net)
    live = LiveCapture(recorder, stream)
    send(net)
    assert len(frames(stream)) < recorder.frames
    live.flush()
    assert len(frames(stream)) == recorder.frames > 0
    before = len(stream.getvalue())
    live.flush()
    assert len(stream.getvalue()) == before
    send(net)
    live.flush()
    assert len(frames(stream)) == recorder.frames


def test_interfaces_that_come_later_are_described_between_the_frames():
    net, stream = Bridged(2), io.BytesIO()
    recorder = recorder_of(net)
    live = LiveCapture(recorder, stream)
    send(net)
    live.flush()
    dev = Veth(net.engine, "late0", Mac(b"\x02" * 6))
    net.hosts[0].add_device(dev)
    send(net)
    live.flush()
    assert "late0" in stream.getvalue().decode(errors="ignore")
    assert len(frames(stream)) == recorder.frames


def test_what_has_gone_to_disk_is_in_the_stream_once():
    net, stream = Bridged(2), io.BytesIO()
    recorder = recorder_of(net, memory_limit=1)
    live = LiveCapture(recorder, stream)
    for _ in range(3):
        send(net)
        for callback in net.engine.now_and_then:
            callback()
    assert recorder.store.spilled == len(frames(stream)) == recorder.frames
    live.flush()
    assert len(frames(stream)) == recorder.frames
    recorder.store.close()


def test_a_reader_that_goes_away_ends_the_stream_and_not_the_run():
    class Closed(io.BytesIO):
        def write(self, data):
            raise BrokenPipeError

    net = Bridged(2)
    recorder = recorder_of(net)
    live = LiveCapture(recorder, Closed())
    assert live.ended
    send(net)
    live.flush()
    assert recorder.frames


def frames(stream):
    return PcapNgReader(stream.getvalue(), AssertionError).read().frames


@tshark.needs_tshark
def test_the_stream_has_the_frames_of_the_merged_capture_and_text_goes_to_standard_error(tmp_path):
    (tmp_path / "lab.yaml").write_text(LAB)
    result = CliRunner().invoke(main, ["run", str(tmp_path / "lab.yaml"), "-o", str(tmp_path / "out"), "--live"])
    assert result.exit_code == 0, result.stderr
    assert "2 steps, 1 of 1 expectations met" in result.stderr
    (tmp_path / "live.pcapng").write_bytes(result.stdout_bytes)
    merged = tshark.fields(tmp_path / "out" / "captures" / "all.pcapng", *FIELDS)
    assert len(merged) > 4
    assert tshark.fields(tmp_path / "live.pcapng", *FIELDS) == merged


def test_a_run_whose_reader_has_gone_ends_well(tmp_path):
    (tmp_path / "lab.yaml").write_text(LAB)
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "emu.cli", "run", tmp_path / "lab.yaml", "-o", tmp_path / "out", "--live"],
        stdout=writer, stderr=subprocess.PIPE, text=True, check=False, env={**os.environ, "PYTHONPATH": ":".join(sys.path)},
    )  # fmt: skip
    os.close(writer)
    assert (done.returncode, done.stderr.count("\n✓ ")) == (0, 1), done.stderr
    assert "BrokenPipe" not in done.stderr
