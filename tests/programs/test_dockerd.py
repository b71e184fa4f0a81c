"""flannel and Docker by hand: flanneld, mk-docker-opts.sh, dockerd."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from emu.lab import Lab
from emu.topology.loader import load_topology

CONFIG = '{"Network":"10.1.0.0/16","Backend":{"Type":"vxlan"}}'


@pytest.fixture
def lab(tmp_path: Path) -> Any:
    path = tmp_path / "lab.yaml"
    hosts = {f"h{number}": {"interfaces": {"eth0": {"lan": "lan", "address": f"192.168.60.1{number}/24"}}} for number in (1, 2)}
    path.write_text(json.dumps({"name": "lab", "lans": {"lan": {}}, "store": "memory", "hosts": hosts}))
    with Lab(load_topology(path)) as lab:
        lab.up()
        yield lab


def ok(process: Any) -> str:
    assert process.exit_status == 0, process.output
    return process.stdout


def test_docker_is_started_by_hand_with_what_flannel_gives_it(lab: Lab) -> None:
    ok(lab.run("h1", f"etcdctl set /coreos.com/network/config '{CONFIG}'"))
    for host in ("h1", "h2"):
        lab.start(host, "flanneld -iface=eth0 -ip-masq")
        lab.run(host, "sleep 1")
        ok(lab.run(host, "mk-docker-opts.sh -c"))
        lab.start(host, "sh -c '. /run/docker_opts.env; dockerd $DOCKER_OPTS'")
        lab.run(host, "sleep 1")
        ok(lab.run(host, "docker run -d --name box busybox sleep 1000"))
    address = ok(lab.run("h2", "docker inspect -f '{{.NetworkSettings.IPAddress}}' box")).strip()
    assert "ttl=62" in ok(lab.run("h1/box", f"ping -c 1 {address}"))
    assert "mtu 1450" in ok(lab.run("h1", "ip link show docker0"))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("-c", 'DOCKER_OPTS=" --bip=10.1.15.1/24 --ip-masq=false --mtu=1450"\n'),
        ("-i", 'DOCKER_OPT_BIP="--bip=10.1.15.1/24"\nDOCKER_OPT_IPMASQ="--ip-masq=false"\nDOCKER_OPT_MTU="--mtu=1450"\n'),
        ("-c -m -k OPTS", 'OPTS=" --bip=10.1.15.1/24 --mtu=1450"\n'),
    ],
)
def test_mk_docker_opts_writes_what_docker_is_told(lab: Lab, options: str, expected: str) -> None:
    env = "FLANNEL_NETWORK=10.1.0.0/16\nFLANNEL_SUBNET=10.1.15.1/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n"
    lab.hosts["h1"].place.files.write("/run/flannel/subnet.env", env)
    ok(lab.run("h1", f"mk-docker-opts.sh {options}"))
    assert lab.hosts["h1"].place.files.read("/run/docker_opts.env") == expected


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("dockerd --nosuch", "unknown flag: --nosuch"),
        ("dockerd --mtu=x", 'invalid argument "x" for "--mtu"'),
        ("dockerd --ipv6=true", "'ipv6' is not modelled"),
        ("dockerd --bip", "flag needs an argument: --bip"),
        ("dockerd --bip=10.1.1.1/99", "10.1.1.1/99"),
        ("systemctl restart docker", "start an engine by hand with `dockerd`"),
    ],
)
def test_dockerd_refuses_what_it_cannot_do(lab: Lab, line: str, words: str) -> None:
    process = lab.run("h1", line)
    assert process.exit_status, process.output
    assert words in process.stderr


def test_a_key_is_given_by_flag_or_by_file(lab: Lab) -> None:
    lab.hosts["h1"].place.files.write("/etc/docker/daemon.json", '{"mtu": 1400}')
    assert (
        "both as a flag and in the configuration file: mtu: (from flag: 1450, from file: 1400)"
        in lab.run("h1", "dockerd --mtu 1450").stderr
    )
    lab.start("h1", "dockerd --icc=false")
    lab.run("h1", "sleep 1")
    ok(lab.run("h1", "docker run -d busybox sleep 1000"))
    assert "mtu 1400" in ok(lab.run("h1", "ip link show docker0"))
    assert "pid file found" in lab.run("h1", "dockerd").stderr
