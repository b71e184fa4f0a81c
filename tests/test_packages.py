"""Every package and module says at its top what it is."""

from __future__ import annotations

import ast
from pathlib import Path

EMU = Path(__file__).parent.parent / "emu"


def test_every_module_has_a_docstring() -> None:
    assert [str(file) for file in EMU.rglob("*.py") if not ast.get_docstring(ast.parse(file.read_text(encoding="utf-8")))] == []
