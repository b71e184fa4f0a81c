"""The expected texts were printed by iputils 20221126 and busybox 1.35 on Linux 6.18 (times apart)."""

from __future__ import annotations

import pytest
from scapy.layers.l2 import ARP, Ether

from tests.programs.busybox import busybox_machines
from tests.programs.machines import Machines

TITLE = "ARPING 10.5.0.2 from 10.5.0.1 eth0\n"
ANSWER = "Unicast reply from 10.5.0.2 [02:00:00:00:00:02]  0.100ms\n"


def test_arping_asks_everybody_then_who_answered() -> None:
    machines = Machines()
    assert machines.output("a", "arping -c 2 -I eth0 10.5.0.2") == (
        f"{TITLE}{ANSWER}{ANSWER}Sent 2 probes (1 broadcast(s))\nReceived 2 response(s)\n"
    )
    first, second = (packet for packet in machines.wire.packets if packet[ARP].op == 1)
    assert (first[Ether].dst, first[ARP].hwdst) == ("ff:ff:ff:ff:ff:ff", "ff:ff:ff:ff:ff:ff")
    assert (second[Ether].dst, second[ARP].hwdst) == ("02:00:00:00:00:02", "02:00:00:00:00:02")


def test_busybox_arping() -> None:
    answer = ANSWER.replace("  ", " ")
    assert busybox_machines().output("a", "arping -c 2 10.5.0.2") == (
        f"{TITLE}{answer}{answer}Sent 2 probe(s) (0 broadcast(s))\nReceived 2 response(s) (0 request(s), 0 broadcast(s))\n"
    )


@pytest.mark.parametrize(
    ("words", "status", "sent", "received", "seconds"),
    [
        ("-c 1 10.5.0.9", 1, 1, 0, 1),
        ("-f -c 3 10.5.0.2", 0, 1, 1, 0),
        ("-w 2 10.5.0.9", 1, 2, 0, 2),
        ("-D -c 2 10.5.0.2", 1, 1, 1, 0),
        ("-D -c 2 10.5.0.9", 0, 2, 0, 2),
        ("-U -c 1 10.5.0.1", 0, 1, 0, 1),
    ],
)
def test_when_arping_ends_and_how(words: str, status: int, sent: int, received: int, seconds: int) -> None:
    machines = Machines()
    process = machines.run("a", f"arping -I eth0 {words}")
    assert (process.exit_status, machines.engine.now // 1_000_000_000) == (status, seconds)
    assert f"Sent {sent} probes" in process.stdout
    assert f"Received {received} response(s)" in process.stdout


def test_a_probe_for_duplicates_has_no_sender() -> None:
    machines = Machines()
    machines.run("a", "arping -D -c 1 -I eth0 10.5.0.2")
    assert [packet[ARP].psrc for packet in machines.wire.packets if packet[ARP].op == 1] == ["0.0.0.0"]


def test_a_gratuitous_answer_names_its_sender_twice() -> None:
    machines = Machines()
    machines.run("a", "arping -A -c 1 -I eth0 10.5.0.1")
    (packet,) = machines.wire.packets
    assert (packet[ARP].op, packet[ARP].psrc, packet[ARP].pdst, packet[ARP].hwdst) == (2, "10.5.0.1", "10.5.0.1", "02:00:00:00:00:01")


def test_devices_that_do_not_do() -> None:
    machines = Machines()
    assert machines.refusal("a", "arping -I nosuch 10.5.0.2") == (2, "arping: Device nosuch not available.\n")
    assert machines.refusal("a", "arping -I lo 127.0.0.1") == (2, 'Interface "lo" is not ARPable\n')
    assert busybox_machines().refusal("a", "arping -I nosuch 10.5.0.2") == (2, "arping: interface nosuch not found: No such device\n")
