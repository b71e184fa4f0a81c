"""Flannel in a topology file: what is checked, what the hosts come up with, and the same captures on a real etcd."""

from __future__ import annotations

from pathlib import Path

import pytest

from emu.errors import EmuError, TopologyError
from emu.lab import Lab
from emu.runner import run
from emu.store.store import open_store
from emu.topology.loader import load_topology
from tests.labs import TOPOLOGIES, changed
from tests.store.conftest import etcd_url

__all__ = ["etcd_url"]


def lab_with(tmp_path: Path, old: str, new: str) -> Lab:
    """The lesson with something changed."""
    return changed("flannel-vxlan.yaml", tmp_path, old, new)


def test_docker_gets_what_flannel_gives(tmp_path):
    with lab_with(tmp_path, "name: flannel-vxlan", "name: lab") as lab:
        lab.up()
        assert "10.1.15.1/24" in lab.run("h1", "ip -4 addr show docker0").stdout
        assert "mtu 1450" in lab.run("h1/c1", "ip link show eth0").stdout
        assert "172.17" not in lab.run("h1", "iptables-save -t nat").stdout
        assert "MASQUERADE --random-fully" in lab.run("h1", "iptables-save -t nat").stdout


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("type: vxlan", "type: vxlam", "lab.yaml:23: flannel.backend.type: 'vxlam' is unknown, did you mean 'vxlan'?"),
        ("type: vxlan", "type: wireguard", "'wireguard' is not modelled"),
        ("type: vxlan", "type: vxlan, vni: 16777216", "flannel.backend.vni"),
        ("network: 10.1.0.0/16", "network: 10.1.0.0/29", "Network is too small"),
        ("subnet: 10.1.15.0/24", "subnet: 10.2.15.0/24", "10.2.15.0/24 is not one that this network gives: 10.1.1.0/24 to 10.1.255.0/24"),
        ("subnet: 10.1.15.0/24", "subnet: 10.1.20.0/24", "10.1.20.0/24 is also that of h1"),
        ("subnet: 10.1.15.0/24", "interface: eth7", "there is no interface 'eth7', did you mean 'eth0'?"),
        ("docker: {}\n    flannel: { subnet: 10.1.15.0/24 }", "docker: {bip: 10.9.0.1/24}", "docker0's address comes from flannel"),
        ("flannel:\n  network: 10.1.0.0/16\n  backend: { type: vxlan }\n", "", "the topology has no flannel network"),
        ("flannel:\n  network", "store: consul://127.0.0.1:8500\nflannel:\n  network", "is not a store: memory, or etcd://127.0.0.1:2379"),
    ],
)
def test_mistakes_are_named_with_their_place(tmp_path, old, new, said):
    with pytest.raises(TopologyError) as wrong:
        lab_with(tmp_path, old, new)
    assert said in str(wrong.value)


def test_a_store_that_does_not_answer_is_a_clear_error(tmp_path):
    lab = lab_with(tmp_path, "flannel:\n  network", "store: etcd://127.0.0.1:1\nflannel:\n  network")
    with pytest.raises(EmuError, match=r"store: http://127\.0\.0\.1:1: "):
        lab.up()


@pytest.mark.parametrize("backend", ["vxlan", "udp", "host-gw", "ipip"])
def test_captures_are_the_same_on_a_real_etcd(tmp_path, etcd_url, backend):
    text = (TOPOLOGIES / f"flannel-{backend}.yaml").read_text()
    for name, store in (("memory", "memory"), ("etcd", f"etcd://{etcd_url}")):
        file = tmp_path / f"{name}.yaml"
        file.write_text(text.replace(f"name: flannel-{backend}", f"name: lab\nstore: {store}"))
        assert run(load_topology(file), tmp_path / name).ok
    for pcap in sorted((tmp_path / "memory" / "captures").iterdir()):
        assert pcap.read_bytes() == (tmp_path / "etcd" / "captures" / pcap.name).read_bytes(), pcap.name
    from emu.engine import Engine

    assert open_store(Engine(), f"etcd://{etcd_url}").range("/coreos.com") == []  # nothing is left on the server


def test_stopping_the_store_keeps_what_is_there_and_refuses_what_is_new(tmp_path):
    with lab_with(tmp_path, "name: flannel-vxlan", "name: lab") as lab:
        lab.up()
        assert lab.run("h1", "systemctl stop etcd").exit_status == 0
        assert lab.run("h1/c1", "ping -c 1 10.1.20.2").exit_status == 0
        assert "unavailable" in lab.run("h1", "etcdctl get /coreos.com/network/config").output
        assert lab.run("h1", "systemctl start etcd").exit_status == 0
        assert lab.run("h1", "etcdctl get /coreos.com/network/config").exit_status == 0


def test_a_flanneld_that_is_stopped_and_started_again_has_its_subnet(tmp_path):
    with lab_with(tmp_path, "name: flannel-vxlan", "name: lab") as lab:
        lab.up()
        assert lab.run("h2", "systemctl stop flanneld; systemctl is-active flanneld").stdout == "inactive\n"
        assert lab.run("h1/c1", "ping -c 1 10.1.20.2").exit_status == 0  # what it has set up stays
        assert lab.run("h2", "systemctl restart flanneld; sleep 1; systemctl is-active flanneld").stdout == "active\n"
        assert "10.1.20.1/24" in lab.run("h2", "cat /run/flannel/subnet.env").stdout
        assert lab.run("h1/c1", "ping -c 1 10.1.20.2").exit_status == 0
