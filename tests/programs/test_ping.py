from __future__ import annotations

from scapy.layers.inet import ICMP, IP

from emu.process import Process
from emu.programs.ping import busybox
from tests.programs.machines import Machines


def test_iputils_ping_prints_what_iputils_prints() -> None:
    assert Machines().output("a", "ping -c 2 10.5.0.2") == (
        "PING 10.5.0.2 (10.5.0.2) 56(84) bytes of data.\n"
        "64 bytes from 10.5.0.2: icmp_seq=1 ttl=64 time=0.200 ms\n"
        "64 bytes from 10.5.0.2: icmp_seq=2 ttl=64 time=0.100 ms\n"
        "\n--- 10.5.0.2 ping statistics ---\n"
        "2 packets transmitted, 2 received, 0% packet loss, time 1000ms\n"
        "rtt min/avg/max/mdev = 0.100/0.150/0.200/0.050 ms\n"
    )


def test_iputils_payload_is_the_time_and_counting_bytes() -> None:
    machines = Machines()
    machines.output("a", "ping -c 1 10.5.0.2")
    echo = next(packet for packet in machines.wire.packets if ICMP in packet)
    data = bytes(echo[ICMP].payload)
    assert len(data) == 56
    assert data[16:] == bytes(range(0x10, 0x38))
    assert int.from_bytes(data[:8], "little") == 1_577_836_800
    assert echo[ICMP].seq == 1
    assert echo[IP].flags.DF


def test_unreachable_neighbour_is_told_and_counted() -> None:
    process = Machines().run("a", "ping -c 2 10.5.0.9")
    assert process.exit_status == 1
    assert process.stdout == (
        "PING 10.5.0.9 (10.5.0.9) 56(84) bytes of data.\n"
        "From 10.5.0.1 icmp_seq=1 Destination Host Unreachable\n"
        "From 10.5.0.1 icmp_seq=2 Destination Host Unreachable\n"
        "\n--- 10.5.0.9 ping statistics ---\n"
        "2 packets transmitted, 0 received, +2 errors, 100% packet loss, time 1000ms\n"
        "pipe 2\n"
    )


def test_packets_too_long_to_send_are_local_errors() -> None:
    process = Machines().run("a", "ping -c 1 -M do -s 2000 10.5.0.2")
    assert process.exit_status == 1
    assert process.stderr == "ping: local error: message too long, mtu=1500\n"
    assert "1 packets transmitted, 0 received, +1 errors, 100% packet loss, time 0ms" in process.stdout


def test_ping_refuses_as_iputils_does() -> None:
    machines = Machines()
    assert machines.refusal("a", "ping 10.6.0.1") == (2, "ping: connect: Network is unreachable\n")
    assert machines.refusal("a", "ping nosuch") == (2, "ping: nosuch: Temporary failure in name resolution\n")
    assert machines.refusal("a", "ping -f 10.5.0.2") == (2, "ping: '-f' is not modelled\n")
    assert machines.refusal("a", "ping -c x 10.5.0.2") == (1, "ping: invalid argument: 'x'\n")


def test_a_wait_of_w_seconds_ends_a_ping_without_answers() -> None:
    machines = Machines()
    machines.output("a", "ip neigh add 10.5.0.9 lladdr 02:00:00:00:00:09 dev eth0")
    assert machines.run("a", "ping -c 1 -W 2 10.5.0.9").exit_status == 1
    assert machines.engine.now == 2_000_000_000


async def busybox_ping(process: Process, argv: list[str]) -> int:
    return await busybox.main(process, argv)


def run_busybox(machines: Machines, *argv: str) -> Process:
    place = machines.hosts["a"].place
    place.find_program = lambda _place, _name: busybox_ping
    process = place.start(["ping", *argv])
    machines.engine.run(until=process.exited)
    return process


def test_busybox_ping_prints_what_busybox_prints() -> None:
    machines = Machines()
    process = run_busybox(machines, "-c", "2", "10.5.0.2")
    assert process.exit_status == 0
    assert process.output == (
        "PING 10.5.0.2 (10.5.0.2): 56 data bytes\n"
        "64 bytes from 10.5.0.2: seq=0 ttl=64 time=0.200 ms\n"
        "64 bytes from 10.5.0.2: seq=1 ttl=64 time=0.100 ms\n"
        "\n--- 10.5.0.2 ping statistics ---\n"
        "2 packets transmitted, 2 packets received, 0% packet loss\n"
        "round-trip min/avg/max = 0.100/0.150/0.200 ms\n"
    )
    second = [packet for packet in machines.wire.packets if ICMP in packet][2]
    assert bytes(second[ICMP].payload) == (1_000_000).to_bytes(4, "little") + bytes(52)


def test_busybox_ping_ends_when_it_cannot_send() -> None:
    process = run_busybox(Machines(), "-c", "1", "10.6.0.1")
    assert process.exit_status == 1
    assert process.output == "PING 10.6.0.1 (10.6.0.1): 56 data bytes\nping: sendto: Network is unreachable\n"


def test_stamps_and_outstanding_answers() -> None:
    machines = Machines()
    assert "\n[1577836800.000200] 64 bytes from 10.5.0.2: icmp_seq=1 " in machines.output("a", "ping -D -c 1 10.5.0.2")
    process = machines.run("a", "ping -O -c 3 -i 0.5 -W 1 10.5.0.99")
    assert process.stdout.splitlines()[1:3] == ["no answer yet for icmp_seq=1", "no answer yet for icmp_seq=2"]
    assert machines.refusal("a", "ping -I nosuch 10.5.0.2") == (2, "ping: SO_BINDTODEVICE nosuch: No such device\n")
    assert machines.output("a", "ping -V").startswith("ping from iputils 20221126\n")
