"""What the capture of a run and its trace say of each packet: the same, and one way in causal order. For every lab in topologies/."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from emu import run
from emu.cli import main
from emu.observe.journey import Hop, Journey
from emu.observe.journey_text import step_text
from emu.observe.pcap_reader import read as read_capture
from emu.observe.trace import VERSION, read
from emu.observe.tunnels import TUNNELS
from emu.topology.loader import load_topology
from tests import tshark

TOPOLOGIES = Path(__file__).parent.parent / "topologies"
LABS = sorted(TOPOLOGIES.rglob("*.yaml"))
INPUT_FIREWALL = str(TOPOLOGIES / "input-firewall.yaml")


def is_lab(path: Path) -> bool:
    return "hosts:" in path.read_text(encoding="utf-8")


def comments(hop: Hop) -> str:
    return "|".join(step_text(step) for step in hop.steps)


def misplaced(journey: Journey, kinds: dict[str, str]) -> list[str]:
    """The hops that nothing before accounts for: earlier than the one before, or out of a place that the packet has not come to."""
    found = []
    visited: set[str] = set()
    carried = False  # it has been at a device that sends by another namespace
    before = 0
    for hop in journey.hops:
        carried |= kinds.get(hop.at, "") in TUNNELS | {"macvlan"}
        if hop.time_ns < before:
            found.append(f"#{journey.id} {hop.at}: earlier than the hop before")
        if hop.direction == "out" and visited and hop.place not in visited and not carried:
            found.append(f"#{journey.id} {hop.at}: leaves, and never came")
        visited.add(hop.place)
        before = hop.time_ns
    return found


@tshark.needs_tshark
@pytest.mark.parametrize("path", [path for path in LABS if is_lab(path)], ids=lambda path: path.stem)
def test_capture_and_trace_tell_one_causal_way_of_each_packet(path: Path, tmp_path: Path) -> None:
    run(load_topology(path), tmp_path / "run")
    journeys = read(tmp_path / "run" / "trace.jsonl")
    rows: dict[int, list[tuple[str, ...]]] = {}
    kinds: dict[str, str] = {}
    names = ("frame.packet_id", "frame.interface_name", "frame.interface_description", "frame.packet_flags_direction", "frame.comment")
    for row in tshark.fields(tmp_path / "run" / "captures" / "all.pcapng", *names):
        packet, interface, description, direction, *comment = row
        kinds[interface] = description.partition(" ")[0]
        rows.setdefault(int(packet), []).append((interface, "out" if direction == "0x00000002" else "in", *comment))
    seen = {each.id: [hop for hop in each.hops if hop.device] for each in journeys.values()}
    assert {number: [(hop.at, hop.direction, comments(hop)) for hop in hops] for number, hops in seen.items() if hops} == rows
    assert [problem for each in journeys.values() for problem in misplaced(each, kinds)] == []


def test_the_comments_are_those_of_the_trace_without_tshark_too(tmp_path):
    run(load_topology(INPUT_FIREWALL), tmp_path / "run")
    told: dict[int, list[list[str]]] = {}
    for frame in read_capture(tmp_path / "run" / "captures" / "all.pcapng").frames:
        told.setdefault(frame.packet_id, []).append(frame.comments)
    for journey in read(tmp_path / "run" / "trace.jsonl").values():
        assert [[step_text(step) for step in hop.steps] for hop in journey.hops if hop.device] == told.get(journey.id, [])
    lines = [line for frames in told.values() for frame in frames for line in frame]
    assert any(line.startswith("nat PREROUTING: #1 → DOCKER #2 DNAT") for line in lines)
    assert "destination 192.168.50.10:8080 → 172.17.0.2:80" in lines
    assert "dropped at docker1/eth0 by filter INPUT: #2 DROP (-i eth0 -p tcp -m tcp --dport 9090 -j DROP)" in lines


# --- the command


def emu(*words: str):
    return CliRunner().invoke(main, list(words))


def test_the_exit_status_is_that_of_the_probe():
    assert emu("trace", INPUT_FIREWALL, "client", "docker1:8080").exit_code == 0
    assert emu("trace", INPUT_FIREWALL, "client", "docker1:9090").exit_code == 1
    wrong = emu("trace", INPUT_FIREWALL, "cleint", "docker1")
    assert (wrong.exit_code, wrong.output) == (2, "no host or container 'cleint', did you mean 'client'?\n")


TWO_DOCKER_HOSTS = """
name: two
lans: { lan: { subnet: 192.168.50.0/24 } }
hosts:
  h1:
    interfaces: { eth0: { lan: lan, address: 192.168.50.11/24 } }
    docker: {}
    compose: { services: { web1: { image: nginx, network_mode: bridge, ports: ["8080:80"] } } }
  h2:
    interfaces: { eth0: { lan: lan, address: 192.168.50.12/24 } }
    docker: {}
    compose: { services: { web2: { image: nginx, network_mode: bridge }, c2: { image: busybox, tty: true, network_mode: bridge } } }
"""


def test_a_place_that_another_one_answers_for_was_not_reached(tmp_path):
    file = tmp_path / "two.yaml"
    file.write_text(TWO_DOCKER_HOSTS)
    taken = emu("trace", str(file), "c2", "web1:80")
    assert taken.exit_code == 1
    assert taken.output.endswith("note: h2/web2 has the address 172.17.0.2 too, and was reached in the place of h1/web1\n")
    assert "172.17.0.2 elsewhere" in " ".join(emu("reach", str(file), "--from", "c2", "--to", "web1").output.replace("ping", "").split())


def test_of_a_place_s_addresses_one_is_tried_that_no_other_place_has(tmp_path):
    file = tmp_path / "two.yaml"
    file.write_text(TWO_DOCKER_HOSTS)
    answered = emu("trace", str(file), "c2", "h1:8080")
    assert (answered.exit_code, answered.output.splitlines()[0].partition(": ")[0]) == (
        0, "#2 h2/c2 > h1 (192.168.50.11), TCP port 8080"
    )  # fmt: skip


NO_WAY_BACK_BEHIND_A_ROUTER = """
name: noway
lans: { a: { subnet: 10.1.0.0/24 }, b: { subnet: 10.2.0.0/24 } }
hosts:
  c: { interfaces: { eth0: { lan: a, address: 10.1.0.2/24 } }, routes: ["default via 10.1.0.1"] }
  router:
    interfaces: { eth0: { lan: a, address: 10.1.0.1/24 }, eth1: { lan: b, address: 10.2.0.1/24 } }
    sysctls: { net.ipv4.ip_forward: 1 }
    iptables: |
      *filter
      -A FORWARD -i eth1 -j REJECT
      COMMIT
  s: { interfaces: { eth0: { lan: b, address: 10.2.0.2/24 } }, routes: ["default via 10.2.0.1"] }
"""


def test_a_wrong_entry_in_a_neighbour_table_is_named(tmp_path):
    file = tmp_path / "noway.yaml"
    step = "steps: ['c$ ip neigh replace 10.1.0.1 lladdr 02:00:00:00:00:77 dev eth0 nud permanent']\n"
    file.write_text(NO_WAY_BACK_BEHIND_A_ROUTER + step)
    assert emu("trace", str(file), "c", "s").output.endswith(
        "note: c's `ip neigh` has 10.1.0.1 dev eth0 lladdr 02:00:00:00:00:77 PERMANENT, which is not the MAC address of router\n"
    )


def test_an_error_about_the_answer_stands_beside_it(tmp_path):
    file = tmp_path / "noway.yaml"
    file.write_text(NO_WAY_BACK_BEHIND_A_ROUTER)
    lines = emu("trace", str(file), "c", "s").output.splitlines()
    assert next(line for line in lines if line.startswith("besides, ")).endswith(
        "from router: 10.2.0.1 > 10.2.0.2 ICMP port unreachable ttl 64: delivered to s: without an answer"
    )


STEPS_GO_WRONG = """
name: wrong
lans: { a: { subnet: 10.1.0.0/24 } }
hosts:
  c: { interfaces: { eth0: { lan: a, address: 10.1.0.2/24 } } }
  s:
    interfaces: { eth0: { lan: a, address: 10.1.0.3/24 } }
    docker: {}
    compose: { services: { web: { image: nginx, ports: ["127.0.0.1:8080:80"] }, gone: { image: busybox, command: "true" } } }
steps:
  - s$ httpdd -p 81
  - { on: c, run: "ping -c 1 10.1.0.3", expect: { exit: 1 } }
"""


def test_a_trace_says_which_steps_went_wrong_before_it_and_where_the_refusing_host_listens(tmp_path):
    file = tmp_path / "wrong.yaml"
    file.write_text(STEPS_GO_WRONG)
    notes = [line for line in emu("trace", str(file), "c", "s:8080").output.splitlines() if line.startswith("note: ")]
    assert notes == [
        "note: s listens on 127.0.0.1:8080 (tcp)",
        f"note: a step before went wrong: {file}:11: s$ httpdd -p 81: exit status 127",
        f"note: a step before went wrong: {file}:12: c$ ping -c 1 10.1.0.3: exit status 0, expected 1",
    ]


@pytest.mark.parametrize(
    ("places", "message"),
    [
        (("c", "0.0.0.0:80"), "0.0.0.0 is no address that a probe can go to"),
        (("c", "fe80::1"), "'fe80::1' is not PLACE, PLACE:PORT or PLACE:PORT/udp; IPv6 is not modelled"),
        (("gone", "c"), "container 's/gone' is not running"),
        (("c", "gone"), "container 's/gone' is not running"),
    ],
)
def test_what_cannot_be_tried_is_said_so(places, message, tmp_path):
    file = tmp_path / "wrong.yaml"
    file.write_text(STEPS_GO_WRONG)
    refused = emu("trace", str(file), *places)
    assert (refused.exit_code, refused.output) == (2, message + "\n")


def test_json_gives_the_same_as_data():
    data = json.loads(emu("trace", INPUT_FIREWALL, "client", "docker1:9090", "--json").output)
    assert data["disposition"]["word"] == "dropped"
    assert data["disposition"]["rule"] == "filter INPUT: #2 DROP (-i eth0 -p tcp -m tcp --dport 9090 -j DROP)"
    drop = data["probe"]["hops"][-1]["steps"][-1]
    assert (drop["kind"], drop["rule"]["number"], drop["reason"]) == ("drop", 2, "NETFILTER")


def test_the_way_is_written_as_a_capture_of_that_packet_alone(tmp_path):
    folder = tmp_path / "way"
    data = json.loads(emu("trace", INPUT_FIREWALL, "client", "docker1:8080", "-o", str(folder), "--json").output)
    frames = read_capture(folder / "path.pcapng").frames
    probe, answer = data["probe"]["id"], data["answers"][0]["id"]
    assert {frame.packet_id for frame in frames} == {probe, answer, *(each["id"] for each in data["related"])}
    assert next(frame.interface for frame in frames if frame.packet_id == probe) == "client/eth0"
    assert set(read(folder / "trace.jsonl")) == {frame.packet_id for frame in frames}


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    return run(load_topology(INPUT_FIREWALL), tmp_path_factory.mktemp("runs") / "run").folder


def test_the_packets_of_a_run_are_listed_and_shown(finished):
    listed = emu("trace", str(finished))
    assert listed.exit_code == 0
    dropped = next(line for line in listed.output.splitlines() if "dropped" in line and ":9090" in line)
    shown = emu("trace", str(finished), "--packet", dropped.split()[0].removeprefix("#"))
    assert "DROPPED at docker1/eth0 by filter INPUT: #2 DROP" in shown.output.splitlines()[0]
    assert emu("trace", str(finished), "--packet", "1", "--json").output.startswith('{"disposition":{"word":"answered"')
    assert "numbered 1 to " in emu("trace", str(finished), "--packet", "4711").output


def test_what_a_packet_s_text_says_its_json_says_too(finished: Path) -> None:
    data = json.loads(emu("trace", str(finished), "--packet", "1", "--json").output)
    assert [each["id"] for each in data["answers"]] == [
        int(emu("trace", str(finished), "--packet", "1").output.split("the way back, #")[1].split()[0])
    ]
    assert {each["hops"][0]["packet"].split()[0] for each in data["related"]} <= {"ARP"}


def test_a_size_is_that_of_a_ping_or_datagram_alone() -> None:
    asked = emu("trace", INPUT_FIREWALL, "client", "docker1:8080", "--size", "100")
    assert (asked.exit_code, "--size: the probe of a TCP port is a SYN" in asked.output) == (2, True), asked.output


def test_explain_names_both_ends_itself() -> None:
    asked = emu("reach", INPUT_FIREWALL, "--from", "client", "--explain", "client", "docker1")
    assert (asked.exit_code, "--explain FROM TO says both ends" in asked.output) == (2, True), asked.output


def test_of_a_folder_no_probe_is_asked_and_of_a_topology_no_packet(finished: Path) -> None:
    for arguments in (["client", "docker1"], ["--size", "100"], ["--output", "way"]):
        asked = emu("trace", str(finished), *arguments)
        assert (asked.exit_code, "is a run's folder: no probe is sent" in asked.output) == (2, True), asked.output
    asked = emu("trace", INPUT_FIREWALL, "client", "docker1", "--packet", "3")
    assert (asked.exit_code, "--packet is a run's folder's" in asked.output) == (2, True), asked.output


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text.replace(f'"version":{VERSION}', '"version":1', 1), f"is a trace of version 1, this emu reads version {VERSION}"),
        (lambda text: text[: len(text) // 2], "is cut short after line"),
        (lambda text: "".join(text.splitlines(keepends=True)[:-1]), "is cut short after line"),
        (lambda text: text.replace('"hops"', '"hopes"', 1), "trace.jsonl:2: is no packet that emu wrote"),
        (lambda text: text.replace('"kind":"route"', '"kind":"detour"', 1), "is no packet that emu wrote"),
        (lambda text: "".join(line for line in text.splitlines(keepends=True) if '"id":3,' not in line), "was the file changed?"),
        (lambda text: re.sub(r'"hops":\[.*\]', '"hops":[]', text, count=1), "trace.jsonl:2: is no packet that emu wrote"),
        (
            lambda text: text.replace('"relation":"answers","id":1}', '"relation":"answers","id":4711}', 1),
            "names packet 4711, which is not",
        ),
        (lambda text: text.replace('"cause":1,', '"cause":4711,', 1), "names packet 4711, which is not in the file: was the file changed?"),
        (lambda text: text.replace('"reason":"', '"reason":"UN', 1), "is no packet that emu wrote"),
        (lambda text: text.replace('"relation":"answers"', '"relation":"loves"', 1), "is no packet that emu wrote"),
        (lambda text: text.replace('"decision":"up"', '"decision":"down"', 1), "is no packet that emu wrote"),
        (lambda _: "", "is no trace that emu wrote"),
    ],
)
def test_a_run_that_is_not_as_it_was_written_is_said_so(finished, change, message, tmp_path):
    folder = shutil.copytree(finished, tmp_path / "run")
    file = folder / "trace.jsonl"
    file.write_text(change(file.read_text(encoding="utf-8")), encoding="utf-8")
    told = emu("trace", str(folder))
    assert told.exit_code == 2
    assert message in told.output


def test_a_folder_that_is_no_run_is_said_so(tmp_path):
    told = emu("trace", str(tmp_path))
    assert (told.exit_code, "is it the folder of a run?" in told.output) == (2, True)
