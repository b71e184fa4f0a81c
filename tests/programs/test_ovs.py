"""ovs-vsctl and ovs-appctl: what they print, and with which status they refuse; the texts are those of Open vSwitch 3.1.0."""

from __future__ import annotations

from pathlib import Path

import pytest

from emu.lab import Lab
from tests.labs import lab, ok

HOST = """
lans:
  lan: { subnet: 192.168.60.0/24 }
hosts:
  h1: { interfaces: { eth0: { lan: lan, address: 192.168.60.11/24, mac: "02:00:00:00:60:11" } } }
"""
LOG = '  See ovs-vswitchd log for details.\novs-vsctl: The default log directory is "/var/log/openvswitch".\n'


@pytest.fixture
def made(tmp_path: Path) -> Lab:
    """br0 with a GRE port, br1 without ports."""
    found = lab(tmp_path, HOST)
    ok(found.run("h1", "ovs-vsctl add-br br0 -- set bridge br0 datapath_type=netdev -- add-br br1 -- set bridge br1 datapath_type=netdev"))
    ok(found.run("h1", "ovs-vsctl add-port br0 gre0 -- set interface gre0 type=gre options:remote_ip=10.0.0.2"))
    return found


def test_show_prints_bridges_ports_and_what_is_wrong_with_them(made: Lab) -> None:
    made.run("h1", "ovs-vsctl add-port br0 nodev")
    shown = ok(made.run("h1", "ovs-vsctl show")).splitlines()
    assert len(shown[0]) == 36
    assert (
        "\n".join(shown[1:])
        == """\
    Bridge br0
        datapath_type: netdev
        Port br0
            Interface br0
                type: internal
        Port gre0
            Interface gre0
                type: gre
                options: {remote_ip="10.0.0.2"}
        Port nodev
            Interface nodev
                error: "could not open network device nodev (No such device)"
    Bridge br1
        datapath_type: netdev
        Port br1
            Interface br1
                type: internal"""
    )


@pytest.mark.parametrize(
    ("line", "printed", "status"),
    [
        ("add-br br0", "ovs-vsctl: cannot create a bridge named br0 because a bridge named br0 already exists\n", 1),
        ("--may-exist add-br br0", "", 0),
        ("add-br gre0", "ovs-vsctl: cannot create a bridge named gre0 because a port named gre0 already exists on bridge br0\n", 1),
        ("add-port br0 gre0", "ovs-vsctl: cannot create a port named gre0 because a port named gre0 already exists on bridge br0\n", 1),
        ("add-port br1 br0", "ovs-vsctl: cannot create a port named br0 because a bridge named br0 already exists\n", 1),
        ("--may-exist add-port br1 gre0", 'ovs-vsctl: "--may-exist add-port br1 gre0" but gre0 is actually attached to bridge br0\n', 1),
        ("add-port nobr x", "ovs-vsctl: no bridge named nobr\n", 1),
        ("del-br nobr", "ovs-vsctl: no bridge named nobr\n", 1),
        ("--if-exists del-br nobr -- list-br", "br0\nbr1\n", 0),
        ("del-port nope", "ovs-vsctl: no port named nope\n", 1),
        ("--if-exists del-port nope", "", 0),
        ("del-port br1 gre0", "ovs-vsctl: bridge br1 does not have a port gre0\n", 1),
        ("br-exists nobr", "", 2),
        ("list-ports br0", "gre0\n", 0),
        ("port-to-br gre0", "br0\n", 0),
        ("iface-to-br nope", "ovs-vsctl: no interface named nope\n", 1),
        ("get interface gre0 options:remote_ip type ofport", '"10.0.0.2"\ngre\n1\n', 0),
        ("get interface gre0 options:key", 'ovs-vsctl: no key "key" in Interface record "gre0" column options\n', 1),
        ("get interface nope type", 'ovs-vsctl: no row "nope" in table Interface\n', 1),
        ("get interface gre0 foo", 'ovs-vsctl: Interface does not contain a column whose name matches "foo"\n', 1),
        ("get bridge br0 name:x", "ovs-vsctl: cannot specify key to get for non-map column name\n", 1),
        ("set interface gre0 options", 'ovs-vsctl: options: argument does not end in "=" followed by a value.\n', 1),
        ("set interface gre0 type:x=3", "ovs-vsctl: cannot specify key to set for non-map column type\n", 1),
        ("set nosuch x a=b", 'ovs-vsctl: unknown table "nosuch"\n', 1),
        ("set interface gre0", "ovs-vsctl: 'set' command requires at least 3 arguments\n", 1),
        ("del-br br0 br1", "ovs-vsctl: 'del-br' command takes at most 1 arguments\n", 1),
        ("frobnicate", "ovs-vsctl: unknown command 'frobnicate'; use --help for help\n", 1),
        ("", "ovs-vsctl: missing command name (use --help for help)\n", 1),
        ("--may-exist show", "ovs-vsctl: 'show' command has no '--may-exist' option\n", 1),
        ("--bogus show", "ovs-vsctl: unrecognized option '--bogus'\n", 1),
        (
            "add-port br0 nodev",
            f"ovs-vsctl: Error detected while setting up 'nodev': could not open network device nodev (No such device).{LOG}",
            0,
        ),
        ("add-br eth0 -- set bridge eth0 datapath_type=netdev", f"ovs-vsctl: Error detected while setting up 'eth0'.{LOG}", 0),
        (
            "add-port br0 gre1 -- set interface gre1 type=gre",
            f"ovs-vsctl: Error detected while setting up 'gre1': gre1: gre type requires valid 'remote_ip' argument.{LOG}",
            0,
        ),
        (
            "add-port br1 gre1 -- set interface gre1 type=gre options:remote_ip=10.0.0.2",
            f"ovs-vsctl: Error detected while setting up 'gre1': could not add network device gre1 to ofproto (File exists).{LOG}",
            0,
        ),
    ],
)  # fmt: skip
def test_answers_and_statuses_are_the_real_ones(made: Lab, line: str, printed: str, status: int) -> None:
    process = made.run("h1", f"ovs-vsctl {line}")
    assert (process.output, process.exit_status) == (printed, status)


@pytest.mark.parametrize(
    "line",
    [
        "add-br br2",  # the kernel's datapath
        "add-port br0 v1 tag=5",
        "set port gre0 tag=5",
        "set interface gre0 type=patch",
        "set interface gre0 options:key=flow",
        "set interface gre0 options:csum=true",
        "set bridge br0 other-config:mac-aging-time=5",
        "set-controller br0 tcp:10.0.0.1",
        "list interface",
    ],
)
def test_what_is_not_modelled_is_refused_and_nothing_is_changed(made: Lab, line: str) -> None:
    before = ok(made.run("h1", "ovs-vsctl show"))
    process = made.run("h1", f"ovs-vsctl {line}")
    assert process.exit_status == 1
    assert "is not modelled" in process.stderr or "are not modelled" in process.stderr
    assert ok(made.run("h1", "ovs-vsctl show")) == before


def test_a_chain_of_commands_is_done_whole_or_not_at_all(made: Lab) -> None:
    made.run("h1", "ovs-vsctl del-port br0 gre0 -- add-port nobr x")
    assert ok(made.run("h1", "ovs-vsctl list-ports br0")) == "gre0\n"


def test_a_device_that_comes_later_becomes_a_port_and_goes_again(made: Lab) -> None:
    made.run("h1", "ovs-vsctl add-port br0 v1")
    ok(made.run("h1", "ip link add v1 type veth peer name v2"))
    made.settle()
    assert ok(made.run("h1", "ovs-vsctl get interface v1 ofport error")) == "2\n[]\n"
    assert "PROMISC" in ok(made.run("h1", "ip link show v1"))
    ok(made.run("h1", "ip link del v1"))
    made.settle()
    assert "No such device" in ok(made.run("h1", "ovs-vsctl get interface v1 error"))


def test_bridges_have_devices_of_their_own_as_taps(made: Lab) -> None:
    shown = ok(made.run("h1", "ip -d link"))
    assert "ovs-netdev: <BROADCAST,MULTICAST,PROMISC> mtu 1500 qdisc noop state DOWN" in shown
    assert "tun type tap pi off vnet_hdr off persist on" in shown
    ok(made.run("h1", "ovs-vsctl del-br br0 -- del-br br1"))
    assert ok(made.run("h1", "ip -o link")).count("\n") == 2  # lo, eth0


def test_a_port_s_address_is_left_alone_when_it_is_made_up(made: Lab) -> None:
    """Only an address that a manufacturer gave is worth being the bridge's."""
    before = ok(made.run("h1", "cat /sys/class/net/br0/address"))
    ok(made.run("h1", "ovs-vsctl add-port br0 eth0"))
    assert ok(made.run("h1", "cat /sys/class/net/br0/address")) == before
    ok(made.run("h1", "ip link set eth0 address 00:16:3e:00:00:01; ovs-vsctl del-port br0 eth0; ovs-vsctl add-port br0 eth0"))
    assert "00:16:3e:00:00:01" in ok(made.run("h1", "ip link show br0"))


def test_appctl_refuses_as_the_daemon_does(made: Lab) -> None:
    process = made.run("h1", "ovs-appctl fdb/show nope")
    assert (process.exit_status, process.stderr.splitlines()[0]) == (2, "no such bridge")
    process = made.run("h1", "ovs-appctl nope")
    assert process.stderr.startswith('"nope" is not a valid command (use "list-commands" to see a list of valid commands)\n')
    process = made.run("h1", "ovs-appctl fdb/show")
    assert process.stderr.startswith('"fdb/show" command requires at least 1 arguments\n')


def test_modprobe_knows_what_there_is(made: Lab) -> None:
    ok(made.run("h1", "modprobe vxlan; ip netns add blue; modprobe br_netfilter; ip netns add red"))
    for place in ("h1", "h1/netns/blue", "h1/netns/red"):
        assert ok(made.run(place, "sysctl -n net.bridge.bridge-nf-call-iptables")) == "1\n"
    process = made.run("h1", "modprobe nosuch")
    assert process.exit_status == 1
    assert process.stderr.startswith("modprobe: FATAL: Module nosuch not found in directory /lib/modules/")
