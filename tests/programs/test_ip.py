"""The expected texts were printed by iproute2 6.1 on Linux 6.18 in the same state (MAC addresses apart)."""

from __future__ import annotations

import json

import pytest

from tests.programs.busybox import busybox_machines
from tests.programs.machines import Machines

LO = """1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN group default qlen 1000
    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00
    inet 127.0.0.1/8 scope host lo
       valid_lft forever preferred_lft forever
"""
ETH0 = """2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP group default qlen 1000
    link/ether 02:00:00:00:00:01 brd ff:ff:ff:ff:ff:ff
    inet 10.5.0.1/24 brd 10.5.0.255 scope global eth0
       valid_lft forever preferred_lft forever
"""


@pytest.fixture
def machines() -> Machines:
    return Machines()


def test_addr_shows_devices_and_addresses(machines: Machines) -> None:
    assert machines.output("a", "ip addr") == LO + ETH0
    assert machines.output("a", "ip a s dev eth0") == ETH0
    assert (
        machines.output("a", "ip -br a") == "lo               UNKNOWN        127.0.0.1/8 \neth0             UP             10.5.0.1/24 \n"
    )
    assert machines.output("a", "ip -o -4 addr show eth0") == (
        "2: eth0    inet 10.5.0.1/24 brd 10.5.0.255 scope global eth0\\       valid_lft forever preferred_lft forever\n"
    )


def test_a_bridge_and_a_veth_pair_by_hand(machines: Machines) -> None:
    for line in (
        "ip link add br0 type bridge",
        "ip link add v1 address 02:00:0a:0a:01:02 type veth peer name v1p address 02:00:0a:0a:01:01",
        "ip link set v1 master br0 up",
    ):
        assert machines.output("a", line) == ""
    assert machines.output("a", "ip link show v1p") == (
        "4: v1p@v1: <BROADCAST,MULTICAST> mtu 1500 qdisc noop state DOWN mode DEFAULT group default qlen 1000\n"
        "    link/ether 02:00:0a:0a:01:01 brd ff:ff:ff:ff:ff:ff\n"
    )
    assert machines.output("a", "ip link show v1") == (
        "5: v1@v1p: <NO-CARRIER,BROADCAST,MULTICAST,UP,M-DOWN> mtu 1500 qdisc noqueue master br0 state LOWERLAYERDOWN mode DEFAULT "
        "group default qlen 1000\n    link/ether 02:00:0a:0a:01:02 brd ff:ff:ff:ff:ff:ff\n"
    )
    machines.output("a", "ip link set v1p up; ip link set br0 up")
    assert machines.output("a", "ip -br link show master br0") == (
        "v1@v1p           UP             02:00:0a:0a:01:02 <BROADCAST,MULTICAST,UP,LOWER_UP> \n"
    )
    assert machines.output("a", "bridge link") == (
        "5: v1@v1p: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 master br0 state forwarding priority 32 cost 2 \n"
    )


def test_routes_are_listed_as_the_kernel_lists_them(machines: Machines) -> None:
    for words in (
        "10.7.0.0/16 via 10.5.0.2",
        "default via 10.5.0.2 dev eth0 metric 100",
        "default via 10.5.0.2",
        "10.9.1.0/24 dev eth0 src 10.5.0.1 mtu 1300",
        "unreachable 10.11.0.0/16",
        "10.14.0.0/16 via 10.77.0.1 dev eth0 onlink proto static",
    ):
        machines.output("a", f"ip route add {words}")
    assert machines.output("a", "ip route") == (
        "default via 10.5.0.2 dev eth0 \n"
        "default via 10.5.0.2 dev eth0 metric 100 \n"
        "10.5.0.0/24 dev eth0 proto kernel scope link src 10.5.0.1 \n"
        "10.7.0.0/16 via 10.5.0.2 dev eth0 \n"
        "10.9.1.0/24 dev eth0 scope link src 10.5.0.1 mtu 1300 \n"
        "unreachable 10.11.0.0/16 \n"
        "10.14.0.0/16 via 10.77.0.1 dev eth0 proto static onlink \n"
    )
    assert machines.output("a", "ip r show dev eth0 10.7/16") == "10.7.0.0/16 via 10.5.0.2 \n"
    machines.output("a", "ip route del default; ip route replace default via 10.5.0.9; ip route flush 10.7.0.0/16")
    assert machines.output("a", "ip route show default") == "default via 10.5.0.9 dev eth0 \ndefault via 10.5.0.2 dev eth0 metric 100 \n"


def test_the_local_table(machines: Machines) -> None:
    assert machines.output("a", "ip route show table local") == (
        "local 10.5.0.1 dev eth0 proto kernel scope host src 10.5.0.1 \n"
        "broadcast 10.5.0.255 dev eth0 proto kernel scope link src 10.5.0.1 \n"
        "local 127.0.0.0/8 dev lo proto kernel scope host src 127.0.0.1 \n"
        "local 127.0.0.1 dev lo proto kernel scope host src 127.0.0.1 \n"
        "broadcast 127.255.255.255 dev lo proto kernel scope link src 127.0.0.1 \n"
    )


def test_route_get_asks_the_stack(machines: Machines) -> None:
    machines.output("a", "ip route add default via 10.5.0.2; ip route add prohibit 10.12.0.0/16")
    assert machines.output("a", "ip route get 1.2.3.4") == "1.2.3.4 via 10.5.0.2 dev eth0 src 10.5.0.1 uid 0 \n    cache \n"
    assert machines.output("a", "ip route get 10.5.0.1") == "local 10.5.0.1 dev lo src 10.5.0.1 uid 0 \n    cache <local> \n"
    assert machines.refusal("a", "ip route get 10.12.1.1") == (2, "RTNETLINK answers: Permission denied\n")


def test_json_is_what_other_programs_read(machines: Machines) -> None:
    text = machines.output("a", "ip -j addr show eth0")
    assert text == (
        '[{"ifindex":2,"ifname":"eth0","flags":["BROADCAST","MULTICAST","UP","LOWER_UP"],"mtu":1500,"qdisc":"noqueue","operstate":"UP",'
        '"group":"default","txqlen":1000,"link_type":"ether","address":"02:00:00:00:00:01","broadcast":"ff:ff:ff:ff:ff:ff",'
        '"addr_info":[{"family":"inet","local":"10.5.0.1","prefixlen":24,"broadcast":"10.5.0.255","scope":"global","label":"eth0",'
        '"valid_life_time":4294967295,"preferred_life_time":4294967295}]}]\n'
    )
    assert json.loads(machines.output("a", "ip -j -p addr show eth0")) == json.loads(text)


def test_neighbours_by_hand(machines: Machines) -> None:
    machines.output("a", "ip neigh add 10.5.0.50 lladdr 02:00:00:00:00:50 dev eth0")
    machines.output("a", "ping -c 1 10.5.0.2")
    assert machines.output("a", "ip neigh") == (
        "10.5.0.2 dev eth0 lladdr 02:00:00:00:00:02 REACHABLE \n10.5.0.50 dev eth0 lladdr 02:00:00:00:00:50 PERMANENT \n"
    )
    machines.output("a", "ip neigh flush dev eth0")
    assert machines.output("a", "ip neigh show dev eth0") == "10.5.0.50 lladdr 02:00:00:00:00:50 PERMANENT \n"


@pytest.mark.parametrize(
    ("line", "status", "text"),
    [
        ("ip addr add 10.5.0.1/24 dev eth0", 2, "Error: ipv4: Address already assigned."),
        ("ip addr add 10.5.0.x/24 dev eth0", 1, 'Error: any valid prefix is expected rather than "10.5.0.x/24".'),
        ("ip addr del 10.5.0.77/24 dev eth0", 2, "Error: ipv4: Address not found."),
        ("ip addr add 1.1.1.1/24", 1, 'Not enough information: "dev" argument is required.'),
        ("ip link set nosuch up", 1, 'Cannot find device "nosuch"'),
        ("ip link show nosuch", 1, 'Device "nosuch" does not exist.'),
        ("ip link set eth0 mtu 20", 2, "Error: mtu less than device minimum."),
        ("ip link add x type nosuch", 2, "Error: Unknown device type."),
        ("ip link add x type vlan", 255, "ip: 'type vlan' is not modelled"),
        ("ip link del lo", 2, "RTNETLINK answers: Operation not supported"),
        ("ip route add 10.5.0.0/24 dev eth0; ip route add 10.5.0.0/24 dev eth0", 2, "RTNETLINK answers: File exists"),
        ("ip route add 10.8.0.0/16 via 10.99.0.2", 2, "Error: Nexthop has invalid gateway."),
        ("ip route add 10.15.0.1/16 dev eth0", 2, "Error: Invalid prefix for given prefix length."),
        ("ip route del 10.99.0.0/24", 2, "RTNETLINK answers: No such process"),
        ("ip route add 10.8.0.0/16 nexthop via 10.5.0.2", 255, "ip: 'route … nexthop' is not modelled"),
        ("ip neigh del 10.5.0.99 dev eth0", 2, "RTNETLINK answers: No such file or directory"),
        ("ip xfrm state", 255, "ip: 'xfrm' is not modelled"),
        ("ip bogus", 1, 'Object "bogus" is unknown, try "ip help".'),
        ("ip addr bogus", 255, 'Command "bogus" is unknown, try "ip address help".'),
        ("ip -6 route", 255, "ip: '-6' is not modelled"),
        ("bridge vlan", 255, "bridge: 'vlan' is not modelled"),
    ],
)
def test_refusals_are_iproute2s(machines: Machines, line: str, status: int, text: str) -> None:
    got, printed = machines.refusal("a", line)
    assert (got, printed.splitlines()[-1]) == (status, text)


def test_bridge_fdb_shows_what_was_learned_and_set(machines: Machines) -> None:
    machines.output(
        "a", "ip link add br0 address 02:00:00:00:01:00 type bridge; ip link add v1 address 02:00:00:00:01:01 type veth peer name v2"
    )
    machines.output("a", "ip link set v1 master br0 up; ip link set v2 up; ip link set br0 up")
    machines.output("a", "bridge fdb add 02:00:00:00:00:05 dev v1 master static")
    assert machines.output("a", "bridge fdb show br br0") == (
        "33:33:00:00:00:01 dev br0 self permanent\n"
        "01:00:5e:00:00:6a dev br0 self permanent\n"
        "33:33:00:00:00:6a dev br0 self permanent\n"
        "01:00:5e:00:00:01 dev br0 self permanent\n"
        "02:00:00:00:01:00 dev br0 master br0 permanent\n"
        "02:00:00:00:00:05 dev v1 master br0 static\n"
        "02:00:00:00:01:01 dev v1 master br0 permanent\n"
        "33:33:00:00:00:01 dev v1 self permanent\n"
        "01:00:5e:00:00:01 dev v1 self permanent\n"
    )
    machines.output("a", "ip link add m0 link v2 address 02:00:00:00:01:09 type macvlan mode bridge; ip link set m0 up")
    assert machines.output("a", "bridge fdb show dev v2").splitlines()[0] == "02:00:00:00:01:09 self permanent"
    assert machines.refusal("a", "bridge fdb add 02:00:00:00:00:05 dev v1 master static") == (255, "RTNETLINK answers: File exists\n")


def test_sysctl_reads_and_sets(machines: Machines) -> None:
    assert machines.output("a", "sysctl -w net.ipv4.ip_forward=1") == "net.ipv4.ip_forward = 1\n"
    assert machines.output("a", "sysctl -n net/ipv4/conf/all/forwarding") == "1\n"
    assert "net.ipv4.ip_forward = 1\n" in machines.output("a", "sysctl -a")
    missing = "sysctl: cannot stat /proc/sys/net/ipv4/nosuch: No such file or directory\n"
    assert machines.refusal("a", "sysctl net.ipv4.nosuch=1") == (1, missing)
    assert machines.refusal("a", "sysctl net.ipv4.ip_forward=x") == (1, 'sysctl: setting key "net.ipv4.ip_forward": Invalid argument\n')


def test_poweroff_silences_a_host(machines: Machines) -> None:
    machines.start("b", "httpd -f -p 80 -h /")
    machines.output("b", "poweroff")
    assert machines.run("a", "ping -c 1 -W 1 10.5.0.2").exit_status == 1
    assert {packet.src for packet in machines.wire.packets} == {"02:00:00:00:00:01"}


def test_route_get_of_what_comes_in(machines: Machines) -> None:
    machines.output("a", "sysctl -w net.ipv4.ip_forward=1; ip link add d0 type dummy; ip link set d0 up; ip addr add 10.6.0.1/24 dev d0")
    assert machines.output("a", "ip route get 10.6.0.2 from 10.5.0.2 iif eth0") == "10.6.0.2 from 10.5.0.2 dev d0 \n    cache iif eth0 \n"
    local = "local 10.5.0.1 from 10.5.0.2 dev lo \n    cache <local> iif eth0 \n"
    assert machines.output("a", "ip route get 10.5.0.1 from 10.5.0.2 iif eth0") == local
    unreachable = (2, "RTNETLINK answers: Network is unreachable\n")
    assert machines.refusal("a", "ip route get 1.2.3.4 from 10.5.0.2 iif eth0") == unreachable
    assert machines.refusal("a", "ip route get 10.6.0.2 iif eth0") == (2, "RTNETLINK answers: Invalid argument\n")
    machines.output("a", "sysctl -w net.ipv4.ip_forward=0")
    assert machines.refusal("a", "ip route get 10.6.0.2 from 10.5.0.2 iif eth0") == (2, "RTNETLINK answers: No route to host\n")


def test_what_a_filter_says_is_not_said_again(machines: Machines) -> None:
    machines.output("a", "ip route add default via 10.5.0.2")
    assert machines.output("a", "ip route show scope link") == "10.5.0.0/24 dev eth0 proto kernel src 10.5.0.1 \n"
    assert machines.output("a", "ip route show match 10.5.0.9 proto kernel") == "10.5.0.0/24 dev eth0 scope link src 10.5.0.1 \n"
    assert machines.output("a", "ip route get fibmatch 1.1.1.1") == "default via 10.5.0.2 dev eth0 \n"
    assert machines.output("a", "ip -d route show default") == "unicast default via 10.5.0.2 dev eth0 proto boot scope global \n"


def test_addresses_by_label(machines: Machines) -> None:
    machines.output("a", "ip addr add 10.5.0.7/24 dev eth0 label eth0:x")
    line = "2: eth0    inet 10.5.0.7/24 scope global secondary eth0:x\\       valid_lft forever preferred_lft forever\n"
    assert machines.output("a", "ip -o addr show label eth0:*") == line
    assert machines.output("a", "ip -o addr show secondary") == line
    assert machines.refusal("a", "ip neigh get 10.5.0.77 dev eth0") == (2, "Error: Neighbour entry not found.\n")


def test_sysctl_loads_files_and_busybox_names_keys(machines: Machines) -> None:
    machines.hosts["a"].place.files.write("/etc/sysctl.conf", "# router\nnet.ipv4.ip_forward = 1\n\n")
    assert machines.output("a", "sysctl -p") == "net.ipv4.ip_forward = 1\n"
    assert machines.refusal("a", "sysctl -p /nosuch") == (1, 'sysctl: cannot open "/nosuch": No such file or directory\n')
    assert busybox_machines().refusal("a", "sysctl net.ipv4.nosuch") == (1, "sysctl: error: 'net.ipv4.nosuch' is an unknown key\n")


def test_a_devices_last_address_takes_its_routes_and_neighbours_along(machines: Machines) -> None:
    machines.output("a", "ip route add default via 10.5.0.2; ping -c 1 10.5.0.2; ip addr add 10.6.0.1/24 dev eth0")
    machines.output("a", "ip addr del 10.5.0.1/24 dev eth0")
    assert "default via 10.5.0.2 dev eth0 \n" in machines.output("a", "ip route")
    machines.output("a", "ip addr del 10.6.0.1/24 dev eth0")
    assert machines.output("a", "ip route; ip neigh") == ""


def test_an_address_that_is_replaced_by_itself_stays_as_it_is(machines: Machines) -> None:
    machines.output("a", "ip route add default via 10.5.0.2")
    machines.output("a", "ip addr replace 10.5.0.1/24 brd 10.5.0.77 dev eth0 label eth0:z")
    assert machines.output("a", "ip addr show eth0") == ETH0
    assert machines.output("a", "ip route show default") == "default via 10.5.0.2 dev eth0 \n"
