from __future__ import annotations

from importlib import import_module
from inspect import iscoroutinefunction
from pathlib import Path

import pytest

from emu import programs
from emu.programs import PROGRAMS
from tests.programs.machines import Machines

FOLDER = Path(programs.__file__).parent
LIBRARIES = {"bind", "libc", "ovs", "web"}  # what programs share; no programs


def test_registry_lists_exactly_the_modules_of_the_folder() -> None:
    modules = {path.stem for path in FOLDER.glob("*.py")} | {path.parent.name for path in FOLDER.glob("*/__init__.py")}
    assert {module.removeprefix("emu.programs.") for module in PROGRAMS.values()} == modules - {"__init__"} - LIBRARIES


@pytest.mark.parametrize("name", sorted(PROGRAMS))
def test_every_program_has_an_async_main(name: str) -> None:
    assert iscoroutinefunction(import_module(PROGRAMS[name]).main)


def test_what_people_type_and_emu_has_not_is_refused_by_name() -> None:
    assert Machines().refusal("a", "watch -n1 iptables -L") == (1, "'watch' is not modelled\n")
