"""The Python interface: a lab from a file, its programs, and frames made with Scapy."""

from __future__ import annotations

from pathlib import Path

import pytest
from scapy.layers.inet import ICMP, IP
from scapy.layers.l2 import Ether

from emu import EmuError, load_topology, run
from emu.netdev.device import NetDevice
from tests import labs

ONE_HOST = """
hosts: { a: {} }
programs: { own: own.py }
"""


def with_own_program(tmp_path: Path, source: str) -> str:
    (tmp_path / "own.py").write_text(source)
    return ONE_HOST


def test_a_program_of_ones_own_runs_by_its_name(tmp_path: Path) -> None:
    topology = with_own_program(
        tmp_path, "async def main(process, argv):\n    await process.sleep(1)\n    process.print(argv[1], process.now)\n"
    )
    ran = labs.lab(tmp_path, topology).run("a", "own hello")
    assert (ran.stdout, ran.exit_status) == ("hello 1.0\n", 0)


def test_print_in_a_program_of_ones_own_is_its_processs_output(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = (
        "from __future__ import annotations\n"
        "from dataclasses import dataclass\n"
        "print('loaded')\n"
        "runs = 0\n"
        "@dataclass\n"
        "class Point:\n"
        "    x: int\n"
        "async def main(process, argv):\n"
        "    global runs\n"
        "    runs += 1\n"
        "    await process.sleep(1)\n"
        "    print(argv[1], runs, Point(3), sep='-', end='!\\n')\n"
    )
    lab = labs.lab(tmp_path, with_own_program(tmp_path, source))
    both = [lab.start("a", f"own {word}") for word in ("one", "two")]
    lab.settle()
    assert [process.stdout for process in both] == ["loaded\none-1-Point(x=3)!\n", "loaded\ntwo-1-Point(x=3)!\n"]
    assert capsys.readouterr().out == ""


def test_an_error_in_a_program_of_ones_own_is_said_with_its_line(tmp_path: Path) -> None:
    topology = with_own_program(tmp_path, "async def main(process, argv):\n    return int(argv[1])\n")
    ran = labs.lab(tmp_path, topology).run("a", "own x")
    assert (ran.stderr, ran.exit_status) == ("own.py:2: ValueError: invalid literal for int() with base 10: 'x'\n", 1)


def test_a_program_without_an_async_main_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EmuError, match="has no `async def main"):
        labs.lab(tmp_path, with_own_program(tmp_path, "def main(process, argv):\n    return 0\n"))


def test_a_frame_made_with_scapy_is_received_where_it_is_injected(tmp_path: Path) -> None:
    lab = labs.lab(
        tmp_path,
        """
        lans: { lan: { subnet: 10.0.0.0/24 } }
        hosts:
          a: { interfaces: { eth0: { lan: lan, address: 10.0.0.1/24, mac: "02:00:00:00:00:01" } } }
          b: { interfaces: { eth0: { lan: lan, address: 10.0.0.2/24, mac: "02:00:00:00:00:02" } } }
        """,
    )
    eth0 = lab.find("a/eth0")
    assert isinstance(eth0, NetDevice)
    seen = []
    eth0.taps.append(lambda dev, direction, frame: seen.append(frame.packet))
    eth0.inject(Ether(src="02:00:00:00:00:02", dst="02:00:00:00:00:01") / IP(src="10.0.0.2", dst="10.0.0.1") / ICMP(id=7) / b"hello")
    lab.advance(1.0)
    assert [(packet[IP].src, packet[ICMP].type, packet[ICMP].id) for packet in seen if ICMP in packet] == [
        ("10.0.0.2", 8, 7),
        ("10.0.0.1", 0, 7),
    ]


def test_a_step_that_never_ends_is_shown_and_stopped_at_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "never.yaml"
    path.write_text(
        "lans: { lan: { subnet: 10.0.0.0/24 } }\n"
        "hosts:\n"
        "  a: { interfaces: { eth0: { lan: lan, address: 10.0.0.1/24 } } }\n"
        "limits: { time: 20s }\n"
        "steps: ['a$ ping 10.0.0.1']\n"
    )
    result = run(load_topology(path), tmp_path / "out")
    assert "20 s of virtual time" in result.stopped
    (step,) = result.steps
    assert "icmp_seq=10 " in step.output
    assert step.problems == ["stopped: the limit is reached"]
    assert "ping 10.0.0.1" in (tmp_path / "out" / "steps.log").read_text()


def test_a_step_in_the_background_is_shown_as_it_was_typed(tmp_path: Path) -> None:
    path = tmp_path / "background.yaml"
    path.write_text("hosts: { a: {} }\nsteps: ['a$ sleep 1 &', { on: a, run: 'sleep 2&' }, 'a$ sleep 3']\n")
    run(load_topology(path), tmp_path / "out")
    commands = [line.split(" ", 1)[1] for line in (tmp_path / "out" / "steps.log").read_text().splitlines() if "$" in line]
    assert commands == ["a$ sleep 1 &", "a$ sleep 2 &", "a$ sleep 3"]


def test_what_a_step_in_the_background_prints_later_is_told_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "later.yaml"
    path.write_text(
        "name: later\nhosts: { a: {} }\nsteps:\n  - a$ ip monitor address &\n  - a$ echo once &\n  - a$ ip addr add 10.9.9.1/24 dev lo\n"
    )
    result = run(load_topology(path), tmp_path / "out")
    told = "1: lo    inet 10.9.9.1/24 scope global lo\n       valid_lft forever preferred_lft forever\n"
    assert [(step.step.command, text) for step, text in result.late] == [("ip monitor address", told)]
    assert f"ip monitor address &\n{told}(in the background)\n" in (tmp_path / "out" / "steps.log").read_text()


def test_bring_up_tells_how_far_it_is(tmp_path):
    services = ", ".join(f"c{number}: {{ image: busybox, command: sleep 9 }}" for number in range(3))
    file = tmp_path / "lab.yaml"
    file.write_text(f"hosts:\n  h1: {{ docker: {{}}, compose: {{ services: {{ {services} }} }} }}\n")
    told: list[tuple[int, int]] = []
    run(load_topology(file), tmp_path / "run", on_container=lambda number, of: told.append((number, of)))
    assert told == [(1, 3), (2, 3), (3, 3)]
