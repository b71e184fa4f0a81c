"""Overlay networks: the namespaces, devices and entries that come with containers and go with them, names and ways out."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from emu.encap import vxlan
from emu.netdev.drop import DropReason
from emu.packet.address import ip, mac
from tests.docker.machines import SLEEPER, Machines

WEB = "02:42:0a:00:01:04"


@pytest.fixture
def swarm() -> Iterator[Machines]:
    made = Machines()
    made.swarm()
    made.does("h1", "docker network create -d overlay --attachable ov1")
    yield made
    made.close()


@pytest.fixture
def pair(swarm: Machines) -> Machines:
    """c1 10.0.1.2 on h1, c2 10.0.1.4 on h2."""
    for host, name in (("h1", "c1"), ("h2", "c2")):
        swarm.does(host, f"docker run -d --name {name} --network ov1 {SLEEPER}")
    return swarm


def refusal(machines: Machines, place: str, line: str) -> str:
    process = machines.run(place, line)
    assert process.exit_status in (1, 125), process.output
    return process.stderr.splitlines()[0].removeprefix("docker: ").removeprefix("Error response from daemon: ")


def test_a_node_has_ingress_and_the_way_out_from_the_beginning(swarm):
    assert swarm.out("h2", "docker network ls --format '{{.Name}} {{.Driver}} {{.Scope}}'").splitlines() == [
        "bridge bridge local", "docker_gwbridge bridge local", "host host local", "ingress overlay swarm", "none null local",
    ]  # fmt: skip
    ingress = json.loads(swarm.out("h2", "docker network inspect ingress"))[0]
    assert ingress["Containers"]["ingress-sbox"]["IPv4Address"] == "10.0.0.3/24"
    assert ingress["Options"] == {"com.docker.network.driver.overlay.vxlanid_list": "4096"}
    assert "172.18.0.2/16" in swarm.out("h2/ingress-sbox", "ip addr show eth1")


def test_addresses_go_on_from_the_last_one_given(pair):
    pair.does("h2", "docker rm -f c2")
    pair.does("h1", f"docker run -d --name c3 --network ov1 {SLEEPER}")
    assert "10.0.1.6/24" in pair.out("h1/c3", "ip addr show eth0")


def test_containers_of_two_hosts_reach_each_other_in_one_hop(pair):
    assert "ttl=64" in pair.out("h1/c1", "ping -c 1 10.0.1.4")
    assert "10.0.1.4" in pair.out("h1/c1", "ping -c 1 c2")
    assert "10.0.1.2" in pair.out("h2/c2", "ping -c 1 c1")


def test_only_the_two_hosts_addresses_are_on_the_lan(pair):
    frames = []
    pair.hosts["h1"].netns.device("eth0").taps.append(lambda dev, direction, frame: frames.append(frame.wire))
    pair.does("h1/c1", "ping -c 1 10.0.1.4")
    carried = [wire for wire in frames if wire[12:14] == b"\x08\x00"]
    assert len(carried) == 2
    vni, inner = vxlan.decapsulate(carried[0][42:])
    assert (vni, inner[:6], carried[0][36:38]) == (4097, mac(WEB), (4789).to_bytes(2, "big"))
    assert (carried[0][26:30], carried[0][30:34]) == (ip("192.168.60.11"), ip("192.168.60.12"))


def test_arp_for_an_address_that_nobody_has_stays_on_the_host(pair):
    frames = []
    pair.hosts["h1"].netns.device("eth0").taps.append(lambda dev, direction, frame: frames.append(frame.wire))
    assert pair.run("h1/c1", "ping -c 1 -W 4 10.0.1.99").exit_status == 1
    assert frames == []
    state = pair.state("h1", "ov1")
    assert state is not None
    assert state.vxlan.drops[DropReason.NO_NEIGHBOUR] == 3


def test_entries_of_another_hosts_container_come_and_go_with_it(pair):
    assert f"10.0.1.4 dev vxlan0 lladdr {WEB} PERMANENT" in pair.out("h1/sbox-ov1", "ip neigh")
    assert f"{WEB} dev vxlan0 dst 192.168.60.12 self permanent" in pair.out("h1/sbox-ov1", "bridge fdb")
    pair.does("h1/c1", "ping -c 1 10.0.1.4")
    assert f"{WEB} dev vxlan0 master br0" in pair.out("h1/sbox-ov1", "bridge fdb")
    pair.does("h2", "docker stop -t 0 c2")
    assert pair.out("h1/sbox-ov1", "ip neigh") == ""
    assert WEB not in pair.out("h1/sbox-ov1", "bridge fdb")


def test_a_worker_knows_a_network_while_it_has_a_container_on_it(pair):
    pair.does("h2", "docker rm -f c2")
    assert "ov1" not in pair.out("h2", "docker network ls")
    assert pair.out("h2", "ls /var/run/docker/netns") == "1-" + pair.hosts["h2"].docker.networks.by_name()[3].id[:10] + "\ningress_sbox"
    assert "ov1" in pair.out("h1", "docker network ls")


def test_the_last_container_takes_the_networks_namespace_along(pair):
    namespace = pair.state("h2", "ov1").netns
    pair.does("h2", "docker rm -f c2")
    assert list(namespace.devices) == ["lo"]
    assert pair.out("h2", "ip -br link | grep -c vx") == "0"


def test_a_container_can_be_connected_and_disconnected_later(pair):
    pair.does("h2", f"docker run -d --name late {SLEEPER}", "docker network connect ov1 late")
    assert "10.0.1.6/24" in pair.out("h2/late", "ip addr show eth1")
    assert "10.0.1.6" in pair.out("h1/c1", "ping -c 1 late")
    assert "via 172.17.0.1" in pair.out("h2/late", "ip route")  # no need for docker_gwbridge
    pair.does("h2", "docker network disconnect ov1 late")
    assert pair.run("h1/c1", "ping -c 1 -W 1 late").exit_status == 1


def test_the_way_out_moves_to_a_bridge_and_back(pair):
    assert "default via 172.18.0.1 dev eth1" in pair.out("h1/c1", "ip route")
    pair.does("h1", "docker network connect bridge c1")
    assert "default via 172.17.0.1" in pair.out("h1/c1", "ip route")
    assert "eth1" not in pair.out("h1/c1", "ip -br link")
    pair.does("h1", "docker network disconnect bridge c1")
    assert "default via 172.18.0.1" in pair.out("h1/c1", "ip route")


def test_ports_are_published_on_the_way_out(swarm):
    swarm.does("h1", "docker run -d --name web -p 8080:80 --network ov1 bb httpd -f -p 80 -h /")
    assert "-A DOCKER ! -i docker_gwbridge -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.18.0.3:80" in swarm.out(
        "h1", "iptables-save -t nat"
    )
    assert swarm.out("h1", "docker port web") == "80/tcp -> 0.0.0.0:8080"


def test_containers_do_not_reach_each_other_by_docker_gwbridge(pair):
    pair.does("h1", f"docker run -d --name c3 --network ov1 {SLEEPER}")
    assert pair.run("h1/c1", "ping -c 1 -W 1 172.18.0.4").exit_status == 1
    assert pair.run("h1/c1", "ping -c 1 -W 1 10.0.1.6").exit_status == 0


def test_an_internal_network_has_no_way_out(swarm):
    swarm.does(
        "h1", "docker network create -d overlay --attachable --internal closed", f"docker run -d --name c1 --network closed {SLEEPER}"
    )
    assert swarm.out("h1/c1", "ip route").strip() == "10.0.2.0/24 dev eth0 scope link  src 10.0.2.2"


def test_a_network_that_is_not_attachable_takes_no_container(swarm):
    swarm.does("h1", "docker network create -d overlay closed")
    said = "Could not attach to network closed: rpc error: code = PermissionDenied desc = network closed not manually attachable."
    assert refusal(swarm, "h1", f"docker run --network closed {SLEEPER}") == said
    assert "closed" not in swarm.out("h2", "docker network ls")


def test_a_network_in_use_elsewhere_cannot_be_removed(pair):
    pair.does("h1", "docker rm -f c1")
    assert "is in use by task" in refusal(pair, "h1", "docker network rm ov1")
    pair.does("h2", "docker rm -f c2")
    pair.does("h1", "docker network rm ov1")
    pair.does("h1", "docker network create -d overlay ov2")
    assert "10.0.2.0/24" in pair.out("h1", "docker network inspect ov2")  # pools go on as well


def test_a_manager_knows_of_a_network_that_has_not_come_to_it(swarm):
    network = json.loads(swarm.out("h1", "docker network inspect ov1"))[0]
    assert (network["Containers"], network["Labels"], "Peers" in network) == (None, None, False)


def test_peers_are_the_nodes_that_have_the_network(pair):
    network = json.loads(pair.out("h1", "docker network inspect ov1"))[0]
    assert [peer["IP"] for peer in network["Peers"]] == ["192.168.60.11", "192.168.60.12"]
    assert sorted(member["Name"] for member in network["Containers"].values()) == ["c1", "ov1-endpoint"]


@pytest.mark.parametrize("option", ["encrypted", "com.docker.network.driver.overlay.vxlanid_list=7"])
def test_options_that_are_not_modelled_are_refused_by_name(swarm, option):
    assert refusal(swarm, "h1", f"docker network create -d overlay -o {option} x") == (
        f"overlay: option {option.partition('=')[0]} is not modelled"
    )


def test_the_mtu_leaves_room_for_the_outer_headers(swarm):
    swarm.does("h1", "docker network create -d overlay --attachable -o com.docker.network.driver.mtu=1400 small")
    swarm.does("h1", f"docker run -d --name c1 --network small {SLEEPER}")
    assert "mtu 1350" in swarm.out("h1/c1", "ip link show eth0")


def test_a_vni_that_the_host_uses_by_hand_fails_and_leaves_nothing(swarm):
    swarm.does("h1", "ip link add mine type vxlan id 4097 dstport 4789")
    assert refusal(swarm, "h1", f"docker run -d --name c1 --network ov1 {SLEEPER}").endswith("error creating vxlan interface: file exists.")
    assert not [file for file in swarm.hosts["h1"].docker.namespaces if file.startswith("lb_")]
    swarm.does("h1", "ip link del mine", "docker start c1")
    assert "10.0.1." in swarm.out("h1/c1", "ip addr show eth0")


def test_a_frame_with_an_unknown_vni_is_counted(pair):
    pair.does("h2", "docker rm -f c2")
    pair.does("h1/sbox-ov1", f"ip neigh add 10.0.1.4 lladdr {WEB} dev vxlan0", f"bridge fdb add {WEB} dev vxlan0 dst 192.168.60.12")
    assert pair.run("h1/c1", "ping -c 1 -W 1 10.0.1.4").exit_status == 1
    assert pair.hosts["h2"].netns.drops[DropReason.UNKNOWN_VNI] == 1


def test_nsenter_and_ip_netns_look_into_dockers_namespaces(pair):
    file = f"1-{pair.hosts['h1'].docker.networks.find('ov1').id[:10]}"
    assert "vxlan0" in pair.out("h1", f"nsenter --net=/var/run/docker/netns/{file} ip link")
    pair.does("h1", "ln -s /var/run/docker/netns /var/run/netns")
    assert file in pair.out("h1", "ip netns")
    assert "vxlan0" in pair.out("h1", f"ip netns exec {file} ip link")


def test_the_host_gets_room_for_many_neighbours(swarm):
    assert swarm.out("h1", "sysctl -n net.ipv4.neigh.default.gc_thresh1 net.ipv4.neigh.default.gc_thresh3").split() == ["8192", "65536"]
