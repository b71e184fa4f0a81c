"""What is in the files of a run, as tshark, Scapy and emu's own reader see it."""

from __future__ import annotations

from pathlib import Path

from scapy.utils import RawPcapNgReader, RawPcapReader

from emu.observe.pcap_reader import read
from emu.programs.libc.clock import EPOCH  # captures and programs tell the same time
from tests import tshark
from tests.observe.captures import recorded, recorder_of, send
from tests.wires import Bridged


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_every_interface_has_a_file_named_for_it(tmp_path):
    recorder = recorded(tmp_path)
    names = {path.name for path in (tmp_path / "captures").glob("*.pcap")}
    assert names == {
        "switch.lo.pcap", "switch.br0.pcap", "switch.port1.pcap", "switch.port2.pcap", "switch.port3.pcap",
        "h1.lo.pcap", "h1.eth0.pcap", "h2.lo.pcap", "h2.eth0.pcap", "h3.lo.pcap", "h3.eth0.pcap",
    }  # fmt: skip
    assert recorder.captures == len(names)
    assert (tmp_path / "captures" / "h1.lo.pcap").stat().st_size == 24


def test_scapy_reads_the_same_frames_at_the_same_nanoseconds(tmp_path):
    recorder = recorded(tmp_path)
    number = next(number for number, each in enumerate(recorder.interfaces) if each.label == "h1/eth0")
    expected = [(EPOCH, now, frame.wire) for now, index, _, frame in recorder.store if index == number]
    with RawPcapReader(str(tmp_path / "captures" / "h1.eth0.pcap")) as reader:
        assert reader.nano
        found = [(meta.sec, meta.usec, wire) for wire, meta in reader]
    assert found == expected
    assert len(expected) == 4  # ARP, its answer, UDP, port unreachable


def test_scapy_reads_the_merged_file(tmp_path):
    recorder = recorded(tmp_path)
    with RawPcapNgReader(str(tmp_path / "captures" / "all.pcapng")) as reader:
        found = [(meta.ifname, (meta.tshigh << 32 | meta.tslow), meta.tsresol, wire) for wire, meta in reader]
    assert found == [
        (recorder.interfaces[index].label.encode(), EPOCH * 10**9 + now, 10**9, frame.wire) for now, index, _, frame in recorder.store
    ]


def test_own_reader_gives_back_names_directions_ids_and_comments(tmp_path):
    recorder = recorded(tmp_path)
    capture = read(tmp_path / "captures" / "all.pcapng")
    assert capture.interfaces[:2] == ["h1/lo", "h1/eth0"]
    assert len(capture.interfaces) == 11
    assert [(frame.interface, frame.outbound, frame.packet_id, frame.wire) for frame in capture.frames] == [
        (recorder.interfaces[index].label, direction.value == "out", frame.trace_id, frame.wire)
        for _, index, direction, frame in recorder.store
    ]
    udp = [frame for frame in capture.frames if frame.interface == "h2/eth0" and frame.wire[23:24] == b"\x11"]
    assert udp[0].comments == ["dropped at h2/eth0: no socket listens on the port", "error #4"]


@tshark.needs_tshark
def test_tshark_shows_names_directions_packet_ids_and_comments(tmp_path):
    recorder = recorded(tmp_path)
    merged = tmp_path / "captures" / "all.pcapng"
    names = ("frame.interface_name", "frame.interface_description", "frame.packet_id", "frame.packet_flags_direction", "frame.comment")
    rows = tshark.fields(merged, *names)
    assert len(rows) == recorder.frames
    first = rows[0]
    assert first[:2] == ("h1/eth0", "veth in h1")
    assert first[2] == str(next(iter(recorder.store))[3].trace_id)
    assert first[3] == "0x00000002"
    assert "dropped at h2/eth0: no socket listens on the port" in {comment for row in rows for comment in row[4].split("|")}
    times = [row[0] for row in tshark.fields(merged, "frame.time_epoch")]
    assert times == [f"{EPOCH}.{now:09d}" for now, *_ in recorder.store]
    assert {row[0] for row in tshark.fields(merged, "frame.packet_id", where=f"frame.packet_id == {first[2]}")} == {first[2]}


@tshark.needs_tshark
def test_tshark_can_show_places_for_addresses(tmp_path):
    recorded(tmp_path)
    text = tshark.run(
        "-N", "n", "-r", str(tmp_path / "captures" / "all.pcapng"), "-Y", "udp", "-T", "fields", "-e", "ip.src_host", "-e", "ip.dst_host"
    )
    assert text.splitlines()[0] == "h1\th2"


@tshark.needs_tshark
def test_tshark_finds_nothing_wrong_with_either_kind(tmp_path):
    recorded(tmp_path)
    for path in sorted((tmp_path / "captures").iterdir()):
        assert not tshark.check(path, tcp_analysis=path.suffix == ".pcap")


def test_two_runs_write_the_same_bytes(tmp_path):
    recorded(tmp_path / "one")
    recorded(tmp_path / "two")
    assert files(tmp_path / "one") == files(tmp_path / "two")


def test_what_was_on_disk_meanwhile_is_written_as_if_it_had_stayed_in_memory(tmp_path):
    net = Bridged(2)
    kept, spilled = (recorder_of(net, tmp_path / name, memory_limit=limit) for name, limit in (("memory", 10**9), ("disk", 100_000)))
    (tmp_path / "disk").mkdir()
    for number in range(400):
        send(net, b"x" * number)
    assert spilled.store.spilled
    assert len(spilled.store.recent) < 1024
    kept.finish()
    spilled.finish()
    one, two = files(tmp_path / "memory"), files(tmp_path / "disk")
    assert one.keys() == two.keys()
    assert one["captures/h1.eth0.pcap"] == two["captures/h1.eth0.pcap"]
    assert len(one["captures/all.pcapng"]) > 100_000


def test_without_promiscuous_mode_a_bridge_shows_only_what_is_for_its_host(tmp_path):
    frames = {}
    for promiscuous in (True, False):
        net = Bridged(2)
        recorder = recorder_of(net, promiscuous=promiscuous)
        send(net)
        frames[promiscuous] = [recorder.interfaces[index].label for _, index, *_ in recorder.store]
    assert frames[True].count("switch/br0") == 4
    assert frames[False].count("switch/br0") == 1  # what is broadcast
    assert frames[True].count("switch/port1") == frames[False].count("switch/port1") == 4
    assert frames[True].count("h1/eth0") == frames[False].count("h1/eth0") == 4


def test_a_renamed_interface_keeps_its_file_and_goes_on_in_another(tmp_path):
    net = Bridged(2)
    recorder = recorder_of(net, tmp_path)
    send(net)
    net.hosts[0].rename_device(net.hosts[0].device("eth0"), "wan")
    send(net)
    recorder.finish()
    before, after = (read(tmp_path / "captures" / f"h1.{name}.pcap").frames for name in ("eth0", "wan"))
    assert len(before) == 4
    assert len(after) == 2  # the neighbours know each other


def test_an_interface_that_comes_back_under_its_name_goes_on_in_its_file(tmp_path):
    net = Bridged(2)
    recorder = recorder_of(net, tmp_path)
    send(net)
    eth0 = net.hosts[0].device("eth0")
    net.hosts[0].rename_device(eth0, "wan")
    net.hosts[0].rename_device(eth0, "eth0")
    send(net)
    recorder.finish()
    assert len(read(tmp_path / "captures" / "h1.eth0.pcap").frames) == 6
    assert not (tmp_path / "captures" / "h1.wan.pcap").exists()  # it was there for no time at all


def test_names_with_dots_do_not_share_a_file(tmp_path):
    net = Bridged(2)
    recorder = recorder_of(net, tmp_path)
    recorder.interfaces[0].label = "h1/eth0.lo"
    recorder.interfaces[1].label = "h1.eth0/lo"
    recorder.finish()
    assert (tmp_path / "captures" / "h1.eth0.lo.pcap").exists()
    assert (tmp_path / "captures" / "h1.eth0.lo~2.pcap").exists()
