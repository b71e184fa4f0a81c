from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from emu.docker import drivers
from emu.docker.driver import find_driver
from emu.docker.errors import DockerError
from emu.topology.compose import network_driver
from tests.docker.conftest import DockerHost

DOCS = Path(__file__).parents[2] / "CONTRIBUTING.md"


def documented(language: str, start: str) -> str:
    """The code block of CONTRIBUTING that begins with these words."""
    blocks = re.findall(rf"```{language}\n(.*?)```", DOCS.read_text(), re.DOTALL)
    return next(block for block in blocks if block.startswith(start))


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The example of CONTRIBUTING as pip would install it: a module, and beside it what its entry points are."""
    project = tomllib.loads(documented("toml", "[project]"))["project"]
    tmp_path.joinpath("emu_ptp.py").write_text(documented("python", '"""emu_ptp.py'))
    info = tmp_path / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir()
    info.joinpath("METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    entries = [f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in points.items())
               for group, points in project["entry-points"].items()]  # fmt: skip
    info.joinpath("entry_points.txt").write_text("\n".join(entries))
    monkeypatch.syspath_prepend(tmp_path)
    yield info
    sys.modules.pop("emu_ptp", None)


def test_the_drivers_are_the_files_of_their_folder() -> None:
    files = {path.stem for path in Path(drivers.__file__).parent.glob("*.py")} - {"__init__"}
    assert set(drivers.DRIVERS) == files
    assert {name: find_driver(name).name for name in drivers.DRIVERS} == {name: name for name in files}


def test_a_driver_of_another_package_is_found_by_its_entry_point(package: Path, docker: DockerHost) -> None:
    docker.runs(
        "docker network create -d ptp --subnet 10.9.0.0/24 cables",
        "docker run -d --name one --network cables bb sleep 100",
        "docker run -d --name two --network cables bb sleep 100",
        "ping -c 1 10.9.0.2",
        "docker exec one ping -c 1 10.9.0.1",
        "iptables -I DOCKER-USER -j ACCEPT",
    )
    assert "ttl=63" in docker.out("docker exec one ping -c 1 10.9.0.3")
    assert docker.out("docker network ls --filter name=cables --format {{.Driver}}") == "ptp"
    docker.runs("docker rm -f one two", "docker network rm cables")
    assert not [name for name in docker.netns.devices if name.startswith("ptp")]


def test_a_compose_file_may_name_a_driver_of_another_package(package: Path, tmp_path: Path) -> None:
    assert network_driver("ptp") == "ptp"
    with pytest.raises(ValueError, match="'ptb' is unknown, did you mean 'ptp'"):
        network_driver("ptb")


@pytest.mark.parametrize(
    ("value", "wrong"),
    [
        ("emu_nowhere:X", "No module named 'emu_nowhere'"),
        ("emu_ptp:Nothing", "has no attribute 'Nothing'"),
        ("emu_ptp:Veth", "is not a class of emu.docker.driver.Driver"),
    ],
)
def test_an_entry_point_that_leads_nowhere_is_named(package: Path, docker: DockerHost, value: str, wrong: str) -> None:
    package.joinpath("entry_points.txt").write_text(f"[emu.drivers]\nbad = {value}\n")
    process = docker.run("docker network create -d bad x")
    assert process.exit_status == 1
    assert f'plugin "bad": {value}' in process.output
    assert wrong in process.output


def test_an_unknown_driver_is_refused_in_docker_s_words() -> None:
    with pytest.raises(DockerError, match='plugin "nosuch" not found'):
        find_driver("nosuch")
