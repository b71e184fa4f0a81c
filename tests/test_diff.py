"""`emu diff` as a user meets it: words, JSON, exit statuses, and files of other programs."""

from __future__ import annotations

import gzip
import json
import struct
from pathlib import Path

import pytest
from click.testing import CliRunner
from scapy.layers.inet import ICMP, IP
from scapy.layers.l2 import CookedLinux, Ether
from scapy.utils import RawPcapWriter

from emu.cli import main
from emu.observe import pcap
from emu.observe.pcap_reader import read

RECORDED = Path(__file__).parent.parent / "pcaps" / "linux" / "bridge-ping"
DOCKER0 = RECORDED / "host.docker0.pcap"


def diff(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["diff", *map(str, arguments)])
    return result.exit_code, result.output


def raw(path: Path, link: int, *wires: bytes, **options: object) -> Path:
    with RawPcapWriter(str(path), linktype=link, **options) as writer:
        writer.write_header(None)
        for number, wire in enumerate(wires):
            writer.write_packet(wire, sec=number, usec=0)
    return path


def ping(ttl: int = 64) -> bytes:
    return bytes(IP(src="10.0.0.1", dst="10.0.0.2", ttl=ttl, flags="DF") / ICMP(id=7) / (b"\x00" * 56))


def test_equal_captures_end_with_status_0(tmp_path):
    assert diff(RECORDED, RECORDED) == (0, "6 captures, 50 frames: equal\n")
    (tmp_path / "copy.pcap.gz").write_bytes(gzip.compress(DOCKER0.read_bytes()))
    assert diff(tmp_path / "copy.pcap.gz", DOCKER0) == (0, "1 capture, 10 frames: equal\n")


def test_a_difference_is_said_in_words_with_status_1_and_as_json(tmp_path):
    frames = [(frame.time_ns, frame.wire) for frame in read(DOCKER0).frames]
    pcap.write(tmp_path / "docker0.pcap", frames[1:])
    status, words = diff(tmp_path / "docker0.pcap", DOCKER0)
    assert status == 1
    assert words == "docker0: one ARP request missing before frame 1: 172.17.0.2 > 172.17.0.3\n1 capture, 10 frames: 1 difference\n"
    status, words = diff(tmp_path / "docker0.pcap", DOCKER0, "--json")
    said = json.loads(words)
    assert (status, said["equal"], said["frames"]) == (1, False, 10)
    text = "one ARP request missing before frame 1: 172.17.0.2 > 172.17.0.3"
    assert said["differences"] == [{"capture": "docker0", "frames": [], "expected_frames": [1], "text": text}]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no such file"),
        (b"", "is empty"),
        (b"GIF89a and so on", "is no pcap or pcapng file"),
        (DOCKER0.read_bytes()[:-3], "is cut short"),
    ],
)
def test_what_cannot_be_read_ends_with_status_2_and_names_the_file(tmp_path, content, message):
    path = tmp_path / "x.pcap"
    if content is not None:
        path.write_bytes(content)
    for arguments in ((path, DOCKER0), (DOCKER0, path)):
        status, words = diff(*arguments)
        assert status == 2
        assert str(path) in words
        assert message in words
        assert len(words.splitlines()) == 1


def test_a_file_is_not_compared_with_a_folder_nor_with_a_folder_without_captures(tmp_path):
    assert diff(DOCKER0, RECORDED)[0] == 2
    assert diff(tmp_path, RECORDED) == (2, f"{tmp_path}: no captures in it\n")


def test_folders_are_compared_with_those_below_them(tmp_path):
    for folder in ("ours", "reference"):
        (tmp_path / folder / "a").mkdir(parents=True)
        pcap.write(tmp_path / folder / "a" / "eth0.pcap", [])
    assert diff(tmp_path / "ours", tmp_path / "reference")[0] == 0
    pcap.write(tmp_path / "reference" / "eth0.pcap", [])
    pcap.write(tmp_path / "ours" / "a" / "eth1.pcap", [])
    assert diff(tmp_path / "ours", tmp_path / "reference")[1].splitlines() == [
        "eth0: there is no such capture, expected one",
        "a/eth1: this capture is not in the reference",
        "1 capture, 0 frames: 2 differences",
    ]


@pytest.mark.parametrize("link", [101, 228, 12])
def test_captures_of_raw_ip_are_compared(tmp_path, link):
    ours, reference = raw(tmp_path / "tun0.pcap", link, ping(), ping(63)), raw(tmp_path / "r.pcap", 101, ping(), ping(), endianness=">")
    assert diff(ours, reference)[1].splitlines()[0] == "tun0, frame 2: TTL 63, expected 64"


def test_captures_of_any_interface_are_compared(tmp_path):
    def cooked(ttl: int) -> bytes:
        return bytes(CookedLinux(pkttype=0, lladdrtype=1, lladdrlen=6, src=b"\x02\x42\0\0\0\1\0\0", proto=0x800)) + ping(ttl)

    def cooked_v2(ttl: int) -> bytes:
        return struct.pack(">HHIHBB8s", 0x800, 0, 3, 1, 0, 6, b"\x02\x42\0\0\0\1\0\0") + ping(ttl)

    for link, frame in ((113, cooked), (276, cooked_v2)):
        ours, reference = raw(tmp_path / "any.pcap", link, frame(63)), raw(tmp_path / "r.pcap", link, frame(64))
        assert diff(ours, reference)[1].splitlines()[0] == "any, frame 1: TTL 63, expected 64"
        assert diff(reference, reference)[0] == 0


def test_captures_of_two_kinds_of_links_are_said_to_be(tmp_path):
    ours, reference = raw(tmp_path / "x.pcap", 101, ping()), raw(tmp_path / "r.pcap", 1, bytes(Ether() / IP()))
    assert diff(ours, reference)[1].splitlines()[0] == "x: link type raw IP, expected Ethernet: the frames are not compared"


def pcapng(order: str, *frames: tuple[int, bytes]) -> bytes:
    """Two interfaces, en0 and en1, and blocks that hold no packets."""

    def block(kind: int, body: bytes) -> bytes:
        body += b"\x00" * (-len(body) % 4)
        length = struct.pack(order + "I", len(body) + 12)
        return struct.pack(order + "I", kind) + length + body + length

    data = block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1))
    for name in (b"en0", b"en1"):
        data += block(1, struct.pack(order + "HHIHH4s", 101, 0, 0, 2, 3, name) + b"\x00" * 4)
    data += block(4, b"\x00" * 4) + block(0xBAD, b"custom")
    for index, wire in frames:
        data += block(6, struct.pack(order + "IIIII", index, 0, 0, len(wire), len(wire)) + wire)
    return data


def test_the_interfaces_of_a_pcapng_are_compared_by_name_under_the_files_numbers(tmp_path):
    (tmp_path / "ours.pcapng").write_bytes(pcapng("<", (0, ping()), (1, ping(63)), (0, ping())))
    (tmp_path / "reference.pcapng").write_bytes(pcapng(">", (0, ping()), (1, ping()), (0, ping())))
    assert diff(tmp_path / "ours.pcapng", tmp_path / "reference.pcapng")[1].splitlines() == [
        "ours en1, frame 2: TTL 63, expected 64", "2 captures, 3 frames: 1 difference",
    ]  # fmt: skip


def test_what_is_accepted_is_shown_with_its_reason_and_what_no_longer_occurs_is_a_difference(tmp_path):
    for folder, ttl in (("ours", 63), ("reference", 64)):
        (tmp_path / folder).mkdir()
        raw(tmp_path / folder / "eth0.pcap", 101, ping(ttl))
    accepted = tmp_path / "reference" / "accepted.yaml"
    accepted.write_text('- { at: eth0, differs: "TTL 63*", frames: [1], reason: another router }\n')
    assert diff(tmp_path / "ours", tmp_path / "reference") == (
        0, "accepted: eth0, frame 1: TTL 63, expected 64 (another router)\n1 capture, 1 frame: equal\n",
    )  # fmt: skip
    status, words = diff(tmp_path / "reference", tmp_path / "reference")
    assert status == 1
    assert words.splitlines()[0] == f"{accepted}:1: 'TTL 63*' at eth0 does not occur any more"
    for frame, same in ((1, True), (2, False)):
        accepted.write_text(f'- {{ at: {{ eth0: [{frame}] }}, differs: "TTL 63*", reason: another router }}\n')
        assert (diff(tmp_path / "ours", tmp_path / "reference")[0] == 0) is same
    accepted.write_text("- { at: { eth0: 1 }, differs: TTL, reason: x }\n")
    assert diff(tmp_path / "ours", tmp_path / "reference") == (2, f"{accepted}:1: 'frames' must be a list of numbers\n")
    accepted.write_text("- { at: eth0, differs: TTL }\n")
    assert diff(tmp_path / "ours", tmp_path / "reference") == (2, f"{accepted}:1: 'reason' is missing\n")
