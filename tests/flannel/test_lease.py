"""Leases: who gets which subnet, what is written, when it is renewed, and what befalls a host that loses it."""

from __future__ import annotations

import json

import pytest

from emu.engine import SECOND
from tests.flannel.clusters import CONFIG_KEY, Cluster

SUBNETS = "/coreos.com/network/subnets/"
DAY = 86_400


def test_a_free_subnet_is_one_of_the_first_hundred():
    lab = Cluster(3, {"Type": "vxlan"})
    for index in range(3):
        lab.flanneld(index)
    taken = {int(lab.env(index)["FLANNEL_SUBNET"].split(".")[2]) for index in range(3)}
    assert len(taken) == 3
    assert all(1 <= number <= 102 for number in taken)


def test_a_lease_says_who_has_the_subnet_and_how_to_reach_it():
    lab = Cluster(1, {"Type": "vxlan"})
    lab.flanneld(0, "10.1.15.1/24")
    kv = lab.store.get(SUBNETS + "10.1.15.0-24")
    mac = lab.hosts[0].netns.device("flannel.1").mac.hex(":")
    assert kv.value == f'{{"PublicIP":"192.168.60.11","BackendType":"vxlan","BackendData":{{"VtepMAC":"{mac}"}}}}'
    assert lab.store.remaining(kv.lease) in {DAY - 1, DAY}


@pytest.mark.parametrize(
    ("backend", "value"),
    [("udp", '{"PublicIP":"192.168.60.11"}'), ("host-gw", '{"PublicIP":"192.168.60.11","BackendType":"host-gw"}')],
)
def test_values_of_the_other_backends(backend, value):
    lab = Cluster(1, {"Type": backend})
    lab.flanneld(0, "10.1.15.1/24")
    assert lab.store.get(SUBNETS + "10.1.15.0-24").value == value


def test_a_later_release_says_more_and_has_its_own_chains():
    lab = Cluster(1, {"Type": "vxlan"})
    lab.flanneld(0, "10.1.15.1/24", "-release=0.20")
    value = json.loads(lab.store.get(SUBNETS + "10.1.15.0-24").value)
    assert list(value) == ["PublicIP", "PublicIPv6", "BackendType", "BackendData"]
    assert value["BackendData"]["VNI"] == 1
    saved = lab.hosts[0].netns.netfilter.save()
    assert '-A POSTROUTING -m comment --comment "flanneld masq" -j FLANNEL-POSTRTG' in saved
    assert '-A FLANNEL-POSTRTG -m mark --mark 0x4000/0x4000 -m comment --comment "flanneld masq" -j RETURN' in saved
    assert '-A FLANNEL-FWD -s 10.1.0.0/16 -m comment --comment "flanneld forward" -j ACCEPT' in saved


def test_it_is_renewed_an_hour_before_its_end_and_expires_with_its_host():
    lab = Cluster(2, {"Type": "vxlan"})
    lab.flanneld(0, "10.1.15.1/24", "-iptables-resync=86400")
    second = lab.flanneld(1, "10.1.20.1/24", "-iptables-resync=86400")
    lab.engine.run(until_ns=(DAY - 100) * SECOND)
    assert lab.store.remaining(lab.store.get(SUBNETS + "10.1.15.0-24").lease) > DAY - 3700
    second.kill(137)
    lab.engine.run(until_ns=3 * DAY * SECOND)
    assert [kv.key for kv in lab.store.range(SUBNETS)] == [SUBNETS + "10.1.15.0-24"]
    assert not [route for route in lab.hosts[0].netns.fib.routes if route.via is not None]


def test_a_host_that_comes_back_takes_its_own_lease():
    lab = Cluster(1, {"Type": "vxlan"})
    first = lab.flanneld(0)
    subnet = lab.env(0)["FLANNEL_SUBNET"]
    first.kill(137)
    lab.hosts[0].place.files.remove("/run/flannel/subnet.env")
    lab.flanneld(0)
    assert lab.env(0)["FLANNEL_SUBNET"] == subnet


def test_a_lease_that_the_configuration_no_longer_allows_is_given_up():
    lab = Cluster(1, {"Type": "vxlan"})
    lab.flanneld(0, "10.1.63.1/24").kill(137)
    lab.store.put(CONFIG_KEY, '{"Network":"10.1.0.0/16","SubnetMin":"10.1.10.0","SubnetMax":"10.1.11.0","Backend":{"Type":"vxlan"}}')
    lab.hosts[0].place.files.remove("/run/flannel/subnet.env")
    lab.flanneld(0)
    assert lab.env(0)["FLANNEL_SUBNET"] in {"10.1.10.1/24", "10.1.11.1/24"}
    assert lab.store.get(SUBNETS + "10.1.63.0-24") is None


def test_a_reservation_stays_without_an_end():
    lab = Cluster(1, {"Type": "vxlan"})
    lab.store.put(SUBNETS + "10.1.77.0-24", '{"PublicIP":"192.168.60.11"}')
    lab.flanneld(0)
    kv = lab.store.get(SUBNETS + "10.1.77.0-24")
    assert lab.env(0)["FLANNEL_SUBNET"] == "10.1.77.1/24"
    assert (kv.lease, "VtepMAC" in kv.value) == (0, True)


def test_no_subnet_left_ends_flanneld():
    lab = Cluster(2, {"Type": "vxlan"}, SubnetMin="10.1.10.0", SubnetMax="10.1.10.0")
    lab.flanneld(0)
    late = lab.flanneld(1)
    assert late.exit_status == 1
    assert "failed to acquire lease: out of subnets" in late.stderr


def test_a_lease_taken_away_ends_flanneld():
    lab = Cluster(1, {"Type": "vxlan"})
    process = lab.flanneld(0, "10.1.15.1/24")
    lab.store.delete(SUBNETS + "10.1.15.0-24")
    lab.engine.run(until_ns=lab.engine.now + SECOND)
    assert process.exit_status == 1
    assert "Lease has been revoked. Shutting down daemon." in process.stderr


def test_it_waits_for_the_configuration_and_for_the_store():
    lab = Cluster(1, {"Type": "vxlan"})
    lab.store.delete(CONFIG_KEY)
    lab.store.reachable = False
    process = lab.flanneld(0)
    assert "unavailable" in process.stderr
    lab.store.reachable = True
    lab.engine.run(until_ns=lab.engine.now + 2 * SECOND)
    assert process.exit_status is None
    lab.store.put(CONFIG_KEY, '{"Network":"10.1.0.0/16"}')
    lab.engine.run(until_ns=lab.engine.now + 2 * SECOND)
    assert lab.env(0)["FLANNEL_MTU"] == "1472"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("nonsense", "Ignoring bad subnet node"),
        ('{"PublicIP":"here"}', "Ignoring bad subnet node"),
        ('{"PublicIP":"192.168.60.99","BackendType":"host-gw"}', "ignoring non-vxlan subnet(10.1.99.0/24): type=host-gw"),
        ('{"PublicIP":"192.168.60.99","BackendType":"vxlan","BackendData":{"VtepMAC":"x"}}', "error decoding subnet lease JSON"),
    ],
)
def test_what_others_write_wrongly_is_said_and_left_alone(value, said):
    lab = Cluster(1, {"Type": "vxlan"})
    process = lab.flanneld(0, "10.1.15.1/24")
    lab.store.put(SUBNETS + "10.1.99.0-24", value)
    lab.engine.run(until_ns=lab.engine.now + SECOND)
    assert said in process.stderr
    assert process.exit_status is None


def test_rules_that_somebody_takes_away_come_back():
    lab = Cluster(1, {"Type": "vxlan"})
    lab.flanneld(0, "10.1.15.1/24")
    netns = lab.hosts[0].netns
    before = netns.netfilter.save()
    assert [line for line in before.splitlines() if "POSTROUTING -s" in line or "POSTROUTING !" in line] == [
        "-A POSTROUTING -s 10.1.0.0/16 -d 10.1.0.0/16 -j RETURN",
        "-A POSTROUTING -s 10.1.0.0/16 ! -d 224.0.0.0/4 -j MASQUERADE --random-fully",
        "-A POSTROUTING ! -s 10.1.0.0/16 -d 10.1.15.0/24 -j RETURN",
        "-A POSTROUTING ! -s 10.1.0.0/16 -d 10.1.0.0/16 -j MASQUERADE --random-fully",
    ]
    netns.iptables("-t nat -F POSTROUTING")
    lab.engine.run(until_ns=lab.engine.now + 6 * SECOND)
    assert netns.netfilter.save() == before


@pytest.mark.parametrize(
    ("backend", "said"),
    [
        ({"Type": "vxlam"}, "unknown backend type: vxlam, did you mean 'vxlan'?"),
        ({"Type": "vxlan", "VNI": 1 << 24}, "VNI 16777216 is not in the range"),
        ({"Type": "vxlan", "Port": 70000}, "Port 70000 is not in the range"),
        ({"Type": "vxlan", "Port": "8472"}, "Port: '8472'"),
        ({"Type": "vxlan", "GBP": True}, "option GBP is not modelled"),
        ({"Type": "udp", "Port": -1}, "Port -1 is not in the range"),
    ],
)
def test_a_backend_that_cannot_be_had_ends_flanneld(backend, said):
    process = Cluster(1, backend).flanneld(0)
    assert process.exit_status == 1
    assert said in process.stderr


def test_a_subnet_that_two_hosts_had_before_goes_to_the_second_and_the_others_follow():
    lab = Cluster(3, {"Type": "vxlan"})
    lab.flanneld(0, "10.1.15.1/24")
    lab.flanneld(2, "10.1.30.1/24")
    second = lab.flanneld(1, "10.1.15.1/24")
    assert "Found lease (10.1.15.0/24) matching previously leased subnet, reusing" in second.stderr
    found = lab.store.get("/coreos.com/network/subnets/10.1.15.0-24")
    assert found is not None
    assert '"PublicIP":"192.168.60.12"' in found.value
    process = lab.run(lab.hosts[2].netns, "bridge fdb show dev flannel.1")
    assert process.stdout.count(" dst ") == process.stdout.count(" dst 192.168.60.12 ") == 1, process.output
