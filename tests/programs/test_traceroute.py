"""The expected texts were printed by traceroute 2.1.2 and busybox 1.35 over a router of the same addresses (times apart)."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from scapy.layers.inet import ICMP, IP, UDP

from emu import programs
from emu.engine import Engine
from emu.host import Host
from emu.process import Process
from emu.programs import shell
from tests.wires import Seen, address, default_route, veth


class Way:
    """a 10.5.0.1 - r 10.5.0.2 / 10.6.0.1 - b 10.6.0.2; `wire` is a's eth0."""

    def __init__(self, image: str = "") -> None:
        self.engine = Engine()
        hosts = {name: Host(self.engine, name, programs.find) for name in "arb"}
        a, r, b = (hosts[name].netns for name in "arb")
        r.sysctl.set("net.ipv4.ip_forward", "1")
        veth(a, "eth0", r, "eth0")
        veth(r, "eth1", b, "eth0")
        for netns, dev, text in (
            (a, "eth0", "10.5.0.1/24"),
            (r, "eth0", "10.5.0.2/24"),
            (r, "eth1", "10.6.0.1/24"),
            (b, "eth0", "10.6.0.2/24"),
        ):
            address(netns, dev, text)
        default_route(a, "10.5.0.2", "eth0")
        default_route(b, "10.6.0.1", "eth0")
        self.place = hosts["a"].place
        if image:
            self.place.container = SimpleNamespace(image=SimpleNamespace(name=image))
        self.wire = Seen(a.device("eth0"))

    def run(self, line: str) -> Process:
        process = shell.start(self.place, line)
        self.engine.run(until=process.exited)
        return process

    @property
    def sent(self) -> list[IP]:
        return [packet[IP] for packet in self.wire.packets if IP in packet and packet[IP].src == "10.5.0.1"]


def test_traceroute_prints_each_hop_and_how_long_it_took() -> None:
    assert Way().run("traceroute -n 10.6.0.2").stdout == (
        "traceroute to 10.6.0.2 (10.6.0.2), 30 hops max, 60 byte packets\n"
        " 1  10.5.0.2  0.020 ms  0.020 ms  0.020 ms\n"
        " 2  10.6.0.2  0.040 ms  0.040 ms  0.040 ms\n"
    )


def test_traceroutes_probes_are_those_of_linux_traceroute() -> None:
    way = Way()
    way.run("traceroute 10.6.0.2")
    sent = way.sent
    assert [(packet.ttl, packet[UDP].dport) for packet in sent[:7]] == [(at // 3 + 1, 33434 + at) for at in range(7)]
    assert all(not packet.flags and len(packet) == 60 for packet in sent)
    assert bytes(sent[0][UDP].payload) == bytes(range(0x40, 0x60))
    assert len({packet[UDP].sport for packet in sent}) == len(sent) >= 16  # each from a socket of its own


def test_traceroute_with_icmp() -> None:
    way = Way()
    assert way.run("traceroute -I -q 1 10.6.0.2").stdout.splitlines()[1:] == [
        " 1  10.5.0.2 (10.5.0.2)  0.020 ms",
        " 2  10.6.0.2 (10.6.0.2)  0.040 ms",
    ]
    assert [packet[ICMP].seq for packet in way.sent[:3]] == [1, 2, 3]


def test_a_host_that_is_not_there() -> None:
    way = Way()
    assert way.run("traceroute -n -m 2 10.5.0.9").stdout.splitlines()[1] == " 1  10.5.0.1  3000.000 ms !H  3000.000 ms !H  3000.000 ms !H"
    assert way.run("traceroute -n -q 1 -m 3 -w 1 10.6.0.99").stdout.splitlines()[2:] == [" 2  *", " 3  *"]
    assert way.run("traceroute nosuch").stderr.startswith("nosuch: Temporary failure in name resolution\n")


def test_busybox_asks_one_after_the_other() -> None:
    way = Way("busybox")
    assert way.run("traceroute 10.6.0.2").stdout == (
        "traceroute to 10.6.0.2 (10.6.0.2), 30 hops max, 46 byte packets\n"
        " 1  10.5.0.2 (10.5.0.2)  0.020 ms  0.010 ms  0.010 ms\n"
        " 2  10.6.0.2 (10.6.0.2)  0.030 ms  0.020 ms  0.020 ms\n"
    )
    assert [(packet.ttl, packet[UDP].dport, str(packet.flags)) for packet in way.sent[:4]] == [
        (1, 33435, "DF"), (1, 33436, "DF"), (1, 33437, "DF"), (2, 33438, "DF"),
    ]  # fmt: skip
    assert len({packet[UDP].sport for packet in way.sent}) == 1


@pytest.mark.parametrize(("image", "text"), [("", "traceroute: '-T' is not modelled\n"), ("busybox", "traceroute: '-T' is not modelled\n")])
def test_what_is_not_modelled_is_refused(image: str, text: str) -> None:
    assert Way(image).run("traceroute -T 10.6.0.2").stderr == text
