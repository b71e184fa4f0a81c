"""The docker program's table of commands."""

from __future__ import annotations

from importlib import import_module

import pytest

from emu.programs.docker import ALIASES, FILES
from emu.programs.docker.groups import GROUPS
from emu.programs.docker.options import usage
from tests.docker.conftest import DockerHost


def test_the_table_lists_exactly_the_commands_of_its_files() -> None:
    found = {name: file for file in set(FILES.values()) for name in import_module(f"emu.programs.docker.{file}").COMMANDS}
    assert found == FILES


@pytest.mark.parametrize("name", [*FILES, *ALIASES])
def test_a_command_is_one_of_docker_s_and_prints_its_help(name: str) -> None:
    group, _, word = name.rpartition(" ")
    assert word in GROUPS[group] or name in ALIASES
    process = DockerHost().run(f"docker {name} --help")
    assert process.exit_status == 0
    assert process.stdout.startswith(f"\nUsage:  docker {group + ' ' if group else ''}")


def test_lines_of_help_are_at_most_as_wide_as_a_terminal() -> None:
    for name, file in FILES.items():
        command, _ = import_module(f"emu.programs.docker.{file}").COMMANDS[name]
        options = usage(command, whole=True).partition("Options:\n")[2]
        assert max(map(len, options.splitlines()), default=0) <= 84, name


@pytest.mark.parametrize(
    ("line", "status", "text"),
    [
        ("docker service ls", 1, "docker service: 'ls' is not modelled"),
        ("docker pause x", 1, "docker: 'pause' is not modelled"),
        ("docker container pause x", 1, "docker container: 'pause' is not modelled"),
        ("docker --context x ps", 125, "docker: '--context' is not modelled"),
        ("docker run --pid host bb", 125, "docker run: '--pid' is not modelled"),
        ("docker compose up", 1, "docker: 'compose' is not a docker command.\nSee 'docker --help'"),
    ],
)
def test_what_is_not_modelled_is_refused_by_name(line: str, status: int, text: str) -> None:
    process = DockerHost().run(line)
    assert (process.exit_status, process.stderr) == (status, text + "\n")
