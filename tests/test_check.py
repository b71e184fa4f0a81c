"""`emu check` and the plugin of pytest, on a small lab whose reference is emu's own run of it."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from emu.cli import main

pytest_plugins = ["pytester"]

LAB = """\
name: small
lans: { lan: {} }
hosts:
  one:
    interfaces: { eth0: { lan: lan, address: 10.0.0.1/24, mac: "02:00:00:00:00:01" } }
    docker: {}
  two: { interfaces: { eth0: { lan: lan, address: 10.0.0.2/24 } } }
setup:
  - one$ docker network create app
  - one$ docker run -d --name web --network app busybox sleep 1000
  - one$ ping -c 1 10.0.0.2
steps:
  - one$ ping -c 1 -t %(ttl)s 10.0.0.2
  - { on: one/web, programs: host, run: "ip route get 10.0.0.2", expect: { stdout: "via 172.18.0.1", exit: 0 } }
afterwards:
  - one$ ping -c 1 10.0.0.2
reference: %(reference)s
"""


def emu(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(main, [*map(str, arguments)])
    return result.exit_code, result.output


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    """The topology, with a reference as emu has recorded it."""
    (tmp_path / "reference").mkdir()
    path = tmp_path / "small.yaml"
    path.write_text(LAB % {"ttl": 64, "reference": "reference"})
    assert emu("run", path, "-o", tmp_path / "run")[0] == 0
    for capture in (tmp_path / "run" / "captures").glob("*.pcap"):
        capture.rename(tmp_path / "reference" / capture.name)
    return path


def test_a_run_is_as_its_reference_and_has_no_frames_of_setup_and_afterwards(lab):
    status, words = emu("check", lab)
    assert (status, words.splitlines()[-1].partition(", ")[2]) == (0, "8 frames: equal")  # a ping at both ends, and a unicast probe
    assert emu("check", lab, "-o", lab.parent / "kept")[0] == 0
    assert (lab.parent / "kept" / "captures" / "all.pcapng").exists()


def test_another_run_is_told_in_words_with_status_1(lab):
    lab.write_text(LAB % {"ttl": 63, "reference": "reference"})
    status, words = emu("check", lab)
    assert status == 1
    assert "two.eth0, frame 1: TTL 63, expected 64" in words
    said = json.loads(emu("check", lab, "--json")[1])
    assert not said["ok"]
    assert {"capture": "one.eth0", "frames": [1], "expected_frames": [1], "text": "TTL 63, expected 64"} in said["differences"]


def test_capture_points_that_only_one_side_has_are_reported(lab):
    reference = lab.parent / "reference"
    (reference / "two.eth0.pcap").rename(reference / "three.eth0.pcap")
    words = emu("check", lab)[1]
    assert "three.eth0: there is no such capture, expected one" in words
    assert "two.eth0: this capture is not in the reference" in words


def test_generated_names_are_found_by_what_they_belong_to(lab):
    reference = lab.parent / "reference"
    (veth,) = reference.glob("one.veth*.pcap")
    (bridge,) = reference.glob("one.br-*.pcap")
    veth.rename(reference / "one.veth-web.pcap")
    bridge.rename(reference / "one.br-app.pcap")
    (reference / "one.web.eth0.pcap").rename(reference / "web.eth0.pcap")
    assert emu("check", lab)[0] == 0
    points = "[web.eth0, one.veth-web, one.br-app, one.nosuch]"
    lab.write_text(LAB % {"ttl": 64, "reference": f"{{ folder: reference, captures: {points} }}"})
    status, words = emu("check", lab)
    assert status == 1
    assert "one.nosuch: the lab has no such capture point" in words
    assert "two.eth0: there is no such capture, expected one" in words  # it is there, and not in the list


def test_state_is_compared_line_by_line_up_to_generated_names(lab):
    state = lab.parent / "reference" / "state"
    state.mkdir()
    (state / "one.bridge-link").write_text(
        "5: veth0123456@if4: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 master br-0123456789ab state forwarding priority 32 cost 2 \n"
        "    hairpin off guard off root_block off fastleave off learning on flood on mcast_flood on bcast_flood on mcast_router 1 "
        "mcast_to_unicast off neigh_suppress off vlan_tunnel off isolated off locked off \n"
    )
    (state / "web.ip-route").write_text(
        "default via 172.18.0.9 dev eth0 \n172.18.0.0/16 dev eth0 proto kernel scope link src 172.18.0.2 \n"
    )
    (state / "two.nosuch").write_text("")
    (state / "three.ip-addr").write_text("")
    assert emu("check", lab)[1].splitlines()[:-1] == [
        "three.ip-addr: cannot be compared: there is no place 'three'",
        "two.nosuch: cannot be compared: no command is known that prints it",
        "web.ip-route, line 1: default via 172.18.0.1 dev eth0, expected default via 172.18.0.9 dev eth0",
    ]


def test_a_topology_without_a_reference_or_with_one_that_is_not_there_is_refused(lab):
    lab.write_text(LAB.replace("reference: %(reference)s\n", "") % {"ttl": 64})
    assert emu("check", lab)[0] == 2
    lab.write_text(LAB % {"ttl": 64, "reference": "nowhere"})
    status, words = emu("check", lab)
    assert status == 2
    assert "reference: there is no folder" in words


def test_state_at_a_moment_is_that_after_the_step(lab):
    state = lab.parent / "reference" / "state" / "moved"
    state.mkdir(parents=True)
    (state / "two.ip-route").write_text("10.0.0.0/24 dev eth0 proto kernel scope link src 10.0.0.2 \n10.9.0.0/24 via 10.0.0.1 dev eth0 \n")
    text = LAB % {"ttl": 64, "reference": "reference"}
    text = text.replace("steps:\n", 'steps:\n  - { on: two, run: "ip route add 10.9.0.0/24 via 10.0.0.1", state: moved }\n', 1)
    lab.write_text(text.replace("afterwards:\n", "afterwards:\n  - two$ ip route del 10.9.0.0/24\n"))
    assert emu("check", lab)[0] == 0
    (state.parent / "during").mkdir()
    (state.parent / "during" / "moved.two.ip-rule").write_text("0:\tfrom all lookup local\n")
    words = emu("check", lab)[1]
    assert "during/moved.two.ip-rule, line 2: 32766: from all lookup main is not expected" in words
    lab.write_text(text.replace(", state: moved", ""))
    assert "moved/two.ip-route: no step says that this is its state" in emu("check", lab)[1]
    lab.write_text(text.replace("state: moved", "state: nosuch"))
    assert emu("check", lab) == (2, f"{lab}:13: the reference has no folder state/nosuch and no file nosuch.* in one or beside it\n")


# --- the plugin of pytest


def test_a_lab_and_assertions_for_tests_of_your_own(pytester, lab, request):
    pytester.makepyfile(f"""
        from emu.testing import assert_matches_reference, assert_same_capture

        LAB = {str(lab)!r}
        ONE, TWO = {str(lab.parent / "reference" / "one.eth0.pcap")!r}, {str(lab.parent / "reference" / "one.lo.pcap")!r}

        def test_lab(emu_lab):
            assert "1 received" in emu_lab(LAB).run("one", "ping -c 1 10.0.0.2").stdout

        def test_reference():
            assert_matches_reference(LAB)

        def test_same():
            assert_same_capture(ONE, ONE)

        def test_other():
            assert_same_capture(TWO, ONE)
    """)
    plugin = [] if request.config.pluginmanager.has_plugin("emu") else ["-p", "emu.testing"]  # as it is where emu is installed
    result = pytester.runpytest(*plugin, "-p", "no:cacheprovider", "-p", "no:randomly")
    result.assert_outcomes(passed=3, failed=1)
    result.stdout.fnmatch_lines(["one.lo: *ICMP echo request missing at the end*"])


def test_files_count_from_the_test_s_folder_and_then_from_the_working_directory(pytester, lab, request):
    folder = pytester.mkdir("tests")
    (folder / "beside.yaml").write_text(lab.read_text())
    shutil.copytree(lab.parent / "reference", folder / "reference")
    shutil.copytree(lab.parent / "reference", pytester.path / "captures")
    (folder / "test_it.py").write_text("""
from emu.testing import assert_matches_reference, assert_same_capture


def test_lab(emu_lab):
    assert "1 received" in emu_lab("beside.yaml").run("one", "ping -c 1 10.0.0.2").stdout


def test_reference():
    assert_matches_reference("beside.yaml")


def test_captures():
    assert_same_capture("reference/one.eth0.pcap", "captures/one.eth0.pcap")
""")
    plugin = [] if request.config.pluginmanager.has_plugin("emu") else ["-p", "emu.testing"]
    pytester.runpytest(*plugin, "-p", "no:cacheprovider", "-p", "no:randomly").assert_outcomes(passed=3)


def test_an_interface_that_is_never_there_cannot_be_captured_plainly(lab):
    lab.write_text(lab.read_text() + "capture: { plain: [one/docker0, one/br-app, two/eth0] }\n")
    words = emu("run", lab, "-o", lab.parent / "plain")[1]
    assert re.findall(r"capture: plain: [^;]*", words) == ["capture: plain: there was no interface 'one/br-app'"]


def test_a_network_s_bridge_is_known_by_the_network_s_name_whatever_its_own(lab):
    named = "docker network create -o com.docker.network.bridge.name=own app"
    lab.write_text(lab.read_text().replace("docker network create app", named))
    (lab.parent / "reference" / "one.br-app.pcap").write_bytes((lab.parent / "reference" / "one.docker0.pcap").read_bytes())
    assert "one.br-app" not in emu("check", lab)[1]
