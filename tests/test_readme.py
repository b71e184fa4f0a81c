"""The README's Python is code that runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest  # noqa: TC002 - a test asks for its fixture by this type

ROOT = Path(__file__).parent.parent


def test_the_readme_s_lab_runs_as_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    (code,) = re.findall(r"```python\n(from scapy.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    exec(compile(code, "README.md", "exec"), {})


def test_the_trace_on_the_first_page_is_what_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    from click.testing import CliRunner

    from emu.cli import main

    monkeypatch.chdir(ROOT)
    (line, shown) = re.findall(r"\n\$ emu (trace [^\n]+)\n(.*?)…\n```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)[0]
    printed = CliRunner().invoke(main, line.split())
    assert printed.exit_code == 0
    assert printed.output.startswith(shown)
