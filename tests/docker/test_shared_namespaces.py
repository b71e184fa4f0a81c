"""Containers in the host's namespace, in another container's, and in none but their own."""

from __future__ import annotations

from tests.docker.conftest import DockerHost


def test_two_containers_in_one_namespace_share_addresses_ports_and_files(docker: DockerHost) -> None:
    docker.runs(
        "docker run -d --name web bb httpd -f -p 80",
        "docker run -d --name side --network container:web bb sleep 1000",
    )
    for line in ("ip addr", "hostname", "cat /etc/hosts /etc/resolv.conf"):
        assert docker.out(line, "side") == docker.out(line, "web")
    assert docker.out("httpd -f -p 80", "side") == "httpd: bind: Address already in use"


def test_when_the_owner_stops_the_other_keeps_lo(docker: DockerHost) -> None:
    docker.runs(
        "docker run -d --name web bb sleep 1000", "docker run -d --name side --network container:web bb sleep 1000", "docker stop -t 0 web"
    )
    assert "eth0" not in docker.out("ip addr", "side")
    assert docker.run("ping -c 1 127.0.0.1", "side").exit_status == 0
    docker.runs("docker start web", "docker restart -t 0 side")
    assert "172.17.0.2/16" in docker.out("ip addr", "side")


def test_the_other_container_is_known_by_its_id_whatever_its_name(docker: DockerHost) -> None:
    docker.runs("docker run -d --name web bb sleep 1000", "docker run -d --name side --network container:web bb sleep 1000")
    docker.runs("docker rename web owner")
    owner = docker.docker.find("owner")
    assert docker.out("docker inspect -f '{{.HostConfig.NetworkMode}}' side") == f"container:{owner.id}"
    docker.runs("docker restart -t 0 side", "docker stop -t 0 owner side")
    assert f"cannot join network of a non running container: {owner.id}" in docker.out("docker start side")
    docker.runs("docker rm owner")
    assert f"No such container: {owner.id}" in docker.out("docker start side")


def test_a_container_on_the_host_has_the_host_s_names_unless_it_adds_some(docker: DockerHost) -> None:
    docker.runs(
        "docker run -d --name same --network host bb sleep 1000",
        "docker run -d --name more --network host --add-host db:10.0.0.5 bb sleep 1000",
    )
    assert docker.out("cat /etc/hosts", "same") == docker.out("cat /etc/hosts")
    assert docker.out("cat /etc/hosts", "more").splitlines()[-1] == "10.0.0.5\tdb"
    assert docker.out("cat /etc/resolv.conf", "more") == docker.out("cat /etc/resolv.conf")


def test_a_restarted_container_s_settings_are_those_of_its_new_namespace(docker: DockerHost) -> None:
    docker.runs("docker run -d --name box --sysctl net.ipv4.ip_forward=0 bb sleep 1000", "docker restart -t 0 box")
    namespace = docker.docker.find("box").place.netns
    namespace.sysctl.set("net.ipv4.ip_forward", "1")
    assert docker.out("cat /proc/sys/net/ipv4/ip_forward", "box") == "1"


def test_devices_put_into_a_container_by_hand_go_with_it(docker: DockerHost) -> None:
    docker.runs("docker run -d --name box --network none bb sleep 1000")
    pid = docker.docker.find("box").pid
    docker.runs(f"ip link add va type veth peer name vb netns {pid}", f"ip link add m0 link eth0 netns {pid} type macvlan mode bridge")
    assert "vb" in docker.out("ip link", "box")
    docker.runs("docker stop -t 0 box")
    assert "va" not in docker.netns.devices
    assert docker.netns.device("eth0").macvlans is None
