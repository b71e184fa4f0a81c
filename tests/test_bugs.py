"""A bug of emu's own: what the user sees of it, and what goes on."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from emu.cli import main
from emu.netns.namespace import Netns
from emu.process import Process
from emu.programs import uname

TOPOLOGY = """
hosts: { a: {} }
steps:
  - a$ uname
  - a$ echo goes on
"""


@pytest.fixture
def topology(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One whose program uname falls over."""

    async def broken(_process: Process, _argv: list[str]) -> int:
        return {"no": 1}["such key"]

    monkeypatch.setattr(uname, "main", broken)
    path = tmp_path / "lab.yaml"
    path.write_text(TOPOLOGY)
    return path


def emu(*words: str | Path, stdin: str = "") -> Result:
    return CliRunner().invoke(main, [str(word) for word in words], input=stdin)


def test_a_program_that_falls_over_ends_with_status_70_and_the_prompt_goes_on(topology: Path) -> None:
    result = emu("shell", topology, stdin="uname\necho $?\n")
    assert result.stdout == "70\n"
    assert result.stderr.startswith("uname: a bug in emu: KeyError: 'such key' (tests.test_bugs:")
    assert result.exit_code == 0


def test_a_run_says_what_fell_over_and_goes_on(topology: Path, tmp_path: Path) -> None:
    result = emu("run", topology, "-o", tmp_path / "out")
    assert result.exit_code == 1
    assert "goes on" in result.stdout
    assert "✗ a$ uname: a bug in emu: KeyError: 'such key'" in result.stdout.splitlines()[-3]
    assert (tmp_path / "out" / "steps.log").exists()


def test_an_assertion_below_the_programs_ends_the_run_and_nothing_is_written(
    topology: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_self: Netns, _engine: object) -> None:
        raise AssertionError("a frame without an end")

    monkeypatch.setattr("emu.programs.echo.main", lambda process, argv: _assert(broken, process))
    topology.write_text(TOPOLOGY.replace("echo goes on", "/bin/echo"))
    result = emu("run", topology, "-o", tmp_path / "out")
    assert result.exit_code == 70
    assert result.stderr.startswith("emu: a bug in emu: AssertionError: a frame without an end (tests.test_bugs:")
    assert not (tmp_path / "out").exists()


async def _assert(broken: object, process: Process) -> int:
    assert callable(broken)
    broken(process.netns, process.engine)
    return 0
