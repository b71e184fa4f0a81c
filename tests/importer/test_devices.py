"""Devices, addresses and routes of an imported host, and what is left out."""

from __future__ import annotations

import json
import re

from emu.importer.assemble import import_host
from tests.importer.folders import ADDR, REAL, RECORDED, imported, lab_of, told


def test_bonds_and_vlans_are_network_cards_and_told_of(tmp_path):
    more = """3: bond0: <BROADCAST,MULTICAST,MASTER,UP,LOWER_UP> mtu 1500
    link/ether 52:54:00:12:34:57 brd ff:ff:ff:ff:ff:ff
    inet 10.1.0.5/24 scope global bond0
4: eth1: <BROADCAST,MULTICAST,SLAVE,UP,LOWER_UP> mtu 1500 master bond0
    link/ether 52:54:00:12:34:57 brd ff:ff:ff:ff:ff:ff
5: bond0.7@bond0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500
    link/ether 52:54:00:12:34:57 brd ff:ff:ff:ff:ff:ff
    inet 10.7.0.5/24 scope global bond0.7
"""
    result = imported(tmp_path / "bond", {"ip-addr": ADDR + more, "ip-route": "default via 10.7.0.1 dev bond0.7\n"})
    assert [line for line in told(result) if "bond" in line] == [
        "ip-addr:7: bond0, a bond device, is one network card here",
        "ip-addr:10: eth1 is left out: it is a port of bond0",
        "ip-addr:12: bond0.7, a vlan device, is a network card on a LAN of its own here, without tags",
    ]
    with lab_of(result, tmp_path) as lab:
        assert result.client == "10.7.0.254"
        assert lab.run("client", "ping -c 1 10.7.0.5").exit_status == lab.run("client", "ping -c 1 10.1.0.5").exit_status == 0


def test_a_veth_pair_within_the_host_is_there_again(tmp_path):
    pair = "".join(
        f"{number}: {name}@{peer}: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500{master}\n    link/ether 52:54:00:12:35:0{number}\n"
        for number, name, peer, master in ((3, "qvo", "qvb", ""), (4, "qvb", "qvo", " master br0"))
    )
    bridge = "5: br0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500\n    link/ether 52:54:00:12:35:05\n"
    with lab_of(imported(tmp_path / "pair", {"ip-addr": ADDR + pair + bridge}), tmp_path) as lab:
        assert "master br0" in lab.run("host", "ip link show qvb").stdout
        assert "qvo@qvb" in lab.run("host", "ip link show qvo").stdout


def test_a_way_out_that_is_left_out_is_told_of(tmp_path):
    tunnel = "3: wg0: <POINTOPOINT,NOARP,UP,LOWER_UP> mtu 1420\n    link/none\n    inet 10.66.0.1/24 scope global wg0\n"
    said = told(imported(tmp_path, {"ip-addr": ADDR + tunnel, "ip-route": "default via 10.66.0.9 dev wg0\n"}))
    assert "ip-route:1: the way out is through wg0, which is left out: the client is elsewhere" in said


def test_further_addresses_and_routes_of_a_container_are_carried_over_and_devices_told_of(tmp_path):
    state = RECORDED / "publish-dnat" / "state"
    files = {path.name: path.read_text() for path in state.iterdir() if path.is_file()}
    eth0 = files["web.ip-addr"]
    address = re.search(r" +inet 172\.17.*\n", eth0)
    assert address is not None
    further = address[0] + address[0].replace("172.17.0.2/16", "10.9.9.9/32")
    tun = "9: tun0: <POINTOPOINT,NOARP,UP,LOWER_UP> mtu 1500\n    link/none\n    inet 10.8.0.2/24 scope global tun0\n"
    files["web.ip-addr"] = eth0.replace(address[0], further).rstrip() + "\n" + tun
    files["web.ip-route"] = "default via 172.17.0.1 dev eth0\n10.44.0.0/16 via 172.17.0.9 dev eth0\n"
    result = imported(tmp_path / "inside", files)
    assert any(line.endswith("container 'web': tun0 with 10.8.0.2/24 is left out: it is not Docker's") for line in told(result))
    with lab_of(result, tmp_path) as lab:
        assert "10.44.0.0/16 via 172.17.0.9 dev eth0" in lab.run("host/web", "ip route").stdout
        assert "inet 10.9.9.9/32" in lab.run("host/web", "ip addr").stdout


def test_devices_of_other_kinds_policy_routing_and_multipath_are_told_of_by_line():
    lines = "\n".join(told(import_host(REAL / "text")))
    for part in (
        "ip-addr.txt:35: eth0: fd00::1/64: IPv6",
        "ip-route.txt:8: route to 10.57.0.0/16: multipath",
        "ip-route.txt:1: table 100: policy routing",
        "ip-rule.txt:2: policy routing",
    ):
        assert part in lines


TUNNELS = """3: flannel.1: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1450 qdisc noqueue state UNKNOWN group default
    link/ether 62:9f:89:1a:0d:96 brd ff:ff:ff:ff:ff:ff promiscuity 0 minmtu 68 maxmtu 65535
    vxlan id 1 local 10.20.30.40 dev eth0 srcport 0 0 dstport 8472 nolearning ttl auto ageing 300 udpcsum noudp6zerocsumtx addrgenmode none
    inet 10.1.15.0/32 scope global flannel.1
4: gre1@NONE: <POINTOPOINT,NOARP,UP,LOWER_UP> mtu 1472 qdisc noqueue state UNKNOWN group default
    link/gre 10.20.30.40 peer 10.20.30.99 promiscuity 0 minmtu 0 maxmtu 0
    gre remote 10.20.30.99 local 10.20.30.40 ttl 64 ikey 0.0.0.42 okey 0.0.0.42 addrgenmode eui64 numtxqueues 1
5: shim@eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UNKNOWN group default
    link/ether 62:9f:89:1a:0d:97 brd ff:ff:ff:ff:ff:ff promiscuity 0 minmtu 68 maxmtu 65535
    macvlan mode bridge bcqueuelen 1000 usedbcqueuelen 1000 addrgenmode eui64 numtxqueues 1
6: vx9: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UNKNOWN group default
    link/ether 62:9f:89:1a:0d:98 brd ff:ff:ff:ff:ff:ff promiscuity 0 minmtu 68 maxmtu 65535
    vxlan id 9 local 10.20.30.40 dstport 4789 gbp addrgenmode none
7: ipip1@NONE: <POINTOPOINT,NOARP,UP,LOWER_UP> mtu 1480 qdisc noqueue state UNKNOWN group default
    link/ipip 10.20.30.40 peer 10.20.30.99 promiscuity 0 minmtu 0 maxmtu 0
    ipip ipip remote 10.20.30.99 local 10.20.30.40 ttl inherit pmtudisc addrgenmode eui64 numtxqueues 1
"""
FDB = "76:79:9e:99:e0:5d dev flannel.1 dst 10.20.30.12 self permanent\n"


def test_tunnels_and_macvlans_are_there_again_as_ip_d_tells_of_them(tmp_path):
    files = {"ip-addr": ADDR + TUNNELS, "bridge-fdb": FDB, "ip-route": "10.1.20.0/24 via 10.1.20.0 dev flannel.1 onlink\n"}
    result = imported(tmp_path, files)
    assert any("ip-addr:17: `ip link add vx9" in line and "'type vxlan gbp' is not modelled" in line for line in told(result))
    with lab_of(result, tmp_path) as lab:
        shown = lab.run("host", "ip -d addr").stdout
        for line in TUNNELS.splitlines():
            if line.lstrip().startswith(("vxlan id 1", "gre ", "ipip ", "macvlan ", "inet ")):
                assert line.partition(" noudp6")[0].partition(" addrgenmode")[0] in shown
        assert "62:9f:89:1a:0d:96" in shown
        assert FDB in lab.run("host", "bridge fdb").stdout
        assert "10.1.20.0/24 via 10.1.20.0 dev flannel.1 onlink" in lab.run("host", "ip route").stdout


def test_a_tunnel_of_which_nothing_says_how_it_was_made_is_told_of(tmp_path):
    said = told(imported(tmp_path, {"ip-addr": (REAL / "plain-ip-addr.txt").read_text()}))
    assert "ip-addr:19: tun0 with 10.66.0.1 is left out: it is a tun device, and no `ip -d` says how it was made" in said


def test_bridges_routes_neighbours_and_sysctls_made_by_hand_are_there(tmp_path):
    with lab_of(import_host(REAL / "text"), tmp_path) as lab:
        routes = lab.run("host", "ip route").stdout
        assert "blackhole 10.56.0.0/16" in routes
        assert "10.59.0.0/16 via 10.7.0.9 dev br7" in routes
        assert "lladdr 02:11:22:33:44:55 PERMANENT" in lab.run("host", "ip neigh").stdout
        assert lab.run("host", "sysctl -n net.ipv4.tcp_max_syn_backlog").stdout == "2048\n"
        assert lab.run("client", "nc -z -w 1 10.20.30.40 2222").exit_status == 1  # INPUT drops it


def test_what_a_route_in_json_has_besides_is_named(tmp_path):
    """With it the route would be another one."""
    file = {"ip-route.json": json.dumps([{"dst": "10.3.0.0/16", "tos": "0x10", "dev": "eth0", "scope": "link", "flags": []}])}
    said = told(imported(tmp_path, {"ip-addr": ADDR, **file}))
    assert any("ip-route.json:1: `ip route add 10.3.0.0/16 dev eth0 scope link tos 0x10` does not work here" in line for line in said)
