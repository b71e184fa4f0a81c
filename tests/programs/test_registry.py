from __future__ import annotations

from importlib import import_module
from inspect import iscoroutinefunction
from pathlib import Path

import pytest

from emu import programs
from emu.programs import PROGRAMS

FOLDER = Path(programs.__file__).parent
LIBRARIES = {"bind", "libc", "ovs", "web"}  # what programs share; no programs


def test_registry_lists_exactly_the_modules_of_the_folder() -> None:
    modules = {path.stem for path in FOLDER.glob("*.py")} | {path.parent.name for path in FOLDER.glob("*/__init__.py")}
    assert {module.removeprefix("emu.programs.") for module in PROGRAMS.values()} == modules - {"__init__"} - LIBRARIES


@pytest.mark.parametrize("name", sorted(PROGRAMS))
def test_every_program_has_an_async_main(name: str) -> None:
    assert iscoroutinefunction(import_module(PROGRAMS[name]).main)
