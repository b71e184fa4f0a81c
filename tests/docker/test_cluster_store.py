"""Overlay networks by a key-value store: `--cluster-store` and `--cluster-advertise`, and what is in the store."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterator

import pytest

from emu.docker.config import DaemonConfig
from emu.errors import EmuError
from tests.docker.machines import SLEEPER, Machines

ROOT = "docker/network/v1.0/"


@pytest.fixture
def machines() -> Iterator[Machines]:
    made = Machines(cluster_store="consul://192.168.60.5:8500", cluster_advertise="eth0:2376")
    made.does("h1", "docker network create -d overlay multi")
    yield made
    made.close()


def value(machines: Machines, key: str) -> dict[str, object]:
    found = list(machines.store.range(ROOT + key))
    assert len(found) == 1
    parsed: dict[str, object] = json.loads(found[0].value)
    return parsed


def test_every_engine_knows_a_network_at_once(machines):
    for host in machines.hosts:
        assert "multi overlay global" in machines.out(host, "docker network ls --format '{{.Name}} {{.Driver}} {{.Scope}}'")


def test_containers_of_two_hosts_talk_without_more_than_their_own_endpoints(machines):
    machines.does("h1", f"docker run -d --name c1 --network multi {SLEEPER}")
    machines.does("h2", f"docker run -d --name c2 --network multi {SLEEPER}")
    assert "10.0.0.3" in machines.out("h1/c1", "ping -c 1 c2")
    assert machines.out("h1/sbox-multi", "ip neigh") == "10.0.0.3 dev vxlan0 lladdr 02:42:0a:00:00:03 PERMANENT "
    assert list(machines.hosts["h1"].docker.sandboxes) == ["1-" + machines.hosts["h1"].docker.networks.find("multi").id[:10]]


def test_vnis_count_from_256_and_are_chosen_with_the_first_container(machines):
    assert value(machines, "overlay/network/")["subnets"] == [{"SubnetIP": "10.0.0.0/24", "GwIP": "10.0.0.1/24", "Vni": 0}]
    machines.does("h1", "docker network create -d overlay second")
    for number, name in enumerate(("second", "multi")):
        machines.does("h1", f"docker run -d --name c{name} --network {name} {SLEEPER}")
        assert f"vxlan id {256 + number} " in machines.out(f"h1/sbox-{name}", "ip -d link show vxlan0")


def test_a_freed_address_is_given_again(machines):
    machines.does("h1", f"docker run -d --name c1 --network multi {SLEEPER}", "docker rm -f c1")
    machines.does("h2", f"docker run -d --name c2 --network multi {SLEEPER}")
    assert "10.0.0.2/24" in machines.out("h2/c2", "ip addr show eth0")


def test_a_bit_sequence_has_the_addresses_given(machines):
    wire = b64decode(str(value(machines, "ipam/default/data/GlobalDefault/10.0.0.0/24/")["sequence"]))
    assert wire[:16] == (256).to_bytes(8, "big") + (253).to_bytes(8, "big")  # .0, .1 and .255 are taken
    assert wire[16:] == b"\xc0\0\0\0" + (1).to_bytes(8, "big") + bytes(4) + (6).to_bytes(8, "big") + b"\0\0\0\x01" + (1).to_bytes(8, "big")


def test_endpoints_are_keys_as_long_as_they_are_there(machines):
    machines.does("h1", f"docker run -d --name c1 --network multi {SLEEPER}")
    assert value(machines, "endpoint/")["ep_iface"] == {"mac": "02:42:0a:00:00:02", "addr": "10.0.0.2/24"}
    assert value(machines, "endpoint_count/") == {"Count": 1}
    machines.does("h1", "docker rm -f c1")
    assert machines.store.range(ROOT + "endpoint/") == []
    assert value(machines, "endpoint_count/") == {"Count": 0}


def test_a_network_that_goes_takes_its_keys_along(machines):
    machines.does("h2", f"docker run -d --name c2 --network multi {SLEEPER}")
    assert "has active endpoints" in machines.out("h1", "docker network rm multi")
    machines.does("h2", "docker rm -f c2")
    machines.does("h1", "docker network rm multi")
    assert [each.key for each in machines.store.range(ROOT)] == [f"{ROOT}idm/vxlan-id/", f"{ROOT}ipam/default/config/GlobalDefault/"]
    assert "multi" not in machines.out("h2", "docker network ls")


def test_inspect_knows_of_another_hosts_container_only_its_endpoint(machines):
    machines.does("h2", f"docker run -d --name c2 --network multi {SLEEPER}")
    (key,) = json.loads(machines.out("h1", "docker network inspect multi"))[0]["Containers"]
    (other,) = json.loads(machines.out("h2", "docker network inspect multi"))[0]["Containers"]
    assert key.startswith("ep-")
    assert other == machines.hosts["h2"].docker.find("c2").id


def test_without_the_store_nothing_comes_to_its_networks_but_what_is_there_goes_on(machines):
    machines.does("h1", f"docker run -d --name c1 --network multi {SLEEPER}")
    machines.does("h2", f"docker run -d --name c2 --network multi {SLEEPER}")
    machines.does("h2", "systemctl stop consul")
    assert not machines.store.reachable
    assert machines.run("h1", "docker network create -d overlay more").exit_status == 1
    assert machines.run("h1", f"docker run -d --network multi {SLEEPER}").exit_status == 125
    machines.does("h1", f"docker run -d {SLEEPER}")
    machines.does("h1/c1", "ping -c 1 10.0.0.3")
    machines.does("h2", "docker rm -f c2")
    machines.does("h1", "systemctl start consul")
    machines.does("h1", "docker network create -d overlay more")


def test_swarm_mode_is_refused(machines):
    assert machines.out("h1", "docker swarm init").endswith(
        "--cluster-store and --cluster-advertise daemon configurations are incompatible with swarm mode"
    )


def test_consul_shows_the_keys(machines):
    assert machines.out("h1", f"consul kv get -keys {ROOT}").splitlines() == [
        f"{ROOT}{name}/" for name in ("endpoint_count", "idm", "ipam", "network", "overlay")
    ]
    assert machines.out("h1", f"consul kv get -recurse {ROOT}endpoint_count").endswith(':{"Count":0}')
    assert machines.out("h1", "consul kv get nosuch") == "Error! No key exists at: nosuch"
    assert machines.out("h1", "consul members") == "consul: 'members' is not modelled; known: consul kv get"


@pytest.mark.parametrize(
    "keys",
    [
        {"cluster-store": "consul"},
        {"cluster-store": "mysql://x", "cluster-advertise": "eth0:2376"},
        {"cluster-store": "consul://x"},
        {"cluster-advertise": "eth0:2376"},
    ],
)
def test_half_a_configuration_is_an_error(keys):
    with pytest.raises(EmuError, match="cluster"):
        DaemonConfig.from_keys(keys)


def test_an_interface_that_is_not_there_cannot_be_advertised():
    with pytest.raises(EmuError, match="advertise address must be"):
        Machines(cluster_store="consul://192.168.60.5:8500", cluster_advertise="eth7:2376")
