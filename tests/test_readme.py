"""The README's Python is code that runs, and it names what there is: programs, lessons, the topology file's keys."""

from __future__ import annotations

import re
from pathlib import Path

import pytest  # noqa: TC002 - a test asks for its fixture by this type

from emu.programs import PROGRAMS
from emu.topology.schema import HOST, TOPOLOGY

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_readme_s_lab_runs_as_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    (code,) = re.findall(r"```python\n(from scapy.*?)```", README, re.DOTALL)
    exec(compile(code, "README.md", "exec"), {})


def test_the_trace_on_the_first_page_is_what_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    from click.testing import CliRunner

    from emu.cli import main

    monkeypatch.chdir(ROOT)
    (line, shown) = re.findall(r"\n\$ emu (trace [^\n]+)\n(.*?)…\n```", README, re.DOTALL)[0]
    printed = CliRunner().invoke(main, line.split())
    assert printed.exit_code == 0
    assert printed.output.startswith(shown)


def test_the_trace_of_an_answer_that_is_dropped_is_what_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    from click.testing import CliRunner

    from emu.cli import main

    monkeypatch.chdir(ROOT)
    ((line, first, way_back),) = re.findall(
        r"\n\$ emu (trace topologies/docker-user-too-wide[^\n]+)\n([^\n]+\n)…\n(.*?)```", README, re.DOTALL
    )
    printed = CliRunner().invoke(main, line.split())
    assert printed.exit_code == 1
    assert printed.output.startswith(first)
    assert printed.output.endswith(way_back)


def test_every_program_is_named_and_no_other() -> None:
    (listed,) = re.findall(r"These programs are found.*?\n\n(.*?)\n\n", README, re.DOTALL)
    assert sorted(" ".join(re.findall(r"`([^`]+)`", listed)).split()) == sorted(PROGRAMS)


def test_every_lesson_is_named_and_no_other() -> None:
    rows = re.findall(r"^\| `([\w-]+)` \| .+ \|$", README.partition("## The topology file")[0], re.MULTILINE)
    assert sorted(rows) == sorted(file.stem for file in (ROOT / "topologies").glob("*.yaml"))


def test_every_key_of_a_topology_and_of_a_host_is_shown() -> None:
    examples = "".join(re.findall(r"```yaml\n(.*?)```", README, re.DOTALL))
    shown = set(re.findall(r"^ {0,4}([a-z-]+):", examples, re.MULTILINE))
    assert {*TOPOLOGY.fields, *HOST.fields} - shown == set()
