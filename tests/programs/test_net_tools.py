"""The expected texts were printed by net-tools 2.10 and busybox 1.35 on Linux 6.18 in the same state (IPv6 and counters apart)."""

from __future__ import annotations

import pytest

from tests.programs.busybox import busybox_machines
from tests.programs.machines import Machines

NO_ROUTE = "SIOCADDRT: Network is unreachable\n"


@pytest.fixture
def machines() -> Machines:
    return Machines()


@pytest.fixture
def small() -> Machines:
    return busybox_machines()


def test_ifconfig_of_net_tools(machines: Machines) -> None:
    machines.output("a", "ping -c 1 10.5.0.2")
    assert machines.output("a", "ifconfig eth0") == (
        "eth0: flags=4163<UP,BROADCAST,RUNNING,MULTICAST>  mtu 1500\n"
        "        inet 10.5.0.1  netmask 255.255.255.0  broadcast 10.5.0.255\n"
        "        ether 02:00:00:00:00:01  txqueuelen 1000  (Ethernet)\n"
        "        RX packets 2  bytes 140 (140.0 B)\n"
        "        RX errors 0  dropped 0  overruns 0  frame 0\n"
        "        TX packets 2  bytes 140 (140.0 B)\n"
        "        TX errors 0  dropped 0 overruns 0  carrier 0  collisions 0\n\n"
    )
    everything = machines.output("a", "ifconfig")
    assert "lo: flags=73<UP,LOOPBACK,RUNNING>  mtu 65536\n        inet 127.0.0.1  netmask 255.0.0.0\n        loop  txqueuelen" in everything
    unknown = "nosuch: error fetching interface information: Device not found\n"
    assert machines.refusal("a", "ifconfig nosuch") == (1, unknown)


def test_ifconfig_of_busybox(small: Machines) -> None:
    assert small.output("a", "ifconfig eth0") == (
        "eth0      Link encap:Ethernet  HWaddr 02:00:00:00:00:01  \n"
        "          inet addr:10.5.0.1  Bcast:10.5.0.255  Mask:255.255.255.0\n"
        "          UP BROADCAST RUNNING MULTICAST  MTU:1500  Metric:1\n"
        "          RX packets:0 errors:0 dropped:0 overruns:0 frame:0\n"
        "          TX packets:0 errors:0 dropped:0 overruns:0 carrier:0\n"
        "          collisions:0 txqueuelen:1000 \n"
        "          RX bytes:0 (0.0 B)  TX bytes:0 (0.0 B)\n\n"
    )
    assert small.refusal("a", "ifconfig eth0 bogus") == (1, "ifconfig: bad address 'bogus'\n")


def test_ifconfig_sets_addresses_masks_and_labels(machines: Machines) -> None:
    machines.output("a", "ifconfig eth0 10.8.0.1")
    assert "inet 10.8.0.1  netmask 255.0.0.0  broadcast 10.255.255.255\n" in machines.output("a", "ifconfig eth0")
    machines.output("a", "ifconfig eth0 10.5.0.3 netmask 255.255.255.0; ifconfig eth0:1 10.5.0.4 netmask 255.255.255.0 up")
    assert machines.output("a", "ifconfig eth0:1") == (
        "eth0:1: flags=4163<UP,BROADCAST,RUNNING,MULTICAST>  mtu 1500\n"
        "        inet 10.5.0.4  netmask 255.255.255.0  broadcast 10.5.0.255\n"
        "        ether 02:00:00:00:00:01  txqueuelen 1000  (Ethernet)\n\n"
    )
    machines.output("a", "ifconfig eth0:1 down; ifconfig eth0 mtu 1400 promisc")
    assert machines.output("a", "ifconfig eth0").startswith("eth0: flags=4419<UP,BROADCAST,RUNNING,PROMISC,MULTICAST>  mtu 1400\n")
    machines.output("a", "ifconfig eth0 down")
    assert "eth0" not in machines.output("a", "ifconfig")
    assert "eth0: flags=4354<BROADCAST,PROMISC,MULTICAST>" in machines.output("a", "ifconfig -a")


def test_route_adds_shows_and_deletes(machines: Machines) -> None:
    for words in (
        "default gw 10.5.0.2",
        "-net 10.9.0.0 netmask 255.255.0.0 gw 10.5.0.2",
        "-host 10.9.9.9 gw 10.5.0.2",
        "-net 10.22.0.0/16 reject",
        "-net 10.10.0.0/16 dev eth0",
    ):
        assert machines.output("a", f"route add {words}") == ""
    assert machines.output("a", "route -n") == (
        "Kernel IP routing table\n"
        "Destination     Gateway         Genmask         Flags Metric Ref    Use Iface\n"
        "0.0.0.0         10.5.0.2        0.0.0.0         UG    0      0        0 eth0\n"
        "10.5.0.0        0.0.0.0         255.255.255.0   U     0      0        0 eth0\n"
        "10.9.0.0        10.5.0.2        255.255.0.0     UG    0      0        0 eth0\n"
        "10.9.9.9        10.5.0.2        255.255.255.255 UGH   0      0        0 eth0\n"
        "10.10.0.0       0.0.0.0         255.255.0.0     U     0      0        0 eth0\n"
        "10.22.0.0       -               255.255.0.0     !     0      -        0 -\n"
    )
    machines.output("a", "route del -net 10.9.0.0 netmask 255.255.0.0; route del -host 10.9.9.9; route del -net 10.10.0.0/16")
    machines.output("a", "route del -net 10.22.0.0/16")
    assert machines.output("a", "netstat -rn") == (
        "Kernel IP routing table\n"
        "Destination     Gateway         Genmask         Flags   MSS Window  irtt Iface\n"
        "0.0.0.0         10.5.0.2        0.0.0.0         UG        0 0          0 eth0\n"
        "10.5.0.0        0.0.0.0         255.255.255.0   U         0 0          0 eth0\n"
    )


def test_route_refuses_as_the_kernel_and_the_programs_do(machines: Machines, small: Machines) -> None:
    machines.output("a", "route add default gw 10.5.0.2")
    assert machines.refusal("a", "route add default gw 10.5.0.2") == (7, "SIOCADDRT: File exists\n")
    assert machines.refusal("a", "route add -net 10.9.0.0/16 gw 10.99.0.1") == (7, NO_ROUTE)
    assert machines.refusal("a", "route add -net 10.0.0.0 gw 10.5.0.2") == (7, "SIOCADDRT: Invalid argument\n")
    assert machines.refusal("a", "route del -net 10.9.0.0/16") == (7, "SIOCDELRT: No such process\n")
    assert machines.refusal("a", "route add -host 10.25.0.1 dev nosuch") == (7, "SIOCADDRT: No such device\n")
    assert machines.refusal("a", "route add -net 10.26.0.0/16 gw nosuch") == (6, "nosuch: Unknown host\n")
    assert small.refusal("a", "route add default gw 10.99.0.1") == (1, f"route: {NO_ROUTE}")
    wrong = "route: netmask and route address conflict\n"
    assert small.refusal("a", "route add -net 10.9.0.1 netmask 255.255.0.0 gw 10.5.0.2") == (1, wrong)
    assert "10.5.0.0        *               255.255.255.0   U     0      0        0 eth0\n" in small.output("a", "route")


def test_arp_shows_adds_and_deletes(machines: Machines, small: Machines) -> None:
    for each in (machines, small):
        each.run("a", "ping -c 1 10.5.0.2")
        each.run("a", "ping -c 1 -W 1 10.5.0.9")
        each.output("a", "arp -s 10.5.0.50 02:00:00:00:00:50")
    assert machines.output("a", "arp -n") == (
        "Address                  HWtype  HWaddress           Flags Mask            Iface\n"
        "10.5.0.2                 ether   02:00:00:00:00:02   C                     eth0\n"
        "10.5.0.9                         (incomplete)                              eth0\n"
        "10.5.0.50                ether   02:00:00:00:00:50   CM                    eth0\n"
    )
    assert machines.output("a", "arp -an").splitlines()[1:] == [
        "? (10.5.0.9) at <incomplete> on eth0",
        "? (10.5.0.50) at 02:00:00:00:00:50 [ether] PERM on eth0",
    ]
    assert small.output("a", "arp -n") == (
        "? (10.5.0.2) at 02:00:00:00:00:02 [ether]  on eth0\n? (10.5.0.50) at 02:00:00:00:00:50 [ether] PERM on eth0\n"
    )
    machines.output("a", "arp -d 10.5.0.50")
    assert machines.refusal("a", "arp -d 10.5.0.50") == (255, "No ARP entry for 10.5.0.50\n")
    assert small.refusal("a", "arp -d 10.5.0.78") == (1, "arp: SIOCDARP(pub): No such file or directory\n")
    assert machines.output("a", "arp -n 10.5.0.77") == "10.5.0.77 (10.5.0.77) -- no entry\n"
