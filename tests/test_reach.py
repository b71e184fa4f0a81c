"""`emu reach`: the matrix of who can reach what, and `reach:` in topologies; what the recordings show is what it says."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path

import pytest
from click.testing import CliRunner

from emu import EmuError, load_topology
from emu.cli import main
from emu.copies import in_copies
from emu.importer.assemble import import_host
from emu.lab import Lab
from emu.observe.outcome import OUTCOMES, meaning
from emu.observe.pcap_reader import read as read_capture
from emu.observe.summary import summary
from emu.packet.address import ip_text
from emu.reach import Matrix, matrix, reach, spots, unmet
from emu.reach_text import matrix_text
from emu.topology.spec import ReachSpec
from tests.importer.folders import lab_of
from tests.labs import DOCKER_AND_CLIENT, lab, ok

ROOT = Path(__file__).parent.parent
TOPOLOGIES = ROOT / "topologies"

PAIR = """
lans: { lan: {} }
hosts:
  one: { interfaces: { eth0: { lan: lan, address: 10.0.0.1/24 } } }
  two: { interfaces: { eth0: { lan: lan, address: 10.0.0.2/24 } } }
"""


def emu(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(main, [*map(str, arguments)])
    return result.exit_code, result.output


def cells(found: Matrix) -> dict[tuple[str, str], str]:
    """By origin and `ADDRESS SERVICE`."""
    return {(cell.origin, f"{ip_text(cell.door.target.address)} {cell.door.service}"): cell.outcome for cell in found.cells}


# --- the matrix


def test_matrix_of_two_networks_that_keep_apart():
    found = cells(reach(load_topology(TOPOLOGIES / "isolation.yaml")))
    rbox, bweb, dbox = "docker1/rbox", "docker1/bweb", "docker1/dbox"
    across = [
        (bweb, "172.18.0.2 ping"),
        (dbox, "172.18.0.2 ping"),
        (rbox, "172.19.0.2 80"),
        (rbox, "172.17.0.2 ping"),
        (bweb, "172.17.0.2 ping"),
    ]
    assert {found[pair] for pair in across} == {"dropped"}
    assert {found[who, "192.168.50.10 8080"] for who in (rbox, bweb, dbox, "docker1")} == {"answered"}
    assert found["docker1", "172.19.0.2 80"] == found["docker1", "127.0.0.1 8080"] == "answered"
    assert (rbox, "127.0.0.1 8080") not in found
    assert (bweb, "172.19.0.2 80") not in found


def test_matrix_of_a_published_port_narrowed_to_one_place_and_another():
    found = cells(reach(load_topology(TOPOLOGIES / "published-port.yaml"), ["client"], ["web", "docker1"]))
    assert found == {
        ("client", "192.168.50.10 ping"): "answered",
        ("client", "192.168.50.10 8080"): "answered",
        ("client", "172.17.0.2 ping"): "dropped",
        ("client", "172.17.0.2 80"): "answered",
    }


def test_a_firewall_lets_one_through_and_another_not():
    found = cells(reach(load_topology(TOPOLOGIES / "docker-user-firewall.yaml"), targets=["docker1"]))
    assert (found["client", "192.168.50.10 8080"], found["admin", "192.168.50.10 8080"]) == ("dropped", "answered")


def test_a_port_that_is_published_on_one_address_is_refused_on_the_others():
    found = cells(reach(load_topology(TOPOLOGIES / "recorded" / "publish-ip-bind.yaml"), ["client", "host"], ["host"]))
    assert (found["client", "192.168.50.10 8081"], found["host", "127.0.0.1 8081"]) == ("answered", "refused")
    assert (found["client", "192.168.50.10 32768"], found["host", "127.0.0.1 32768"]) == ("refused", "answered")


def test_udp_ports_that_are_served_exposed_and_rejected(tmp_path):
    made = lab(tmp_path, PAIR)
    made.start("two", "udp-echo 0.0.0.0 9000")
    made.start("two", "udp-echo 0.0.0.0 9001")
    ok(made.run("two", "iptables -A INPUT -p udp --dport 9001 -j REJECT"))
    found = cells(matrix(made, ["one"]))
    assert found == {
        ("one", "10.0.0.2 ping"): "answered",
        ("one", "10.0.0.2 9000/udp"): "answered",
        ("one", "10.0.0.2 9001/udp"): "rejected",
    }


def test_a_cell_whose_probe_has_met_a_rule_that_is_not_modelled_has_a_question_mark(tmp_path):
    made = lab(tmp_path, PAIR)
    ok(made.run("two", "iptables -A INPUT -p icmp --icmp-type 8 -m comment --comment 'not modelled: -A INPUT -m time -j DROP'"))
    (cell,) = matrix(made, ["one"]).cells
    text = matrix_text(matrix(made, ["one"]), 100)
    assert cell.as_data()["doubts"] == [
        'filter INPUT #1 may have decided this; what it does is "not modelled: -A INPUT -m time -j DROP"'
    ]  # fmt: skip
    assert "10.0.0.2  ping  answered?\n" in text
    assert text.endswith(f"met on the way, by so many probes:\n    1 {cell.doubts[0]}")
    assert "?" not in matrix_text(matrix(made, ["two"]), 100)


def test_a_port_that_is_exposed_and_not_served_is_refused():
    found = cells(reach(load_topology(TOPOLOGIES / "recorded" / "link-icc-false.yaml"), ["app", "box"], ["db"]))
    assert (found["host/app", "172.17.0.2 53/udp"], found["host/box", "172.17.0.2 53/udp"]) == ("refused", "dropped")


def test_macvlan_reaches_the_lan_and_not_its_own_host():
    found = cells(reach(load_topology(TOPOLOGIES / "recorded" / "macvlan.yaml"), ["mweb", "host", "client"], ["mweb", "mbox", "host"]))
    assert found["client", "192.168.50.128 80"] == "answered"
    assert found["host/mweb", "192.168.50.10 ping"] == found["host", "192.168.50.129 ping"] == "no neighbour"


def test_containers_of_two_hosts_by_flannel_and_by_an_overlay():
    found = cells(reach(load_topology(TOPOLOGIES / "flannel-vxlan.yaml"), ["c1"], ["c2"]))
    assert set(found.values()) == {"answered"}
    found = cells(reach(load_topology(TOPOLOGIES / "recorded" / "docker-overlay-swarm.yaml"), ["c1", "h2"], ["c2"]))
    assert (found["h1/c1", "10.10.1.4 80"], found["h1/c1", "10.10.1.4 7000/udp"]) == ("answered", "answered")
    assert found["h2", "10.10.1.4 80"] == "no route"


def test_an_address_that_two_places_have_is_told_to_lead_elsewhere():
    found = cells(reach(load_topology(TOPOLOGIES / "recorded" / "docker-overlay-swarm.yaml"), ["c1", "h2"], ["c2"]))
    assert (found["h1/c1", "172.18.0.3 80"], found["h2", "172.18.0.3 80"]) == ("elsewhere", "answered")


def test_the_kernel_s_sockets_of_tunnels_are_no_service():
    assert "8472/udp" not in {cell.door.service for cell in reach(load_topology(TOPOLOGIES / "flannel-vxlan.yaml")).cells}


def test_places_in_one_namespace_are_one():
    found = reach(load_topology(TOPOLOGIES / "host-mode.yaml"))
    assert found.names["docker1"] == ["docker1", "docker1/web", "docker1/deaf"]
    assert "docker1/web" not in {cell.origin for cell in found.cells}
    assert "docker1: also docker1/web, docker1/deaf, in the same network namespace" in matrix_text(found, 100)


def test_a_cell_is_what_a_trace_alone_says():
    topology = load_topology(TOPOLOGIES / "recorded" / "icc-false.yaml")
    both = reach(topology, ["box", "client"], ["web", "host"])
    alone = [cell for origin in ("box", "client") for target in ("web", "host") for cell in reach(topology, [origin], [target]).cells]
    assert [(cell.origin, cell.door.service, cell.disposition) for cell in alone] != []
    assert {str(cell.as_data()) for cell in both.cells} == {str(cell.as_data()) for cell in alone}


def test_a_matrix_changes_nothing_in_the_lab():
    with Lab(load_topology(TOPOLOGIES / "published-port.yaml")) as made:
        made.up_with_steps()
        look = ["ip neigh", "conntrack -L", "iptables-save -c", "ss -tan"]
        before = made.engine.now, made.engine.events
        matrix(made)
        assert (made.engine.now, made.engine.events) == before
        after_all = [made.run("docker1", line).stdout for line in look]
    with Lab(load_topology(TOPOLOGIES / "published-port.yaml")) as made:
        made.up_with_steps()
        assert [made.run("docker1", line).stdout for line in look] == after_all


def test_hundreds_of_pairs_of_ten_containers(tmp_path):
    services = ", ".join(f"s{number}: {{ image: nginx, ports: ['{8000 + number}:80'] }}" for number in range(10))
    (tmp_path / "ten.yaml").write_text(DOCKER_AND_CLIENT % {"services": f"{{ {services} }}", "docker": "{}"})
    topology = load_topology(tmp_path / "ten.yaml")
    told: list[tuple[int, int]] = []
    found = reach(topology, progress=lambda done, of: told.append((done, of)))
    assert len(found.cells) > 300
    assert told == [(done + 1, len(found.cells)) for done in range(len(found.cells))]
    others = [cell.outcome for cell in found.cells if "/" in cell.origin and "/" in cell.door.target.name]
    assert len(others) == 10 * 9 * 2
    assert set(others) == {"answered"}


# --- as text and data


def test_the_table_of_the_readme_is_what_is_printed(monkeypatch):
    monkeypatch.chdir(ROOT)
    (line, shown) = re.findall(r"\n\$ emu (reach [^\n]+)\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)[0]
    assert emu(*line.split()) == (0, shown)


def test_a_table_that_is_too_wide_goes_on_below():
    found = reach(load_topology(TOPOLOGIES / "isolation.yaml"))
    text = matrix_text(found, 80)
    assert max(map(len, text.splitlines())) <= 80
    heads = [line.split() for line in text.splitlines() if line.startswith("to ")]
    assert [name for head in heads for name in head[3:]] == ["docker1", "docker1/rbox", "docker1/bweb", "docker1/dbox"]
    assert len(heads) > 1


def test_json_has_every_cell_with_its_disposition():
    status, words = emu("reach", TOPOLOGIES / "input-firewall.yaml", "--from", "client", "--json")
    data = json.loads(words)
    (cell,) = [cell for cell in data["cells"] if cell["to"]["port"] == 9090]
    assert (status, cell["from"], cell["outcome"], cell["why"]) == (0, "client", "dropped", "listens")
    assert "INPUT" in cell["disposition"]["rule"]
    assert list(data["places"]) == ["docker1", "docker1/web", "client"]


def test_explain_prints_the_way_behind_a_cell():
    status, words = emu("reach", TOPOLOGIES / "isolation.yaml", "--explain", "rbox", "bweb:80")
    assert status == 1, "as that of emu trace"
    assert "DROPPED at docker1/" in words
    assert "DOCKER-ISOLATION-STAGE-2" in words


def test_what_went_wrong_before_is_told(tmp_path):
    path = tmp_path / "lab.yaml"
    path.write_text(f"{PAIR}steps:\n  - one$ ip link set eth9 up\n")
    assert emu("reach", path)[1].endswith(f"note: a step before went wrong: {path}:7: one$ ip link set eth9 up: exit status 1\n")


def test_a_place_that_is_not_there_is_an_error_with_the_near_ones():
    assert emu("reach", TOPOLOGIES / "isolation.yaml", "--from", "rbx") == (2, "no host or container 'rbx', did you mean 'rbox'?\n")


def test_every_outcome_has_a_meaning():
    assert all(meaning(word) for word in OUTCOMES)


# --- what must hold


def spoilt(tmp_path: Path, lines: str, more: str = "") -> Path:
    path = tmp_path / "lab.yaml"
    path.write_text(f"{PAIR}{more}reach:\n{lines}\n")
    return path


def test_a_run_fails_with_the_hops_of_what_does_not_hold(tmp_path):
    path = spoilt(tmp_path, "  - one -> two: answered\n  - one -> two:80: answered\n  - one -> 10.0.0.2:53/udp: refused")
    status, words = emu("run", path, "-o", tmp_path / "run")
    assert status == 1
    assert "2 of 3 lines of reach hold" in words
    assert f"✗ {path}:8: reach: one -> two:80: answered, but it is refused\n" in words
    assert re.search(r"one +eth0 +out +10\.0\.0\.1:\d+ > 10\.0\.0\.2:80 TCP S", words)
    assert (tmp_path / "run" / "captures" / "all.pcapng").exists()


def test_json_of_a_run_says_what_does_not_hold(tmp_path):
    path = spoilt(tmp_path, "  - one -> two:80: answered", "steps: [one$ true]\n")
    status, words = emu("run", path, "-o", tmp_path / "run", "--json")
    (unmet,) = json.loads(words)["unreached"]
    assert (status, unmet["reach"], unmet["found"]) == (1, "one -> two:80: answered", "refused")
    assert "TCP RST ACK" in unmet["way"]


def test_check_needs_no_reference_where_something_must_hold(tmp_path):
    assert emu("check", spoilt(tmp_path, "  - one -> two: answered")) == (0, "1 of 1 lines of reach hold\n")
    status, words = emu("check", spoilt(tmp_path, "  - one -> two: dropped"))
    assert status == 1
    assert words.startswith(f"{tmp_path}/lab.yaml:7: reach: one -> two: dropped, but it is answered\n#")


def test_dropped_stands_for_a_drop_of_any_kind_and_its_name_for_one(tmp_path):
    lines = "  - one -> 10.0.0.9: dropped\n  - one -> 10.0.0.9: no neighbour\n  - one -> 10.9.0.1: no route"
    assert emu("check", spoilt(tmp_path, lines))[0] == 0
    assert emu("check", spoilt(tmp_path, "  - one -> 10.0.0.9: no route"))[0] == 1


def test_what_must_hold_is_tried_after_the_steps_and_before_what_comes_afterwards(tmp_path):
    more = "steps: [one$ true]\nafterwards: [two$ iptables -A INPUT -j DROP]\n"
    assert emu("run", spoilt(tmp_path, "  - one -> two: answered", more), "-o", tmp_path / "run")[0] == 0


def test_what_is_tried_leaves_the_run_as_it_is(tmp_path):
    text = "steps: [one$ ping -c 1 10.0.0.2]\n"
    assert emu("run", spoilt(tmp_path, "  - one -> two:80: refused", text), "-o", tmp_path / "with")[0] == 0
    (tmp_path / "lab.yaml").write_text(PAIR + text)
    assert emu("run", tmp_path / "lab.yaml", "-o", tmp_path / "without")[0] == 0
    for name in ("captures/all.pcapng", "captures/two.eth0.pcap", "trace.jsonl"):
        assert (tmp_path / "with" / name).read_bytes() == (tmp_path / "without" / name).read_bytes()


def test_the_limit_of_a_lab_s_time_is_not_that_of_what_is_tried_after_it(tmp_path):
    more = "steps: [one$ sleep 9]\nlimits: { time: 10s }\n"
    assert emu("run", spoilt(tmp_path, "  - one -> 10.0.0.9: no neighbour", more), "-o", tmp_path / "run")[0] == 0


def test_a_container_that_is_gone_is_told_as_not_to_be_tried(tmp_path):
    more = "steps: [one$ ip netns add n, one$ ip netns del n]\n"
    status, words = emu("run", spoilt(tmp_path, "  - one/netns/n -> two: answered", more), "-o", tmp_path / "run")
    assert status == 1
    assert "not to be tried: no host or container 'one/netns/n'" in words


FORM = "is not FROM -> TO: OUTCOME, where TO is a place, PLACE:PORT or PLACE:PORT/udp"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("- one -> tow: answered", "7: reach[0]: there is no host or container 'tow', did you mean 'two'?"),
        ("- one -> two: answred", "7: reach[0]: 'answred' is nothing that a probe comes to, did you mean 'answered'?"),
        ("- one -> two:99999: refused", "7: reach[0]: '99999' is not a port from 1 to 65535"),
        ("- one -> two:9/sctp: refused", "7: reach[0]: the protocol 'sctp' is not modelled; known: tcp, udp"),
        ("- one > two: refused", "7: reach[0]: 'one > two: refused' " + FORM),
        ("- one -> two", "7: reach[0]: 'one -> two' " + FORM),
        ("- [one, two]", "7: reach[0]: must be text or a mapping, not a list"),
        ("- { a: b, c: d }", "7: reach[0]: is not one line: FROM -> TO: OUTCOME, where TO is a place, PLACE:PORT or PLACE:PORT/udp"),
    ],
)  # fmt: skip
def test_a_line_that_is_wrong_is_named_with_its_place(tmp_path, line, message):
    path = spoilt(tmp_path, f"  {line}")
    with pytest.raises(EmuError) as wrong:
        load_topology(path)
    assert str(wrong.value) == f"{path}:{message}"


def test_all_that_is_wrong_with_a_line_is_named_and_each_at_its_own(tmp_path):
    path = spoilt(tmp_path, "  - one > two: refused\n  - one -> tow:0: answred")
    with pytest.raises(EmuError) as wrong:
        load_topology(path)
    first, *second = str(wrong.value).splitlines()
    assert first.startswith(f"{path}:7: reach[0]: 'one > two: refused'")
    assert [line.partition("reach[1]: ")[2].partition(",")[0] for line in second] == [
        "'answred' is nothing that a probe comes to", "'0' is not a port from 1 to 65535", "there is no host or container 'tow'"
    ]  # fmt: skip


def test_a_line_may_be_quoted_and_name_a_service_for_its_container(tmp_path):
    path = tmp_path / "lab.yaml"
    lines = '  - "client -> web:80: no route"\n  - docker1 -> docker1/web:80/tcp: answered\n'
    services = "{ web: { image: nginx, container_name: shop } }"
    path.write_text(DOCKER_AND_CLIENT % {"services": services, "docker": "{}"} + f"reach:\n{lines}")
    assert [str(each) for each in load_topology(path).reach] == [
        "client -> docker1/shop:80: no route", "docker1 -> docker1/shop:80: answered"
    ]  # fmt: skip
    assert emu("check", path)[0] == 0


# --- copies


def test_a_copy_sees_nothing_of_what_another_has_done():
    seen: list[int] = []

    def job() -> int:
        seen.append(1)
        return len(seen)

    assert in_copies([job] * 5) == [1] * 5
    assert seen == []


def test_a_mistake_in_a_copy_is_told_and_so_is_a_bug():
    def mistaken() -> None:
        raise EmuError("no such thing")

    with pytest.raises(EmuError, match="no such thing"):
        in_copies([mistaken, mistaken, mistaken])
    with pytest.raises(EmuError, match="a bug in emu: ZeroDivisionError"):
        in_copies([lambda: 1 / 0])


# --- as recorded


AT_THE_END = {  # of recordings whose rules change from step to step: what those that are there at the end were seen to do
    "firewall": [
        "client -> 192.168.50.10:9100/udp: rejected", "client -> 192.168.50.10:9200: answered", "host/box -> 172.17.0.1:9200: dropped",
        "host/box -> 172.17.0.2: rejected", "host/box -> 172.17.0.2:80: rejected", "host/box -> 10.99.0.2: rejected",
        "host/box -> 10.99.0.2:80: rejected", "host -> 192.168.50.20:7777: rejected", "host -> 192.168.50.20:7777/udp: rejected",
    ],
    "reject-to-host": [
        "client -> 192.168.50.10: dropped", "host/box -> 172.17.0.1: dropped", "host/box -> 192.168.50.20: rejected",
        "host/box -> 172.17.0.1:9200: rejected", "host/box -> 172.17.0.1:8080: rejected",
    ],
}  # fmt: skip
ONE_HOST = sorted(
    path.stem for path in (TOPOLOGIES / "recorded").glob("*.yaml") if "\n  client:" in path.read_text() and path.stem not in AT_THE_END
)
LATER = {  # a container had the address at first, and comes back with another
    ("link", "host/app -> 172.17.0.2:80"), ("connect-at-run-time", "host/abox -> 10.50.0.77:80"),
}  # fmt: skip


def ends(wire: bytes) -> tuple[str, str, list[str]]:
    """Of a packet: `ADDRESS[:PORT[/udp]]` twice, and the words that a summary has for the rest."""
    source, _, target, *words = summary(wire).split()
    udp = "/udp" * (words[:1] == ["UDP"])
    return source + udp, target + udp, words


def asked(capture: Path, own: set[str]) -> dict[str, str]:
    """What a place with these addresses asked others, as a target of `reach:`, and whether it was `answered`, `refused` or neither."""
    found: dict[tuple[str, str], str] = {}
    heard: set[tuple[str, str]] = set()
    for frame in read_capture(capture).frames:
        source, target, words = ends(frame.wire)
        if source.partition(":")[0] not in own:
            heard.add((source, target))
        asks = words[:3] == ["ICMP", "echo", "request"] or words[:2] == ["TCP", "S"] or words[0] == "UDP"
        if words[:3] == ["ICMP", "port", "unreachable"]:
            quoted = ends(frame.wire[:14] + frame.wire[42:])[:2]
            found |= {quoted: "refused"} if quoted in found else {}
        elif found.get((target, source)) == "silence":
            found[target, source] = "refused" if words[0] == "TCP" and "R" in words[1] else "answered"
        elif asks and (source, target) not in heard and (target, source) not in heard:
            found.setdefault((source, target), "silence")
    return {target: what for (_, target), what in found.items()}


def is_as_shown(found: str, recorded: str, line: str) -> bool:
    """Whether an outcome is what a capture shows; what a server makes of an empty datagram is its own affair."""
    if found == "delivered" and line.endswith("udp"):
        return recorded != "refused"
    return recorded == ({"rejected": "refused"}.get(found, found) if found in ("answered", "refused", "rejected") else "silence")


def shown(made: Lab, name: str) -> dict[str, str]:
    """Of each place but the host, whose frames are others' too."""
    found: dict[str, str] = {}
    for spot in spots(made):
        capture = ROOT / "pcaps" / "linux" / name / f"{spot.name.rpartition('/')[2]}.eth0.pcap"
        if spot.name != "host" and capture.exists():
            own = {ip_text(mine.ip) for mine in spot.netns.all_addresses()}
            found |= {f"{spot.name} -> {target}": what for target, what in asked(capture, own).items()}
    return {line: what for line, what in found.items() if (name, line) not in LATER}


def tried(made: Lab, lines: Iterable[str]) -> dict[str, str]:
    pairs = [line.split(" -> ") for line in lines]
    wrong = unmet(made, [ReachSpec(origin=origin, target=target, outcome="elsewhere") for origin, target in pairs])
    return {line: each.found for line, each in zip(lines, wrong, strict=True)}


def differences(made: Lab, recorded: dict[str, str]) -> list[str]:
    found = tried(made, recorded)
    return [f"{line}: {found[line]}, {what}" for line, what in recorded.items() if not is_as_shown(found[line], what, line)]


@pytest.mark.parametrize("name", ONE_HOST)
def test_it_agrees_with_what_the_recording_shows(name):
    """Each ping, connection and datagram that client and containers sent while it was recorded, tried again at the end of the steps."""
    with Lab(load_topology(TOPOLOGIES / "recorded" / f"{name}.yaml")) as made:
        made.up_with_steps()
        assert differences(made, shown(made, name)) == []


@pytest.mark.parametrize("name", ONE_HOST)
def test_a_host_that_is_imported_from_its_dumps_agrees_too(name, tmp_path):
    """What its containers asked each other and the host itself; others' machines are not in the dumps."""
    with lab_of(import_host(ROOT / "pcaps" / "linux" / name / "state"), tmp_path) as made:
        there = {ip_text(mine.ip) for netns in made.namespaces().values() for mine in netns.all_addresses()}
        recorded = {line: what for line, what in shown(made, name).items() if re.split(" -> |[:/]", line.partition("/")[2])[1] in there}
        assert differences(made, recorded) == []


@pytest.mark.parametrize("name", AT_THE_END)
def test_it_agrees_with_what_rules_did_that_were_there_at_the_end(name):
    with Lab(load_topology(TOPOLOGIES / "recorded" / f"{name}.yaml")) as made:
        made.up_with_steps()
        found = tried(made, [line.rpartition(": ")[0] for line in AT_THE_END[name]])
        assert [f"{line}: {what}" for line, what in found.items()] == AT_THE_END[name]


def test_what_a_recording_shows_is_read_from_it():
    linux = ROOT / "pcaps" / "linux"
    assert asked(linux / "isolation" / "rbox.eth0.pcap", {"172.18.0.2"}) == {
        "172.19.0.2": "silence", "172.19.0.1": "answered", "172.17.0.2": "silence",
        "192.168.50.10:8080": "answered", "172.18.0.1:8080": "answered",
    }  # fmt: skip
    assert asked(linux / "bridge-udp-closed-port" / "box.eth0.pcap", {"172.17.0.2"}) == {
        "172.17.0.3:9999/udp": "refused", "172.17.0.3:9999": "refused"
    }  # fmt: skip
