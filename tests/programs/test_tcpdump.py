"""The texts in data/tcpdump were printed by tcpdump 4.99.3 of the captures beside them, which tcpdump recorded on Linux."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from emu.netdev.device import Direction
from emu.packet.address import ip
from emu.programs.tcpdump import savefile
from emu.programs.tcpdump.expression import parse
from emu.programs.tcpdump.frame_tests import FilterError
from tests.programs.machines import Machines

DATA = Path(__file__).parent / "data" / "tcpdump"
LISTENING = (
    "tcpdump: verbose output suppressed, use -v[v]... for full protocol decode\n"
    "listening on eth0, link-type EN10MB (Ethernet), snapshot length 262144 bytes\n"
)


def machines_with(capture: str) -> Machines:
    machines = Machines()
    machines.hosts["a"].place.files.write("/x.pcap", (DATA / f"{capture}.pcap").read_bytes().decode("latin-1"))
    return machines


@pytest.mark.parametrize("path", sorted(DATA.glob("*.txt")), ids=lambda path: path.stem)
def test_packets_are_shown_as_tcpdump_shows_them(path: Path) -> None:
    capture, _, options = path.stem.partition("-")
    number = "" if "A" in options else "-#"
    process = machines_with(capture).run("a", f"tcpdump -{options} {number} -r /x.pcap")
    assert process.stdout == path.read_bytes().decode("latin-1")
    assert re.fullmatch(r"reading from file /x.pcap, link-type EN10MB \(Ethernet\), snapshot length \d+\n", process.stderr)


FRAMES = [packet.wire for path in sorted(DATA.glob("*.pcap")) for packet in savefile.read(path.read_bytes().decode("latin-1"))[2]]


def resolve(name: str) -> bytes | None:
    return ip(name) if re.fullmatch(r"[\d.]+", name) else None


@pytest.mark.parametrize(("text", "count"), FILTERS := [
    line.rsplit(" | ", 1) for line in (DATA / "filters").read_text().splitlines()
], ids=lambda value: value)  # fmt: skip
def test_filters_let_pass_what_libpcap_lets_pass(text: str, count: str) -> None:
    assert sum(map(parse(text, resolve), FRAMES)) == int(count)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("foo bar", "can't parse filter expression: syntax error"),
        ("port 80 and", "can't parse filter expression: syntax error"),
        ("( port 80", "can't parse filter expression: syntax error"),
        ("10.0.0.1", "can't parse filter expression: syntax error"),
        ("host nosuch", "unknown host 'nosuch'"),
        ("port nosuch", "unknown port 'nosuch'"),
        ("port 99999", "illegal port number 99999 > 65535"),
        ("net 10.1.2.3/8", 'non-network bits set in "10.1.2.3/8"'),
        ("tcp host 10.0.0.1", "'tcp' modifier applied to host"),
        ("vlan 3", "filter: 'vlan' is not modelled"),
    ],
)
def test_filters_are_refused_in_libpcaps_words(text: str, message: str) -> None:
    with pytest.raises(FilterError, match=re.escape(message)):
        parse(text, resolve)


def test_a_live_capture_ends_with_its_count() -> None:
    machines = Machines()
    capture = machines.start("a", "tcpdump -i eth0 -n -c 3")
    machines.run("a", "ping -c 2 10.5.0.2")
    assert capture.exit_status == 0
    assert capture.stdout == (
        "00:00:00.000000 ARP, Request who-has 10.5.0.2 tell 10.5.0.1, length 28\n"
        "00:00:00.000100 ARP, Reply 10.5.0.2 is-at 02:00:00:00:00:02, length 28\n"
        f"00:00:00.000100 IP 10.5.0.1 > 10.5.0.2: ICMP echo request, id {identifier(capture.stdout)}, seq 1, length 64\n"
    )
    assert capture.stderr == f"{LISTENING}3 packets captured\n3 packets received by filter\n0 packets dropped by kernel\n"


def identifier(text: str) -> str:
    found = re.search(r"id (\d+)", text)
    assert found is not None
    return found[1]


def test_an_interrupted_capture_counts_what_it_saw() -> None:
    machines = Machines()
    capture = machines.start("a", "tcpdump -i eth0 -nn icmp and dst 10.5.0.2")
    machines.run("a", "ping -c 1 10.5.0.2")
    capture.kill(130)
    machines.engine.run(until=capture.exited)
    assert capture.exit_status == 0
    assert capture.stderr.endswith("1 packet captured\n1 packet received by filter\n0 packets dropped by kernel\n")
    assert capture.stdout.endswith("seq 1, length 64\n\n")


def test_what_is_written_is_read_again_and_any_names_the_device() -> None:
    machines = Machines()
    machines.start("a", "tcpdump -i any -c 4 -w /any.pcap")
    machines.start("a", "tcpdump -i eth0 -c 4 -w /eth0.pcap")
    machines.run("a", "ping -c 1 10.5.0.2")
    first = machines.output("a", "tcpdump -n -t -r /eth0.pcap -c 1").splitlines()[-1]
    assert first == "ARP, Request who-has 10.5.0.2 tell 10.5.0.1, length 28"
    lines = machines.output("a", "tcpdump -n -t -e -r /any.pcap arp").splitlines()
    assert lines == [
        "reading from file /any.pcap, link-type LINUX_SLL2 (Linux cooked v2), snapshot length 262144",
        "eth0  Out ifindex 2 02:00:00:00:00:01 ethertype ARP (0x0806), length 48: Request who-has 10.5.0.2 tell 10.5.0.1, length 28",
        "eth0  In  ifindex 2 02:00:00:00:00:02 ethertype ARP (0x0806), length 48: Reply 10.5.0.2 is-at 02:00:00:00:00:02, length 28",
    ]


def test_a_cooked_header_says_for_whom_a_frame_was() -> None:
    dev = Machines().hosts["a"].netns.device("eth0")
    for dst, direction, letters in (
        (dev.mac, Direction.RX, "In"),
        (b"\xff" * 6, Direction.RX, "B"),
        (b"\x01\x00\x5e\0\0\x01", Direction.RX, "M"),
        (b"\x02\0\0\0\0\x09", Direction.RX, "P"),
        (b"\x02\0\0\0\0\x09", Direction.TX, "Out"),
    ):
        assert savefile.uncook(savefile.cook(dev, direction, dst + bytes(6) + b"\x08\x00")).kind == letters


def test_tcpdump_refuses_as_tcpdump_does() -> None:
    machines = Machines()
    assert machines.refusal("a", "tcpdump -i nosuch") == (1, "tcpdump: nosuch: No such device exists\n(No such device exists)\n")
    assert machines.refusal("a", "tcpdump -r nosuch") == (1, "tcpdump: nosuch: No such file or directory\n")
    assert machines.refusal("a", "tcpdump -r /etc/hosts") == (1, "tcpdump: unknown file format\n")
    assert machines.refusal("a", "tcpdump -i eth0 foo bar") == (1, "tcpdump: can't parse filter expression: syntax error\n")
    assert machines.refusal("a", "tcpdump -G 5 -i eth0") == (1, "tcpdump: '-G' is not modelled\n")
