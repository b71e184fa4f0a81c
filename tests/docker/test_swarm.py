"""docker swarm, docker node: who is in a swarm, what its members know, and what they are told otherwise."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.docker.machines import SLEEPER, Machines

NO_SWARM = 'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.'
ALREADY = 'This node is already part of a swarm. Use "docker swarm leave" to leave this swarm and join another one.'


@pytest.fixture
def machines() -> Iterator[Machines]:
    made = Machines()
    yield made
    made.close()


@pytest.fixture
def swarm(machines: Machines) -> Machines:
    machines.swarm()
    return machines


def refusal(machines: Machines, place: str, line: str) -> str:
    process = machines.run(place, line)
    assert process.exit_status == 1, process.output
    return process.stderr.rstrip("\n").removeprefix("Error response from daemon: ")


def test_init_prints_the_line_for_the_workers(machines):
    text = machines.out("h1", "docker swarm init")
    token = machines.out("h1", "docker swarm join-token -q worker")
    assert text.startswith("Swarm initialized: current node (")
    assert f"    docker swarm join --token {token} 192.168.60.11:2377\n" in text
    assert text.endswith("To add a manager to this swarm, run 'docker swarm join-token manager' and follow the instructions.")


def test_tokens_are_the_same_in_each_run_and_other_ones_after_a_rotation(machines):
    machines.does("h1", "docker swarm init")
    token = machines.out("h1", "docker swarm join-token -q worker")
    other = Machines()
    other.does("h1", "docker swarm init")
    assert other.out("h1", "docker swarm join-token -q worker") == token
    other.does("h1", "docker swarm join-token --rotate -q worker")
    assert other.out("h1", "docker swarm join-token -q worker") != token
    assert refusal(other, "h2", f"docker swarm join --token {token} 192.168.60.11:2377").endswith(
        "A valid join token is necessary to join this cluster"
    )
    other.close()


def test_node_ls_marks_this_node_and_the_leader(swarm):
    first, second = swarm.out("h1", "docker node ls").splitlines()[1:]
    assert (first.split()[1:6], second.split()[1:4]) == (["*", "h1", "Ready", "Active", "Leader"], ["h2", "Ready", "Active"])


def test_a_node_whose_interface_is_down_is_down(swarm):
    swarm.does("h2", "ip link set eth0 down")
    assert "h2 Down" in swarm.out("h1", "docker node ls --format '{{.Hostname}} {{.Status}}'")


def test_a_worker_becomes_a_manager_and_a_worker_again(swarm):
    assert swarm.out("h1", "docker node promote h2") == "Node h2 promoted to a manager in the swarm."
    assert "Reachable" in swarm.out("h2", "docker node ls")
    assert swarm.out("h2", "docker node demote h2") == "Manager h2 demoted in the swarm."
    assert refusal(swarm, "h1", "docker node demote h1").endswith("attempting to demote the last manager of the swarm")


def test_node_inspect_tells_what_was_updated(swarm):
    swarm.does("h1", "docker node update --availability drain --label-add rack=1 h2")
    node = json.loads(swarm.out("h1", "docker node inspect h2"))[0]
    assert node["Spec"] == {"Labels": {"rack": "1"}, "Role": "worker", "Availability": "drain"}
    assert node["Status"] == {"State": "ready", "Addr": "192.168.60.12"}


@pytest.mark.parametrize(
    ("where", "why"),
    [
        ("192.168.60.99:2377", "no route to host"),
        ("192.168.60.12:2377", "connection refused"),
        ("10.9.9.9:2377", "network is unreachable"),
    ],
)
def test_a_manager_that_is_not_there_cannot_be_joined(machines, where, why):
    machines.does("h1", "docker swarm init")
    token = machines.out("h1", "docker swarm join-token -q worker")
    text = refusal(machines, "h2", f"docker swarm join --token {token} {where}")
    assert text.endswith(f'"transport: Error while dialing dial tcp {where}: connect: {why}"')


def test_what_a_node_may_not_do_is_said_in_dockers_words(swarm):
    assert refusal(swarm, "h2", "docker node ls").startswith("This node is not a swarm manager. Worker nodes can't be used to view")
    assert refusal(swarm, "h2", "docker network create -d overlay x").startswith("Cannot create a multi-host network from a worker node.")
    assert refusal(swarm, "h1", "docker swarm init") == ALREADY
    assert refusal(swarm, "h1", "docker swarm leave").startswith("You are attempting to leave the swarm on a node that is")


def test_without_a_swarm_there_is_none_to_ask(machines):
    assert refusal(machines, "h1", "docker node ls") == NO_SWARM
    assert refusal(machines, "h1", "docker network create -d overlay x") == NO_SWARM
    assert refusal(machines, "h1", "docker swarm leave") == "This node is not part of a swarm"
    assert refusal(machines, "h1", "docker swarm join --token x 192.168.60.12:2377").endswith('connect: connection refused"')


def test_a_node_that_leaves_is_down_and_can_be_removed(swarm):
    assert swarm.out("h2", "docker swarm leave") == "Node left the swarm."
    assert "h2 Down" in swarm.out("h1", "docker node ls --format '{{.Hostname}} {{.Status}}'")
    assert swarm.out("h1", "docker node rm h2") == "h2"
    assert "h2" not in swarm.out("h1", "docker node ls")
    assert "ingress" not in swarm.out("h2", "docker network ls")
    assert not swarm.hosts["h2"].docker.sandboxes


def test_the_last_manager_takes_the_swarm_along(swarm):
    swarm.does("h2", "docker swarm leave")
    swarm.does("h1", "docker swarm leave --force")
    assert refusal(swarm, "h1", "docker node ls") == NO_SWARM
    swarm.does("h1", "docker swarm init")


def test_leaving_with_containers_on_its_networks_is_refused_by_name(swarm):
    swarm.does("h1", "docker network create -d overlay --attachable ov1")
    swarm.does("h2", f"docker run -d --name c2 --network ov1 {SLEEPER}")
    assert refusal(swarm, "h2", "docker swarm leave") == "leaving the swarm with containers on its network ov1 (c2) is not modelled"


def test_info_tells_of_the_swarm(swarm):
    assert swarm.out("h1", "docker info -f '{{.Swarm.Managers}} {{.Swarm.Nodes}} {{.Swarm.LocalNodeState}}'") == "1 2 active"
    assert "  Is Manager: false\n  Node Address: 192.168.60.12\n" in swarm.out("h2", "docker info")


def test_a_machine_with_two_addresses_must_say_which_one(machines):
    machines.does("h1", "ip addr add 10.5.0.1/24 dev eth0")
    said = refusal(machines, "h1", "docker swarm init")
    assert said.startswith(
        "could not choose an IP address to advertise since this system has multiple addresses on interface eth0 (192.168"
    )
    machines.does("h1", "docker swarm init --advertise-addr 10.5.0.1")
    assert "10.5.0.1:2377" in machines.out("h1", "docker swarm join-token worker")


def test_services_are_refused_by_name(swarm):
    assert swarm.out("h1", "docker service ls") == "docker service: 'ls' is not modelled"
