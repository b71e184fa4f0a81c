"""A topology's `swarm:` key: what is checked, and what the hosts come up with."""

from __future__ import annotations

from pathlib import Path

import pytest

from emu.errors import TopologyError
from emu.lab import Lab
from tests.labs import changed


def lab_with(tmp_path: Path, old: str, new: str) -> Lab:
    """The lesson with something changed."""
    return changed("overlay-swarm.yaml", tmp_path, old, new)


def nodes(lab: Lab) -> list[str]:
    return lab.run("h1", "docker node ls --format '{{.Hostname}} {{.ManagerStatus}}'").stdout.splitlines()


@pytest.mark.parametrize(
    ("swarm", "expected"),
    [
        ("swarm: h1", ["h1 Leader", "h2 "]),
        ("swarm: { managers: [h1, h2] }", ["h1 Leader", "h2 Reachable"]),
        ("swarm: { managers: h1, workers: [] }", ["h1 Leader"]),
    ],
)
def test_the_hosts_are_nodes_before_the_first_step(tmp_path, swarm, expected):
    with lab_with(tmp_path, "swarm: h1", swarm) as lab:
        lab.up()
        assert nodes(lab) == expected


def test_compose_makes_overlay_networks_of_a_swarm(tmp_path):
    compose = """docker: {}
    compose:
      networks: { app: { driver: overlay, attachable: true } }
      services: { web: { image: nginx, networks: [app] } }
  h2:"""
    with lab_with(tmp_path, "docker: {}\n  h2:", compose) as lab:
        lab.up()
        assert "_app" in lab.run("h1", "docker network ls --filter driver=overlay --format '{{.Name}}'").stdout
        assert "10.0.1.2" in lab.run("h1", "docker inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' web").stdout


@pytest.mark.parametrize(
    ("swarm", "said"),
    [
        ("swarm: h9", "there is no host 'h9'"),
        ("swarm: client", "client runs no Docker"),
        ("swarm: { managers: [] }", "a swarm begins with a manager"),
        ("swarm: { managers: h1, workers: [h1] }", "h1 is a manager already"),
        ("swarm: { manager: h1 }", "manager"),
    ],
)
def test_mistakes_are_named(tmp_path, swarm, said):
    with pytest.raises(TopologyError, match=said):
        lab_with(tmp_path, "swarm: h1", swarm)


def test_steps_may_look_into_dockers_namespaces_only_where_docker_runs(tmp_path):
    with pytest.raises(TopologyError, match="'client' runs no Docker"):
        lab_with(tmp_path, "h1/sbox-ov1, run: ip neigh,", "client/sbox-ov1, run: ip neigh,")
