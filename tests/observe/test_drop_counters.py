"""Drops are counted where they happen, by reason; what is ordinary is told apart."""

from __future__ import annotations

import json

from click.testing import CliRunner

from emu.cli import main
from emu.netdev.drop import DropReason
from emu.observe.drop_counters import DropCounters, as_data
from tests.observe.captures import recorder_of, send
from tests.wires import Bridged

LAB = """
name: drops
lans: { lan: { subnet: 10.0.0.0/24 } }
hosts:
  a: { interfaces: { eth0: { lan: lan, address: 10.0.0.1/24 } } }
  b: { interfaces: { eth0: { lan: lan, address: 10.0.0.2/24 } } }
steps:
  - b$ iptables -A INPUT -p icmp -j DROP
  - { on: a, run: "ping -c 2 -W 1 10.0.0.2", expect: { exit: 1 } }
"""


def emu_run(tmp_path, *options):
    (tmp_path / "lab.yaml").write_text(LAB)
    result = CliRunner().invoke(main, ["run", str(tmp_path / "lab.yaml"), "-o", str(tmp_path / "out"), *options])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_a_recorder_counts_by_place_device_and_reason():
    net = Bridged(3)
    recorder = recorder_of(net)
    net.hosts[1].iptables("-A INPUT -p udp -j DROP")
    send(net)
    assert recorder.drops["h2", "h2/eth0", DropReason.NETFILTER] == 1
    assert recorder.drops["h3", "h3/eth0", DropReason.ARP_IGNORED] == 1
    assert recorder.dropped == recorder.drops.losses == 1


def test_the_summary_says_where_how_many_and_why(tmp_path):
    assert "dropped    2 at b/eth0: dropped by a rule or policy\n" in emu_run(tmp_path)


def test_json_has_every_counter(tmp_path):
    data = json.loads(emu_run(tmp_path, "--json"))
    assert data["drops"] == [
        {"place": "b", "device": "eth0", "reason": "NETFILTER", "text": "dropped by a rule or policy", "count": 2, "ordinary": False}
    ]
    assert data["dropped"] == 2


def test_many_places_are_summed_up_and_a_namespace_is_no_device():
    drops = DropCounters({("h", f"h/eth{number}", DropReason.NO_LISTENER): 20 - number for number in range(10)})
    drops["h", "h/eth0", DropReason.NOT_MINE] = 99
    assert drops.lines()[0] == "20 at h/eth0: no socket listens on the port"
    assert drops.lines()[8:] == ["… 23 more; --json has all"]
    assert as_data({("h", "h", DropReason.NO_ROUTE): 1})[0]["device"] is None
