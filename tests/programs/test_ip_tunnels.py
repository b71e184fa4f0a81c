"""Tunnels by ip and bridge: the expected texts were printed by iproute2 6.1 on Linux 6.18 (of GRE and IPIP: as its source says)."""

from __future__ import annotations

import pytest

from tests.programs.machines import Machines

VXLAN = "vxlan id 2 remote 10.5.0.2 local 10.5.0.1 dev eth0 srcport 1000 2000 dstport 4789 nolearning proxy l2miss l3miss tos 0x10 ttl 5"


@pytest.fixture
def machines() -> Machines:
    return Machines()


def test_ip_d_link_shows_all_that_was_said_of_a_vxlan_device(machines):
    said = "local 10.5.0.1 remote 10.5.0.2 dev eth0 ttl 5 tos 0x10 nolearning proxy l2miss l3miss noudpcsum ageing 10 srcport 1000 2000"
    machines.output("a", f"ip link add v2 type vxlan id 2 dstport 4789 {said}")
    shown = machines.output("a", "ip -d link show v2")
    assert f"    {VXLAN} ageing 10 noudpcsum noudp6zerocsumtx noudp6zerocsumrx addrgenmode eui64" in shown
    assert "mtu 1450 qdisc noop state DOWN" in shown
    machines.output("a", "ip link set v2 up")
    assert "mtu 1450 qdisc noqueue state UNKNOWN" in machines.output("a", "ip link show v2")


@pytest.mark.parametrize(
    ("words", "status", "text"),
    [
        ("", 2, "Error: Required attributes not provided to perform the operation."),
        ("dstport 5", 1, "vxlan: missing virtual network identifier"),
        ("id 16777216", 255, 'Error: argument "16777216" is wrong: invalid id'),
        ("id 6 dstport 70000", 255, 'Error: argument "70000" is wrong: dst port'),
        ("id 7 remote 239.1.1.1", 255, 'Error: argument "239.1.1.1" is wrong: invalid remote address'),
        ("id 7 group 10.1.1.1", 255, 'Error: argument "10.1.1.1" is wrong: invalid group address'),
        ("id 7 group 239.1.1.1", 1, "vxlan: 'group' requires 'dev' to be specified"),
        ("id 7 dev nope", 255, 'Cannot find device "nope"'),
        ("id 7 ttl 256", 255, 'Error: argument "256" is wrong: TTL must be <= 255'),
        ("id 7 dstport 4789 srcport 5 3", 2, "Error: Invalid source port range."),
        ("id 1 dstport 4789", 2, "Error: A VXLAN device with the specified VNI already exists."),
        ("id 7 external", 255, "ip: 'type vxlan external' is not modelled"),
        ("id 7 df set", 255, "ip: 'type vxlan df set' is not modelled"),
        ("id 7 remote ::1", 255, "ip: 'an IPv6 address' is not modelled"),
    ],
)
def test_a_vxlan_device_that_cannot_be_is_refused_in_the_real_words(machines, words, status, text):
    machines.output("a", "ip link add v1 type vxlan id 1 dstport 4789")
    assert machines.refusal("a", f"ip link add v7 type vxlan {words}") == (status, text + "\n")


def test_what_may_be_changed_of_a_vxlan_device_and_what_not(machines):
    machines.output("a", "ip link add v1 type vxlan id 1 dstport 4789 dev eth0; ip link set v1 type vxlan ttl 9 remote 10.5.0.2")
    assert "remote 10.5.0.2 dev eth0 srcport 0 0 dstport 4789 ttl 9" in machines.output("a", "ip -d link show v1")
    assert machines.output("a", "bridge fdb show dev v1") == "00:00:00:00:00:00 dst 10.5.0.2 via eth0 self permanent\n"
    assert machines.refusal("a", "ip link set v1 type vxlan id 9") == (2, "Error: Cannot change VNI.\n")
    assert machines.refusal("a", "ip link set v1 type vxlan proxy") == (2, "Error: vxlan: cannot change PROXY flag.\n")
    assert machines.refusal("a", "ip link set v1 mtu 1451") == (2, "RTNETLINK answers: Invalid argument\n")


def test_bridge_fdb_of_a_vxlan_device(machines):
    machines.output("a", "ip link add v1 type vxlan id 1 dev eth0 dstport 4789")
    for words in (
        "append 00:00:00:00:00:00 dev v1 dst 10.0.0.2",
        "append 00:00:00:00:00:00 dev v1 dst 10.0.0.3",
        "append 00:00:00:00:00:00 dev v1 dst 10.0.0.3",  # there already: nothing
        "add 02:00:00:00:00:02 dev v1 dst 10.0.0.2 port 8472 vni 7 via eth0",
        "add 02:00:00:00:00:03 dev v1 dst 10.0.0.2 static",
        "add 02:00:00:00:00:04 dev v1 dst 10.0.0.2 dynamic",
        "add 02:00:00:00:00:10 dev v1 dst 10.0.0.2 vni 1 port 4789",  # its own: not said
        "replace 02:00:00:00:00:03 dev v1 dst 10.0.0.9",
        "del 02:00:00:00:00:10 dev v1 dst 10.0.0.9",  # no such remote: nothing
    ):
        machines.output("a", f"bridge fdb {words}")
    assert machines.output("a", "bridge fdb show dev v1") == (
        "02:00:00:00:00:10 dst 10.0.0.2 self permanent\n"
        "02:00:00:00:00:04 dst 10.0.0.2 self \n"
        "02:00:00:00:00:03 dst 10.0.0.9 self permanent\n"
        "02:00:00:00:00:02 dst 10.0.0.2 port 8472 vni 7 via eth0 self permanent\n"
        "00:00:00:00:00:00 dst 10.0.0.2 self permanent\n"
        "00:00:00:00:00:00 dst 10.0.0.3 self permanent\n"
    )


@pytest.mark.parametrize(
    ("words", "status", "text"),
    [
        ("add 00:00:00:00:00:00 dev v1 dst 10.0.0.4", 255, "RTNETLINK answers: File exists"),
        ("replace 00:00:00:00:00:00 dev v1 dst 10.0.0.4", 255, "Error: Cannot replace non-unicast fdb entries."),
        ("replace 01:00:5e:00:00:99 dev v1 dst 10.0.0.4", 255, "RTNETLINK answers: Operation not supported"),
        ("add 02:00:00:00:00:08 dev v1 dst 10.0.0.2 master", 255, "RTNETLINK answers: Operation not supported"),
        ("add 02:00:00:00:00:09 dev v1", 255, "RTNETLINK answers: Invalid argument"),
        ("add 02:00:00:00:00:0e dev v1 dst 300.0.0.1", 1, 'Error: any valid address is expected rather than "300.0.0.1".'),
        ("add 02:00:00:00:00:10 dev v1 dst 10.0.0.2 port 70000", 255, 'Error: argument "70000" is wrong: invalid port\n'),
        ("add 02:00:00:00:00:10 dev v1 dst 10.0.0.2 vni 16777216", 255, 'Error: argument "16777216" is wrong: invalid VNI\n'),
        ("add 02:00:00:00:00:0c dev v1 dst 10.0.0.2 extern_learn", 255, "bridge: 'fdb … extern_learn' is not modelled"),
        ("del 02:00:00:00:00:99 dev v1", 255, "RTNETLINK answers: No such file or directory"),
    ],
)
def test_a_forwarding_entry_that_cannot_be_is_refused_in_the_real_words(machines, words, status, text):
    machines.output("a", "ip link add v1 type vxlan id 1 dstport 4789 remote 10.5.0.2")
    assert machines.refusal("a", f"bridge fdb {words}") == (status, text + "\n")


def test_gre_and_ipip_by_ip_link_and_ip_tunnel(machines):
    machines.output("a", "ip link add g1 type gre local 10.5.0.1 remote 10.5.0.2 key 5 ttl 64; ip tunnel add t1 mode ipip remote 10.5.0.2")
    assert "    gre remote 10.5.0.2 local 10.5.0.1 ttl 64 ikey 0.0.0.5 okey 0.0.0.5 addrgenmode" in machines.output(
        "a", "ip -d link show g1"
    )
    assert "    ipip ipip remote 10.5.0.2 local any ttl inherit pmtudisc addrgenmode" in machines.output("a", "ip -d link show t1")
    assert machines.output("a", "ip tunnel") == (
        "g1: gre/ip remote 10.5.0.2 local 10.5.0.1 ttl 64 key 5\nt1: ip/ip remote 10.5.0.2 local any ttl inherit\n"
    )
    assert machines.refusal("a", "ip tunnel add t2 mode ipip remote 10.5.0.2") == (1, 'add tunnel "tunl0" failed: File exists\n')
    assert (
        machines.refusal("a", "ip tunnel add t2 mode ipip remote 10.5.0.9 key 5")[1] == "Keys are not allowed with ipip and sit tunnels\n"
    )
    machines.output("a", "ip tunnel del g1; ip link del t1")
    assert machines.output("a", "ip tunnel") == ""


def test_tun_devices_by_ip_tuntap(machines):
    machines.output("a", "ip tuntap add dev t0 mode tun; ip link set t0 up")
    assert machines.output("a", "ip tuntap") == "t0: tun persist\n"
    assert machines.output("a", "ip link show t0") == (
        "3: t0: <NO-CARRIER,POINTOPOINT,MULTICAST,NOARP,UP> mtu 1500 qdisc pfifo_fast state DOWN mode DEFAULT group default qlen 500\n"
        "    link/none \n"
    )
    assert machines.refusal("a", "ip tuntap add t0 mode tun") == (1, "ioctl(TUNSETIFF): Device or resource busy\n")
    assert machines.refusal("a", "ip tuntap add t1 mode tap") == (255, "ip: 'tuntap … mode tap' is not modelled\n")
    machines.output("a", "ip tuntap del t0 mode tun")
    assert machines.output("a", "ip tuntap") == ""


def test_ip_maddr_shows_the_groups_of_a_device(machines):
    machines.output("a", "ip link add v1 type vxlan id 1 dstport 4789 group 239.1.1.1 dev eth0; ip link set v1 up")
    assert machines.output("a", "ip -4 maddr show dev eth0") == "2:\teth0\n\tinet  239.1.1.1\n\tinet  224.0.0.1\n"
