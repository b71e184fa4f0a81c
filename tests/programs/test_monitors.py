"""ip monitor, bridge monitor, conntrack -E and dropwatch, held against what the real ones printed of the same commands."""

from __future__ import annotations

import re

import pytest

from emu.engine import SECOND
from tests.programs.machines import Machines

MAC = re.compile(r"\b(?:[0-9a-f]{2}:){5}[0-9a-f]{2}\b")


@pytest.fixture
def lab():
    return Machines()


def monitored(lab: Machines, program: str, lines: list[str]) -> list[str]:
    """What the program printed on host a meanwhile; addresses that differ from run to run are MAC."""
    monitor = lab.start("a", program)
    for line in lines:
        lab.output("a", line)
    monitor.kill(130)
    assert monitor.stderr == ""
    text = MAC.sub(lambda match: match[0] if match[0][:2] in {"ff", "00", "02"} and "fe" not in match[0] else "MAC", monitor.stdout)
    return text.splitlines()


PAIR = [
    "ip netns add f",
    "ip link add v0 address 02:00:00:00:00:a0 type veth peer name v1 address 02:00:00:00:00:a1",
    "ip link set v1 netns f",
]


def test_ip_monitor_tells_of_a_link_that_comes_and_rises_with_its_address_and_routes(lab):
    for line in [*PAIR, "ip netns exec f ip link set v1 up"]:
        lab.output("a", line)
    assert monitored(
        lab, "ip monitor label", ["ip addr add 10.0.0.1/24 dev v0", "ip link set v0 up", "ip route add 10.9.0.0/16 via 10.0.0.2"]
    ) == [
        "[ADDR]4: v0    inet 10.0.0.1/24 scope global v0",
        "       valid_lft forever preferred_lft forever",
        "[ROUTE]local 10.0.0.1 dev v0 table local proto kernel scope host src 10.0.0.1 ",
        "[LINK]4: v0@if3: <NO-CARRIER,BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state DOWN group default ",
        "    link/ether 02:00:00:00:00:a0 brd ff:ff:ff:ff:ff:ff link-netns f",
        "[ROUTE]10.0.0.0/24 dev v0 proto kernel scope link src 10.0.0.1 ",
        "[ROUTE]broadcast 10.0.0.255 dev v0 table local proto kernel scope link src 10.0.0.1 ",
        "[LINK]4: v0@if3: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP group default ",
        "    link/ether 02:00:00:00:00:a0 brd ff:ff:ff:ff:ff:ff link-netns f",
        "[ROUTE]10.9.0.0/16 via 10.0.0.2 dev v0 ",
    ]


def test_ip_monitor_link_tells_of_a_pair_that_is_made_moved_and_deleted(lab):
    lines = [*PAIR[1:], "ip link set v0 mtu 1400", "ip link del v0"]
    lab.output("a", PAIR[0])
    told = [line for line in monitored(lab, "ip monitor link", lines) if not line.startswith("    ")]
    assert told == [
        "3: v1@NONE: <BROADCAST,MULTICAST> mtu 1500 qdisc noop state DOWN group default ",
        "4: v0@v1: <BROADCAST,MULTICAST,M-DOWN> mtu 1500 qdisc noop state DOWN group default ",
        "Deleted 3: v1@v0: <BROADCAST,MULTICAST,M-DOWN> mtu 1500 qdisc noop state DOWN group default ",
        "4: v0@if3: <BROADCAST,MULTICAST> mtu 1400 qdisc noop state DOWN group default ",
        "Deleted 4: v0@NONE: <BROADCAST,MULTICAST> mtu 1400 qdisc noop state DOWN group default ",
    ]


def test_routes_that_go_with_a_link_go_without_a_word_and_those_of_an_address_with_one(lab):
    lines = ["ip addr add 10.5.0.7/24 dev eth0", "ip addr del 10.5.0.1/24 dev eth0", "ip link set eth0 down"]
    assert monitored(lab, "ip monitor address route", lines)[3:] == [
        "Deleted 2: eth0    inet 10.5.0.7/24 scope global secondary eth0",
        "       valid_lft forever preferred_lft forever",
        "Deleted local 10.5.0.7 dev eth0 table local proto kernel scope host src 10.5.0.1 ",
        "Deleted 2: eth0    inet 10.5.0.1/24 brd 10.5.0.255 scope global eth0",
        "       valid_lft forever preferred_lft forever",
        "Deleted 10.5.0.0/24 dev eth0 proto kernel scope link src 10.5.0.1 ",
        "Deleted broadcast 10.5.0.255 dev eth0 table local proto kernel scope link src 10.5.0.1 ",
        "Deleted local 10.5.0.1 dev eth0 table local proto kernel scope host src 10.5.0.1 ",
    ]
    assert monitored(Machines(), "ip monitor route", ["ip link set eth0 down"]) == []


def test_a_route_that_is_replaced_is_told_of_once(lab):
    lab.output("a", "ip route add 10.8.0.0/16 via 10.5.0.2 metric 5")
    assert monitored(lab, "ip monitor route", ["ip route replace 10.8.0.0/16 via 10.5.0.3 metric 5"]) == [
        "10.8.0.0/16 via 10.5.0.3 dev eth0 metric 5 "
    ]


def test_ip_monitor_neigh_tells_of_answers_and_failures_and_not_of_questions(lab):
    lines = ["ping -c 1 10.5.0.2", "ping -c 1 -W 4 10.5.0.9 || true", "ip neigh add 10.5.0.55 lladdr 02:00:00:00:00:01 dev eth0"]
    assert monitored(lab, "ip monitor neigh", [*lines, "ip neigh del 10.5.0.55 dev eth0", "ip link set eth0 down"]) == [
        "10.5.0.2 dev eth0 lladdr 02:00:00:00:00:02 REACHABLE ",
        "10.5.0.9 dev eth0 FAILED ",
        "10.5.0.55 dev eth0 lladdr 02:00:00:00:00:01 PERMANENT ",
        "10.5.0.55 dev eth0 FAILED ",
        "Deleted 10.5.0.55 dev eth0 FAILED ",
        "Deleted 10.5.0.2 dev eth0 lladdr 02:00:00:00:00:02 REACHABLE ",
        "Deleted 10.5.0.9 dev eth0 FAILED ",
    ]


def test_ip_monitor_says_when_and_of_one_device_only(lab):
    lines = ["sleep 1.25", "ip link set eth0 mtu 1400", "ip link set lo down"]
    assert monitored(lab, "ip -ts monitor link dev eth0", lines)[0].startswith("[2020-01-01T00:00:01.250000] 2: eth0: <")
    lab = Machines()
    assert monitored(lab, "ip -t monitor link dev eth0", lines)[0] == "Timestamp: Wed Jan  1 00:00:01 2020 250000 usec"


@pytest.mark.parametrize(
    ("line", "status", "text"),
    [
        ("ip monitor bogus", 255, 'Argument "bogus" is unknown, try "ip monitor help".\n'),
        ("ip monitor netconf", 255, "ip: 'monitor netconf' is not modelled\n"),
        ("ip monitor dev nosuch", 1, 'Cannot find device "nosuch"\n'),
        ("bridge monitor bogus", 255, 'Argument "bogus" is unknown, try "bridge monitor help".\n'),
        ("bridge monitor mdb", 255, "bridge: 'monitor mdb' is not modelled\n"),
        ("conntrack -E -e NEW,foo", 2, "conntrack v1.4.7 (conntrack-tools): Bad parameter `foo'\n"),
        ("conntrack -L -e NEW", 2, "conntrack v1.4.7 (conntrack-tools): Illegal option `--event-mask' with this command\n"),
        ("conntrack -E -o xml", 2, "conntrack: '-o xml' is not modelled\n"),
    ],
)
def test_what_is_unknown_or_not_modelled_is_refused(lab, line, status, text):
    refused, said = lab.refusal("a", line)
    assert refused == status
    assert said.startswith(text)


BRIDGE = ["ip link add br0 type bridge", "ip link set br0 up", "ip link set v0 master br0", "ip link set v0 up"]


def test_bridge_monitor_tells_of_ports_and_of_what_is_learned(lab):
    for line in [*PAIR, "ip netns exec f ip link set v1 up", "ip netns exec f ip addr add 10.0.0.2/24 dev v1"]:
        lab.output("a", line)
    lines = [
        *BRIDGE,
        "ip netns exec f ping -c 1 -W 1 10.0.0.9 || true",
        "bridge fdb add 02:00:00:00:00:77 dev v0 master",
        "ip link del br0",
    ]
    assert monitored(lab, "bridge monitor fdb", lines) == [
        "MAC dev br0 master br0 permanent",
        "02:00:00:00:00:a0 dev v0 master br0 permanent",
        "Deleted MAC dev br0 master br0 permanent",
        "02:00:00:00:00:a1 dev v0 master br0 ",
        "02:00:00:00:00:77 dev v0 master br0 permanent",
        "Deleted 02:00:00:00:00:a0 dev v0 master br0 permanent",
        "Deleted 02:00:00:00:00:a1 dev v0 master br0 ",
        "Deleted 02:00:00:00:00:77 dev v0 master br0 permanent",
    ]


def test_bridge_monitor_all_has_labels_and_port_states(lab):
    for line in [*PAIR, "ip netns exec f ip link set v1 up", *BRIDGE[:3]]:
        lab.output("a", line)
    assert monitored(lab, "bridge monitor all", BRIDGE[3:]) == [
        "[LINK]4: v0@if3: <NO-CARRIER,BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 master br0 ",
        "[LINK]4: v0@if3: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 master br0 state forwarding priority 32 cost 2 ",
        "[LINK]4: v0@if3: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 master br0 ",
        "[LINK]5: br0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 ",
    ]


def test_bridge_monitor_tells_of_vxlan_remotes_one_by_one(lab):
    lab.output("a", "ip link add vx0 type vxlan id 5 dstport 8472 local 10.5.0.1 dev eth0")
    zero = "00:00:00:00:00:00 dev vx0"
    lines = [f"bridge fdb append {zero} dst {remote}" for remote in ("10.5.0.2", "10.5.0.3")] + [f"bridge fdb del {zero} dst 10.5.0.2"]
    assert monitored(lab, "bridge monitor fdb", lines) == [
        f"{zero} dst 10.5.0.2 self permanent",
        f"{zero} dst 10.5.0.3 self permanent",
        f"Deleted {zero} dst 10.5.0.2 self permanent",
    ]


# --- conntrack


TRACK = "iptables -A INPUT -m conntrack --ctstate NEW,ESTABLISHED -j ACCEPT"


def test_conntrack_events_are_those_that_the_kernel_gave(lab):
    lab.output("a", TRACK)
    lab.start("b", "httpd -f -p 80")
    watching = lab.start("a", "conntrack -E")
    for line in ("ping -c 1 10.5.0.2", "wget -q -O - http://10.5.0.2/ || true", "nc -w 1 10.5.0.2 81 || true", "conntrack -F"):
        lab.run("a", line)
    watching.kill(130)
    told = [re.sub(r"(id|[sd]port)=\d{4,}", r"\1=N", line) for line in watching.stdout.splitlines()]
    assert told[:2] == [
        "    [NEW] icmp     1 30 src=10.5.0.1 dst=10.5.0.2 type=8 code=0 id=N [UNREPLIED] src=10.5.0.2 dst=10.5.0.1 type=0 code=0 id=N",
        " [UPDATE] icmp     1 30 src=10.5.0.1 dst=10.5.0.2 type=8 code=0 id=N src=10.5.0.2 dst=10.5.0.1 type=0 code=0 id=N",
    ]
    states = [(line.split("]")[0].lstrip(" ["), *line.split()[3:5], "[ASSURED]" in line) for line in told[2:]]
    assert states[:4] == [
        ("NEW", "120", "SYN_SENT", False),
        ("UPDATE", "60", "SYN_RECV", False),
        ("UPDATE", "432000", "ESTABLISHED", True),
        ("UPDATE", "120", "FIN_WAIT", True),
    ]
    refused = [line for line in told if "dport=81" in line]
    assert [line.split()[0] + line.split()[4] for line in refused] == ["[NEW]SYN_SENT", "[DESTROY]CLOSE"]
    assert sum("[DESTROY]" in line for line in told) == 3
    assert watching.stderr == f"conntrack v1.4.7 (conntrack-tools): {len(told)} flow events have been shown.\n"
    assert watching.exit_status == 0


def test_conntrack_events_are_chosen_by_kind_and_filter_and_come_when_time_is_over(lab):
    lab.output("a", TRACK)
    watching = lab.start("a", "conntrack -E -e NEW,DESTROY -p icmp -o timestamp")
    lab.run("a", "ping -c 1 10.5.0.2")
    lab.run("a", "nc -w 1 10.5.0.2 81 || true")
    lab.run("a", "sleep 31")
    lines = watching.stdout.splitlines()
    assert [line.split("]")[1].split("[")[1] for line in lines] == ["NEW", "DESTROY"]
    assert lines[0].startswith("[1577836800.0000")
    assert 30 <= float(lines[1].split("]")[0][1:]) - float(lines[0].split("]")[0][1:]) <= 31
    watching.kill(137)
    assert watching.stderr == ""


# --- dropwatch


def test_dropwatch_tells_once_a_second_where_and_why(lab):
    lab.output("b", "iptables -A INPUT -p icmp -j DROP")
    watching = lab.start("b", "echo start | timeout -s INT 5 dropwatch -l kas")
    lab.run("a", "ping -c 2 -i 0.2 -W 1 10.5.0.2")
    lab.run("a", "ping -c 1 -W 1 10.5.0.2")
    lab.engine.run(until_ns=6 * SECOND)
    assert watching.stdout.splitlines() == [
        "Initializing kallsyms db",
        "dropwatch> start",
        "Enabling monitoring...",
        "Kernel monitoring activated.",
        "Issue Ctrl-C to stop monitoring",
        "2 drops at NETFILTER (b/eth0) [software]",
        "1 drops at NETFILTER (b/eth0) [software]",
        "Waiting for deactivation ack...",
        "Got a stop message",
        "dropwatch> Terminating dropwatch...",
        "Shutting down ...",
    ]


def test_dropwatch_stops_at_its_limit_and_sees_all_namespaces_of_the_machine(lab):
    watching = lab.start("a", "printf 'set alertlimit 1\\nstart\\nexit\\n' | dropwatch")
    lab.output("a", "ip netns add late")
    lab.output("a", "ip netns exec late ip link set lo up")
    lab.run("a", "ip netns exec late nc -u -w 1 127.0.0.1 9 < /etc/hostname")
    lab.engine.run(until_ns=3 * SECOND)
    told = watching.stdout.splitlines()
    assert "1 drops at NO_LISTENER (a/netns/late/lo) [software]" in told
    assert told[-3:] == ["Got a stop message", "dropwatch> exit", "Shutting down ..."]


def test_dropwatch_works_on_the_machine_only(lab):
    lab.output("a", "ip netns add x")
    process = lab.run("a", "ip netns exec x dropwatch")
    assert (process.exit_status, process.stdout.splitlines()[0]) == (1, "Unable to find NET_DM family, dropwatch can't work")


@pytest.mark.parametrize("program", ["ip monitor", "bridge monitor", "conntrack -E", "echo start | dropwatch"])
@pytest.mark.parametrize("signal", [2, 9, 15])
def test_whoever_listened_leaves_nothing_behind(lab, program, signal):
    def watchers():
        netns = lab.hosts["a"].netns
        lists = [netns.on_link, netns.on_address, netns.on_device, netns.on_drop, netns.fib.on_change, netns.neighbours.on_change]
        lists += [netns.netfilter.conntrack.on_change, lab.hosts["a"].on_namespace, netns.device("eth0").on_drop, bridge.fdb.on_change]
        return [len(each) for each in lists]

    lab.output("a", "ip link add br0 type bridge")
    bridge = lab.hosts["a"].netns.device("br0")
    before = watchers()
    process = lab.start("a", program)
    assert watchers() != before
    for inner in list(lab.hosts["a"].place.processes.values()):
        inner.kill(128 + signal)
    assert process.exited.done
    assert watchers() == before
    lab.run("a", "ping -c 1 10.5.0.2")
