"""ip link, ip netns, nsenter, brctl and ln: what they do and print, as iproute2 6.1, util-linux 2.38 and bridge-utils 1.7 do."""

from __future__ import annotations

import pytest

from tests.docker.conftest import DockerHost


@pytest.fixture
def host():
    machine = DockerHost()
    yield machine
    machine.docker.down()


PAIR = "ip link add va type veth peer name vb"


@pytest.mark.parametrize(
    ("before", "line", "status", "output"),
    [
        ([PAIR], "ip link add m0 link va type macvlan mode foo", 1,
         'Error: argument of "mode" must be "private", "vepa", "bridge", "passthru" or "source", not "foo"'),
        ([PAIR], "ip link add m0 type macvlan", 2, "RTNETLINK answers: Invalid argument"),
        ([], "ip link add m0 link nosuch type macvlan", 1, 'Cannot find device "nosuch"'),
        ([], "ip link add m0 link lo type macvlan", 2, "RTNETLINK answers: Invalid argument"),
        ([PAIR, "ip link add m0 link va type macvlan"], "ip link add m0 link va type macvlan", 2, "RTNETLINK answers: File exists"),
        ([PAIR, "ip link add m0 link va type macvlan"], "ip link add m1 link va type macvlan mode passthru", 2,
         "RTNETLINK answers: Invalid argument"),
        ([PAIR, "ip link add m0 link va type macvlan"], "ip link set m0 mtu 1600", 2, "RTNETLINK answers: Invalid argument"),
        ([PAIR, "ip link add m0 link va type macvlan", "ip link add br0 type bridge"], "ip link set va master br0", 2,
         "RTNETLINK answers: Device or resource busy"),
        ([PAIR, "ip link set va address 02:00:00:00:00:aa", "ip link add m0 link va address 02:00:00:00:00:aa type macvlan"],
         "ip link set m0 up", 2, "RTNETLINK answers: Address already in use"),
        ([PAIR, "ip link add m0 link va type macvlan"], "ip link set m0 type macvlan mode passthru", 2,
         "RTNETLINK answers: Invalid argument"),
        ([PAIR], "ip link set va netns 999999", 2, "RTNETLINK answers: No such process"),
        ([PAIR], "ip link set va netns nosuch", 255, 'Error: argument "nosuch" is wrong: Invalid "netns" value'),
        ([PAIR], "ip link set va address 01:00:00:00:00:01", 2, "RTNETLINK answers: Cannot assign requested address"),
        ([PAIR], "ip link set va name vb", 2, "RTNETLINK answers: File exists"),
        ([], "ip link add v type veth peer name v", 2, "RTNETLINK answers: File exists"),
        ([], "ip link add v type ipvlan", 255, "ip: 'type ipvlan' is not modelled"),
        ([], "ip link add v type funny", 2, "Error: Unknown device type."),
        ([], "ip link add v", 1, 'Not enough information: "type" argument is required'),
        ([], "ip link del", 255, 'Not enough information: "dev" argument is required.'),
        ([], "ip netns add", 1, "No netns name specified"),
        ([], "ip netns add a/b", 255, 'Invalid netns name "a/b"'),
        (["ip netns add blue"], "ip netns add blue", 1, 'Cannot create namespace file "/run/netns/blue": File exists'),
        ([], "ip netns del blue", 1, 'Cannot remove namespace file "/run/netns/blue": No such file or directory'),
        ([], "ip netns exec blue true", 255, 'Cannot open network namespace "blue": No such file or directory'),
        ([], "ip -n blue link", 255, 'Cannot open network namespace "blue": No such file or directory'),
        (["ip netns add blue"], "ip netns exec blue", 1, "No command specified"),
        (["ip netns add blue"], "ip netns exec blue nosuch", 1, 'exec of "nosuch" failed: No such file or directory'),
        ([], "ip netns identify 999999", 1, "Cannot open network namespace: No such file or directory"),
        ([], "ip netns attach blue 999999", 1, "Bind /proc/999999/ns/net -> /run/netns/blue failed: No such file or directory"),
        ([], "ip netns foo", 255, 'Command "foo" is unknown, try "ip netns help".'),
        ([], "nsenter -t abc -n true", 1, "nsenter: failed to parse pid: 'abc'"),
        ([], "nsenter -n true", 1, "nsenter: neither filename nor target pid supplied for ns/net"),
        ([], "nsenter -t 999999 -n true", 1, "nsenter: cannot open /proc/999999/ns/net: No such file or directory"),
        ([], "nsenter --net=/var/run/netns/no true", 1, "nsenter: cannot open /var/run/netns/no: No such file or directory"),
        ([], "nsenter -t 1 -n nosuch", 127, "nsenter: failed to execute nosuch: No such file or directory"),
        (["brctl addbr br0"], "brctl addbr br0", 1, "device br0 already exists; can't create bridge with the same name"),
        (["brctl addbr br0"], "brctl addif br0 lo", 1, "can't add lo to bridge br0: Invalid argument"),
        (["brctl addbr br0"], "brctl addif br0 nosuch", 1, "interface nosuch does not exist!"),
        (["brctl addbr br0"], "brctl delif br0 eth0", 1, "device eth0 is not a port of br0"),
        (["brctl addbr br0", PAIR, "brctl addif br0 va"], "brctl addif br0 va", 1,
         "device va is already a member of a bridge; can't add it to bridge br0."),
        (["brctl addbr br0", "ip link set br0 up"], "brctl delbr br0", 1, "bridge br0 is still up; can't delete it"),
        ([], "brctl delbr nosuch", 1, "bridge nosuch doesn't exist; can't delete it"),
        ([], "brctl delbr lo", 1, "can't delete bridge lo: Operation not permitted"),
        ([], "brctl show nosuch", 1, "bridge nosuch does not exist!"),
        ([], "brctl showmacs nosuch", 1, "read of forward table failed: No such device"),
        ([], "brctl showmacs lo", 1, "read of forward table failed: Operation not supported"),
        ([], "brctl addbr", 1, "Incorrect number of arguments for command\nUsage: brctl addbr <bridge>\t\tadd bridge"),
        ([], "brctl stp docker0 foo", 1, "expect on/off for argument"),
        ([], "brctl setageing docker0 x", 1, "bad ageing time value"),
        ([], "brctl stp docker0 on", 1, "brctl: 'stp on' is not modelled"),
        ([], "ln -s /x /nosuch/y", 1, "ln: failed to create symbolic link '/nosuch/y': No such file or directory"),
    ],
)  # fmt: skip
def test_what_the_programs_refuse_and_how(host: DockerHost, before: list[str], line: str, status: int, output: str) -> None:
    host.runs(*before)
    process = host.run(line)
    assert (process.exit_status, process.output.rstrip("\n")) == (status, output)


def test_ip_shows_a_macvlan_as_iproute2_does(host: DockerHost) -> None:
    host.runs(PAIR, "ip link set va up", "ip link set vb up", "ip link add m0 link va address 02:00:00:00:00:05 type macvlan mode bridge")
    number = host.netns.device("m0").ifindex
    assert host.out("ip -d link show m0").split(" addrgenmode")[0] == (
        f"{number}: m0@va: <BROADCAST,MULTICAST> mtu 1500 qdisc noop state DOWN mode DEFAULT group default qlen 1000\n"
        "    link/ether 02:00:00:00:00:05 brd ff:ff:ff:ff:ff:ff promiscuity 0  allmulti 0 minmtu 68 maxmtu 65535 \n"
        "    macvlan mode bridge bcqueuelen 1000 usedbcqueuelen 1000"
    )
    host.runs("ip link set m0 up")
    assert host.out("ip -br link show m0").split()[1:] == ["UP", "02:00:00:00:00:05", "<BROADCAST,MULTICAST,UP,LOWER_UP>"]
    assert "promiscuity 1 " in host.out("ip -d link show va")
    host.runs("ip link set va down")
    assert "<NO-CARRIER,BROADCAST,MULTICAST,UP,M-DOWN>" in host.out("ip link show m0")
    assert "state LOWERLAYERDOWN" in host.out("ip link show m0")


def test_a_macvlan_in_another_namespace_shows_its_parent_s_number_and_namespace(host: DockerHost) -> None:
    host.runs("ip netns add blue", "ip link add m0 link eth0 type macvlan mode bridge", "ip link set m0 netns blue")
    assert " m0@if2: " in host.out("ip -n blue link show m0")
    assert host.out("ip -n blue link show m0").endswith("link-netnsid 0")


def test_namespaces_are_listed_newest_first_with_the_number_they_are_known_by(host: DockerHost) -> None:
    host.runs("ip netns add blue", "ip netns add red", PAIR, "ip link set vb netns blue")
    assert host.out("ls /var/run/netns").split() == ["blue", "red"]
    assert host.out("ip netns") == "red\nblue (id: 0)"
    assert host.out("ip link show va").endswith("link-netns blue")
    assert host.out("ip netns exec blue ip netns identify") == "blue"


def test_two_namespaces_by_hand_reach_each_other(host: DockerHost) -> None:
    host.runs(
        "ip netns add blue", "ip netns add red", "ip link add eth0 netns blue type veth peer name eth0 netns red",
        "ip -n blue addr add 10.1.1.1/24 dev eth0", "ip -n red addr add 10.1.1.2/24 dev eth0",
        "ip -n blue link set eth0 up", "ip netns exec red ip link set eth0 up", "ip netns exec blue ping -c 1 10.1.1.2",
    )  # fmt: skip
    host.runs("ip netns del red")
    assert "eth0" not in host.out("ip -n blue link")


def test_the_pipework_way_to_wire_a_container(host: DockerHost) -> None:
    host.runs("docker run -d --name box --network none bb sleep 1000")
    pid = host.out("docker inspect -f '{{.State.Pid}}' box")
    host.runs("mkdir -p /var/run/netns")
    host.runs(
        f"ln -s /proc/{pid}/ns/net /var/run/netns/{pid}",
        "brctl addbr br1", "ip addr add 10.2.0.254/24 dev br1", "ip link set br1 up",
        f"ip link add veth1pl{pid} type veth peer name veth1pg{pid}", f"ip link set veth1pl{pid} up", f"brctl addif br1 veth1pl{pid}",
        f"ip link set veth1pg{pid} netns {pid}", f"ip netns exec {pid} ip link set veth1pg{pid} name eth1",
        f"ip netns exec {pid} ip addr add 10.2.0.1/24 dev eth1", f"nsenter -t {pid} -n ip link set eth1 up",
        "ping -c 1 10.2.0.1",
    )  # fmt: skip
    assert "eth1" in host.out("ip addr", "box")
    assert host.out(f"nsenter -t {pid} -n -u hostname") == host.out("hostname", "box")
    assert host.out(f"ip netns pids {pid}") == pid
    host.runs("docker kill box")
    assert host.out("ip netns") == pid
    assert f"veth1pl{pid}" not in host.netns.devices
    assert host.run(f"ip netns exec {pid} true").exit_status == 255
    host.runs(f"rm /var/run/netns/{pid}")
    assert host.out("ip netns") == ""


def test_a_physical_device_comes_back_when_its_namespace_goes(host: DockerHost) -> None:
    host.runs("ip netns add blue", "ip link set eth0 netns blue")
    assert "eth0" not in host.netns.devices
    host.runs("ip netns del blue")
    assert host.netns.device("eth0").kind == "nic"


def test_programs_in_another_namespace_see_its_settings_and_the_machine_s_files(host: DockerHost) -> None:
    host.runs("ip netns add blue", "ip netns exec blue sysctl -w net.ipv4.ip_forward=1", "sysctl -w net.ipv4.ip_forward=0")
    assert host.out("ip netns exec blue cat /proc/sys/net/ipv4/ip_forward /etc/hostname") == "1\nhost"


def test_brctl_shows_bridges_and_what_they_have_learnt(host: DockerHost) -> None:
    host.runs("brctl addbr br0")
    assert host.out("brctl show br0") == "bridge name\tbridge id\t\tSTP enabled\tinterfaces\nbr0\t\t8000.000000000000\tno\t\t"
    host.runs(
        "ip link add va address 02:00:00:00:00:01 type veth peer name vb",
        "ip link add vc address 02:00:00:00:00:02 type veth peer name vd",
        "brctl addif br0 vc", "brctl addif br0 va",
    )  # fmt: skip
    assert host.out("brctl show br0").splitlines()[1:] == ["br0\t\t8000.020000000001\tno\t\tva", "\t\t\t\t\t\t\tvc"]
    assert host.out("brctl showmacs br0").splitlines() == [
        "port no\tmac addr\t\tis local?\tageing timer",
        "  2\t02:00:00:00:00:01\tyes\t\t   0.00",
        "  1\t02:00:00:00:00:02\tyes\t\t   0.00",
    ]
    host.runs("brctl delif br0 va", "brctl delif br0 vc", "brctl setfd br0 0")
    assert "forward_delay 0 " in host.out("ip -d link show br0")
    assert "link/ether 00:00:00:00:00:00" in host.out("ip link show br0")
